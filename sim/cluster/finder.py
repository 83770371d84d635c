"""How a simulated gateway finds the leader: the lease's row, over a connection of its own."""

import asyncio
from typing import Final

from openbourse.protocol.journal import JournalAway
from sim.cluster.database import Backend, Connection, Database, Lost, Server
from sim.cluster.hosts import Host
from sim.cluster.journal import call, open_connection
from sim.cluster.world import SECOND_US

LOOK_UP_S: Final = 1.0
FOUND_AFTER_EXPIRY_US: Final = 5 * SECOND_US


class LeaderFinder:
    """How a gateway finds the leader's order intake."""

    def __init__(self, database: Database, host: Host) -> None:
        self._database = database
        self._host = host
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    async def __call__(self) -> tuple[str, int] | None:
        """Return host and port, or None when nobody leads. Raises JournalAway."""

        async def select(server: Server, _: Backend) -> str:
            lease = server.tables.lease
            if lease is None or lease.expires_us <= server.site.clock_us() - FOUND_AFTER_EXPIRY_US:
                return ""
            return lease.address

        async with self._turn:
            if self._connection is None or self._connection.is_closed:
                self._connection = await open_connection(self._database, self._host, self._host.name)
            try:
                address = str(await call(self._connection, LOOK_UP_S, select))
            except Lost as fault:
                self._connection = None
                raise JournalAway(str(fault)) from fault
        if not address:
            return None
        host, _, port = address.rpartition(":")
        return host, int(port)
