"""The journal as a port: appended only under the newest epoch, read from a sequence."""

from typing import Protocol

from openbourse.protocol.journal import BatchRow, Head, SnapshotRow


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

    async def save_snapshot(self, snapshot: SnapshotRow, keep: int) -> None:
        """Store a whole snapshot, current only once complete; drop all but the newest few."""
        ...

    async def snapshots(self) -> list[SnapshotRow]:
        """Return the stored snapshots, newest first; the reader checks them."""
        ...
