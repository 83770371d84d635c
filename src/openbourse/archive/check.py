"""Reads an archive again: every byte of it, its own chain, and the journal beside it where there is one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import msgspec

from openbourse.archive.catalog import Entry, chain_of, read_entries
from openbourse.archive.segments import SegmentFault, SegmentHead, unpack
from openbourse.objects import ObjectMissing, Objects
from openbourse.protocol.journal import GENESIS, BatchRow

FAULTS_SHOWN_MAX = 100


class Journal(Protocol):
    """What is needed of the journal."""

    async def find(self, sequence: int) -> BatchRow | None: ...


class Report(msgspec.Struct):
    """What was found."""

    segments: int = 0
    batches: int = 0
    last_sequence: int = 0
    last_us: int = 0
    compared: int = 0
    """Segments whose end was found in the journal, with the same chain hash: all before it is the same too."""
    not_in_journal: int = 0
    """Segments whose end the journal no longer holds."""
    superseded: int = 0
    """Segments that do not count: of an older branch, or beside a longer one."""
    faults: list[str] = []

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.faults

    def note(self, fault: str) -> None:
        """Note what is wrong, up to a bound."""
        if len(self.faults) < FAULTS_SHOWN_MAX:
            self.faults.append(fault)


async def check(objects: Objects, journal: Journal | None, shard: int, progress: Callable[[int, int], None]) -> Report:
    """Read every segment that counts and hold it to its checksum, to the chain and to the journal. Raises ObjectsAway."""
    entries = await read_entries(objects, shard)
    chain, missing = chain_of(entries)
    report = Report(superseded=len(entries) - len(chain))
    if missing is not None:
        report.note(f"sequence {missing} is missing: later segments are there, and of no use")
    before = GENESIS
    for number, entry in enumerate(chain, 1):
        try:
            head, rows = await read_segment(objects, entry)
        except SegmentFault as fault:
            report.note(f"{entry.key}: {fault}")
            before = b""
            continue
        if before and bytes.fromhex(head.previous_hash) != before:
            report.note(f"{entry.key}: does not continue the chain of the segment before it")
        before = rows[-1].hash
        report.segments += 1
        report.batches += len(rows)
        report.last_sequence, report.last_us = head.last_sequence, head.last_us
        if journal is not None:
            await _compare(journal, entry, rows[-1], report)
        progress(number, len(chain))
    return report


async def _compare(journal: Journal, entry: Entry, last: BatchRow, report: Report) -> None:
    row = await journal.find(last.last_sequence)
    if row is None:
        report.not_in_journal += 1
    elif row.hash != last.hash:
        report.note(f"{entry.key}: the journal's batch at sequence {last.last_sequence} is another")
    else:
        report.compared += 1


async def read_segment(objects: Objects, entry: Entry) -> tuple[SegmentHead, list[BatchRow]]:
    """Return a whole segment that is what its key says. Raises SegmentFault, ObjectsAway."""
    try:
        head, rows = await asyncio.to_thread(unpack, await objects.read(entry.key))
    except ObjectMissing:
        raise SegmentFault("it was listed and is gone") from None
    if (head.shard, head.branch, head.first_sequence, head.last_sequence) != entry[:4]:
        raise SegmentFault("its key names another range than its head")
    return head, rows


async def read_rows(objects: Objects, shard: int, first: int = 1) -> AsyncIterator[list[BatchRow]]:
    """Yield the journal as archived, segment by segment from the one that holds a sequence, checked.

    Raises SegmentFault, ObjectsAway.
    """
    chain, missing = chain_of(await read_entries(objects, shard))
    if missing is not None:
        raise SegmentFault(f"sequence {missing} is missing")
    before = GENESIS
    for number, entry in enumerate(chain):
        if entry.last < first:
            continue
        if number and before == GENESIS:
            before = (await read_segment(objects, chain[number - 1]))[1][-1].hash
        head, rows = await read_segment(objects, entry)
        if bytes.fromhex(head.previous_hash) != before:
            raise SegmentFault(f"{entry.key} does not continue the chain")
        before = rows[-1].hash
        yield rows
