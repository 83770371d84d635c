"""What simulated processes are given to talk to."""

from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from sim.cluster.database import Database
from sim.cluster.feed import SimulatedValkey, ValkeyServer
from sim.cluster.hosts import Host


@dataclass
class Stores:
    """What processes are given to talk to."""

    database: Database
    valkey_server: ValkeyServer
    secret: bytes

    def valkey(self, host: Host) -> "Redis":
        """Return a client of the feed's carrier."""
        return cast("Redis", SimulatedValkey(self.valkey_server, host))
