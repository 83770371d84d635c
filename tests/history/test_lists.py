"""Lists, amendments and conditional orders are told as their events left them."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from openbourse.edge.errors import ApiError
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Caller
from openbourse.edge.order_lists import public_id
from openbourse.edge.params import Params
from openbourse.history.api import operations
from openbourse.history.barrier import ReadBarrier
from openbourse.history.projector import HistoryProjector
from openbourse.history.store import Store
from openbourse.protocol.events import Event, InstrumentDefined
from tests.edge.test_listing import IMAGE, TOLD
from tests.made_events import order, order_list
from tests.projection.recorded import make_tables

AT_US = 1_800_000_000_000_000
LEGS = {"type": 5, "flags": 0, "working_us": -1, "order_list": 5, "stop_price": 8_000 * 10**8}


class History:
    """Rows written from events, and the questions about them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        listing = Listing()
        listing.apply([*TOLD, InstrumentDefined(14, 0, replace(IMAGE, instrument=2, symbol="BTCEUR"))])

        async def nothing() -> int:
            return 0

        told = operations(Store(pool), listing, ReadBarrier(nothing, nothing))
        self._operations = {operation.rest: operation for operation in told}
        self._projector = HistoryProjector()

    async def write(self, *told: Event, at_us: int = AT_US) -> None:
        for event in told:
            self._projector.take(event, at_us)
        async with self._pool.acquire() as connection:
            await self._projector.write(connection)

    async def ask(self, path: str, **params: object) -> Any:
        operation = self._operations["GET", path]
        asked = Params({name: str(value) for name, value in params.items()})
        assert set(asked) <= operation.parameters
        return await operation.handler(Call(asked, Caller(1_000, 1, "key", frozenset({"READ"})), AT_US))


@pytest_asyncio.fixture
async def history(database_url: str) -> AsyncIterator[History]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        await make_tables(pool)
        yield History(pool)


