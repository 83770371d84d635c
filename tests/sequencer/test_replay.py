"""`verify` proves a sound journal and finds what was changed in it."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.projection_postgres import read_projected
from openbourse.history.projector import HistoryProjector
from openbourse.marketdata.projector import MarketProjector
from openbourse.projection.runner import run
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.commands import CreditDeposit, OpenAccount
from openbourse.protocol.journal import BatchRow, chain_hash
from openbourse.sequencer.figures import Figures
from openbourse.sequencer.recovery import ReplayDiverged, recover
from openbourse.sequencer.replay import Projected, Report, state_at, verify
from tests.projection.recorded import make_tables
from tests.sequencer.shard import SET_UP, Shard, buy, far


@pytest.fixture
async def journal(shard: Shard) -> PostgresJournal:
    """A journal of two leaders with a snapshot after each."""
    for turn in range(2):
        replica = shard.start(f"r{turn}")
        async with shard.gateway() as gateway:
            for command in SET_UP if turn == 0 else []:
                await gateway.submit(command, far())
            for number in range(5):
                await gateway.submit(buy(f"t{turn}-{number}"), far())
        await replica.end()
    return PostgresJournal(shard.settings.journal_url, 0)


async def change(shard: Shard, statement: str) -> None:
    connection = await asyncpg.connect(shard.settings.journal_url)
    assert (await connection.execute(statement)).endswith(" 1"), "one row is changed"
    await connection.close()


def broken(report: Report) -> list[str]:
    return [check.promise for check in report.checks if not check.is_kept]


async def test_a_sound_journal_is_proven(journal: PostgresJournal) -> None:
    end = (await journal.head()).sequence
    told: list[tuple[int, int]] = []
    report = await verify(journal, lambda done, of: told.append((done, of)))
    assert report.is_sound, [check.faults for check in report.checks]
    assert report.sequence == end
    assert told[-1] == (end, end)
    counted = {check.unit: check.counted for check in report.checks}
    assert (counted["commands"], counted["snapshots"], counted["leaders"]) == (15, 2, 2)


@pytest.mark.parametrize("column", ["commands", "events", "previous_hash", "hash"])
async def test_one_flipped_byte_is_found(shard: Shard, journal: PostgresJournal, column: str) -> None:
    await change(
        shard,
        f"UPDATE journal.batch SET {column} = set_byte({column}, 9, get_byte({column}, 9) # 1) WHERE last_sequence = 8",
    )
    report = await verify(journal)
    assert "hash chain" in broken(report)[0]
    assert report.sequence < 8
    for sequence in (10, 15):
        await change(shard, f"DELETE FROM journal.snapshot WHERE sequence = {sequence}")
    with pytest.raises(ReplayDiverged):
        await recover(journal)


async def test_events_changed_with_a_right_hash_are_found_by_replay(shard: Shard, journal: PostgresJournal) -> None:
    row = await journal.find(15)
    assert row is not None
    events = row.events[:-1] + bytes([row.events[-1] ^ 1])
    forged = BatchRow(row.shard, row.epoch, 15, 15, row.time_us, row.commands, events, row.previous_hash, b"")
    hashed = chain_hash(row.previous_hash, 0, row.epoch, 15, 15, row.time_us, row.commands, forged.events)
    await change(
        shard,
        f"UPDATE journal.batch SET events = '\\x{events.hex()}', hash = '\\x{hashed.hex()}' WHERE last_sequence = 15",
    )
    assert any("same events" in promise for promise in broken(await verify(journal)))


async def test_a_missing_batch_and_a_changed_snapshot_are_found(shard: Shard, journal: PostgresJournal) -> None:
    await change(
        shard,
        "UPDATE journal.snapshot_part SET bytes = set_byte(bytes, 20, get_byte(bytes, 20) # 1) WHERE sequence = 10",
    )
    assert broken(await verify(journal)) == ["snapshots are whole and equal the replayed state"]
    assert (await recover(journal)).head == await journal.head()
    await change(shard, "DELETE FROM journal.batch WHERE last_sequence = 3")
    assert not (await verify(journal)).is_sound


async def test_a_projection_that_shows_other_balances_is_found(journal: PostgresJournal) -> None:
    end = (await journal.head()).sequence
    engine = (await state_at(journal, end)).engine
    assert engine.sequence == end

    async def wrong() -> Projected:
        return Projected(end, {(1_000, 2): (1, 2)}, {})

    report = await verify(journal, read_projected=wrong)
    assert broken(report)[0] == "projected balances equal the replayed ones"


@pytest.fixture
async def projected(shard: Shard, journal: PostgresJournal) -> AsyncIterator[asyncpg.Connection]:
    """The journal, gone on with a trade, and projected to its end."""
    replica = shard.start("r2")
    async with shard.gateway() as gateway:
        await gateway.submit(OpenAccount(1_001), far())
        await gateway.submit(CreditDeposit(1_001, 1, UNIT, bytes(31) + b"1"), far())
        await gateway.submit(msgspec.structs.replace(buy("s"), account=1_001, side=2), far())
    await replica.end()
    url, end = shard.settings.database_url, (await journal.head()).sequence
    async with asyncpg.create_pool(url, min_size=1, max_size=2) as pool:
        await make_tables(pool)
        done = asyncio.Event()

        async def committed(sequence: int) -> None:
            if sequence == end:
                done.set()

        task = asyncio.create_task(run(shard.feed(), pool, [HistoryProjector(), MarketProjector()], 0, committed))
        await asyncio.wait_for(done.wait(), 30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with pool.acquire() as connection:
            yield connection


@pytest.mark.parametrize(
    "loss",
    [
        'DELETE FROM projection_history."order" WHERE order_id = 3',
        'UPDATE projection_history."order" SET status = 4 WHERE order_id = 3',
        'UPDATE projection_history."order" SET executed = 0 WHERE executed > 0 AND order_id = 1',
        "DELETE FROM projection_history.fill WHERE trade = 1 AND is_buyer",
        "DELETE FROM projection_marketdata.trade WHERE trade = 1",
        "DELETE FROM projection_marketdata.level WHERE side = 1",
    ],
)
async def test_a_row_that_projections_have_lost_is_found(
    shard: Shard, journal: PostgresJournal, projected: asyncpg.Connection, loss: str
) -> None:
    async def read() -> Projected:
        found = await read_projected(shard.settings.database_url)
        assert found is not None
        return Projected(found[0], found[1], {key: Figures(*sums) for key, sums in found[2].items()})

    report = await verify(journal, read_projected=read)
    assert report.is_sound, [check.faults for check in report.checks]
    assert {check.unit: check.counted for check in report.checks}["rows"] > 0
    assert (await projected.execute(loss))[-2:] == " 1", "one row is changed"
    assert broken(await verify(journal, read_projected=read)) == [
        "no projected order, fill, trade or level is missing or too many"
    ]
