"""What a question reads is bound by what it answers, however much an account has done before and after."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from openbourse.history.store import Store
from tests.projection.recorded import counting, rows_read

ROWS = 8_000
LIMIT = 10
BEYOND_MAX = 100
"""Rows that may be read besides those that are answered: where a time begins is found in a few looks."""
AT = "g / 4 * 1000"
"""Several have the same time: they came with one batch."""
MADE = f"""
INSERT INTO projection_history."order" SELECT 1000, 1, g * 3, 'c' || g, 1, 1, 1, 1, 4, 0, 0, 1, 1, 0, 0, 0, 0, 0, {AT}, {AT},
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM generate_series(1, {ROWS}) g;
INSERT INTO projection_history.fill SELECT 1000, 1, g * 2, g / 2 * 3, 1, 1, 1, 1, 1, {AT}, true, true, 0
    FROM generate_series(1, {ROWS}) g;
INSERT INTO projection_history.order_list SELECT 1000, g * 2, 1, g, 1, 3, 'l' || g, ARRAY[g], ARRAY['a'], {AT}, g
    FROM generate_series(1, {ROWS}) g;
INSERT INTO projection_history.prevented_match SELECT 1000, 1, g, g, g + 1, 1, 1, 1, 1, {AT} FROM generate_series(1, {ROWS}) g;
"""
Question = Callable[[Store], Awaitable[Any]]
MIDDLE, END = ROWS // 8 * 1000, ROWS // 4 * 1000


def orders(from_id: int | None, since: int | None, until: int | None) -> Question:
    return lambda store: store.orders(1000, 1, from_id, since, until, LIMIT)


def fills(order: int | None, from_id: int | None, since: int | None, until: int | None) -> Question:
    return lambda store: store.fills(1000, 1, order, from_id, since, until, LIMIT)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    async with counting(database_url, MADE) as connection:
        yield connection


async def test_no_question_reads_much_more_than_it_answers(connection: asyncpg.Connection) -> None:
    """Questions with a time, or by an order, went through all that the account had ever done."""
    questions: list[tuple[Question, list[int]]] = [
        (orders(None, None, None), [g * 3 for g in range(ROWS - 9, ROWS + 1)]),
        (orders(None, MIDDLE, END), [g * 3 for g in range(ROWS // 2, ROWS // 2 + 10)]),
        (orders(None, MIDDLE, None), [g * 3 for g in range(ROWS // 2, ROWS // 2 + 10)]),
        (orders(None, None, MIDDLE), [g * 3 for g in range(ROWS // 2 - 6, ROWS // 2 + 4)]),
        (orders(None, MIDDLE, MIDDLE), [g * 3 for g in range(ROWS // 2, ROWS // 2 + 4)]),
        (orders(7, MIDDLE, END), [g * 3 for g in range(ROWS // 2, ROWS // 2 + 10)]),
        (orders(MIDDLE * 2, MIDDLE, MIDDLE), []),
        (orders(None, END + 1, None), []),
        (orders(None, None, -1), []),
        (orders(None, 0, 0), [3, 6, 9]),
        (fills(None, None, None, None), [g * 2 for g in range(ROWS - 9, ROWS + 1)]),
        (fills(None, None, MIDDLE, END), [g * 2 for g in range(ROWS // 2, ROWS // 2 + 10)]),
        (fills(None, None, END, None), [ROWS * 2]),
        (fills(None, None, None, MIDDLE), [g * 2 for g in range(ROWS // 2 - 6, ROWS // 2 + 4)]),
        (fills(300, None, None, None), [400, 402]),
        (fills(300, 401, None, None), [402]),
        (fills(1, None, None, None), []),
        (
            lambda store: store.order_lists(1000, ROWS, None, None, LIMIT),
            [g * 2 for g in range(ROWS // 2, ROWS // 2 + 10)],
        ),
        (
            lambda store: store.order_lists(1000, None, MIDDLE, END, LIMIT),
            [g * 2 for g in range(ROWS // 2, ROWS // 2 + 10)],
        ),
        (lambda store: store.prevented_matches(1000, 1, None, 77, 0, LIMIT), [76, 77]),
        (lambda store: store.prevented_matches(1000, 1, None, 77, 77, LIMIT), [77]),
        (lambda store: store.prevented_matches(1000, 1, 77, None, 77, 1), [77]),
    ]
    store = Store(connection)
    for number, (question, expected) in enumerate(questions):
        before = await rows_read(connection)
        rows = await question(store)
        names = ("order_id", "trade", "public_id", "match")
        found = [next(row[name] for name in names[number >= 10 :] if name in row) for row in rows]
        assert found == expected, number
        assert await rows_read(connection) - before <= LIMIT + BEYOND_MAX, number


async def test_a_list_is_found_by_either_name_alone(connection: asyncpg.Connection) -> None:
    store = Store(connection)
    before = await rows_read(connection)
    for public_id, client_id, found in (
        (40, "", 40),
        (None, "l20", 40),
        (40, "l20", 40),
        (40, "l21", None),
        (41, "", None),
    ):
        row = await store.order_list(1000, public_id, client_id)
        assert (None if row is None else row["public_id"]) == found
    assert await rows_read(connection) - before <= BEYOND_MAX
