"""The whole journal: what the database no longer holds comes from the archive, and nobody who reads it notices."""

import asyncio
from typing import Final, Protocol

import structlog

from openbourse.archive.catalog import Entry, chain_of, read_entries
from openbourse.archive.check import read_segment
from openbourse.archive.segments import SegmentFault
from openbourse.objects import Objects, ObjectsAway
from openbourse.protocol.journal import BatchRow, Head, JournalAway, SnapshotRow

log: Final = structlog.get_logger()


class Journal(Protocol):
    """What is needed of the journal."""

    async def head(self) -> Head: ...
    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]: ...
    async def snapshot_sequences(self) -> list[int]: ...
    async def snapshot(self, sequence: int) -> SnapshotRow | None: ...


class WholeJournal:
    """Reads a journal from its first batch. The archive is asked only where the database has a gap, once a segment."""

    def __init__(self, journal: Journal, objects: Objects, shard: int) -> None:
        self._journal = journal
        self._objects = objects
        self._shard = shard
        self._chain: list[Entry] = []
        self._entry: Entry | None = None
        self._rows: list[BatchRow] = []
        self._turn = asyncio.Lock()

    async def head(self) -> Head:
        """Return the end of the journal. Raises JournalAway."""
        return await self._journal.head()

    async def snapshot_sequences(self) -> list[int]:
        """Return where snapshots stand, newest first. Raises JournalAway."""
        return await self._journal.snapshot_sequences()

    async def snapshot(self, sequence: int) -> SnapshotRow | None:
        """Return a whole snapshot. Raises JournalAway."""
        return await self._journal.snapshot(sequence)

    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]:
        """Return committed rows after a sequence, oldest first, without a gap. Raises JournalAway."""
        found = consecutive(await self._journal.read(after, rows_max))
        if not found or found[0].first_sequence <= after + 1:
            return found
        try:
            # One at a time: a segment that several want is fetched once, and one is at hand.
            async with self._turn:
                return await self._archived(after, rows_max)
        except (ObjectsAway, SegmentFault) as fault:
            raise JournalAway(f"what was dropped from the journal cannot be read: {fault}") from fault

    async def _archived(self, after: int, rows_max: int) -> list[BatchRow]:
        if self._entry is None or not self._entry.first <= after + 1 <= self._entry.last:
            entry = self._holding(after + 1)
            if entry is None:
                self._chain, _ = chain_of(await read_entries(self._objects, self._shard))
                entry = self._holding(after + 1)
            if entry is None:
                raise SegmentFault(f"no segment holds sequence {after + 1}")
            log.info("reading what was dropped from the archive", first_sequence=entry.first, last_sequence=entry.last)
            _, self._rows = await read_segment(self._objects, entry)
            self._entry = entry
        return [row for row in self._rows if row.last_sequence > after][:rows_max]

    def _holding(self, sequence: int) -> Entry | None:
        return next((entry for entry in self._chain if entry.first <= sequence <= entry.last), None)


def consecutive(rows: list[BatchRow]) -> list[BatchRow]:
    """Return rows up to the first gap: the first batch of a journal stays when those after it are dropped."""
    for number in range(1, len(rows)):
        if rows[number].first_sequence != rows[number - 1].last_sequence + 1:
            return rows[:number]
    return rows
