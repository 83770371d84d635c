"""Replay and proof: everything the journal promises, checked from its first batch by applying every command again.

Reads only, so it may run beside a leader. `state_at` gives engine state at a sequence to whoever must look inside.
"""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

import msgspec

from openbourse.engine import Engine
from openbourse.protocol import events
from openbourse.protocol.events import EventKind
from openbourse.protocol.journal import BatchRow, Head, SnapshotRow
from openbourse.sequencer.figures import Count, Figures, Told
from openbourse.sequencer.journal import Journal
from openbourse.sequencer.recovery import Replica, newest

Progress = Callable[[int, int], None]
"""Told how many commands are done, and of how many."""
Balances = Mapping[tuple[int, int], tuple[int, int]]
"""By account and asset: available and held."""
FAULTS_SHOWN_MAX: Final = 5
MONEY: Final = frozenset(
    {EventKind.BALANCE_CHANGED, EventKind.DEPOSIT_CREDITED, EventKind.WITHDRAWAL_SETTLED},
)


class Source(Protocol):
    """What is needed of a journal that is read from its first batch."""

    async def head(self) -> Head: ...
    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]: ...
    async def snapshot_sequences(self) -> list[int]: ...
    async def snapshot(self, sequence: int) -> SnapshotRow | None: ...


class Check(msgspec.Struct):
    """One promise: how much of the journal was held against it, how long that took, and what was wrong."""

    promise: str
    counted: int = 0
    unit: str = ""
    seconds: float = 0.0
    faults: list[str] = []

    @property
    def is_kept(self) -> bool:
        """Tell whether nothing was wrong."""
        return not self.faults

    def expect(self, is_right: bool, fault: str) -> bool:
        """Note a fault unless something is as it should be; return whether it is."""
        if not is_right and len(self.faults) < FAULTS_SHOWN_MAX:
            self.faults.append(fault)
        return is_right

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add the time of a block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began


class Report(msgspec.Struct):
    """What was checked, up to which sequence."""

    sequence: int
    checks: list[Check]

    @property
    def is_sound(self) -> bool:
        """Tell whether every promise is kept."""
        return all(check.is_kept for check in self.checks)


class Projected(msgspec.Struct, frozen=True):
    """What projections hold at their cursor: every balance, and the figures of their other rows."""

    cursor: int
    balances: Balances
    figures: Told


class Verification:
    """The checks of one run over a journal."""

    def __init__(self, snapshots: list[SnapshotRow], projected: Projected | None) -> None:
        self._engine = Engine()
        self._head = Head()
        self._epoch = 0
        self._snapshots = {snapshot.head.sequence: snapshot for snapshot in snapshots}
        self._projected = projected
        self._has_projection = projected is not None
        self._money = Money()
        self._count = Count()
        self.chain = Check("every batch follows the one before: hash chain, dense sequences, time", unit="batches")
        self.epochs = Check("epochs never go back", unit="leaders")
        self.events = Check("every command, applied again, causes the same events", unit="commands")
        self.conserved = Check("for every asset: balances = deposits - withdrawals, none negative", unit="changes")
        self.state = Check("the engine's own audit of its final state", unit="audits")
        self.snapshots = Check("snapshots are whole and equal the replayed state", unit="snapshots")
        self.projection = Check("projected balances equal the replayed ones", unit="balances")
        self.rows = Check("no projected order, fill, trade or level is missing or too many", unit="rows")

    def checks(self) -> list[Check]:
        """Return the checks that were asked for."""
        asked = [self.chain, self.epochs, self.events, self.conserved, self.state, self.snapshots]
        return [*asked, self.projection, self.rows] if self._has_projection else asked

    def take(self, row: BatchRow) -> bool:
        """Check the next batch; False when nothing after it could be judged."""
        with self.chain.timed():
            is_linked = self._check_chain(row)
        if row.epoch != self._epoch:
            self.epochs.counted += 1
        self.epochs.expect(row.epoch >= self._epoch, f"epoch {row.epoch} after {self._epoch} at {row.first_sequence}")
        self._epoch = max(self._epoch, row.epoch)
        with self.events.timed():
            is_same = self._check_events(row)
        if not (is_linked and is_same):
            return False
        with self.conserved.timed():
            self.conserved.counted += self._money.apply(row.events)
            for fault in self._money.faults():
                self.conserved.expect(False, f"{fault} after sequence {row.last_sequence}")
        self._head = Head(row.last_sequence, row.time_us, row.hash)
        if row.last_sequence in self._snapshots:
            with self.snapshots.timed():
                self._check_snapshot(self._snapshots.pop(row.last_sequence), row)
        if self._projected is not None:
            with self.rows.timed():
                self._count.take(row.events)
            if self._projected.cursor == row.last_sequence:
                self._check_projected(self._projected)
                self._projected = None
        return True

    def _check_chain(self, row: BatchRow) -> bool:
        self.chain.counted += 1
        where = f"the batch from sequence {row.first_sequence}"
        return (
            self.chain.expect(row.is_whole(), f"{where} does not match its hash")
            and self.chain.expect(row.previous_hash == self._head.hash, f"{where} does not follow the hash before it")
            and self.chain.expect(row.first_sequence == self._head.sequence + 1, f"{where} leaves a gap")
            and self.chain.expect(row.time_us >= self._head.time_us, f"{where} goes back in time")
        )

    def _check_events(self, row: BatchRow) -> bool:
        where = f"the batch from sequence {row.first_sequence}"
        try:
            replayed, ends = self._engine.apply(row.first_sequence, row.time_us, row.commands)
        except ValueError as fault:
            return self.events.expect(False, f"{where} cannot be applied: {fault}")
        commands = len(ends) // 4
        self.events.counted += commands
        return self.events.expect(replayed == row.events, f"{where} causes other events") and self.events.expect(
            row.first_sequence + commands - 1 == row.last_sequence, f"{where} holds {commands} commands"
        )

    def _check_snapshot(self, snapshot: SnapshotRow, row: BatchRow) -> None:
        self.snapshots.counted += 1
        where = f"the snapshot at {snapshot.head.sequence}"
        self.snapshots.expect(snapshot.is_whole(), f"{where} does not match its hash")
        self.snapshots.expect(snapshot.head.chain_hash == row.hash, f"{where} stands on another chain")
        self.snapshots.expect(snapshot.state == self._engine.snapshot(), f"{where} is not the replayed state")

    def _check_projected(self, projected: Projected) -> None:
        with self.projection.timed():
            self._check_balances(projected.balances)
        with self.rows.timed():
            self._check_rows(projected.figures)

    def _check_balances(self, balances: Balances) -> None:
        expected = {key: value for key, value in self._money.balances.items() if value != (0, 0)}
        found = {key: value for key, value in balances.items() if value != (0, 0)}
        self.projection.counted = len(expected)
        for account, asset in sorted(expected.keys() | found.keys()):
            replayed, shown = expected.get((account, asset), (0, 0)), found.get((account, asset), (0, 0))
            self.projection.expect(
                replayed == shown, f"account {account} asset {asset}: {shown} shown, {replayed} true"
            )

    def _check_rows(self, found: Told) -> None:
        expected = self._count.figures()
        self.rows.counted = sum(figures.rows for figures in expected.values())
        for kind, instrument in sorted(expected.keys() | found.keys()):
            replayed, shown = expected.get((kind, instrument), Figures()), found.get((kind, instrument), Figures())
            self.rows.expect(
                replayed == shown,
                f"{kind} of instrument {instrument}: {shown.rows} shown, {replayed.rows} true"
                f" (ids {shown.ids - replayed.ids:+}, quantity {shown.quantity - replayed.quantity:+})",
            )

    def finish(self) -> None:
        """Check what can be judged at the end only."""
        with self.state.timed():
            self.state.counted = 1
            try:
                self._engine.audit()
            except (AssertionError, ValueError) as fault:
                self.state.expect(False, str(fault))
        for sequence in self._snapshots:
            if sequence <= self._head.sequence:
                self.snapshots.expect(False, f"the snapshot at {sequence} stands on no batch")
        if self._projected is not None and self._projected.cursor:
            self.projection.expect(False, f"the projection's cursor {self._projected.cursor} is at no batch's end")


