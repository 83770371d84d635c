"""The archive is complete, gap-free and the journal's own, whatever stops the worker, and a check finds what is not."""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import AsyncIterator, Callable

import pytest

from openbourse.archive import writer
from openbourse.archive.catalog import Entry, chain_of, read_entries
from openbourse.archive.check import Report, check, read_rows
from openbourse.archive.segments import SegmentFault, pack, read_head, unpack
from openbourse.archive.snapshots import SnapshotKeeper, newest_snapshot, snapshot_key
from openbourse.archive.writer import ArchiveFault, Archiver
from openbourse.objects import ObjectsAway
from openbourse.protocol.journal import BatchRow, JournalAway, SnapshotHead, chain_hash
from tests.archive.made import BEGAN_US, journal_of, rows
from tests.contracts.journal_memory import MemoryJournal
from tests.contracts.objects_memory import MemoryObjects

SEGMENT_S = 60.0


class Clock:
    """A clock that the test sets."""

    def __init__(self, us: int) -> None:
        self.us = us

    def now_us(self) -> int:
        return self.us


def archiver(objects: MemoryObjects, journal: MemoryJournal, us: int = BEGAN_US + 10**12) -> Archiver:
    return Archiver(objects, journal, 0, Clock(us).now_us, SEGMENT_S)


async def archive(objects: MemoryObjects, journal: MemoryJournal) -> Archiver:
    """Archive all there is."""
    worker = archiver(objects, journal)
    await worker.begin()
    while await worker.step():
        pass
    return worker


async def archived(objects: MemoryObjects) -> list[BatchRow]:
    return [row async for part in read_rows(objects, 0) for row in part]


async def checked(objects: MemoryObjects, journal: MemoryJournal | None) -> Report:
    return await check(objects, journal, 0, lambda done, of: None)


async def test_what_is_archived_is_the_journal_row_for_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SEGMENT_BYTES_MAX", 5_000)
    made, objects = list(rows(1_000)), MemoryObjects()
    worker = await archive(objects, journal_of(made))
    assert await archived(objects) == made
    assert worker.archived == made[-1].last_sequence
    assert len(objects.bodies) == worker.segments > 30
    report = await checked(objects, journal_of(made))
    assert report.is_sound
    assert (report.batches, report.compared) == (1_000, worker.segments)


async def test_a_segment_waits_for_more_until_it_is_old_enough() -> None:
    made, objects = list(rows(10)), MemoryObjects()
    clock = Clock(made[0].time_us + 59_000_000)
    worker = Archiver(objects, journal_of(made), 0, clock.now_us, SEGMENT_S)
    await worker.begin()
    await worker.step()
    assert objects.bodies == {}
    assert worker.behind_s() == 59
    clock.us += 1_000_000
    await worker.step()
    assert len(objects.bodies) == 1
    assert worker.behind_s() == 0


async def failing(worker: Archiver) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(worker.run(), 0.05)
    assert worker.faults


async def test_what_waits_is_told_though_the_archiver_cannot_begin() -> None:
    made, objects = list(rows(30)), MemoryObjects()
    await archive(objects, journal_of(made[:10]))
    # As after going back to a Region that missed what the other one archived: 10 to 20 are in neither.
    clock = Clock(made[20].time_us + 7_000_000)
    worker = Archiver(objects, journal_of(made[20:]), 0, clock.now_us, SEGMENT_S)
    await failing(worker)
    assert worker.behind_s() == 7
    clock.us += 60_000_000
    assert worker.behind_s() == 67


async def test_a_place_that_is_away_from_the_start_is_late() -> None:
    made, objects = list(rows(30)), MemoryObjects()
    objects.is_away = True
    worker = Archiver(objects, journal_of(made), 0, Clock(made[0].time_us + 7_000_000).now_us, SEGMENT_S)
    await failing(worker)
    assert worker.behind_s() == 7
    empty = Archiver(objects, journal_of([]), 0, Clock(made[0].time_us).now_us, SEGMENT_S)
    await failing(empty)
    assert empty.behind_s() == 0


async def test_a_worker_that_stops_anywhere_leaves_no_gap_and_doubles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SEGMENT_BYTES_MAX", 3_000)
    seed = 20
    chance, made, objects = random.Random(seed), list(rows(600)), MemoryObjects()
    journal, shown = journal_of([]), 0
    while shown < len(made):
        shown = min(len(made), shown + chance.randint(1, 80))
        journal.rows = made[:shown]
        worker = archiver(objects, journal)
        await worker.begin()
        for _ in range(chance.randint(0, 3)):
            await worker.step()
    await archive(objects, journal)
    assert await archived(objects) == made, f"seed {seed}"
    assert (await checked(objects, journal)).superseded == 0


async def test_a_write_whose_answer_was_lost_is_done_once() -> None:
    made, objects = list(rows(20)), MemoryObjects()
    first = archiver(objects, journal_of(made))
    await first.begin()
    lost = archiver(objects, journal_of(made))
    await lost.begin()
    await first.step()
    await lost.step()
    assert await archived(objects) == made


async def test_two_workers_at_once_waste_room_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    made, objects = list(rows(50)), MemoryObjects()
    early = archiver(objects, journal_of(made[:20]))
    late = archiver(objects, journal_of(made))
    await early.begin()
    await late.begin()
    await early.step()
    await late.step()
    assert len(objects.bodies) == 2
    assert await archived(objects) == made
    report = await checked(objects, journal_of(made))
    assert report.is_sound
    assert report.superseded == 1


