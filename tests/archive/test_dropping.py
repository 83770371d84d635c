"""Only what the archive is proven to hold is dropped, and whoever reads the whole journal does not notice."""

import hashlib
from collections.abc import AsyncIterator, Callable

import pytest

from openbourse.archive import writer
from openbourse.archive.catalog import chain_of, read_entries
from openbourse.archive.dropping import DAY_US, Dropper
from openbourse.archive.snapshots import SnapshotKeeper
from openbourse.archive.whole import WholeJournal, consecutive
from openbourse.archive.writer import ArchiveFault, Archiver
from openbourse.objects import ObjectsAway
from openbourse.protocol.journal import BatchRow, JournalAway, SnapshotHead
from tests.archive.made import journal_of, rows
from tests.contracts.journal_memory import MemoryJournal
from tests.contracts.objects_memory import MemoryObjects


class Story:
    """A journal of a hundred batches in fifteen segments or so, two snapshots at its end, everybody up to date."""

    def __init__(self) -> None:
        self.made = list(rows(100))
        self.journal = journal_of(self.made)
        self.archive, self.backups = MemoryObjects(), MemoryObjects()
        self.now_us = self.made[-1].time_us + 3 * DAY_US
        self.read_to = self.made[-1].last_sequence

    async def begin(self) -> None:
        await self.go_on()
        for row in (self.made[-5], self.made[-3]):
            await self.snapshot(row)

    async def go_on(self) -> None:
        """Archive what is new."""
        worker = Archiver(self.archive, self.journal, 0, lambda: self.now_us, 60.0)
        await worker.begin()
        while await worker.step():
            pass

    async def snapshot(self, row: BatchRow, *, is_saved: bool = True) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"state"

        head = SnapshotHead(row.last_sequence, row.hash, hashlib.sha256(b"state").digest(), 1, b"")
        await self.journal.save_snapshot(head, pieces(), 3)
        if is_saved:
            await SnapshotKeeper(self.backups, self.journal, 0).step()

    def dropper(self, days: int = 3) -> Dropper:
        async def read_by_all() -> int:
            return self.read_to

        return Dropper(self.archive, self.backups, self.journal, 0, days, lambda: self.now_us, read_by_all)

    async def whole(self) -> list[BatchRow]:
        """Return the journal as whoever reads all of it sees it, a few rows at a time."""
        reader, found = WholeJournal(self.journal, self.archive, 0), list[BatchRow]()
        while part := await reader.read(found[-1].last_sequence if found else 0, 7):
            found += part
        return found

    @property
    def is_untouched(self) -> bool:
        return self.journal.rows == self.made


