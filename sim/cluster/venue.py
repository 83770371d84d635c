"""The simulated venue: sequencers, gateways, a projection, the stores, each on a machine of its own."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from openbourse.adapters.feed_valkey import ValkeyFeed, ValkeyFeedWriter
from openbourse.projection.runner import CursorMoved, run
from openbourse.protocol.journal import JournalFault
from openbourse.sequencer import lead
from openbourse.sequencer.parts import Parts
from openbourse.sequencer.photograph import Taken
from openbourse.sequencer.recovery import Replica
from openbourse.sequencer.standby import ReplicaAhead
from openbourse.settings import ProcessSettings, VenueSettings
from sim.cluster.clients import Gateway
from sim.cluster.database import Database
from sim.cluster.feed import ValkeyServer
from sim.cluster.history import History
from sim.cluster.hosts import Host, SimulatedMachine, Site
from sim.cluster.journal import SimulatedJournal, SimulatedLease
from sim.cluster.network import Network
from sim.cluster.projection import ProjectionDatabase, ProjectionPool, RowProjector
from sim.cluster.stores import Stores
from sim.cluster.world import World

SEQUENCERS: Final = ("seq-a", "seq-b", "seq-c")
GATEWAYS: Final = ("gate-1", "gate-2")
DATABASES: Final = ("db-1", "db-2")
SECRET: Final = b"of the simulation"
RESTART_US: Final = (300_000, 1_500_000)
SNAPSHOT_EVERY: Final = 60
ORDERS_PER_10S: Final = 90
CLOCKS_OFF_US: Final = 200_000
DATABASE_CLOCKS_OFF_US: Final = 20_000


@dataclass
class Process:
    """A place where a program runs, and is started again when it has ended."""

    site: Site
    start: Callable[[Host], Any]
    host: Host | None = None
    lives: int = 0
    is_wanted: bool = True


@dataclass
class Venue:
    """Everything in a run."""

    world: World
    history: History = field(default_factory=History)
    processes: dict[str, Process] = field(default_factory=dict)
    gateways: dict[str, Gateway] = field(default_factory=dict)
    views: list[Gateway] = field(default_factory=list)
    replicas: dict[str, Replica] = field(default_factory=dict)
    stops: dict[str, asyncio.Event] = field(default_factory=dict)
    diverged: set[str] = field(default_factory=set)
    hosts: list[Host] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.network = Network(self.world)
        self._chance = self.world.chance("venue")
        names = (*SEQUENCERS, *GATEWAYS, *DATABASES, "valkey", "project")
        self.sites = {name: Site(self.world, name) for name in names}
        for name, site in self.sites.items():
            off = DATABASE_CLOCKS_OFF_US if name in DATABASES else CLOCKS_OFF_US
            site.clock_ahead_us = self._chance.randint(-off, off)
        self.database = Database(self.world, self.network, (self.sites["db-1"], self.sites["db-2"]))
        self.database.look_after()
        self.valkey = ValkeyServer(self.world, self.network, self.sites["valkey"])
        self.projection = ProjectionDatabase(self.world)
        self.stores = Stores(self.database, self.valkey, SECRET)
        for name in SEQUENCERS:
            self.processes[name] = Process(self.sites[name], self._sequence)
        for number, name in enumerate(GATEWAYS, 1):
            self.processes[name] = Process(self.sites[name], self._gateway(number))
        self.processes["project"] = Process(self.sites["project"], self._project)
        for process in self.processes.values():
            self.world.after(self._chance.randint(0, 300_000), self.start, process)

    def start(self, process: Process) -> None:
        """Start a process, unless it runs or its machine is off."""
        if process.host is not None and process.host.is_alive:
            return
        if not process.is_wanted or process.site.name in self.network.unpowered:
            return
        host = process.host = Host(self.world, self.network, process.site)
        self.hosts.append(host)
        self.replicas.pop(host.name, None)
        self.diverged.discard(host.name)
        self.world.note(host.name, f"starts, life {host.life}")
        host.on_end.append(lambda: self._restart(process))
        host.start(self._supervised(process.start(host), host))

    def _restart(self, process: Process) -> None:
        self.world.after(self._chance.randint(*RESTART_US), self.start, process)

    async def _supervised(self, work: Any, host: Host) -> None:
        """Run a program; when it ends, its process does."""
        try:
            await work
            why = "has finished"
        except JournalFault as fault:
            why = f"{type(fault).__name__}: {fault}"
            self.history.counts["ahead"] = self.history.counts.get("ahead", 0) + isinstance(fault, ReplicaAhead)
        except Exception as fault:
            why = f"uncaught {fault!r}"
            self.history.violate(f"{host.name} ended by {fault!r}")
        host.kill(why)

    async def _sequence(self, host: Host) -> None:
        holder = f"{host.name}:{host.life}"
        settings = ProcessSettings(
            data_dir=Path("unused"),
            intake_host=host.site.name,
            venue=VenueSettings(orders_per_10s=ORDERS_PER_10S, orders_per_day=100_000),
        )
        parts = Parts(
            SimulatedJournal(self.database, host, holder),
            SimulatedJournal(self.database, host, holder),
            SimulatedLease(self.database, host, holder, lead.LEASE_TTL_S),
            ValkeyFeedWriter(self.stores.valkey(host), 0),
            settings,
            SECRET,
            SimulatedMachine(host),
            host.name,
            SNAPSHOT_EVERY,
            Taken,
        )
        stop = self.stops[host.name] = asyncio.Event()
        await lead.run_sequencer(parts, lambda: self.world.note(host.name, "is ready"), stop)

    def _gateway(self, number: int) -> Callable[[Host], Any]:
        async def serve(host: Host) -> None:
            gateway = self.gateways[host.name] = Gateway(number, host, self.history, self.stores)
            self.views.append(gateway)
            await gateway.run()

        return serve

    async def _project(self, host: Host) -> None:
        journal = SimulatedJournal(self.database, host, "project reads")
        feed = ValkeyFeed(self.stores.valkey(host), 0, journal.read)

        async def committed(sequence: int) -> None:
            """Nobody waits for it."""

        while True:
            try:
                await run(feed, ProjectionPool(self.projection), [RowProjector()], self.projection.cursor, committed)
            except* (CursorMoved, OSError) as faults:
                self.world.note(host.name, f"begins anew: {faults.exceptions[0]}")
            await asyncio.sleep(0.1)

    def leader(self) -> str:
        """Return the site that the lease names, "" when nobody has it."""
        lease = self.database.primary.tables.lease
        return "" if lease is None else lease.address.rpartition(":")[0]

    def positions(self) -> dict[str, tuple[int, Replica]]:
        """Return the sequence of every replica that runs, and the replica."""
        return {
            name: (replica.head.sequence, replica)
            for name, replica in self.replicas.items()
            if name not in self.diverged and (host := self.processes[name].host) is not None and host.is_alive
        }

    def state_hashes(self) -> dict[str, tuple[int, str]]:
        """Return sequence and state hash of every replica that runs."""
        return {
            name: (sequence, hashlib.sha256(replica.engine.snapshot()).hexdigest())
            for name, (sequence, replica) in self.positions().items()
        }

    def end(self) -> None:
        """Kill every process."""
        for process in self.processes.values():
            process.is_wanted = False
            if process.host is not None:
                process.host.kill("end of the run")
        for server in self.database.servers:
            if server.host is not None:
                server.host.kill("end of the run")
