"""Order lists: what becomes of their parameters, how they are refused, what the answers show."""

from typing import Any, cast

import pytest

from openbourse.edge.order_lists import list_of, public_id
from openbourse.listings import INSTRUMENT_ID_MAX
from openbourse.protocol.commands import CancelOrderList, ListForm, PlaceOrderList
from openbourse.protocol.events import Leg
from openbourse.protocol.instruments import OrderType
from openbourse.protocol.rejects import RejectReason
from tests import made_events
from tests.made_events import ToldEngine
from tests.order_params import OCO
from tests.served import Venue, ask, signed_params

WORKING = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "9000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
    "pendingSide": "SELL",
}
OTO = {**WORKING, "pendingType": "MARKET", "pendingQuantity": "0.01"}
PAIR = {
    "pendingAboveType": "TAKE_PROFIT",
    "pendingAboveStopPrice": "9900",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowTrailingDelta": "100",
}
REQUESTS = {
    "oco": OCO,
    "oto": OTO,
    "otoco": {**WORKING, **PAIR, "pendingQuantity": "0.01"},
    "opo": {**WORKING, "pendingType": "LIMIT_MAKER", "pendingPrice": "9900"},
    "opoco": {**WORKING, **PAIR},
}
OLD_OCO = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "quantity": "0.01",
    "price": "8000",
    "stopPrice": "9900",
    "stopLimitPrice": "9950",
    "stopLimitTimeInForce": "GTC",
    "limitClientOrderId": "lim",
    "stopClientOrderId": "stp",
}
LIST_ID = public_id(5, 1)


def told(venue: Venue, *events: Any) -> None:
    venue.intake.engine = cast(Any, ToldEngine(events))


