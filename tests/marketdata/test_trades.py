"""Older trades are read by what is asked for alone, and an aggregate is told of whole or not at all."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from openbourse.marketdata.trades import Aggregate, TradeStore, aggregated
from openbourse.marketdata.view import Trade
from tests.projection.recorded import counting, rows_read

ROWS, LIMIT, BEYOND_MAX = 20_000, 5, 80
"""Ten trades an aggregate, two aggregates a moment."""
MADE = f"""
INSERT INTO projection_marketdata.trade
SELECT 1, g, g / 10, 5, 1 + g % 2, 1, g / 20 * 1000, true FROM generate_series(0, {ROWS - 1}) g
"""


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    async with counting(database_url, MADE) as connection:
        yield connection


def numbered(number: int) -> Aggregate:
    return Aggregate(number, 5, 15, number * 10, number * 10 + 9, number // 2 * 1000, True)


async def test_aggregates_are_whole_and_nothing_else_is_read_for_them(connection: asyncpg.Connection) -> None:
    """Who asked for one had four of its trades; to find a late time or id, all before it were gone through."""
    store, at = TradeStore(connection), ROWS // 20 - 7
    for question, first in (
        (store.aggregates_by_id(1, 0, LIMIT), 0),
        (store.aggregates_by_id(1, at * 2 + 1, LIMIT), at * 2 + 1),
        (store.aggregates_between(1, at * 1000, 2**62, LIMIT, is_newest=False), at * 2),
        (store.aggregates_between(1, 0, at * 1000, LIMIT, is_newest=True), at * 2 - 3),
        (store.aggregates_between(1, 3_500, 3_700, LIMIT, is_newest=False), None),
    ):
        before = await rows_read(connection)
        found = await question
        assert found == ([] if first is None else [numbered(first + number) for number in range(LIMIT)])
        assert await rows_read(connection) - before <= LIMIT * 10 + BEYOND_MAX


async def test_what_is_read_for_aggregates_has_a_bound_and_none_is_cut_by_it(connection: asyncpg.Connection) -> None:
    store = TradeStore(connection, 25)
    assert await store.aggregates_by_id(1, 7, LIMIT) == [numbered(7), numbered(8)]
    assert await store.aggregates_between(1, 0, 9_000, LIMIT, is_newest=True) == [numbered(18), numbered(19)]
    store = TradeStore(connection, 4)
    assert await store.aggregates_by_id(1, 7, LIMIT) == [numbered(7)]
    assert await store.aggregates_between(1, 0, 9_000, LIMIT, is_newest=True) == [numbered(19)]
    assert await store.aggregate(1, 10**9) is None


async def test_trades_in_memory_are_aggregated_alike() -> None:
    trades = [Trade(g, g // 10, 5, 1 + g % 2, 1, g // 20 * 1000, True) for g in range(40)]
    assert aggregated(trades) == [numbered(number) for number in range(4)]
    assert aggregated([]) == []
