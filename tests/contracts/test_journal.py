"""What every journal promises, over PostgreSQL and over the twins in memory and in simulated time."""

import hashlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.protocol.journal import (
    GENESIS,
    AppendInDoubt,
    BatchRow,
    Deposed,
    Head,
    JournalAway,
    SnapshotHead,
    SnapshotRow,
    chain_hash,
)
from openbourse.sequencer.tables import create_schema
from tests.contracts.journal_memory import MemoryJournal
from tests.contracts.journal_simulated import DrivenJournal


class LedPostgresJournal(PostgresJournal):
    """The adapter, with a lease row that a test sets."""

    async def lead(self, epoch: int) -> None:
        connection = await self.connect()
        await connection.execute(
            "INSERT INTO journal.lease VALUES (0, $1, 'test', '', 0, now()) ON CONFLICT (shard) DO UPDATE SET epoch = $1",
            epoch,
        )

    async def set_full(self, is_full: bool) -> None:
        """Have the server refuse batches as it does without room on its disk, or take them again."""
        await set_full(await self.connect(), is_full)


_FULL = """
CREATE OR REPLACE FUNCTION journal.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON journal.batch FOR EACH ROW EXECUTE FUNCTION journal.refuse()
"""


async def set_full(connection: asyncpg.Connection, is_full: bool) -> None:
    """Fill the disk under the journal's batches, or empty it."""
    await connection.execute(_FULL if is_full else "DROP TRIGGER full_disk ON journal.batch")


Subject = LedPostgresJournal | MemoryJournal | DrivenJournal


