"""The loop: gather a batch, stamp it, apply it, journal it, acknowledge it, publish it."""

import asyncio
from collections.abc import Awaitable, Callable
from struct import unpack
from typing import Final

import msgspec
import structlog

from openbourse.machine import THIS_MACHINE, Machine
from openbourse.projection.feed import CommittedBatch
from openbourse.protocol.codec import EVENT_HEADER
from openbourse.protocol.commands import AdvanceTime
from openbourse.protocol.events import EventKind
from openbourse.protocol.intake import Refusal
from openbourse.protocol.journal import AppendInDoubt, BatchRow, Deposed, JournalAway, JournalFault, chain_hash
from openbourse.sequencer.intake import Intake, Pending
from openbourse.sequencer.journal import Journal
from openbourse.sequencer.limits import OrderLimits
from openbourse.sequencer.publisher import Publisher
from openbourse.sequencer.recovery import Replica

log: Final = structlog.get_logger()

COMMANDS_PER_BATCH_MAX: Final = 1_024
"""What a batch costs beside its commands is spread thinly enough by so many; a cancel that comes waits for one batch at most."""
BYTES_PER_BATCH_MAX: Final = 4 * 1024 * 1024
DOUBT_SECONDS_MAX: Final = 180.0
"""Three times what a managed database needs to fail over; what waits meanwhile is bounded by the intake."""
DOUBT_RETRY_S: Final = 0.1
DOUBT_SAID_EVERY: Final = 50
CLOCK_SET_MAX_US: Final = 500_000
"""By how much the clock may be set while a process leads."""
DUE_WAIT_MIN_S: Final = 0.001
DUE_WAIT_MAX_S: Final = 1.0
ADVANCE_TIME: Final = AdvanceTime().encode()
"""The one command of the sequencer's own: without identity, answered to nobody."""
APPEND_US_BOUNDS: Final = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 1_000_000)
_COUNTER_MAX: Final = 2**32 - 1


class ClockSet(JournalFault):
    """The clock was set while this process led: its time may not go into the journal."""


class Counters(msgspec.Struct):
    """What the loop has done since it began to lead."""

    commands: int = 0
    batches: int = 0
    batch_largest: int = 0
    append_us_total: int = 0
    append_us_largest: int = 0
    refused_window: int = 0
    refused_rate: int = 0
    overloaded: int = 0
    queue: int = 0
    standbys: int = 0
    """How many could take over at once."""
    standbys_away: int = 0
    append_us_buckets: dict[str, int] = {}
    """How many appends took at most so many microseconds, and "more"."""


