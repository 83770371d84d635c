"""Drops from the journal's database what the archive is proven to hold, once it is so many days old.

Nothing is remembered but the journal itself: behind its first batch, which stays and says which journal it is, a gap
shows how far the dropping has come.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog

from openbourse.archive.catalog import Entry, chain_of, read_entries
from openbourse.archive.check import read_segment
from openbourse.archive.segments import SegmentFault
from openbourse.archive.snapshots import newest_snapshot
from openbourse.archive.writer import ArchiveFault
from openbourse.objects import Objects, ObjectsAway
from openbourse.protocol.journal import BatchRow, JournalAway

log: Final = structlog.get_logger()

DAY_US: Final = 86_400_000_000
EVERY_S: Final = 600.0
ROWS_PER_DROP: Final = 1_000
"""In one transaction: whoever trades beside it does not notice."""
SNAPSHOTS_MIN: Final = 2
"""In the database: one that leads astray must not be the only way to the journal's end."""


class Journal(Protocol):
    """What is needed of the journal."""

    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]: ...
    async def find(self, sequence: int) -> BatchRow | None: ...
    async def snapshot_sequences(self) -> list[int]: ...
    async def drop(self, after: int, through: int, rows_max: int) -> int: ...


class Dropper:
    """Drops one shard's rows, segment by segment. One is at work at a time; two at once would harm nothing."""

    def __init__(
        self,
        archive: Objects,
        backups: Objects,
        journal: Journal,
        shard: int,
        days: int,
        now_us: Callable[[], int],
        read_by_all: Callable[[], Awaitable[int]],
    ) -> None:
        """`read_by_all` tells up to which sequence everybody has read who follows the journal."""
        assert days >= 1, "what was committed in the last day is never dropped"
        self._archive = archive
        self._backups = backups
        self._journal = journal
        self._shard = shard
        self._days = days
        self._now_us = now_us
        self._read_by_all = read_by_all
        self._saved = 0
        """Where the newest snapshot stands that was read back from the backups, whole."""
        self.dropped = 0
        self.faults = 0

    async def run(self) -> None:
        """Drop for ever; what goes wrong here leaves rows where they are, and is told."""
        while True:
            try:
                await self.step()
            except (ObjectsAway, JournalAway, OSError) as fault:
                self.faults += 1
                log.warning("journal not dropped", why=str(fault))
            except ArchiveFault as fault:
                self.faults += 1
                log.error("journal not dropped: the archive is not what it should be", why=str(fault))
            await asyncio.sleep(EVERY_S)

    async def step(self) -> int:
        """Drop what may go; return how many rows went. Raises ArchiveFault, JournalAway, ObjectsAway."""
        beginning = await self._journal.read(0, 2)
        if len(beginning) < 2:
            return 0
        chain, missing = chain_of(await read_entries(self._archive, self._shard))
        if missing is not None:
            raise ArchiveFault(f"sequence {missing} is missing between segments")
        # The newest segment stays, too: where the archive goes on is found by its end.
        waiting = [entry for entry in chain[:-1] if entry.last >= beginning[1].first_sequence]
        if not waiting or not (before := await self._before()):
            return 0
        gone = 0
        for entry in waiting:
            if entry.last >= before or not await self._is_proven(entry):
                break
            gone += await self._drop(entry, beginning[0].last_sequence)
        return gone

    async def _before(self) -> int:
        """Return the first sequence that must stay; 0: nothing may go."""
        snapshots = await self._journal.snapshot_sequences()
        if len(snapshots) < SNAPSHOTS_MIN:
            return 0
        if self._saved < snapshots[-1]:
            saved = await newest_snapshot(self._backups, self._shard)
            self._saved = 0 if saved is None else saved.head.sequence
        # The batch that a snapshot stands on stays: by its hash the snapshot is told to be this journal's.
        return min(snapshots[-1], self._saved, await self._read_by_all() + 1)

    async def _is_proven(self, entry: Entry) -> bool:
        """Tell whether a segment is old enough, read back whole and the journal's own. Raises ArchiveFault."""
        last = await self._journal.find(entry.last)
        if last is None or last.last_sequence != entry.last:
            raise ArchiveFault(f"{entry.key} does not end where a batch of the journal does")
        if self._now_us() - last.time_us < self._days * DAY_US:
            return False
        try:
            _, rows = await read_segment(self._archive, entry)
        except SegmentFault as fault:
            raise ArchiveFault(f"{entry.key}: {fault}") from fault
        # The chain's hash at its end stands for every batch before it, to the byte.
        if last.hash != rows[-1].hash:
            raise ArchiveFault(f"{entry.key} ends with another batch than the journal's")
        return True

    async def _drop(self, entry: Entry, first_batch: int) -> int:
        gone, after = 0, max(first_batch, entry.first - 1)
        while count := await self._journal.drop(after, entry.last, ROWS_PER_DROP):
            gone += count
        self.dropped += gone
        log.info("dropped from the journal", through=entry.last, rows=gone)
        return gone
