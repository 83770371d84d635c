"""The journal as a port: appended only under the newest epoch, read from a sequence."""

from collections.abc import AsyncIterator
from typing import Protocol

from openbourse.protocol.journal import BatchRow, Head, SnapshotHead, SnapshotRow


class Journal(Protocol):
    """What the sequencer needs of the journal. One suite of tests holds every adapter to it."""

    async def append(self, row: BatchRow) -> None:
        """Append if the row's epoch still leads and it follows the head. Raises Deposed, AppendInDoubt."""
        ...

    async def head(self) -> Head:
        """Return the end of the journal."""
        ...

    async def settled(self, epoch: int) -> Head:
        """Return the end of the journal once it is beyond doubt. Raises Deposed, JournalAway while it is not.

        No append of this journal's own is under way any more, and what was read is as durable as an append that returned.
        """
        ...

    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]:
        """Return committed rows after a sequence, oldest first."""
        ...

    async def find(self, sequence: int) -> BatchRow | None:
        """Return the row that holds a command."""
        ...

    async def since(self, time_us: int, rows_max: int = 10_000) -> list[BatchRow]:
        """Return the newest committed rows not older than a time, oldest first."""
        ...

    def abort(self) -> None:
        """Hang up at once; an append under way stays in doubt. The next call connects anew."""
        ...

    async def save_snapshot(self, head: SnapshotHead, pieces: AsyncIterator[bytes], keep: int) -> None:
        """Store a snapshot piece by piece, there only once complete; drop all but the newest few."""
        ...

    async def snapshot_sequences(self) -> list[int]:
        """Return where snapshots stand, newest first."""
        ...

    async def snapshot(self, sequence: int) -> SnapshotRow | None:
        """Return a whole snapshot; the reader checks it."""
        ...

    async def keep_reopening(self, plan: bytes) -> None:
        """Keep what is left of a reopening, for this leader's successor; nothing: it is done. Raises JournalAway."""
        ...

    async def reopening(self) -> bytes:
        """Return what a leader kept of a reopening that is not done. Raises JournalAway."""
        ...

    async def accept_loss(self, acknowledged: int) -> None:
        """Note that an operator goes on without commands that were acknowledged up to a sequence."""
        ...

    async def accepted_loss(self) -> int:
        """Return up to which sequence a loss was accepted; 0: never."""
        ...

    async def leave_hash(self, sequence: int, state_hash: bytes) -> None:
        """Leave the leader's hash of the state at a sequence for those who compare."""
        ...

    async def left_hash(self, sequence: int) -> bytes | None:
        """Return the hash that a leader left."""
        ...