async def test_a_store_that_is_away_is_waited_for() -> None:
    made, objects = list(rows(20)), MemoryObjects()
    worker = archiver(objects, journal_of(made))
    await worker.begin()
    objects.is_away = True
    with pytest.raises(ObjectsAway):
        await worker.step()
    objects.is_away = False
    await worker.step()
    assert await archived(objects) == made


async def test_a_journal_that_lost_batches_goes_on_as_a_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SEGMENT_BYTES_MAX", 3_000)
    made, objects = list(rows(100)), MemoryObjects()
    await archive(objects, journal_of(made))
    restored = made[:55]
    worker = archiver(objects, journal_of(restored))
    with pytest.raises(JournalAway):
        await worker.begin()  # it has not gone on yet
    restored += list(rows(60, seed=2, after=restored[-1]))
    worker = await archive(objects, journal_of(restored))
    assert worker.branch == 1
    assert await archived(objects) == restored
    report = await checked(objects, journal_of(restored))
    assert report.is_sound
    assert report.superseded > 0
    # And once more, on the branch: it is one journal from here on.
    restored += list(rows(30, seed=3, after=restored[-1]))
    assert (await archive(objects, journal_of(restored))).branch == 1
    assert await archived(objects) == restored


async def test_a_journal_that_changes_under_the_worker_is_noticed() -> None:
    made, objects = list(rows(40)), MemoryObjects()
    journal = journal_of(made[:20])
    worker = await archive(objects, journal)
    alien = list(rows(60, seed=13))
    journal.rows = [*made[:20], *[row for row in alien if row.first_sequence > worker.archived]]
    with pytest.raises(ArchiveFault, match="does not follow"):
        await worker.step()


def flip(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


async def test_every_changed_byte_is_found() -> None:
    _, body = pack(list(rows(5)), 0)
    for at in range(len(body)):
        with pytest.raises(SegmentFault):
            unpack(flip(body, at))
    for length in range(0, len(body), 7):
        with pytest.raises(SegmentFault):
            unpack(body[:length])


Change = Callable[[MemoryObjects, list[str]], None]


def lose(objects: MemoryObjects, keys: list[str]) -> None:
    del objects.bodies[keys[5]]


def damage(objects: MemoryObjects, keys: list[str]) -> None:
    objects.bodies[keys[5]] = flip(objects.bodies[keys[5]], 300)


def swap(objects: MemoryObjects, keys: list[str]) -> None:
    objects.bodies[keys[5]] = objects.bodies[keys[6]]


def forge(objects: MemoryObjects, keys: list[str]) -> None:
    """Put whole segments of another journal in the place of two."""
    head, _ = read_head(objects.bodies[keys[5]])
    _, true_rows = unpack(objects.bodies[keys[5]])
    row = true_rows[0]
    fields = (row.shard, row.epoch, row.first_sequence, head.last_sequence, row.time_us, b"forged", row.events)
    forged = BatchRow(*fields, row.previous_hash, chain_hash(row.previous_hash, *fields))
    _, objects.bodies[keys[5]] = pack([forged], 0)


@pytest.mark.parametrize("change", [lose, damage, swap, forge])
async def test_a_check_finds_what_was_lost_damaged_swapped_or_forged(
    change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SEGMENT_BYTES_MAX", 3_000)
    made, objects = list(rows(100)), MemoryObjects()
    await archive(objects, journal_of(made))
    change(objects, sorted(objects.bodies))
    assert not (await checked(objects, journal_of(made))).is_sound
    with pytest.raises(SegmentFault):
        await archived(objects)


async def test_what_the_journal_says_otherwise_is_found() -> None:
    made, objects = list(rows(30)), MemoryObjects()
    await archive(objects, journal_of(made))
    other = journal_of(list(rows(30, seed=1, size=300)))
    assert not (await checked(objects, other)).is_sound
    assert (await checked(objects, None)).is_sound
    assert (await checked(objects, journal_of([]))).not_in_journal == 1


def test_of_overlapping_segments_the_longest_counts() -> None:
    entries = [Entry(0, 0, 1, 5), Entry(0, 0, 1, 9), Entry(0, 0, 6, 9), Entry(0, 0, 10, 12)]
    assert chain_of(entries) == ([entries[1], entries[3]], None)
    assert chain_of(entries[:1] + entries[3:]) == ([entries[0]], 6)
    assert chain_of([]) == ([], None)


async def test_keys_that_are_no_segments_are_passed_over() -> None:
    objects = MemoryObjects()
    await objects.create("journal/00000/README", b"")
    assert await read_entries(objects, 0) == []


async def test_the_newest_whole_snapshot_is_kept_and_found() -> None:
    made, objects = list(rows(3)), MemoryObjects()
    journal = journal_of(made)

    async def pieces(state: bytes) -> AsyncIterator[bytes]:
        yield state

    keeper = SnapshotKeeper(objects, journal, 0)
    assert await keeper.step() is None
    for sequence in (5, 9):
        state = b"state" * sequence
        head = SnapshotHead(sequence, bytes(32), hashlib.sha256(state).digest(), 2, b"beside")
        await journal.save_snapshot(head, pieces(state), 3)
        assert await keeper.step() == sequence
        assert await keeper.step() is None
    assert await SnapshotKeeper(objects, journal, 0).step() is None
    found = await newest_snapshot(objects, 0)
    assert found == await journal.snapshot(9)
    key = snapshot_key(0, 9)
    objects.bodies[key] = flip(objects.bodies[key], 40)
    found = await newest_snapshot(objects, 0)
    assert found is not None
    assert found.head.sequence == 5
