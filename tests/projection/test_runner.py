"""Projections can be dropped and rebuilt to the same rows, however the batches were grouped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg

from openbourse.engine import Engine
from openbourse.history.projector import HistoryProjector
from openbourse.history.tables import create_schema
from openbourse.listings import ASSETS, INSTRUMENTS
from openbourse.marketdata import tables as marketdata
from openbourse.marketdata.projector import MarketProjector
from openbourse.projection.feed import CommittedBatch
from openbourse.projection.runner import run
from openbourse.protocol import commands
from openbourse.protocol.amounts import UNIT

TABLES = (
    'projection_history."order"',
    "projection_history.fill",
    "projection_history.balance",
    "projection_history.transfer",
    "projection_marketdata.level",
    "projection_marketdata.trade",
    "projection_marketdata.candle",
    "projection_marketdata.listing",
    "projection_marketdata.book",
)


def frames() -> list[bytes]:
    made: list[commands.Command] = [commands.CreateAsset(asset, code) for code, asset in ASSETS.items()]
    made += [commands.ListInstrument(image) for image in INSTRUMENTS]
    for account in (1_000, 1_001):
        made.append(commands.OpenAccount(account))
        for asset in ASSETS.values():
            identity = (account * 100 + asset).to_bytes(32, "little")
            made.append(commands.CreditDeposit(account, asset, 10**6 * UNIT, identity))
    for number in range(120):
        made.append(
            commands.PlaceOrder(
                account=1_000 + number % 2,
                instrument=INSTRUMENTS[0].instrument,
                side=1 + number % 2,
                type=1,
                time_in_force=1,
                price=(60_000 + number % 7 - 3) * UNIT,
                quantity=UNIT // 1_000 * (1 + number % 3),
                client_id=f"o{number}",
            )
        )
    return [command.encode() for command in made]


class Recorded:
    """A feed of what the engine did, in batches of one size."""

    def __init__(self, size: int) -> None:
        engine, self.batches = Engine(), list[CommittedBatch]()
        every = frames()
        for at in range(0, len(every), size):
            part = every[at : at + size]
            first = engine.sequence + 1
            # The time depends on the sequence alone, so that grouping changes nothing.
            for frame in part:
                number = engine.sequence + 1
                events, _ = engine.apply(number, number, frame)
                self.batches.append(CommittedBatch(number, number, number, events))
            assert engine.sequence == first + len(part) - 1

    async def follow(self, after: int) -> AsyncIterator[CommittedBatch]:
        for batch in self.batches:
            if batch.first_sequence > after:
                yield batch
        await asyncio.Event().wait()


async def project(pool: asyncpg.Pool, feed: Recorded) -> dict[str, list[tuple[object, ...]]]:
    async with pool.acquire() as connection:
        await connection.execute("DROP SCHEMA IF EXISTS projection_history CASCADE")
        await create_schema(connection, marketdata.SCHEMA, marketdata.NAME)
    done = asyncio.Event()
    last = feed.batches[-1].last_sequence

    async def committed(sequence: int) -> None:
        if sequence == last:
            done.set()

    task = asyncio.create_task(run(feed, pool, [HistoryProjector(), MarketProjector()], 0, committed))
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    rows = {}
    for table in TABLES:
        rows[table] = sorted(tuple(row.values()) for row in await pool.fetch(f"SELECT * FROM {table}"))
    return rows


async def test_a_rebuilt_projection_has_the_same_rows(database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        first = await project(pool, Recorded(1))
        again = await project(pool, Recorded(50))
    assert first == again
    assert all(first.values()), "every table has rows"
