"""The journal in memory: the twin that keeps the adapter's suite honest."""

from collections.abc import AsyncIterator

from openbourse.protocol.journal import BatchRow, Deposed, Head, JournalAway, SnapshotHead, SnapshotRow


class MemoryJournal:
    """Fits sequencer.journal.Journal; `epoch` stands for the lease row."""

    def __init__(self) -> None:
        self.epoch = 0
        self.rows: list[BatchRow] = []
        self.stored: dict[int, SnapshotRow] = {}
        self.hashes: dict[int, bytes] = {}
        self.plan = b""
        self.accepted = 0
        self.is_full = False

    async def lead(self, epoch: int) -> None:
        """Let an epoch lead."""
        self.epoch = epoch

    async def set_full(self, is_full: bool) -> None:
        """Let there be no room, or room again."""
        self.is_full = is_full

    async def append(self, row: BatchRow) -> None:
        """Append if the row's epoch still leads and it follows the head. Raises Deposed, JournalAway."""
        if self.is_full:
            raise JournalAway("no room")
        head = await self.head()
        if row.epoch != self.epoch or row.previous_hash != head.hash or row.first_sequence != head.sequence + 1:
            raise Deposed("the epoch no longer leads, or the journal has moved on")
        self.rows.append(row)

    async def head(self) -> Head:
        """Return the end of the journal."""
        return Head(self.rows[-1].last_sequence, self.rows[-1].time_us, self.rows[-1].hash) if self.rows else Head()

    async def settled(self, epoch: int) -> Head:
        """Return the end of the journal. Raises Deposed."""
        if epoch != self.epoch:
            raise Deposed("the epoch no longer leads")
        return await self.head()

    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]:
        """Return committed rows after a sequence, oldest first."""
        return [row for row in self.rows if row.last_sequence > after][:rows_max]

    async def find(self, sequence: int) -> BatchRow | None:
        """Return the row that holds a command."""
        return next((row for row in self.rows if row.first_sequence <= sequence <= row.last_sequence), None)

    async def since(self, time_us: int, rows_max: int = 10_000) -> list[BatchRow]:
        """Return the newest committed rows not older than a time, oldest first."""
        return [row for row in self.rows if row.time_us >= time_us][-rows_max:]

    def abort(self) -> None:
        """Nothing is under way."""

    async def save_snapshot(self, head: SnapshotHead, pieces: AsyncIterator[bytes], keep: int) -> None:
        """Store a whole snapshot; drop all but the newest few."""
        self.stored[head.sequence] = SnapshotRow(head, b"".join([piece async for piece in pieces]))
        self.stored = dict(sorted(self.stored.items())[-keep:])

    async def snapshot_sequences(self) -> list[int]:
        """Return where snapshots stand, newest first."""
        return sorted(self.stored, reverse=True)

    async def snapshot(self, sequence: int) -> SnapshotRow | None:
        """Return a snapshot."""
        return self.stored.get(sequence)

    async def drop(self, after: int, through: int, rows_max: int) -> int:
        """Drop the oldest rows between two sequences."""
        before = min(self.stored, default=0)
        gone = [row for row in self.rows if row.first_sequence > 1 and after < row.last_sequence <= through]
        gone = [row for row in gone if row.last_sequence < before][:rows_max]
        self.rows = [row for row in self.rows if row not in gone]
        return len(gone)

    async def keep_reopening(self, plan: bytes) -> None:
        """Keep a plan."""
        self.plan = plan

    async def reopening(self) -> bytes:
        """Return the plan."""
        return self.plan

    async def accept_loss(self, acknowledged: int) -> None:
        """Note it."""
        self.accepted = acknowledged

    async def accepted_loss(self) -> int:
        """Return what was noted."""
        return self.accepted

    async def leave_hash(self, sequence: int, state_hash: bytes) -> None:
        """Leave a hash."""
        self.hashes.setdefault(sequence, state_hash)

    async def left_hash(self, sequence: int) -> bytes | None:
        """Return a hash that was left."""
        return self.hashes.get(sequence)

    async def close(self) -> None:
        """Nothing is open."""