class Sequencer:
    """Leads one shard under one epoch; ends by an exception when it may not go on."""

    def __init__(
        self,
        shard: int,
        epoch: int,
        replica: Replica,
        journal: Journal,
        publisher: Publisher,
        limits: OrderLimits,
        secret: bytes,
        machine: Machine = THIS_MACHINE,
        clock_began_us: int | None = None,
    ) -> None:
        self.shard = shard
        self.epoch = epoch
        self.replica = replica
        self.committed = replica.head
        self.counters = Counters()
        self.intake = Intake(lambda: self.committed.sequence, secret, machine)
        self._journal = journal
        self._publisher = publisher
        self._limits = limits
        self._machine = machine
        # The wall clock minus the seconds that nobody sets: it changes only when the clock is set. What counts is how it was
        # when it was held against the database's: it may have been set since, just before the lease was taken.
        began_us = machine.now_us() - int(machine.monotonic_s() * 1e6)
        self._clock_began_us = began_us if clock_began_us is None else clock_began_us
        self._stopping = False
        self._orders: list[bytes] = []
        self._orders_under_way = False
        self.outage_s = float("inf")
        """An append that takes longer was an outage: what is to be done then is done before the next batch."""
        self.after_outage: Callable[[float], Awaitable[None]] | None = None

    def stop(self) -> None:
        """Take in nothing more; `run` returns when what is queued is committed."""
        self._stopping = True
        self.intake.close()

    async def run(self) -> None:
        """Lead until stopped. Raises Deposed or JournalFault."""
        while True:
            await self._await_work()
            taken = self.intake.take(COMMANDS_PER_BATCH_MAX, BYTES_PER_BATCH_MAX)
            if taken or self._orders or self._is_due(self._now_us()):
                await self._sequence(taken)
            if not taken and self._stopping:
                return

    def order(self, frames: list[bytes]) -> None:
        """Have commands of the leader's own go in front of everybody else's in the next batch."""
        self._orders += frames
        self.intake.arrived.set()

    @property
    def has_orders(self) -> bool:
        """Tell whether commands of the leader's own are not committed yet."""
        return bool(self._orders) or self._orders_under_way

    async def _await_work(self) -> None:
        """Return when a command has come, or when time must advance for what is due."""
        if self._stopping:
            return  # to take what is queued, until nothing is: nothing more arrives
        due_us = self.replica.engine.due_us
        if due_us < 0 or self.intake.arrived.is_set():
            await self.intake.arrived.wait()
            return
        wait_s = (due_us - self._now_us()) / 1_000_000
        try:
            # At least a moment, so that a clock that lags makes no busy loop; not for long, because clocks are set.
            async with asyncio.timeout(min(max(wait_s, DUE_WAIT_MIN_S), DUE_WAIT_MAX_S)):
                await self.intake.arrived.wait()
        except TimeoutError:
            pass

    def _now_us(self) -> int:
        """Return the time to stamp: the clock's, never before what is committed. Raises ClockSet.

        A clock set forward would be in the journal for good, and every command late until the true time has caught up;
        one set back would admit commands whose not-after time is over.
        """
        now_us = self._machine.now_us()
        set_us = now_us - int(self._machine.monotonic_s() * 1e6) - self._clock_began_us
        if abs(set_us) > CLOCK_SET_MAX_US:
            raise ClockSet(f"the clock was set by {set_us / 1e6:.3f} s while leading")
        return max(self.committed.time_us, now_us)

    def _is_due(self, time_us: int) -> bool:
        return 0 <= self.replica.engine.due_us <= time_us

    async def _sequence(self, taken: list[Pending]) -> None:
        time_us = self._now_us()
        self._limits.roll(time_us)
        admitted = [pending for pending in taken if self._admit(pending, time_us)]
        frames = [pending.frame for pending in admitted]
        # What is due comes before what has arrived since. Time is then ahead of all that is due: one command is enough.
        ordered, self._orders = self._orders, []
        leading = [ADVANCE_TIME, *ordered] if self._is_due(time_us) else ordered
        self._orders_under_way = bool(ordered)
        own, frames = len(leading), [*leading, *frames]
        if not frames:
            return
        commands = b"".join(frames)
        first = self.committed.sequence + 1
        # Speculative until committed: nothing of it leaves this process before the append has returned.
        events, ends = self.replica.engine.apply(first, time_us, commands)
        row = self._row(first, first + len(frames) - 1, time_us, commands, events)
        assert len(ends) == 4 * len(frames), "the engine saw another number of commands"
        began = self._machine.monotonic_s()
        self.intake.appending()
        await self._append(row)
        took_s = self._machine.monotonic_s() - began
        self._count(len(frames), int(took_s * 1e6))
        self._limits.give_back_filled(events)
        self.replica.stand_at(row)
        self.committed = self.replica.head
        self._orders_under_way = False
        self.intake.appended()
        await self._acknowledge(admitted, row, (0, *unpack(f"<{len(frames)}I", ends))[own:])
        self._publisher.put(CommittedBatch(row.first_sequence, row.last_sequence, time_us, events))
        if took_s > self.outage_s and self.after_outage is not None:
            await self.after_outage(took_s)

    def _admit(self, pending: Pending, time_us: int) -> bool:
        if pending.not_after_us and time_us > pending.not_after_us:
            self.counters.refused_window += 1
            pending.connection.refuse_queued(pending.counter, Refusal.OUTSIDE_WINDOW)
            return False
        if pending.is_resend:
            # It was counted when it first came, and a limit may not say "not sequenced" of what may be in the journal.
            return True
        interval = self._limits.admit(pending.account, pending.orders) if pending.account else None
        if interval is None:
            return True
        self.counters.refused_rate += 1
        is_day = interval == "1 DAY"
        pending.connection.refuse_queued(
            pending.counter,
            Refusal.ORDERS_DAY if is_day else Refusal.ORDERS_10S,
            min(self._limits.per_day if is_day else self._limits.per_10s, _COUNTER_MAX),
            self._limits.retry_after_s(interval, time_us),
        )
        return False

    def _row(self, first: int, last: int, time_us: int, commands: bytes, events: bytes) -> BatchRow:
        previous = self.committed.hash
        hashed = chain_hash(previous, self.shard, self.epoch, first, last, time_us, commands, events)
        return BatchRow(self.shard, self.epoch, first, last, time_us, commands, events, previous, hashed)

    async def _append(self, row: BatchRow) -> None:
        try:
            await self._journal.append(row)
        except (AppendInDoubt, JournalAway) as fault:
            log.warning("append in doubt", first_sequence=row.first_sequence, why=str(fault))
            await self._resolve(row)

    async def _resolve(self, row: BatchRow) -> None:
        """Read back on the current primary: there with the same hash, or append the same bytes again; else end."""
        limit = self._machine.monotonic_s() + DOUBT_SECONDS_MAX
        tries = 0
        while self._machine.monotonic_s() < limit:
            await asyncio.sleep(DOUBT_RETRY_S)
            try:
                head = await self._journal.settled(self.epoch)
                if head.hash == row.hash:
                    return
                if head.sequence != row.first_sequence - 1 or head.hash != row.previous_hash:
                    raise Deposed("the journal went on without this process")
                await self._journal.append(row)
            except (AppendInDoubt, JournalAway) as fault:
                if tries % DOUBT_SAID_EVERY == 0:
                    log.warning("append still in doubt", why=str(fault), tries=tries)
                tries += 1
                continue
            return
        raise JournalFault(f"the journal could not be reached for {DOUBT_SECONDS_MAX:g} s")

    async def _acknowledge(self, admitted: list[Pending], row: BatchRow, bounds: tuple[int, ...]) -> None:
        """Answer the admitted commands, which are the row's last; bounds are where their events begin, and the end."""
        begin = row.last_sequence - len(admitted) + 1
        for number, (pending, start, end) in enumerate(zip(admitted, bounds[:-1], bounds[1:], strict=True)):
            events, sequence, time_us = row.events[start:end], begin + number, row.time_us
            if int.from_bytes(events[4:6], "little") == EventKind.COMMAND_DUPLICATE:
                sequence = int.from_bytes(events[EVENT_HEADER.size : EVENT_HEADER.size + 8], "little")
                first = await self._first_result(sequence)
                if first is None:
                    log.error("a resent command's result was dropped from the journal", sequence=sequence)
                    pending.connection.leave()
                    continue
                time_us, events = first
            counts = self._limits.counts(pending.account)
            pending.connection.answer(pending.counter, sequence, time_us, counts, events)
        for connection in dict.fromkeys(pending.connection for pending in admitted):
            connection.flush()

    async def _first_result(self, sequence: int) -> tuple[int, bytes] | None:
        """Return time and events of a command that was committed before; None when that is days ago, and dropped."""
        for row in self.replica.recent:
            if row.first_sequence <= sequence <= row.last_sequence:
                return row.time_us, events_of(row.events, sequence)
        found = await self._journal.find(sequence)
        return None if found is None else (found.time_us, events_of(found.events, sequence))

    def _count(self, commands: int, append_us: int) -> None:
        counters = self.counters
        counters.commands += commands
        counters.batches += 1
        counters.batch_largest = max(counters.batch_largest, commands)
        counters.append_us_total += append_us
        counters.append_us_largest = max(counters.append_us_largest, append_us)
        bucket = next((str(bound) for bound in APPEND_US_BOUNDS if append_us <= bound), "more")
        counters.append_us_buckets[bucket] = counters.append_us_buckets.get(bucket, 0) + 1


def events_of(events: bytes, sequence: int) -> bytes:
    """Return the events of one command out of its batch's."""
    at, start, end = 0, None, len(events)
    while at < end:
        length, _, _, _, found = EVENT_HEADER.unpack_from(events, at)
        if found == sequence and start is None:
            start = at
        elif found != sequence and start is not None:
            return events[start:at]
        at += length
    assert start is not None, "the batch does not hold this sequence"
    return events[start:]
