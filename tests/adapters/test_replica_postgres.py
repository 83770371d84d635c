"""A replica's pool is opened without one, and everything wrong with it is an OSError."""

import asyncpg
import pytest

from openbourse.adapters.connection_postgres import DatabaseAway, connect_replica
from openbourse.adapters.replica_postgres import ReplicaPool
from tests.conftest import OwnPostgres


async def test_it_is_opened_while_the_replica_is_away(own_postgres: OwnPostgres) -> None:
    pool = await ReplicaPool.open(own_postgres.url, 2)
    with pytest.raises(DatabaseAway):
        async with pool.acquire():
            raise AssertionError("nobody is there")
    own_postgres.start()
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT 1") == 1
    pool.terminate()


async def test_a_table_that_is_missing_or_a_slow_statement_is_for_the_primary(database_url: str) -> None:
    pool = await ReplicaPool.open(database_url, 0.2)
    for statement in ("SELECT * FROM not_replicated_yet", "SELECT pg_sleep(30)"):
        with pytest.raises(DatabaseAway):
            async with pool.acquire() as connection:
                await connection.fetch(statement)
        async with pool.acquire() as connection:
            assert await connection.fetchval("SELECT 1") == 1
    pool.terminate()


async def test_nothing_is_written_by_it(database_url: str) -> None:
    connection = await connect_replica(database_url)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await connection.execute("CREATE TABLE written ()")
    await connection.close()