async def test_a_list_is_found_by_either_name_and_ends(history: History) -> None:
    await history.write(order_list(), order_list(order_list=6, list_client_id="list-6"))
    shown = await history.ask("/api/v3/orderList", orderListId=public_id(5, 1))
    assert shown == await history.ask("/api/v3/orderList", origClientOrderId="list-5")
    assert (shown["listStatusType"], shown["listOrderStatus"], shown["contingencyType"]) == (
        "EXEC_STARTED",
        "EXECUTING",
        "OCO",
    )
    assert shown["transactionTime"] == AT_US // 1_000
    assert [row["clientOrderId"] for row in shown["orders"]] == ["up", "down"]
    assert len(await history.ask("/api/v3/openOrderList")) == 2
    await history.write(order_list(status=3), at_us=AT_US + 5_000)
    ended = await history.ask("/api/v3/orderList", orderListId=public_id(5, 1))
    assert (ended["listStatusType"], ended["transactionTime"]) == ("ALL_DONE", AT_US // 1_000)
    assert [row["listClientOrderId"] for row in await history.ask("/api/v3/openOrderList")] == ["list-6"]


async def test_lists_of_a_time_or_from_an_id(history: History) -> None:
    for number in range(1, 5):
        await history.write(order_list(order_list=number, sequence=number), at_us=AT_US + number * 1_000_000)
    everything = await history.ask("/api/v3/allOrderList")
    ids = [row["orderListId"] for row in everything]
    assert ids == [public_id(number, 1) for number in range(1, 5)]
    newest = await history.ask("/api/v3/allOrderList", limit=2)
    assert [row["orderListId"] for row in newest] == ids[2:]
    since = await history.ask("/api/v3/allOrderList", startTime=AT_US // 1_000 + 2_000, limit=2)
    assert [row["orderListId"] for row in since] == ids[1:3]
    assert [row["orderListId"] for row in await history.ask("/api/v3/allOrderList", fromId=ids[3])] == ids[3:]
    with pytest.raises(ApiError) as raised:
        await history.ask("/api/v3/allOrderList", fromId=1, startTime=5)
    assert raised.value.code == -1128


async def test_no_list_is_passed_over_by_who_goes_on_from_the_last_one(history: History) -> None:
    made = [(9, 1), (2, 2), (10, 1), (3, 2), (4, 2)]  # (list, instrument): ids count for each instrument alone
    for sequence, (number, instrument) in enumerate(made, 1):
        await history.write(order_list(order_list=number, instrument=instrument, sequence=sequence))
    ids = [public_id(number, instrument) for number, instrument in made]
    for after in (0, 1):  # some go on from the last id itself, some from the one after it
        seen = [row["orderListId"] for row in await history.ask("/api/v3/allOrderList", fromId=0, limit=2)]
        while len(seen) < len(ids):
            page = await history.ask("/api/v3/allOrderList", fromId=seen[-1] + after, limit=2)
            seen += [row["orderListId"] for row in page][1 - after :]
        assert seen == ids


async def test_a_list_that_nobody_placed_is_told_so(history: History) -> None:
    with pytest.raises(ApiError) as raised:
        await history.ask("/api/v3/orderList", orderListId=77)
    assert (raised.value.code, raised.value.message) == (-2018, "Order list does not exist.")
    with pytest.raises(ApiError) as raised:
        await history.ask("/api/v3/orderList")
    assert raised.value.code == -1102


async def test_a_waiting_order_is_open_and_not_working(history: History) -> None:
    await history.write(order(**LEGS), order(order=8, status=7, flags=0, working_us=-1, order_list=5))
    waiting, pending = await history.ask("/api/v3/openOrders", symbol="BTCUSDT")
    assert (waiting["stopPrice"], waiting["isWorking"], waiting["workingTime"]) == ("8000.00000000", False, -1)
    assert waiting["orderListId"] == public_id(5, 1)
    assert (pending["status"], pending["stopPrice"], pending["icebergQty"]) == (
        "PENDING_NEW",
        "0.00000000",
        "0.00000000",
    )
    await history.write(order(**{**LEGS, "execution": 6, "flags": 1, "working_us": AT_US}))
    triggered = await history.ask("/api/v3/order", symbol="BTCUSDT", orderId=7)
    assert (triggered["isWorking"], triggered["workingTime"]) == (True, AT_US // 1_000)


async def test_an_ended_list_leaves_no_open_order(history: History) -> None:
    await history.write(order(**LEGS), order(**{**LEGS, "status": 5, "execution": 4, "expiry": 6}))
    assert await history.ask("/api/v3/openOrders", symbol="BTCUSDT") == []
    shown = await history.ask("/api/v3/order", symbol="BTCUSDT", orderId=7)
    assert (shown["status"], shown["expiryReason"], shown["isWorking"]) == ("EXPIRED", "OCO_TRIGGER", False)


async def test_amendments_tell_the_quantity_before_and_after(history: History) -> None:
    first = {"execution": 7, "quantity": 8 * 10**5, "client_id": "b", "original_client_id": "mine", "execution_id": 71}
    second = {"execution": 7, "quantity": 6 * 10**5, "client_id": "c", "original_client_id": "b", "execution_id": 72}
    third = {"execution": 7, "quantity": 5 * 10**5, "client_id": "c", "original_client_id": "c", "execution_id": 73}
    # The first two with the order's first image still in hand, the third from its row.
    await history.write(order(), order(**first), order(**second))
    await history.write(order(**third))
    rows = await history.ask("/api/v3/order/amendments", symbol="BTCUSDT", orderId=7)
    assert [(row["origQty"], row["newQty"], row["origClientOrderId"], row["newClientOrderId"]) for row in rows] == [
        ("0.01000000", "0.00800000", "mine", "b"),
        ("0.00800000", "0.00600000", "b", "c"),
        ("0.00600000", "0.00500000", "c", "c"),
    ]
    later = await history.ask("/api/v3/order/amendments", symbol="BTCUSDT", orderId=7, fromExecutionId=72, limit=1)
    assert [row["executionId"] for row in later] == [72]
    shown = await history.ask("/api/v3/order", symbol="BTCUSDT", origClientOrderId="c")
    assert shown["origQty"] == "0.00500000"


async def test_a_fill_names_its_list_and_rates_their_discount(history: History) -> None:
    trade = {"execution": 3, "status": 3, "trade": 9, "commission_asset": 2, "last_price": 5, "last_quantity": 10**6}
    await history.write(order(order_list=5, **trade))
    (fill,) = await history.ask("/api/v3/myTrades", symbol="BTCUSDT")
    assert fill["orderListId"] == public_id(5, 1)
    rates = await history.ask("/api/v3/account/commission", symbol="BTCUSDT")
    assert rates["discount"] == {
        "enabledForAccount": True,
        "enabledForSymbol": True,
        "discountAsset": "BTC",
        "discount": "0.75000000",
    }
    assert rates["standardCommission"]["maker"] == "0.00080000"
    assert (await history.ask("/api/v3/account"))["canTrade"] is False


@pytest.mark.parametrize(
    ("target", "code"),
    [
        *(({}, -1102), ({"orderId": 0}, -2013), ({"orderId": 9}, -2013), ({"origClientOrderId": ""}, -1105)),
        # Binance's changelog of 2025-04-08.
        ({"orderId": 9, "origClientOrderId": "nobody"}, -2039),
    ],
)
async def test_an_order_that_is_not_there_is_told_from_one_that_was_not_named(
    history: History, target: dict[str, object], code: int
) -> None:
    with pytest.raises(ApiError) as raised:
        await history.ask("/api/v3/order", symbol="BTCUSDT", **target)
    assert raised.value.code == code


@pytest.mark.parametrize("path", ["allOrders", "myTrades", "allOrderList"])
async def test_a_time_beyond_every_date_is_after_everything(history: History, path: str) -> None:
    symbol = {} if path == "allOrderList" else {"symbol": IMAGE.symbol}
    for times in ({"endTime": 2**63 - 1}, {"startTime": 2**63 - 1}, {"startTime": 2**63 - 1, "endTime": 2**63 - 1}):
        assert await history.ask(f"/api/v3/{path}", **symbol, **times) == []