def changed(base: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def sent(venue: Venue) -> PlaceOrderList:
    ((command, _),) = venue.intake.submitted
    assert isinstance(command, PlaceOrderList)
    return command


@pytest.mark.parametrize(
    ("form", "types", "quantities"),
    [
        ("oco", (OrderType.LIMIT_MAKER, OrderType.STOP_LOSS_LIMIT), (10**6, 10**6)),
        ("oto", (OrderType.LIMIT, OrderType.MARKET), (10**6, 10**6)),
        ("otoco", (OrderType.LIMIT, OrderType.TAKE_PROFIT, OrderType.STOP_LOSS), (10**6, 10**6, 10**6)),
        ("opo", (OrderType.LIMIT, OrderType.LIMIT_MAKER), (10**6, 0)),
        ("opoco", (OrderType.LIMIT, OrderType.TAKE_PROFIT, OrderType.STOP_LOSS), (10**6, 0, 0)),
    ],
)
async def test_every_form_becomes_one_command(
    venue: Venue, form: str, types: tuple[int, ...], quantities: tuple[int, ...]
) -> None:
    legs = tuple(Leg(7 + number, f"c{number}") for number in range(len(types)))
    told(
        venue,
        made_events.order_list(legs=legs, form=ListForm[form.upper()]),
        *(made_events.order(order=leg.order, order_list=5) for leg in legs),
    )
    answer = await venue.signed("POST", f"/api/v3/orderList/{form}", REQUESTS[form], listClientOrderId="list-5")
    assert answer.status_code == 200, answer.text
    command = sent(venue)
    assert (command.form, command.list_client_id) == (ListForm[form.upper()], "list-5")
    assert tuple(leg.type for leg in command.legs) == types
    assert tuple(leg.quantity for leg in command.legs) == quantities
    assert len({leg.client_id for leg in command.legs}) == len(types)
    shown = answer.json()
    assert shown["contingencyType"] == ("OCO" if form == "oco" else "OTO")
    assert len(shown["orders"]) == len(shown["orderReports"]) == len(types)


async def test_a_placed_oco_shows_its_list_and_both_orders(venue: Venue) -> None:
    told(
        venue,
        made_events.order_list(),
        made_events.order(order=7, type=3, client_id="up", order_list=5),
        made_events.order(
            order=8, type=5, client_id="down", order_list=5, flags=0, working_us=-1, stop_price=8_100 * 10**8
        ),
        made_events.order(order=2, account=1_001, client_id="of another"),
    )
    shown = (await venue.signed("POST", "/api/v3/orderList/oco", OCO)).json()
    reports = shown.pop("orderReports")
    time_ms = shown.pop("transactionTime")
    assert shown == {
        "orderListId": LIST_ID,
        "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED",
        "listOrderStatus": "EXECUTING",
        "listClientOrderId": "list-5",
        "symbol": "BTCUSDT",
        "orders": [
            {"symbol": "BTCUSDT", "orderId": 7, "clientOrderId": "up"},
            {"symbol": "BTCUSDT", "orderId": 8, "clientOrderId": "down"},
        ],
    }
    assert [report["orderListId"] for report in reports] == [LIST_ID, LIST_ID]
    assert [report["transactTime"] for report in reports] == [time_ms, time_ms]
    assert (reports[1]["stopPrice"], reports[1]["workingTime"]) == ("8100.00000000", -1)
    assert "fills" not in reports[0]


async def test_a_pending_order_shows_as_it_was_placed_even_when_it_went_on(venue: Venue) -> None:
    pending = made_events.order(order=8, type=2, status=7, flags=0, working_us=-1, quantity=0, order_list=5)
    told(
        venue,
        made_events.order_list(form=4),
        made_events.order(order=7, side=1, order_list=5),
        pending,
        made_events.order(order=7, side=1, order_list=5, status=3, execution=3, commission_asset=2, trade=1),
        made_events.order(order=8, type=2, status=3, execution=3, commission_asset=1, trade=2, order_list=5),
        made_events.order_list(form=4, status=3),
    )
    shown = (await venue.signed("POST", "/api/v3/orderList/opo", REQUESTS["opo"], newOrderRespType="FULL")).json()
    working, waiting = shown["orderReports"]
    assert (shown["listStatusType"], shown["listOrderStatus"]) == ("EXEC_STARTED", "EXECUTING")
    assert (working["status"], len(working["fills"])) == ("FILLED", 1)
    assert (waiting["status"], waiting["fills"], "origQty" in waiting) == ("PENDING_NEW", [], False)


@pytest.mark.parametrize(
    ("form", "changes", "code", "words"),
    [
        ("oco", {"aboveType": None}, -1102, "'aboveType'"),
        ("oco", {"side": None}, -1102, "'side'"),
        ("oco", {"quantity": None}, -1102, "'quantity'"),
        ("oco", {"abovePrice": None}, -1102, "'abovePrice'"),
        ("oco", {"belowStopPrice": None}, -1102, "Param 'belowStopPrice' or 'belowTrailingDelta'"),
        ("oco", {"belowTimeInForce": None}, -1102, "'belowTimeInForce'"),
        ("oco", {"belowIcebergQty": "0.001", "belowTimeInForce": "IOC"}, -1160, "'belowIcebergQty'"),
        ("oco", {"aboveType": "LIMIT", "aboveTimeInForce": "GTC"}, -1158, "Order type not supported in OCO."),
        ("oco", {"aboveTimeInForce": "GTC"}, -1114, "TimeInForce"),
        ("oco", {"side": "BUY"}, -1165, "A limit order in a buy OCO must be below."),
        (
            "oco",
            {
                "aboveType": "STOP_LOSS",
                "abovePrice": None,
                "aboveStopPrice": "9900",
                "belowType": "LIMIT_MAKER",
                "belowStopPrice": None,
                "belowTimeInForce": None,
            },
            -1166,
            "A limit order in a sell OCO must be above.",
        ),
        (
            "oco",
            {"belowType": "LIMIT_MAKER", "belowStopPrice": None, "belowTimeInForce": None},
            -1168,
            "At least one OCO order must be contingent.",
        ),
        ("oco", {"belowType": "TAKE_PROFIT_LIMIT"}, -1199, "A take profit order in a sell OCO must be above."),
        (
            "oco",
            {"aboveType": "STOP_LOSS", "abovePrice": None, "aboveStopPrice": "9900"},
            -1197,
            "A stop loss order in a sell OCO must be below.",
        ),
        ("oco", {"surprise": "1"}, -1104, "Not all sent parameters were read"),
        ("oto", {"workingType": "MARKET", "workingPrice": None, "workingTimeInForce": None}, -1116, "orderType"),
        ("oto", {"pendingQuantity": None}, -1102, "'pendingQuantity'"),
        ("oto", {"pendingType": "LIMIT"}, -1102, "'pendingTimeInForce'"),
        ("oto", {"quoteOrderQty": "5"}, -1104, "Not all sent parameters were read"),
        ("opo", {"pendingQuantity": "0.01"}, -1104, "Not all sent parameters were read"),
        ("opo", {"workingSide": "SELL"}, -1222, "Working order in an OPO list must be a bid."),
        ("opoco", {"pendingSide": "BUY"}, -1223, "Pending orders in an OPO list must be asks."),
        ("otoco", {"pendingBelowTrailingDelta": None}, -1102, "Param 'pendingBelowStopPrice'"),
    ],
)
async def test_a_list_that_makes_no_sense_is_refused_by_name(
    venue: Venue, form: str, changes: dict[str, str | None], code: int, words: str
) -> None:
    answer = await venue.signed("POST", f"/api/v3/orderList/{form}", changed(REQUESTS[form], changes))
    assert answer.status_code == 400
    assert (answer.json()["code"], words in answer.json()["msg"]) == (code, True), answer.text
    assert not venue.intake.submitted


async def test_an_oco_of_the_older_form_is_the_same_list(venue: Venue) -> None:
    told(
        venue,
        made_events.order_list(),
        made_events.order(order=7, order_list=5),
        made_events.order(order=8, order_list=5),
    )
    assert (await venue.signed("POST", "/api/v3/order/oco", OLD_OCO)).status_code == 200
    above, below = sent(venue).legs
    assert (above.type, above.stop_price, above.price, above.client_id) == (5, 9_900 * 10**8, 9_950 * 10**8, "stp")
    assert (below.type, below.stop_price, below.price, below.client_id) == (3, None, 8_000 * 10**8, "lim")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"stopPrice": None}, -1102),
        ({"price": None}, -1102),
        ({"stopLimitTimeInForce": None}, -1102),
        ({"stopLimitPrice": None}, -1114),
        ({"stopLimitPrice": None, "stopLimitTimeInForce": None, "stopIcebergQty": "1"}, -1106),
    ],
)
async def test_an_oco_of_the_older_form_has_its_own_rules(
    venue: Venue, changes: dict[str, str | None], code: int
) -> None:
    answer = await venue.signed("POST", "/api/v3/order/oco", changed(OLD_OCO, changes))
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