class Money:
    """Balances as events tell them, summed up by asset beside what came in and went out."""

    def __init__(self) -> None:
        self.balances: dict[tuple[int, int], tuple[int, int]] = {}
        self._held_in_all: dict[int, int] = defaultdict(int)
        self._brought_in: dict[int, int] = defaultdict(int)
        self._negative: list[str] = []

    def apply(self, frames: bytes) -> int:
        """Take in a batch's events; return how many changed money."""
        count = 0
        for event in events.decode(frames, MONEY):
            count += 1
            match event:
                case events.BalanceChanged():
                    key = (event.account, event.asset)
                    before = self.balances.get(key, (0, 0))
                    self.balances[key] = (event.available, event.held)
                    self._held_in_all[event.asset] += event.available + event.held - sum(before)
                    if event.available < 0 or event.held < 0:
                        self._negative.append(f"account {event.account} has a negative balance of asset {event.asset}")
                case events.DepositCredited():
                    self._brought_in[event.asset] += event.amount
                case events.WithdrawalSettled():
                    self._brought_in[event.asset] -= event.amount
        return count

    def faults(self) -> list[str]:
        """Return what is wrong now."""
        unequal = [
            f"asset {asset}: {held} in balances, {self._brought_in[asset]} brought in"
            for asset, held in self._held_in_all.items()
            if held != self._brought_in[asset]
        ]
        return self._negative + unequal


async def verify(
    journal: Source,
    progress: Progress = lambda _done, _of: None,
    read_projected: Callable[[], Awaitable[Projected | None]] | None = None,
) -> Report:
    """Check the whole journal up to what is committed now. Raises JournalAway; what is wrong is in the report."""
    projected = None if read_projected is None else await read_projected()
    stored = [await journal.snapshot(sequence) for sequence in await journal.snapshot_sequences()]
    snapshots = [snapshot for snapshot in stored if snapshot is not None]
    end = (await journal.head()).sequence
    verification = Verification(snapshots, projected)
    done = 0
    while done < end:
        rows = [row for row in await journal.read(done) if row.first_sequence <= end]
        if not verification.chain.expect(bool(rows), f"batches after sequence {done} are missing"):
            break
        for row in rows:
            if not verification.take(row):
                verification.finish()
                return Report(row.first_sequence - 1, verification.checks())
        done = rows[-1].last_sequence
        progress(done, end)
    verification.finish()
    return Report(done, verification.checks())


async def state_at(journal: Journal, sequence: int) -> Replica:
    """Return a replica at the last batch that ends at or before a sequence. Raises ReplayDiverged."""
    replica = await newest(journal, not_after=sequence)
    while True:
        rows = [row for row in await journal.read(replica.head.sequence) if row.last_sequence <= sequence]
        for row in rows:
            replica.follow(row)
        if not rows:
            return replica
