"""Projected balances in PostgreSQL, read together with the cursor they stand at."""

import asyncpg

Balances = dict[tuple[int, int], tuple[int, int]]


async def read_projected_balances(url: str) -> tuple[int, Balances] | None:
    """Return the history's cursor and its balances as of one moment; None where there is no such projection."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            if await connection.fetchval("SELECT to_regclass('projection_history.balance')") is None:
                return None
            cursor = await connection.fetchval("SELECT sequence FROM projection_history.cursor")
            rows = await connection.fetch("SELECT account, asset, available, held FROM projection_history.balance")
    finally:
        await connection.close()
    return cursor or 0, {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows}
