"""A pool of connections to PostgreSQL whose loss is an OSError, as services expect it, whatever the driver calls it."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import asyncpg

FAULTS: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    # The driver's word for a statement that meets the server's farewell.
    asyncpg.InternalClientError,
)
"""What a database does that is killed, stopped, starting, or out of reach."""


class DatabaseAway(ConnectionError):
    """The database cannot be reached now: whether a statement that was under way took effect is not known."""


@contextlib.contextmanager
def telling_away() -> Iterator[None]:
    """Raise DatabaseAway for whatever the driver raises when the database is away."""
    try:
        yield
    except FAULTS as fault:
        raise DatabaseAway(f"the database is away: {fault or type(fault).__name__}") from fault


class PostgresPool:
    """What services need of a pool; a lost connection is replaced when the next statement comes."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str, connections_max: int, statement_s: float) -> "PostgresPool":
        """Return a pool with its first connection made. Raises DatabaseAway."""
        with telling_away():
            return cls(
                await asyncpg.create_pool(
                    url,
                    min_size=1,
                    max_size=connections_max,
                    command_timeout=statement_s,
                    server_settings={"jit": "off"},
                )
            )

    def terminate(self) -> None:
        """Close all connections without a word."""
        self._pool.terminate()

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        """Lend a connection. Raises DatabaseAway, also for what is done on it."""
        with telling_away():
            async with self._pool.acquire() as connection:
                yield connection

    async def execute(self, statement: str, *values: object) -> str:
        """Run a statement. Raises DatabaseAway."""
        with telling_away():
            return str(await self._pool.execute(statement, *values))

    async def fetch(self, statement: str, *values: object) -> list[Any]:
        """Return rows. Raises DatabaseAway."""
        with telling_away():
            return list(await self._pool.fetch(statement, *values))

    async def fetchrow(self, statement: str, *values: object) -> Any:
        """Return the first row, or None. Raises DatabaseAway."""
        with telling_away():
            return await self._pool.fetchrow(statement, *values)

    async def fetchval(self, statement: str, *values: object) -> Any:
        """Return the first value, or None. Raises DatabaseAway."""
        with telling_away():
            return await self._pool.fetchval(statement, *values)