@pytest.fixture(params=["postgres", "memory", "simulated"])
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each journal, empty, led by epoch 1."""
    subject: Subject
    if request.param == "memory":
        subject = MemoryJournal()
    elif request.param == "simulated":
        subject = DrivenJournal()
    else:
        subject = LedPostgresJournal(request.getfixturevalue("journal_url"), 0)
        await create_schema(await subject.connect())
    await subject.lead(1)
    yield subject
    await subject.close()


def batch(after: Head, commands: int = 1, epoch: int = 1, time_us: int = 1_000) -> BatchRow:
    """Return a batch that follows a head."""
    first, last = after.sequence + 1, after.sequence + commands
    hashed = chain_hash(after.hash, 0, epoch, first, last, time_us, b"commands", b"events")
    return BatchRow(0, epoch, first, last, time_us, b"commands", b"events", after.hash, hashed)


async def fill(journal: Subject, *sizes: int) -> list[BatchRow]:
    rows = []
    for number, size in enumerate(sizes):
        rows.append(batch(await journal.head(), size, time_us=1_000 + number))
        await journal.append(rows[-1])
    return rows


async def test_an_empty_journal_ends_at_genesis(journal: Subject) -> None:
    assert await journal.head() == Head(0, 0, GENESIS)
    assert await journal.read(0) == []
    assert await journal.find(1) is None


async def test_what_is_appended_is_read_back_in_order(journal: Subject) -> None:
    rows = await fill(journal, 1, 3, 2)
    assert await journal.read(0) == rows
    assert await journal.read(1) == rows[1:]
    assert await journal.read(0, 2) == rows[:2]
    assert await journal.head() == Head(6, 1_002, rows[-1].hash)
    assert [await journal.find(sequence) for sequence in (1, 2, 4, 5, 7)] == [rows[0], rows[1], rows[1], rows[2], None]
    assert await journal.since(1_001) == rows[1:]
    assert all(row.is_whole() for row in await journal.read(0))


@pytest.mark.parametrize("epoch", [0, 2])
async def test_another_epoch_cannot_append(journal: Subject, epoch: int) -> None:
    with pytest.raises(Deposed):
        await journal.append(batch(Head(), epoch=epoch))
    assert await journal.head() == Head()


async def test_an_old_epoch_cannot_append_once_a_new_one_leads(journal: Subject) -> None:
    (row,) = await fill(journal, 1)
    await journal.lead(2)
    with pytest.raises(Deposed):
        await journal.append(batch(await journal.head(), epoch=1))
    assert (await journal.head()).hash == row.hash
    await journal.append(batch(await journal.head(), epoch=2))


async def test_the_end_is_settled_for_the_epoch_that_leads_alone(journal: Subject) -> None:
    (row,) = await fill(journal, 2)
    assert (await journal.settled(1)).hash == row.hash
    with pytest.raises(Deposed):
        await journal.settled(2)


async def test_a_batch_that_does_not_follow_the_head_is_refused(journal: Subject) -> None:
    (row,) = await fill(journal, 2)
    for wrong in (Head(), Head(1, 0, row.hash), Head(3, 0, row.hash), Head(2, 0, GENESIS)):
        with pytest.raises(Deposed):
            await journal.append(batch(wrong))
    assert await journal.read(0) == [row]


async def pieces(*found: bytes) -> AsyncIterator[bytes]:
    for each in found:
        yield each


async def test_the_newest_snapshots_are_kept(journal: Subject) -> None:
    for sequence in range(1, 6):
        head = SnapshotHead(sequence, bytes(32), hashlib.sha256(b"state").digest(), 1, b"counts")
        await journal.save_snapshot(head, pieces(b"st", b"ate"), keep=3)
    assert await journal.snapshot_sequences() == [5, 4, 3]
    assert await journal.snapshot(2) is None
    found = await journal.snapshot(5)
    assert found == SnapshotRow(head, b"state")
    assert found.is_whole()


async def test_rows_are_dropped_oldest_first_and_what_is_needed_stays(journal: Subject) -> None:
    if isinstance(journal, DrivenJournal):
        pytest.skip("nothing is dropped in simulated time")
    rows = await fill(journal, 2, 3, 1, 4, 2, 1)
    assert await journal.drop(0, 13, 100) == 0, "without a snapshot nothing goes"
    for sequence in (10, 12):
        head = SnapshotHead(sequence, bytes(32), hashlib.sha256(b"state").digest(), 1, b"")
        await journal.save_snapshot(head, pieces(b"state"), keep=3)
    assert await journal.drop(0, 5, 1) == 1
    assert await journal.drop(0, 5, 1) == 0
    assert await journal.read(0) == [rows[0], *rows[2:]], "the first batch stays"
    assert await journal.drop(5, 13, 100) == 1, "and so does what a snapshot stands on, with all after it"
    assert await journal.read(0) == [rows[0], *rows[3:]]
    assert await journal.find(3) is None
    assert await journal.find(8) == rows[3]
    await journal.append(batch(await journal.head()))
    assert (await journal.head()).sequence == 14


async def broken() -> AsyncIterator[bytes]:
    yield b"st"
    raise OSError("the child is gone")


async def test_half_a_snapshot_is_none(journal: Subject) -> None:
    with pytest.raises(OSError, match="gone"):
        await journal.save_snapshot(SnapshotHead(1, bytes(32), bytes(32), 1), broken(), keep=3)
    assert await journal.snapshot_sequences() == []
    assert await journal.snapshot(1) is None


async def test_a_reopening_is_kept_until_it_is_done(journal: Subject) -> None:
    assert await journal.reopening() == b""
    for plan in (b"first", b"second", b""):
        await journal.keep_reopening(plan)
        assert await journal.reopening() == plan


async def test_an_accepted_loss_is_remembered(journal: Subject) -> None:
    assert await journal.accepted_loss() == 0
    await journal.accept_loss(70)
    assert await journal.accepted_loss() == 70


async def test_the_first_hash_that_was_left_stays(journal: Subject) -> None:
    assert await journal.left_hash(7) is None
    await journal.leave_hash(7, b"a" * 32)
    await journal.leave_hash(7, b"b" * 32)
    assert await journal.left_hash(7) == b"a" * 32


async def test_a_full_disk_takes_no_batch_and_the_same_one_when_there_is_room(journal: Subject) -> None:
    (before,) = await fill(journal, 1)
    row = batch(await journal.head())
    await journal.set_full(True)
    for _ in range(2):
        with pytest.raises((AppendInDoubt, JournalAway)):
            await journal.append(row)
        assert (await journal.settled(1)).hash == before.hash
    await journal.set_full(False)
    await journal.append(row)
    assert await journal.read(0) == [before, row]


async def test_a_lost_connection_is_opened_anew(journal: Subject, request: pytest.FixtureRequest) -> None:
    (row,) = await fill(journal, 1)
    if isinstance(journal, DrivenJournal):
        journal.lose_sessions()
    if isinstance(journal, LedPostgresJournal):
        other = await asyncpg.connect(request.getfixturevalue("journal_url"))
        pid = (await journal.connect()).get_server_pid()
        await other.execute("SELECT pg_terminate_backend($1)", pid)
        await other.close()
    journal.abort()
    assert await journal.read(0) == [row]
