"""Has a fault happen to a venue, lifts it when its time is over, and tells what it hit."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from chaos.faults import Fault, Kind
from chaos.network import EVERYWHERE, Cut, isolation
from chaos.parts import plain_environment, program
from chaos.places import EDGES, HISTORIES, SEQUENCERS, VALKEY, ZONES, Place, zone_network
from chaos.server import Server
from chaos.venue import Venue

LEADER_WAIT_S: Final = 10.0
ROLL_S: Final = 30.0
CLOCK_STEPS_S: Final = (-3_600.0, -30.0, -2.0, -0.3, 0.3, 2.0, 30.0, 3_600.0)
HANDOVER_S: Final = 20.0


@dataclass
class Injected:
    """A fault that has happened; times as the clients' are."""

    fault: Fault
    target: str
    began: float
    ended: float = 0.0
    restored: float = 0.0
    failed_over: float = 0.0
    """When a new primary database took over, if one did."""


class Injector:
    """Faults, one at a time."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._kinds: dict[Kind, Callable[[Fault], Awaitable[str]]] = {
            Kind.KILL_LEADER: self._kill_leader,
            Kind.KILL_FOLLOWER: self._kill_follower,
            Kind.FREEZE_LEADER: self._freeze_leader,
            Kind.PARTITION_LEADER: lambda fault: self._cut_leader(fault, True, True),
            Kind.LEADER_HEARS_NOT: lambda fault: self._cut_leader(fault, False, True),
            Kind.LEADER_IS_NOT_HEARD: lambda fault: self._cut_leader(fault, True, False),
            Kind.KILL_EDGE: lambda fault: self._kill(_choose(EDGES, fault)),
            Kind.FREEZE_EDGE: lambda fault: self._freeze(_choose(EDGES, fault), fault),
            Kind.PARTITION_EDGE: self._partition_edge,
            Kind.KILL_HISTORY: lambda fault: self._kill(_choose(HISTORIES, fault)),
            Kind.KILL_VALKEY: self._kill_valkey,
            Kind.FREEZE_VALKEY: lambda fault: self._freeze(VALKEY, fault),
            Kind.SLOW_DISK: self._slow_disk,
            Kind.LOSSY_NETWORK: self._lossy_network,
            Kind.CLOCK_JUMP: self._clock_jump,
            Kind.KILL_STANDBY_DATABASE: self._kill_standby_database,
            Kind.DATABASE_FAILOVER: self._database_failover,
            Kind.FREEZE_DATABASE: self._freeze_database,
            Kind.PARTITION_DATABASE: self._partition_database,
            Kind.DISK_FULL: self._disk_full,
            Kind.ZONE_LOSS: self._zone_loss,
            Kind.HANDOVER: self._handover,
            Kind.ROLLING_RESTART: self._rolling_restart,
        }
        self._began = 0.0

    async def inject(self, fault: Fault) -> Injected:
        """Have a fault happen; return when it has been lifted. Parts that it ended may still be coming back."""
        failovers = self._venue.database.failovers
        self._venue.note(f"fault {fault.number}: {fault.kind}, {fault.seconds:.1f} s")
        self._began = time.monotonic()
        target = await self._kinds[fault.kind](fault)
        injected = Injected(fault, target, self._began, time.monotonic())
        self._venue.note(f"fault {fault.number} is over; it hit {target}")
        if self._venue.database.failovers > failovers:
            injected.failed_over = self._venue.database.failed_over_at
        return injected

    def _strikes(self) -> None:
        """Note that the fault is there now: what was looked up before it, and striking itself, took their time."""
        self._began = time.monotonic()

    async def _leader(self) -> Place:
        limit = time.monotonic() + LEADER_WAIT_S
        while time.monotonic() < limit:
            if (leader := await self._venue.leader()) is not None:
                return leader
            await asyncio.sleep(0.1)
        return SEQUENCERS[0]

    async def _kill(self, place: Place) -> str:
        self._venue.parts[place].send(signal.SIGKILL)
        self._strikes()
        return place.name

    async def _freeze(self, place: Place, fault: Fault) -> str:
        part = self._venue.parts[place]
        part.send(signal.SIGSTOP)
        self._strikes()
        await asyncio.sleep(fault.seconds)
        part.send(signal.SIGCONT)
        return place.name

    async def _kill_leader(self, _: Fault) -> str:
        return await self._kill(await self._leader())

    async def _kill_follower(self, fault: Fault) -> str:
        leader = await self._leader()
        return await self._kill(_choose(tuple(place for place in SEQUENCERS if place != leader), fault))

    async def _freeze_leader(self, fault: Fault) -> str:
        return await self._freeze(await self._leader(), fault)

    async def _cut(self, cuts: list[Cut], fault: Fault) -> None:
        self._venue.network.cut(cuts)
        self._strikes()
        await asyncio.sleep(fault.seconds)
        self._venue.network.heal()

    async def _cut_leader(self, fault: Fault, outwards: bool, inwards: bool) -> str:
        leader = await self._leader()
        out, into = isolation(leader.address)
        await self._cut([*([out] if outwards else []), *([into] if inwards else [])], fault)
        return leader.name

    async def _partition_edge(self, fault: Fault) -> str:
        edge = _choose(EDGES, fault)
        # From the venue, not from its clients: the edge answers, and has nothing to answer with.
        inside = [zone_network(zone) for zone in ZONES]
        await self._cut([*((edge.address, zone) for zone in inside), *((zone, edge.address) for zone in inside)], fault)
        return edge.name

    async def _kill_valkey(self, fault: Fault) -> str:
        part = self._venue.parts[VALKEY]
        self._strikes()
        part.hold_down()
        await asyncio.sleep(fault.seconds)
        part.start()
        return VALKEY.name

    async def _slow_disk(self, fault: Fault) -> str:
        place = self._database_part(fault).place
        milliseconds = 30 + int(fault.chance * 270)
        self._strikes()
        self._venue.disks[place].set(milliseconds)
        await asyncio.sleep(fault.seconds)
        self._venue.disks[place].set(0)
        return f"{place.name}, {milliseconds} ms a sync"

    async def _lossy_network(self, fault: Fault) -> str:
        loss, delay_s = 0.02 + fault.chance * 0.08, 0.002 + fault.chance * 0.01
        self._strikes()
        self._venue.weather(delay_s, loss)
        await asyncio.sleep(fault.seconds)
        self._venue.weather()
        return f"all zones, {loss:.0%} lost, {delay_s * 1_000:.0f} ms"

    async def _clock_jump(self, fault: Fault) -> str:
        place = await self._leader()
        step = CLOCK_STEPS_S[int(fault.chance * len(CLOCK_STEPS_S))]
        self._strikes()
        self._venue.clocks[place].set(step)
        await asyncio.sleep(fault.seconds)
        self._venue.clocks[place].set(0.0)
        return f"{place.name}, {step:+g} s"

    def _database_part(self, fault: Fault) -> Server:
        """Return the primary more often than its standby."""
        database = self._venue.database
        return database.primary if (fault.chance * 1_000) % 1 < 0.6 else database.standby

    async def _kill_standby_database(self, fault: Fault) -> str:
        standby = self._venue.database.standby
        await asyncio.to_thread(standby.kill)
        self._strikes()
        await asyncio.sleep(fault.seconds)
        standby.part.is_wanted = True
        return standby.place.name

    async def _database_failover(self, _: Fault) -> str:
        primary = self._venue.database.primary
        await asyncio.to_thread(primary.kill)
        self._strikes()
        await self._failed_over(primary)
        return primary.place.name

    async def _failed_over(self, old: Server) -> None:
        limit = time.monotonic() + ROLL_S
        while self._venue.database.primary is old and time.monotonic() < limit:  # noqa: ASYNC110 - another task's doing
            await asyncio.sleep(0.05)

    async def _freeze_database(self, fault: Fault) -> str:
        primary = self._venue.database.primary
        await asyncio.to_thread(primary.send, signal.SIGSTOP)
        self._strikes()
        await asyncio.sleep(fault.seconds)
        if self._venue.database.primary is primary:
            await asyncio.to_thread(primary.send, signal.SIGCONT)
        return primary.place.name

    async def _partition_database(self, fault: Fault) -> str:
        primary = self._venue.database.primary
        await self._cut(isolation(primary.place.address), fault)
        return primary.place.name

    async def _disk_full(self, fault: Fault) -> str:
        server = self._database_part(fault)
        await asyncio.to_thread(server.fill)
        self._strikes()
        await asyncio.sleep(fault.seconds)
        server.empty()
        return server.place.name

    async def _zone_loss(self, fault: Fault) -> str:
        """Lose the primary database's zone whole, and the leader at the same moment wherever it is."""
        database, leader = self._venue.database, await self._leader()
        zone, primary = database.primary.place.zone, database.primary
        gone = [part for place, part in self._venue.parts.items() if place.zone == zone]
        self._venue.network.cut([(zone_network(zone), EVERYWHERE), (EVERYWHERE, zone_network(zone))])
        for part in gone:
            part.hold_down()
        if leader.zone != zone:
            self._venue.parts[leader].send(signal.SIGKILL)
        self._strikes()
        await asyncio.to_thread(primary.kill)
        await asyncio.sleep(fault.seconds)
        self._venue.network.heal()
        for part in gone:
            part.start()
        return f"zone {zone}, and the leader at {leader.name}"

    async def _handover(self, _: Fault) -> str:
        leader = await self._leader()
        self._strikes()
        await self._hand_over(leader)
        return leader.name

    async def _hand_over(self, leader: Place) -> None:
        """Have the leader stop in order; its successor is a follower that is warm."""
        environment = {**plain_environment(), **self._venue.settings().environment()}
        process = await asyncio.create_subprocess_exec(
            *program("sequencer", "handover"),
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(HANDOVER_S):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            code = 1
        if code != 0:
            self._venue.note(f"`openbourse sequencer handover` ended with {code}; the leader is stopped instead")
            self._venue.parts[leader].send(signal.SIGTERM)
        limit = time.monotonic() + HANDOVER_S
        while await self._venue.leader() in (None, leader) and time.monotonic() < limit:  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.05)

    async def _rolling_restart(self, _: Fault) -> str:
        """Restart the program zone by zone, as an upgrade does, the leader's last and after it has handed over."""
        leader = await self._leader()
        self._strikes()
        for zone in sorted(ZONES, key=lambda zone: zone == leader.zone):
            if zone == leader.zone:
                await self._hand_over(leader)
            places = [place for place in (*SEQUENCERS, *HISTORIES, *EDGES) if place.zone == zone]
            await asyncio.gather(*(self._restart(place) for place in places))
        return "the program, zone by zone"

    async def _restart(self, place: Place) -> None:
        part = self._venue.parts[place]
        before, limit = part.starts, time.monotonic() + ROLL_S
        part.send(signal.SIGTERM)
        while (part.starts == before or not part.is_ready) and time.monotonic() < limit:  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.05)


def _choose(places: tuple[Place, ...], fault: Fault) -> Place:
    return places[int(fault.chance * len(places))]
