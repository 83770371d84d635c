"""Connections to a read replica: whatever goes wrong there is an OSError, for the primary can answer as well."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg

from openbourse.adapters.connection_postgres import DatabaseAway, connect_replica
from openbourse.adapters.pool_postgres import PostgresPool

CONNECTIONS_MAX: Final = 4
STATEMENT_S: Final = 3.0
"""What a page of history takes is milliseconds: a replica that is slower than this is frozen or drowned."""


async def _connect(url: str, **_of_the_pool: object) -> asyncpg.Connection:
    return await connect_replica(url)


class ReplicaPool:
    """Lends connections to a replica. It is opened without one: a process starts while its replica is away."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str, statement_s: float = STATEMENT_S) -> "ReplicaPool":
        """Return a pool without a connection yet."""
        inner = await asyncpg.create_pool(url, min_size=0, max_size=CONNECTIONS_MAX, connect=_connect)
        return cls(PostgresPool(inner, statement_s))

    def terminate(self) -> None:
        """Close all connections without a word."""
        self._pool.terminate()

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        """Lend a connection for at most the statement's time. Raises DatabaseAway, also for what is done on it.

        A replica may cancel a statement that is in the way of what it replays, and may lack a table that was just made:
        nothing that it says of a statement is the last word.
        """
        try:
            async with self._pool.acquire() as connection:
                yield connection
        except asyncpg.PostgresError as fault:
            raise DatabaseAway(f"the replica cannot answer: {fault or type(fault).__name__}") from fault