@pytest.mark.parametrize(
    ("form", "reason", "code", "message"),
    [
        ("oco", RejectReason.LIST_NOT_SUPPORTED, -1013, "OCO orders are not supported for this symbol"),
        ("opo", RejectReason.LIST_NOT_SUPPORTED, -1013, "OPO orders are not supported for this symbol."),
        (
            "oco",
            RejectReason.BAD_PRICES,
            -2010,
            "The relationship of the prices for the orders is not correct.",
        ),
        ("oto", RejectReason.MAX_NUM_ORDER_LISTS, -2010, "Filter failure: MAX_NUM_ORDER_LISTS"),
    ],
)
async def test_a_rejected_list_is_told_in_the_words_that_clients_know(
    venue: Venue, form: str, reason: RejectReason, code: int, message: str
) -> None:
    told(venue, made_events.rejected(19, reason))
    answer = await venue.signed("POST", f"/api/v3/orderList/{form}", REQUESTS[form])
    assert (answer.status_code, answer.json()) == (400, {"code": code, "msg": message})


def canceled_oco() -> list[Any]:
    gone = {"status": 4, "execution": 2, "flags": 0, "request_id": "bye", "order_list": 5}
    return [
        made_events.order(order=7, client_id="up", **gone),
        made_events.order(order=8, client_id="down", **gone),
        made_events.order_list(status=3, request_id="bye"),
    ]