@pytest.fixture
async def story(monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setattr(writer, "SEGMENT_BYTES_MAX", 2_000)
    told = Story()
    await told.begin()
    return told


async def test_what_is_archived_and_old_is_dropped_and_read_from_the_archive(story: Story) -> None:
    dropper = story.dropper()
    gone = await dropper.step()
    assert gone == dropper.dropped > 80
    assert len(story.journal.rows) == len(story.made) - gone
    assert story.journal.rows[0] == story.made[0], "the first batch says which journal it is"
    assert story.made[-5] in story.journal.rows, "a snapshot stands on it"
    assert await story.whole() == story.made
    assert await dropper.step() == 0


async def test_the_archive_goes_on_behind_a_journal_that_was_dropped(story: Story) -> None:
    await story.dropper().step()
    more = list(rows(30, seed=2, after=story.made[-1]))
    story.journal.rows += more
    story.made += more
    await story.go_on()
    entries = await read_entries(story.archive, 0)
    assert {entry.branch for entry in entries} == {0}
    assert chain_of(entries)[1] is None
    for row in (story.made[-4], story.made[-3], story.made[-2]):
        await story.snapshot(row)
    story.now_us = story.made[-1].time_us + 4 * DAY_US
    story.read_to = story.made[-1].last_sequence
    assert await story.dropper().step() > 20
    assert await story.whole() == story.made


async def test_dropping_stops_anywhere_and_goes_on(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openbourse.archive.dropping.ROWS_PER_DROP", 2)
    drop, calls = story.journal.drop, 0

    async def away(after: int, through: int, rows_max: int) -> int:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise JournalAway("it is gone")
        return await drop(after, through, rows_max)

    monkeypatch.setattr(story.journal, "drop", away)
    for _ in range(200):
        try:
            await story.dropper().step()
        except JournalAway:
            assert await story.whole() == story.made
            continue
        break
    assert len(story.journal.rows) < 20
    assert await story.whole() == story.made


Change = Callable[[Story], None]


def young(story: Story) -> None:
    story.now_us = story.made[0].time_us + 3 * DAY_US - 1


def unread(story: Story) -> None:
    story.read_to = 1


def without_snapshots(story: Story) -> None:
    story.journal.stored.clear()


def with_one_snapshot(story: Story) -> None:
    story.journal.stored = dict(list(story.journal.stored.items())[:1])


def with_no_saved_snapshot(story: Story) -> None:
    story.backups.bodies.clear()


def with_a_saved_snapshot_that_is_damaged(story: Story) -> None:
    for key, body in story.backups.bodies.items():
        story.backups.bodies[key] = body[:-1] + bytes([body[-1] ^ 1])


def with_nothing_archived(story: Story) -> None:
    story.archive.bodies.clear()


def with_one_segment(story: Story) -> None:
    first = min(story.archive.bodies)
    story.archive.bodies = {first: story.archive.bodies[first]}


@pytest.mark.parametrize(
    "change",
    [
        young,
        unread,
        without_snapshots,
        with_one_snapshot,
        with_no_saved_snapshot,
        with_a_saved_snapshot_that_is_damaged,
        with_nothing_archived,
        with_one_segment,
    ],
)
async def test_what_may_be_needed_stays(story: Story, change: Change) -> None:
    change(story)
    assert await story.dropper().step() == 0
    assert story.is_untouched


def a_segment_lost(story: Story) -> None:
    del story.archive.bodies[sorted(story.archive.bodies)[3]]


def a_segment_damaged(story: Story) -> None:
    key = sorted(story.archive.bodies)[0]
    body = story.archive.bodies[key]
    story.archive.bodies[key] = body[:300] + bytes([body[300] ^ 1]) + body[301:]


def a_segment_of_another_journal(story: Story) -> None:
    alien = list(rows(100, seed=1, size=220))
    story.journal.rows = [story.made[0], *alien[1:]]
    story.made = story.journal.rows


@pytest.mark.parametrize("change", [a_segment_lost, a_segment_damaged, a_segment_of_another_journal])
async def test_an_archive_that_is_not_what_it_should_be_stops_it(story: Story, change: Change) -> None:
    change(story)
    with pytest.raises(ArchiveFault):
        await story.dropper().step()
    assert story.is_untouched


async def test_only_what_everybody_has_read_goes(story: Story) -> None:
    story.read_to = story.made[50].last_sequence
    assert await story.dropper().step() > 10
    assert all(row in story.journal.rows for row in story.made[50:])


async def test_a_store_that_is_away_drops_nothing(story: Story) -> None:
    story.archive.is_away = True
    with pytest.raises(ObjectsAway):
        await story.dropper().step()
    assert story.is_untouched


async def test_without_the_archive_what_was_dropped_is_not_passed_over(story: Story) -> None:
    await story.dropper().step()
    story.archive.is_away = True
    reader = WholeJournal(story.journal, story.archive, 0)
    assert await reader.read(0) == story.made[:1]
    with pytest.raises(JournalAway, match="dropped"):
        await reader.read(story.made[0].last_sequence)
    assert await reader.read(story.made[-2].last_sequence) == story.made[-1:]
    story.archive.is_away = False
    story.archive.bodies.clear()
    with pytest.raises(JournalAway, match="no segment holds"):
        await reader.read(story.made[0].last_sequence)


async def test_a_journal_whose_kept_part_is_another_begins_no_branch(story: Story) -> None:
    """A branch from sequence 1 on would make everything that is archived count for nothing."""
    await story.dropper().step()
    kept = story.journal.rows
    story.journal.rows = [kept[0], *rows(40, seed=9, after=kept[1])]
    keys = set(story.archive.bodies)
    worker = Archiver(story.archive, story.journal, 0, lambda: story.now_us, 0.0)
    with pytest.raises(ArchiveFault, match="does not hold"):
        await worker.begin()
    assert set(story.archive.bodies) == keys


def test_rows_before_a_gap_are_consecutive() -> None:
    made = list(rows(5))
    assert consecutive(made) == made
    assert consecutive([made[0], *made[2:]]) == made[:1]
    assert consecutive([]) == []


async def test_a_journal_of_one_batch_is_left(story: Story) -> None:
    story.journal = MemoryJournal()
    assert await story.dropper().step() == 0
