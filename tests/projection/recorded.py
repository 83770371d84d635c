"""What an engine did with some trading, as a feed, and the rows that projections make of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from openbourse.engine import Engine
from openbourse.history.tables import create_schema
from openbourse.listings import ASSETS, INSTRUMENTS
from openbourse.marketdata import tables as marketdata
from openbourse.projection.feed import CommittedBatch
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
    """A feed of what the engine did, in batches of one size; `until` is how far it goes for now."""

    def __init__(self, size: int) -> None:
        engine, self.batches = Engine(), list[CommittedBatch]()
        self.until: int | None = None
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
            while self.until is not None and batch.last_sequence > self.until:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            if batch.first_sequence > after:
                yield batch
        await asyncio.Event().wait()


async def make_tables(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("DROP SCHEMA IF EXISTS projection_history CASCADE")
        await create_schema(connection, marketdata.SCHEMA, marketdata.NAME)


@asynccontextmanager
async def counting(database_url: str, made: str) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection to rows that statements make, in one transaction: `rows_read` says how many it read."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
        await make_tables(pool)
        await pool.execute(made)
        await pool.execute("ANALYZE")
        async with pool.acquire() as connection, connection.transaction():
            yield connection


async def rows_read(connection: Any) -> int:
    return int(await connection.fetchval("SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"))


async def read_rows(pool: asyncpg.Pool) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: sorted(tuple(row.values()) for row in await pool.fetch(f"SELECT * FROM {table}")) for table in TABLES
    }
