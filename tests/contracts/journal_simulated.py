"""The simulated venue's journal, driven from outside: each call lets simulated time pass until it has its result."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from openbourse.protocol.journal import BatchRow, Head, SnapshotHead, SnapshotRow
from sim.cluster.journal import SimulatedJournal
from sim.cluster.tables import LeaseRow
from tests.contracts.driven import DrivenWorld


class DrivenJournal:
    """Fits sequencer.journal.Journal."""

    def __init__(self) -> None:
        self._driven = DrivenWorld()
        self._database = self._driven.database
        self._host = self._driven.host("here")
        self._journal = SimulatedJournal(self._database, self._host, "test")

    def _drive(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return self._driven.one(self._host, work)

    async def lead(self, epoch: int) -> None:
        """Let an epoch lead."""
        self._database.primary.tables.take(LeaseRow(epoch, "test", "", 0, 0))

    async def set_full(self, is_full: bool) -> None:
        """Let there be no room on the primary's disk, or room again."""
        self._database.primary.is_full = is_full

    def lose_sessions(self) -> None:
        """End every session at the server."""
        for pid in list(self._database.primary.backends):
            self._database.terminate(self._database.primary, pid)

    async def append(self, row: BatchRow) -> None:
        """Append if the row's epoch still leads and it follows the head."""
        self._drive(lambda: self._journal.append(row))

    async def head(self) -> Head:
        """Return the end of the journal."""
        head: Head = self._drive(self._journal.head)
        return head

    async def settled(self, epoch: int) -> Head:
        """Return the end of the journal once it is beyond doubt."""
        head: Head = self._drive(lambda: self._journal.settled(epoch))
        return head

    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]:
        """Return committed rows after a sequence, oldest first."""
        rows: list[BatchRow] = self._drive(lambda: self._journal.read(after, rows_max))
        return rows

    async def find(self, sequence: int) -> BatchRow | None:
        """Return the row that holds a command."""
        row: BatchRow | None = self._drive(lambda: self._journal.find(sequence))
        return row

    async def since(self, time_us: int, rows_max: int = 10_000) -> list[BatchRow]:
        """Return the newest committed rows not older than a time, oldest first."""
        rows: list[BatchRow] = self._drive(lambda: self._journal.since(time_us, rows_max))
        return rows

    def abort(self) -> None:
        """Hang up at once."""
        self._journal.abort()

    async def save_snapshot(self, head: SnapshotHead, pieces: AsyncIterator[bytes], keep: int) -> None:
        """Store a snapshot; drop all but the newest few."""
        self._drive(lambda: self._journal.save_snapshot(head, pieces, keep))

    async def snapshot_sequences(self) -> list[int]:
        """Return where snapshots stand, newest first."""
        found: list[int] = self._drive(self._journal.snapshot_sequences)
        return found

    async def snapshot(self, sequence: int) -> SnapshotRow | None:
        """Return a whole snapshot."""
        found: SnapshotRow | None = self._drive(lambda: self._journal.snapshot(sequence))
        return found

    async def keep_reopening(self, plan: bytes) -> None:
        """Keep a plan."""
        self._drive(lambda: self._journal.keep_reopening(plan))

    async def reopening(self) -> bytes:
        """Return the plan."""
        plan: bytes = self._drive(self._journal.reopening)
        return plan

    async def accept_loss(self, acknowledged: int) -> None:
        """Note it."""
        self._drive(lambda: self._journal.accept_loss(acknowledged))

    async def accepted_loss(self) -> int:
        """Return what was noted."""
        accepted: int = self._drive(self._journal.accepted_loss)
        return accepted

    async def leave_hash(self, sequence: int, state_hash: bytes) -> None:
        """Leave a hash."""
        self._drive(lambda: self._journal.leave_hash(sequence, state_hash))

    async def left_hash(self, sequence: int) -> bytes | None:
        """Return a hash that was left."""
        found: bytes | None = self._drive(lambda: self._journal.left_hash(sequence))
        return found

    async def close(self) -> None:
        """Hang up."""
        self._journal.abort()
