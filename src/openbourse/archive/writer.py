"""Writes what the journal has committed into segments, one after the other, for ever.

Nothing is remembered but the segments themselves: whoever starts looks at them, and at the journal, and goes on.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from openbourse.archive.catalog import Entry, chain_of, read_entries
from openbourse.archive.segments import SegmentFault, pack, unpack
from openbourse.objects import ObjectDiffers, Objects, ObjectsAway, keep
from openbourse.protocol.journal import GENESIS, BatchRow, Head, JournalAway

log: Final = structlog.get_logger()

SEGMENT_BYTES_MAX: Final = 16 * 1024 * 1024
"""Of commands and events: a segment ends with the batch that reaches it."""
ROWS_PER_READ: Final = 256
POLL_S: Final = 2.0
RETRY_S: Final = 5.0
FAULT_S: Final = 60.0
"""Before all is looked at anew when something is wrong that time alone seldom mends."""
US: Final = 1_000_000


class ArchiveFault(Exception):
    """The archive is not what it should be: somebody has to look."""


class Journal(Protocol):
    """What is needed of the journal."""

    async def head(self) -> Head: ...
    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]: ...
    async def find(self, sequence: int) -> BatchRow | None: ...


class Archiver:
    """Archives one shard's journal. One is at work at a time; two at once would waste room and harm nothing."""

    def __init__(
        self, objects: Objects, journal: Journal, shard: int, now_us: Callable[[], int], segment_s: float
    ) -> None:
        self._objects = objects
        self._journal = journal
        self._shard = shard
        self._now_us = now_us
        self._segment_s = segment_s
        self._rows: list[BatchRow] = []
        self._bytes = 0
        self.branch = 0
        self.archived = 0
        """The last sequence that lies in a segment."""
        self._last_hash = GENESIS
        self.segments = 0
        self.bytes = 0
        self.faults = 0
        self.oldest_us: int | None = None
        """When the oldest batch was committed that is seen and, as far as is known, not archived."""

    async def run(self) -> None:
        """Archive for ever: nothing that goes wrong here is a reason to end a process that does other work too."""
        is_begun = False
        while True:
            try:
                if not is_begun:
                    await self.begin()
                    is_begun = True
                pause = 0.0 if await self.step() else POLL_S
            except (ObjectsAway, JournalAway) as fault:
                self.faults += 1
                log.warning("archive interrupted", why=str(fault))
                await self._see_what_waits()
                pause = RETRY_S
            except ArchiveFault as fault:
                self.faults += 1
                log.error("the archive is not what it should be", why=str(fault))
                await self._see_what_waits()
                is_begun, pause = False, FAULT_S
            await asyncio.sleep(pause)

    async def _see_what_waits(self) -> None:
        """After a fault: who cannot begin, or go on, is late as well. Of an archive that could not be read all waits."""
        try:
            found = await self._journal.read(self.archived, 1)
        except JournalAway:
            return
        self.oldest_us = found[0].time_us if found else None

    async def begin(self) -> None:
        """Find where the archive ends, and whether the journal goes on from there. Raises ArchiveFault, JournalAway, ObjectsAway."""
        entries = await read_entries(self._objects, self._shard)
        chain, missing = chain_of(entries)
        if missing is not None:
            raise ArchiveFault(
                f"sequence {missing} is missing between segments: `openbourse archive verify` shows where"
            )
        self.branch = max((entry.branch for entry in entries), default=0)
        head = await self._journal.head()
        kept = len(chain)
        while kept and not await self._is_in_journal(chain[kept - 1], head):
            kept -= 1
        if kept < len(chain):
            if head.sequence <= chain[-1].last:
                # Nothing says yet that the journal goes on otherwise: it may be one that still waits for its rest.
                raise JournalAway("the journal has not passed the archive's end yet")
            self.branch += 1
            log.error(
                "the journal is not what was archived", branch=self.branch, after=chain[kept - 1].last if kept else 0
            )
        self.archived = chain[kept - 1].last if kept else 0
        self._last_hash = GENESIS if not kept else await self._last_hash_of(chain[kept - 1])
        self._rows, self._bytes = [], 0
        log.info("archiving", after=self.archived, branch=self.branch)

    async def step(self) -> bool:
        """Take in what is new and write a segment if one is full or old enough; tell whether there may be more now."""
        after = self._rows[-1].last_sequence if self._rows else self.archived
        found = await self._journal.read(after, ROWS_PER_READ)
        for row in found:
            before = self._rows[-1].hash if self._rows else self._last_hash
            if row.previous_hash != before:
                raise ArchiveFault(f"the batch at sequence {row.first_sequence} does not follow what is archived")
            self._rows.append(row)
            self._bytes += len(row.commands) + len(row.events)
            if self._bytes >= SEGMENT_BYTES_MAX:
                await self._write()
                return True
        self.oldest_us = self._rows[0].time_us if self._rows else None
        if self._rows and self._now_us() - self._rows[0].time_us >= self._segment_s * US:
            await self._write()
        return len(found) == ROWS_PER_READ

    async def flush(self) -> None:
        """Write what has been taken in, on the way out."""
        if self._rows:
            await self._write()

    async def _write(self) -> None:
        head, body = await asyncio.to_thread(pack, self._rows, self.branch)
        entry = Entry(self._shard, self.branch, head.first_sequence, head.last_sequence)
        try:
            await keep(self._objects, entry.key, body)
        except ObjectDiffers as fault:
            raise ArchiveFault(f"{entry.key} is there with other batches") from fault
        self.segments += 1
        self.bytes += len(body)
        self.archived, self._last_hash = head.last_sequence, self._rows[-1].hash
        self._rows, self._bytes, self.oldest_us = [], 0, None

    async def _is_in_journal(self, entry: Entry, head: Head) -> bool:
        if entry.last > head.sequence:
            return False
        row = await self._journal.find(entry.last)
        if row is None:
            # A journal has no gap but where it was dropped, and that far back nothing may go on otherwise any more.
            raise ArchiveFault(f"the journal does not hold sequence {entry.last}, nor any later end of a segment")
        return row.last_sequence == entry.last and row.hash == await self._last_hash_of(entry)

    async def _last_hash_of(self, entry: Entry) -> bytes:
        try:
            found, _ = unpack(await self._objects.read(entry.key))
        except SegmentFault as fault:
            raise ArchiveFault(f"{entry.key}: {fault}") from fault
        return bytes.fromhex(found.last_hash)

    def behind_s(self) -> int:
        """Return how old the oldest batch is that is not archived, 0 without one."""
        return 0 if self.oldest_us is None else max(0, (self._now_us() - self.oldest_us) // US)

    def counters(self) -> dict[str, int]:
        """Return what has been done since the start."""
        return {
            "sequence": self.archived,
            "segments": self.segments,
            "bytes": self.bytes,
            "faults": self.faults,
            "behind_s": self.behind_s(),
        }
