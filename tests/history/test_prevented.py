"""What self-trade prevention kept apart is told by match and by order; a trade with oneself is told whole."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from openbourse.edge.errors import ApiError
from openbourse.protocol.events import Execution, OrderFlag
from tests.history.test_lists import AT_US, History
from tests.made_events import order
from tests.projection.recorded import make_tables

PATH = "/api/v3/myPreventedMatches"
KEPT = {"execution": Execution.TRADE_PREVENTION, "last_price": 9_000 * 10**8, "last_prevented": 10**6}
MAKER = KEPT | {"order": 7, "counter_order": 8, "flags": OrderFlag.IS_MAKER, "stp": 2}
TAKER = KEPT | {"order": 8, "counter_order": 7, "flags": 0, "side": 1}


@pytest_asyncio.fixture
async def history(database_url: str) -> AsyncIterator[History]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        await make_tables(pool)
        yield History(pool)


async def test_both_sides_of_a_prevented_match_are_one_row_with_the_mode_of_the_taker(history: History) -> None:
    await history.write(order(**MAKER, prevented_match=1), order(**TAKER, prevented_match=1, stp=4))
    assert await history.ask(PATH, symbol="BTCUSDT", preventedMatchId=1) == [
        {
            "symbol": "BTCUSDT",
            "preventedMatchId": 1,
            "takerOrderId": 8,
            "makerSymbol": "BTCUSDT",
            "makerOrderId": 7,
            "tradeGroupId": -1,
            "selfTradePreventionMode": "DECREMENT",
            "price": "9000.00000000",
            "takerPreventedQuantity": "0.01000000",
            "makerPreventedQuantity": "0.01000000",
            "transactTime": AT_US // 1_000,
        }
    ]


async def test_who_is_told_of_alone_has_the_only_quantity(history: History) -> None:
    await history.write(order(**MAKER, prevented_match=1), order(**TAKER, prevented_match=2, stp=2))
    maker, taker = await history.ask(PATH, symbol="BTCUSDT", orderId=7)
    assert (maker["selfTradePreventionMode"], "takerPreventedQuantity" in maker) == ("EXPIRE_MAKER", False)
    assert (taker["selfTradePreventionMode"], "makerPreventedQuantity" in taker) == ("EXPIRE_TAKER", False)
    assert await history.ask(PATH, symbol="BTCUSDT", orderId=8, fromPreventedMatchId=2) == [taker]
    assert await history.ask(PATH, symbol="BTCUSDT", orderId=8, limit=1) == [maker]
    assert await history.ask(PATH, symbol="BTCUSDT", preventedMatchId=3) == []


async def test_a_taker_of_another_account_learns_of_the_maker_that_expired(history: History) -> None:
    taker = order(order=8, side=1, execution=Execution.NEW)
    await history.write(taker, order(**MAKER, account=2_000, prevented_match=1))
    (shown,) = await history.ask(PATH, symbol="BTCUSDT", orderId=8)
    assert (shown["makerOrderId"], shown["selfTradePreventionMode"]) == (7, "EXPIRE_MAKER")
    assert (shown["makerPreventedQuantity"], "takerPreventedQuantity" in shown) == ("0.01000000", False)


async def test_two_accounts_of_a_group_learn_both_quantities(history: History) -> None:
    maker = order(**MAKER, account=2_000, prevented_match=1)
    await history.write(order(order=8, side=1), maker, order(**TAKER, prevented_match=1, stp=4))
    (shown,) = await history.ask(PATH, symbol="BTCUSDT", preventedMatchId=1)
    assert (shown["makerPreventedQuantity"], shown["takerPreventedQuantity"]) == ("0.01000000", "0.01000000")
    assert shown["selfTradePreventionMode"] == "DECREMENT"


@pytest.mark.parametrize("params", [{}, {"orderId": 7, "preventedMatchId": 1}, {"preventedMatchId": 1, "limit": 5}])
async def test_other_combinations_are_refused(history: History, params: dict[str, object]) -> None:
    with pytest.raises(ApiError) as raised:
        await history.ask(PATH, symbol="BTCUSDT", **params)
    assert raised.value.code == -1128


async def test_there_are_no_allocations(history: History) -> None:
    assert await history.ask("/api/v3/myAllocations", symbol="BTCUSDT", limit=10) == []
    with pytest.raises(ApiError):
        await history.ask("/api/v3/myAllocations", symbol="NOSUCH")


async def test_a_page_does_not_part_the_fills_of_a_trade_with_oneself(history: History) -> None:
    trade = {"execution": Execution.TRADE, "last_price": 9_000 * 10**8, "last_quantity": 10**6, "commission_asset": 1}
    for number in (1, 2):
        await history.write(order(**trade, trade=number), order(**trade, trade=number, order=8, side=1))
    for params in ({"limit": 3}, {"limit": 4}, {"fromId": 1, "limit": 3}):
        rows = await history.ask("/api/v3/myTrades", symbol="BTCUSDT", **params)
        assert [(row["id"], row["orderId"]) for row in rows] == [(1, 7), (1, 8), (2, 7), (2, 8)]
