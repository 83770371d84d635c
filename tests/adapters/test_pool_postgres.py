"""A pool goes on when its database is killed; what services hear of it is an OSError."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg
import pytest

from openbourse.adapters.pool_postgres import DatabaseAway, PostgresPool
from openbourse.identity import users
from openbourse.identity.store import Store as UserStore
from openbourse.monitor import audit
from openbourse.wallet import waiting, withdrawals
from openbourse.wallet.store import Store as WalletStore
from openbourse.wiring.health import Books
from tests.conftest import OwnPostgres
from tests.engine_intake import EngineIntake


async def lend(pool: PostgresPool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT 1")


async def test_a_killed_database_is_away_and_comes_back(own_postgres: OwnPostgres) -> None:
    own_postgres.start()
    pool = await PostgresPool.open(own_postgres.url, 4, 5)
    ask: list[Callable[[], Awaitable[object]]] = [
        lambda: pool.fetchval("SELECT 1"),
        lambda: pool.fetchrow("SELECT 1"),
        lambda: pool.fetch("SELECT 1"),
        lambda: pool.execute("SELECT 1"),
        lambda: lend(pool),
    ]
    for each in ask:
        await each()
        sleeping = asyncio.create_task(pool.fetchval("SELECT pg_sleep(30)"))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(own_postgres.kill)
        with pytest.raises(DatabaseAway):
            await sleeping
        with pytest.raises(DatabaseAway):
            await each()
        await asyncio.to_thread(own_postgres.start)
        await each()
    with pytest.raises(DatabaseAway):
        await PostgresPool.open(own_postgres.url.replace("host=", "host=/nowhere"), 1, 1)
    pool.terminate()


class Starting:
    """A database that is recovering: the driver's own faults, which are no OSError."""

    def acquire(self, timeout: float) -> AbstractAsyncContextManager[None]:
        @contextlib.asynccontextmanager
        async def refuse() -> AsyncIterator[None]:
            assert timeout > 0
            raise asyncpg.CannotConnectNowError("the database system is starting up")
            yield

        return refuse()

    async def expire_connections(self) -> None:
        """There are none."""


async def test_loops_beside_the_serving_go_on_when_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (withdrawals, users):
        monkeypatch.setattr(module, "RECONCILE_EVERY_S", 0.01)
    for module in (audit, waiting):
        monkeypatch.setattr(module, "EVERY_S", 0.01)
    pool: Any = PostgresPool(Starting(), 1.0)
    unused: Any = None
    watch = audit.Audit(Books(pool, unused))
    loops = [
        asyncio.create_task(withdrawals.Withdrawals(WalletStore(pool), EngineIntake()).keep_reconciled()),
        asyncio.create_task(
            users.Users(UserStore(pool), unused, unused, EngineIntake(), unused, unused).keep_reconciled()
        ),
        asyncio.create_task(watch.run()),
        asyncio.create_task(waiting.Waiting(WalletStore(pool)).run()),
    ]
    await asyncio.sleep(0.3)
    assert [loop for loop in loops if loop.done()] == []
    assert watch.faults > 1
    for loop in loops:
        loop.cancel()