async def test_a_canceled_list_shows_every_order_that_was_canceled(venue: Venue) -> None:
    told(venue, *canceled_oco())
    shown = (await venue.signed("DELETE", "/api/v3/orderList", symbol="BTCUSDT", orderListId=LIST_ID)).json()
    assert (shown["listStatusType"], shown["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert [(row["origClientOrderId"], row["clientOrderId"], row["status"]) for row in shown["orderReports"]] == [
        ("up", "bye", "CANCELED"),
        ("down", "bye", "CANCELED"),
    ]
    ((command, _),) = venue.intake.submitted
    assert isinstance(command, CancelOrderList)
    assert (command.order_list, command.instrument) == (5, 1)


async def test_an_order_of_a_list_is_canceled_with_its_list(venue: Venue) -> None:
    told(venue, *canceled_oco())
    shown = (await venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=7)).json()
    assert (shown["orderListId"], len(shown["orderReports"])) == (LIST_ID, 2)


async def test_all_orders_canceled_show_lists_as_lists(venue: Venue) -> None:
    told(venue, made_events.order(order=3, status=4, execution=2, request_id="bye"), *canceled_oco())
    single, whole = (await venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")).json()
    assert (single["orderId"], single["orderListId"]) == (3, -1)
    assert [row["orderId"] for row in whole["orderReports"]] == [7, 8]


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({}, -1102, "Param 'orderListId' or 'listClientOrderId' must be sent"),
        ({"orderListId": str(public_id(5, 2))}, -2011, "Unknown order list sent."),
        ({"orderListId": "5"}, -2011, "Unknown order list sent."),
    ],
)
async def test_a_list_that_nobody_has_is_not_canceled(
    venue: Venue, params: dict[str, str], code: int, words: str
) -> None:
    answer = await venue.signed("DELETE", "/api/v3/orderList", {"symbol": "BTCUSDT", **params})
    assert (answer.json()["code"], words in answer.json()["msg"]) == (code, True)
    assert not venue.intake.submitted


async def test_lists_are_placed_and_canceled_over_sockets_alike(venue: Venue) -> None:
    told(
        venue,
        made_events.order_list(),
        made_events.order(order=7, order_list=5),
        made_events.order(order=8, order_list=5),
    )
    async with venue.connect() as connection:
        reply = await ask(connection, "orderList.place.oco", signed_params(OCO))
        assert (reply["status"], reply["result"]["orderListId"]) == (200, LIST_ID)
        told(venue, *canceled_oco())
        reply = await ask(
            connection, "orderList.cancel", signed_params({"symbol": "BTCUSDT", "listClientOrderId": "list-5"})
        )
        assert reply["result"]["listOrderStatus"] == "ALL_DONE"
        unknown = await ask(connection, "orderList.place.ooo", {})
        assert unknown["error"]["code"] == -1020


JAVASCRIPT_WHOLE_MAX = 2**53 - 1


@pytest.mark.parametrize("instrument", [1, 4, 1_024, INSTRUMENT_ID_MAX, INSTRUMENT_ID_MAX + 1, 2**31 - 1])
@pytest.mark.parametrize("number", [1, 2**20, 2**30 - 1])
def test_a_public_id_names_list_and_instrument(number: int, instrument: int) -> None:
    assert list_of(public_id(number, instrument)) == (number, instrument)
    assert public_id(number, instrument) < 2**63


def test_no_two_lists_have_one_public_id() -> None:
    numbers = [1, 2, 3, 2**15, 2**16, 2**20]
    ids = {public_id(number, instrument) for number in numbers for instrument in (1, 2, 2**16 - 1, *numbers)}
    assert len(ids) == len(numbers) * len({1, 2, 2**16 - 1, *numbers})


def test_javascript_reads_the_ids_of_sixty_billion_lists_of_an_instrument() -> None:
    for instrument in (1, INSTRUMENT_ID_MAX):
        assert public_id(2**36 - 1, instrument) <= JAVASCRIPT_WHOLE_MAX
