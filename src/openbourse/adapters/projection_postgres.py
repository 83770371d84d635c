"""What projections in PostgreSQL hold, read together with the cursor they stand at."""

from typing import Final

from openbourse.adapters.connection_postgres import connect

Balances = dict[tuple[int, int], tuple[int, int]]
Figures = dict[tuple[str, int], tuple[int, int, int]]
"""By kind of row and instrument: rows, sum of ids, sum of quantities."""

_FIGURES: Final = """
SELECT 'orders', instrument, count(*), sum(order_id), sum(executed) FROM projection_history."order" GROUP BY instrument
UNION ALL
SELECT 'open orders', instrument, count(*), sum(order_id), sum(executed) FROM projection_history."order"
WHERE status IN (1, 2, 7) GROUP BY instrument
UNION ALL
SELECT 'fills', instrument, count(*), sum(trade), sum(quantity) FROM projection_history.fill GROUP BY instrument
UNION ALL
SELECT 'lists', instrument, count(*), sum(list_id), sum(cardinality(orders)) FROM projection_history.order_list
GROUP BY instrument
UNION ALL
SELECT 'amendments', instrument, count(*), sum(execution_id), sum(quantity) FROM projection_history.amendment
GROUP BY instrument
UNION ALL
SELECT 'trades', instrument, count(*), sum(trade), sum(quantity) FROM projection_marketdata.trade GROUP BY instrument
UNION ALL
SELECT 'levels', instrument, count(*), sum(price), sum(quantity) FROM projection_marketdata.level GROUP BY instrument
"""


async def read_projected(url: str) -> tuple[int, Balances, Figures] | None:
    """Return the projections' cursor, their balances and figures as of one moment; None where there are none."""
    connection = await connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            if await connection.fetchval("SELECT to_regclass('projection_history.balance')") is None:
                return None
            cursor = await connection.fetchval("SELECT sequence FROM projection_history.cursor")
            rows = await connection.fetch("SELECT account, asset, available, held FROM projection_history.balance")
            sums = await connection.fetch(_FIGURES)
    finally:
        await connection.close()
    balances = {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows}
    return cursor or 0, balances, {(row[0], row[1]): (int(row[2]), int(row[3]), int(row[4])) for row in sums}
