"""A simulated gateway: the real way to the sequencer, the real feed's reader, and clients that ask, retry and follow up."""

import asyncio
from collections.abc import Iterator
from typing import Final

from openbourse.adapters.feed_valkey import ValkeyFeed
from openbourse.adapters.intake_tcp import TcpIntake
from openbourse.edge.intake import IntakeFault, Overloaded, StatusUnknown
from openbourse.projection.feed import CommittedBatch
from openbourse.protocol import commands, events
from openbourse.protocol.events import EventKind
from sim.cluster.finder import LeaderFinder
from sim.cluster.history import REFUSED, UNKNOWN, History, Record
from sim.cluster.hosts import Host, SimulatedMachine
from sim.cluster.journal import SimulatedJournal
from sim.cluster.stores import Stores
from sim.cluster.workload import Workload, mark_of, set_up

WORKERS: Final = 3
PAUSE_S: Final = (0.03, 0.4)
WINDOWS_US: Final = (400_000, 1_500_000, 5_000_000, 8_000_000)
READ_SHARE: Final = 0.12
FOLLOWED_UP: Final = ("place", "deposit")
"""Kinds that a client can look up afterwards."""
AGAIN_S: Final = 0.3
SPOKEN_OF: Final = frozenset({EventKind.ORDER_UPDATED, EventKind.DEPOSIT_CREDITED, EventKind.COMMAND_REJECTED})


class View:
    """What a gateway knows from the feed: it must be dense, and is compared with the journal at the end."""

    def __init__(self) -> None:
        self.batches: list[CommittedBatch] = []
        self.tags: set[str] = set()
        self.cursor = 0

    def take(self, batch: CommittedBatch) -> None:
        """Take in a batch."""
        self.batches.append(batch)
        self.tags.update(happened(batch))
        self.cursor = batch.last_sequence


def happened(batch: CommittedBatch) -> Iterator[str]:
    """Yield what commands of clients a batch's events speak of; a cancel may name an order that never was."""
    for event in events.decode(batch.events, SPOKEN_OF):
        match event:
            case events.OrderUpdated():
                yield event.client_id
            case events.DepositCredited():
                yield event.identity.rstrip(b".").decode(errors="replace")
            case events.CommandRejected() if event.command == commands.CommandKind.PLACE_ORDER:
                yield event.client_id


class Gateway:
    """One life of a gateway's process."""

    def __init__(self, number: int, host: Host, history: History, stores: Stores) -> None:
        self.number = number
        self.host = host
        self.view = View()
        self.machine = SimulatedMachine(host)
        self.intake = TcpIntake(LeaderFinder(stores.database, host), stores.secret, self.machine)
        self.is_trading = True
        self.is_reading_only = False
        self._history = history
        self._stores = stores
        self._chance = host.world.chance(f"clients {host.name} {host.life}")
        self._workload = Workload(self._chance)
        self._sent: set[str] = set()
        self._settling: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Serve clients for ever."""
        await self.intake.start()
        reading = asyncio.create_task(self._read())
        if self.number == 1 and not self._history.counts.get("set up"):
            for command in set_up():
                await self._insist(command)
            self._history.counts["set up"] = 1
        workers = [asyncio.create_task(self._trade()) for _ in range(WORKERS)]
        await asyncio.gather(reading, *workers)

    async def _read(self) -> None:
        journal = SimulatedJournal(self._stores.database, self.host, f"{self.host.name} reads")
        feed = ValkeyFeed(self._stores.valkey(self.host), 0, journal.read)
        async for batch in feed.follow(0):
            if batch.first_sequence != self.view.cursor + 1:
                self._history.violate(f"{self.host.name} sees {batch.first_sequence} after {self.view.cursor}")
            self.view.take(batch)

    async def _insist(self, command: commands.Command) -> None:
        while True:
            try:
                await self.intake.submit(command, self.machine.now_us() + 5_000_000)
                return
            except IntakeFault:
                await asyncio.sleep(AGAIN_S)

    async def _trade(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(*PAUSE_S))
            if not (self.is_trading and self._history.counts.get("set up")):
                continue
            if self.is_reading_only or self._chance.random() < READ_SHARE:
                await self._ask()
            else:
                await self.order(self._workload.kind(), self._chance.choice(WINDOWS_US))

    async def _ask(self) -> int | None:
        at_least = self._history.answered_max
        try:
            sequence = await self.intake.committed()
        except Overloaded:
            return None
        self.host.world.note(self.host.name, f"is told that {sequence} is committed")
        self._history.told(sequence, at_least)
        return sequence

    async def order(self, kind: str, window_us: int) -> Record:
        """Send one command of a kind and note what comes of it."""
        world = self.host.world
        record = self._history.begin(self.number, kind, world.now_us)
        self._sent.add(record.tag)
        not_after_us = self.machine.now_us() + window_us
        command = self._workload.make(kind, record.tag, self.machine.now_us())
        record.mark, record.kind = mark_of(command), type(command).__name__
        try:
            answer = await self.intake.submit(command, not_after_us)
        except StatusUnknown:
            record.status, record.done_us = UNKNOWN, world.now_us
            world.note(self.host.name, f"{record.tag} {record.kind} unknown")
            if isinstance(command, commands.PlaceOrder | commands.CreditDeposit):
                self._settling.append(asyncio.create_task(self._settle(record, not_after_us)))
        except IntakeFault as fault:
            record.status, record.refusal, record.done_us = REFUSED, f"{type(fault).__name__}: {fault}", world.now_us
            world.note(self.host.name, f"{record.tag} {record.kind} refused: {record.refusal}")
        else:
            self._history.acknowledge(record, answer.sequence, answer.events, world.now_us)
            world.note(self.host.name, f"{record.tag} {record.kind} acknowledged as {answer.sequence}")
        return record

    async def _settle(self, record: Record, not_after_us: int) -> None:
        """Ask once, after the not-after time, whether a command whose outcome is unknown has happened."""
        await asyncio.sleep(max(0, not_after_us - self.machine.now_us()) / 1e6)
        while (sequence := await self._ask()) is None:  # noqa: ASYNC110 - it asks, it does not look
            await asyncio.sleep(AGAIN_S)
        while self.view.cursor < sequence:  # noqa: ASYNC110 - as history.barrier waits for its rows
            await asyncio.sleep(0.005)
        record.found = record.tag in self.view.tags
        self.host.world.note(self.host.name, f"{record.tag} is {'there' if record.found else 'not there'}")

    def knows(self, record: Record) -> bool:
        """Tell whether a command is one of this life's."""
        return record.tag in self._sent

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing is under way."""
        return all(task.done() for task in self._settling)
