"""The history role over a PostgreSQL of its own that is killed while rows are written."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import asyncpg

from openbourse.adapters.pool_postgres import PostgresPool
from openbourse.history.store import Store
from openbourse.settings import ProcessSettings
from openbourse.wiring.history import run_history
from openbourse.wiring.stores import Stores
from tests.conftest import OwnPostgres
from tests.projection.recorded import Recorded, make_tables, read_rows

KILLS = 3


async def reach(pool: asyncpg.Pool, sequence: int) -> None:
    """Wait until the rows stand at a sequence at least."""
    async with asyncio.timeout(30):
        while True:
            try:
                if await Store(pool).cursor() >= sequence:
                    return
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pass
            await asyncio.sleep(0.01)


async def test_every_row_is_there_after_postgres_was_killed_again_and_again(
    own_postgres: OwnPostgres, tmp_path: Path
) -> None:
    # A commit that does not wait for the disk is in memory for three turns of the WAL writer at most: make that long.
    own_postgres.start(wal_writer_delay="1000ms")
    url, feed = own_postgres.url, Recorded(1)
    end = feed.batches[-1].last_sequence
    stop, forgot = asyncio.Event(), 0
    async with asyncpg.create_pool(url, min_size=1, max_size=4) as pool:
        await make_tables(pool)
        lent = PostgresPool(pool, 15.0)

        async def database() -> PostgresPool:
            return lent

        settings = ProcessSettings(data_dir=tmp_path, database_url=url)
        stores = SimpleNamespace(settings=settings, whole_feed=lambda: feed, database=database)
        running = asyncio.create_task(run_history(cast(Stores, stores), lambda: None, stop))
        for kill in range(1, KILLS + 1):
            # Nothing new comes before the database is back: the worker must notice without a statement that fails.
            feed.until = seen = end * kill // (KILLS + 1)
            await reach(pool, seen)
            own_postgres.kill()
            await asyncio.to_thread(own_postgres.start, wal_writer_delay="1000ms")
            fresh = await asyncpg.connect(url)
            forgot += await fresh.fetchval("SELECT sequence FROM projection_history.cursor") < seen
            await fresh.close()
        feed.until = None
        await reach(pool, end)
        stop.set()
        await running
        found = await read_rows(pool)
        await make_tables(pool)
        running = asyncio.create_task(run_history(cast(Stores, stores), lambda: None, stop := asyncio.Event()))
        await reach(pool, end)
        assert found == await read_rows(pool)
        stop.set()
        await running
    assert forgot, "the database forgot commits at least once"


class Stubborn:
    """A database whose driver answers a cancellation with a fault."""

    async def fetchval(self, statement: str) -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise asyncpg.InternalClientError("another operation is in progress") from None
        return 0


async def test_it_stops_even_if_the_driver_answers_a_cancellation_with_a_fault(
    database_url: str, tmp_path: Path
) -> None:
    async def database() -> Stubborn:
        return Stubborn()

    settings = ProcessSettings(data_dir=tmp_path, database_url=database_url)
    stores = SimpleNamespace(settings=settings, whole_feed=lambda: None, database=database)
    stop = asyncio.Event()
    running = asyncio.create_task(run_history(cast(Stores, stores), lambda: None, stop))
    await asyncio.sleep(0.2)
    stop.set()
    await asyncio.wait_for(running, 5)
