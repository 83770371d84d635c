"""A pool of connections to PostgreSQL whose loss is an OSError, as services expect it, whatever the driver calls it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from openbourse.adapters.connection_postgres import DatabaseAway, connect, is_lost, telling_away

__all__ = ["DatabaseAway", "PostgresPool"]


async def _connect(url: str, **_of_the_pool: object) -> asyncpg.Connection:
    return await connect(url)


async def _refuse_lost(connection: asyncpg.Connection) -> None:
    """Have the pool drop a connection that is closed or leads to a host that is no longer the one to write to."""
    if is_lost(connection):
        raise DatabaseAway("this host was demoted, or hung up")


class PostgresPool:
    """What services need of a pool; a lost connection is replaced when the next statement comes.

    A connection that is held longer than it may be is hung up on: its host may be frozen, and then neither a time-out
    nor a cancellation of the driver's ends in time. What the other connections lead to is then looked at anew too.
    """

    def __init__(self, pool: asyncpg.Pool, statement_s: float) -> None:
        self._pool = pool
        self._statement_s = statement_s

    @classmethod
    async def open(cls, url: str, connections_max: int, statement_s: float) -> "PostgresPool":
        """Return a pool with its first connection made. Raises DatabaseAway."""
        inner = await asyncpg.create_pool(
            url, min_size=0, max_size=connections_max, connect=_connect, setup=_refuse_lost
        )
        pool = cls(inner, statement_s)
        try:
            await pool.fetchval("SELECT 1")
        except BaseException:
            pool.terminate()
            raise
        return pool

    def terminate(self) -> None:
        """Close all connections without a word."""
        self._pool.terminate()

    @contextlib.asynccontextmanager
    async def acquire(self, seconds_max: float | None = None) -> AsyncIterator[Any]:
        """Lend a connection for at most the statement's time, or a named one. Raises DatabaseAway, also for what is done on it."""
        lent_s = self._statement_s if seconds_max is None else seconds_max
        try:
            with telling_away():
                async with self._pool.acquire(timeout=self._statement_s) as connection:
                    bound = asyncio.get_running_loop().call_later(lent_s, connection.terminate)
                    try:
                        yield connection
                    finally:
                        bound.cancel()
        except DatabaseAway:
            # Those that idle may lead to the same host; each is opened anew when it is needed.
            await self._pool.expire_connections()
            raise

    async def execute(self, statement: str, *values: object) -> str:
        """Run a statement. Raises DatabaseAway."""
        async with self.acquire() as connection:
            return str(await connection.execute(statement, *values))

    async def fetch(self, statement: str, *values: object) -> list[Any]:
        """Return rows. Raises DatabaseAway."""
        async with self.acquire() as connection:
            return list(await connection.fetch(statement, *values))

    async def fetchrow(self, statement: str, *values: object) -> Any:
        """Return the first row, or None. Raises DatabaseAway."""
        async with self.acquire() as connection:
            return await connection.fetchrow(statement, *values)

    async def fetchval(self, statement: str, *values: object) -> Any:
        """Return the first value, or None. Raises DatabaseAway."""
        async with self.acquire() as connection:
            return await connection.fetchval(statement, *values)
