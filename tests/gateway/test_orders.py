"""What order entry promises over REST, by code and message."""

from typing import Any

import pytest

from openbourse.edge.intake import Overloaded, StatusUnknown
from tests.served import BOBS_KEY, Venue

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "9000",
    "quantity": "0.001",
}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
ORDER = "/api/v3/order"


def changed(base: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("base", "changes", "code", "words"),
    [
        (LIMIT, {"symbol": "NOSUCH"}, -1121, "Invalid symbol."),
        (LIMIT, {"symbol": "btc usdt"}, -1100, "'symbol'"),
        (LIMIT, {"symbol": None}, -1102, "Mandatory parameter 'symbol'"),
        (LIMIT, {"side": None}, -1102, "'side'"),
        (LIMIT, {"side": "HOLD"}, -1117, "Invalid side."),
        (LIMIT, {"type": None}, -1102, "'type'"),
        (LIMIT, {"type": "WISH"}, -1116, "Invalid orderType."),
        (LIMIT, {"timeInForce": None}, -1102, "'timeInForce'"),
        (LIMIT, {"timeInForce": "SOON"}, -1115, "Invalid timeInForce."),
        (LIMIT, {"quantity": None}, -1102, "'quantity'"),
        (LIMIT, {"price": None}, -1102, "'price'"),
        (LIMIT, {"quoteOrderQty": "5"}, -1106, "'quoteOrderQty' sent when not required"),
        (LIMIT, {"price": "NaN"}, -1100, "'price'"),
        (LIMIT, {"quantity": ".001"}, -1100, "'quantity'"),
        (LIMIT, {"quantity": "1."}, -1100, "'quantity'"),
        (LIMIT, {"quantity": "١"}, -1100, "'quantity'"),
        (LIMIT, {"quantity": "9" * 40}, -1108, "'quantity'"),
        (LIMIT, {"newClientOrderId": ""}, -1105, "Parameter 'newClientOrderId' was empty."),
        (LIMIT, {"price": "1e5"}, -1100, "'price'"),
        (LIMIT, {"price": "-1"}, -1100, "'price'"),
        (LIMIT, {"price": ""}, -1105, "Parameter 'price' was empty."),
        (LIMIT, {"price": "9" * 60}, -1108, "Parameter 'price' overflowed."),
        (LIMIT, {"quantity": "0.123456789"}, -1111, "Parameter 'quantity' has too much precision."),
        (LIMIT, {"quantity": "0"}, -1013, "Price * QTY is zero or less."),
        (LIMIT, {"quantity": "0.000015"}, -1013, "Filter failure: LOT_SIZE"),
        (LIMIT, {"price": "9000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT, {"quantity": "0.00001", "price": "1000"}, -1013, "Filter failure: NOTIONAL"),
        (LIMIT, {"quantity": "900", "price": "900000"}, -1013, "Filter failure: NOTIONAL"),
        (LIMIT, {"quantity": "90", "price": "90000"}, -2010, "Account has insufficient balance"),
        (LIMIT, {"newClientOrderId": "no spaces"}, -1100, "'newClientOrderId'"),
        (LIMIT, {"newClientOrderId": "x" * 37}, -1100, "'newClientOrderId'"),
        (LIMIT, {"strategyType": "5"}, -1134, "1000000"),
        (LIMIT, {"selfTradePreventionMode": "SOMETIMES"}, -1013, "self-trade prevention"),
        (LIMIT, {"newOrderRespType": "ALL"}, -1130, "'newOrderRespType'"),
        (LIMIT, {"stopPrice": "8000"}, -1106, "'stopPrice'"),
        (LIMIT, {"surprise": "1"}, -1104, "read '8' parameter(s) but was sent '9'"),
        (MARKET, {"price": "9000"}, -1106, "'price'"),
        (MARKET, {"timeInForce": "GTC"}, -1114, "TimeInForce parameter sent when not required."),
        (MARKET, {"quantity": None}, -1102, "Param 'quantity' or 'quoteOrderQty' must be sent"),
        (MARKET, {"quoteOrderQty": "10"}, -1106, "'quoteOrderQty'"),
        (MARKET, {"quantity": None, "quoteOrderQty": "10"}, -2010, "Order book liquidity is less than"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_by_name(
    venue: Venue, base: dict[str, str], changes: dict[str, str | None], code: int, words: str
) -> None:
    answer = await venue.signed("POST", ORDER, changed(base, changes))
    assert answer.status_code == 400
    assert answer.json()["code"] == code, answer.text
    assert words in answer.json()["msg"]


async def test_each_detail_shows_its_fields(venue: Venue) -> None:
    ack = (await venue.signed("POST", ORDER, LIMIT, newOrderRespType="ACK")).json()
    assert set(ack) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert len(ack["clientOrderId"]) == 22
    result = (await venue.signed("POST", ORDER, LIMIT, newOrderRespType="RESULT")).json()
    assert set(result) == set(ack) | {
        *("price", "origQty", "executedQty", "origQuoteOrderQty", "cummulativeQuoteQty", "status", "timeInForce"),
        *("type", "side", "workingTime", "selfTradePreventionMode"),
    }  # fmt: skip
    full = (await venue.signed("POST", ORDER, LIMIT, strategyId=7, strategyType=1_000_001)).json()
    assert set(full) == set(result) | {"fills", "strategyId", "strategyType"}


async def test_a_post_only_order_answers_with_an_ack(venue: Venue) -> None:
    order = {name: value for name, value in LIMIT.items() if name != "timeInForce"}
    answer = (await venue.signed("POST", ORDER, {**order, "type": "LIMIT_MAKER"})).json()
    assert set(answer) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}


async def test_a_taker_sees_its_own_fills_only(venue: Venue) -> None:
    await venue.signed("POST", ORDER, LIMIT, key=BOBS_KEY, side="SELL", quantity="0.001")
    await venue.signed("POST", ORDER, LIMIT, key=BOBS_KEY, side="SELL", quantity="0.001", price="9001")
    taken = (await venue.signed("POST", ORDER, LIMIT, quantity="0.003", price="9001")).json()
    assert taken["status"] == "PARTIALLY_FILLED"
    assert taken["executedQty"] == "0.00200000"
    assert [(fill["price"], fill["qty"], fill["commission"], fill["commissionAsset"]) for fill in taken["fills"]] == [
        ("9000.00000000", "0.00100000", "0.00000100", "BTC"),
        ("9001.00000000", "0.00100000", "0.00000100", "BTC"),
    ]


async def test_a_prevented_self_trade_is_shown(venue: Venue) -> None:
    resting = (await venue.signed("POST", ORDER, LIMIT, side="SELL")).json()
    answer = (await venue.signed("POST", ORDER, LIMIT)).json()
    assert answer["fills"] == []
    assert answer["preventedMatches"] == [
        {
            "preventedMatchId": 1,
            "makerOrderId": resting["orderId"],
            "price": "9000.00000000",
            "makerPreventedQuantity": "0.00100000",
        }
    ]


async def test_a_test_order_changes_nothing(venue: Venue) -> None:
    assert (await venue.signed("POST", f"{ORDER}/test", LIMIT)).json() == {}
    rates = (await venue.signed("POST", f"{ORDER}/test", LIMIT, computeCommissionRates="true")).json()
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    refused = await venue.signed("POST", f"{ORDER}/test", LIMIT, price="9000.001")
    assert refused.json()["msg"] == "Filter failure: PRICE_FILTER"
    assert (await venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")).json()["code"] == -2011


async def test_an_order_is_canceled_by_either_name(venue: Venue) -> None:
    first = (await venue.signed("POST", ORDER, LIMIT, newClientOrderId="mine-1")).json()
    mismatch = await venue.signed(
        "DELETE", ORDER, symbol="BTCUSDT", orderId=first["orderId"], origClientOrderId="other"
    )
    assert mismatch.json()["code"] == -2039
    done = (await venue.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")).json()
    assert (done["status"], done["origClientOrderId"], done["orderId"]) == ("CANCELED", "mine-1", first["orderId"])
    assert done["clientOrderId"] != "mine-1"
    again = await venue.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=first["orderId"])
    assert (again.status_code, again.json()) == (400, {"code": -2011, "msg": "Unknown order sent."})


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, -1102),
        ({"orderId": "x"}, -1100),
        ({"orderId": "0"}, -2011),
        ({"orderId": "1", "cancelRestrictions": "NONE"}, -1145),
        ({"orderId": "1", "side": "BUY"}, -1104),
    ],
)
async def test_a_cancel_that_makes_no_sense_is_refused(venue: Venue, params: dict[str, str], code: int) -> None:
    answer = await venue.signed("DELETE", ORDER, {"symbol": "BTCUSDT", **params})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_cancel_keeps_its_restriction(venue: Venue) -> None:
    placed = (await venue.signed("POST", ORDER, LIMIT)).json()
    target = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    refused = await venue.signed("DELETE", ORDER, target, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert refused.json() == {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."}
    assert (await venue.signed("DELETE", ORDER, target, cancelRestrictions="ONLY_NEW")).status_code == 200


async def test_a_delete_may_carry_its_parameters_in_the_body(venue: Venue) -> None:
    from tests.served import HMAC_KEY, signed_query

    await venue.signed("POST", ORDER, LIMIT, newClientOrderId="body-1")
    answer = await venue.http.request(
        "DELETE",
        ORDER,
        content=signed_query({"symbol": "BTCUSDT", "origClientOrderId": "body-1"}),
        headers={"X-MBX-APIKEY": HMAC_KEY, "Content-Type": "application/json"},
    )
    assert answer.json()["status"] == "CANCELED"


async def test_all_orders_of_a_symbol_are_canceled(venue: Venue) -> None:
    for _ in range(3):
        await venue.signed("POST", ORDER, LIMIT)
    await venue.signed("POST", ORDER, LIMIT, symbol="ETHUSDT", quantity="0.1", price="900")
    canceled = (await venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")).json()
    assert [order["status"] for order in canceled] == ["CANCELED"] * 3
    assert {order["symbol"] for order in canceled} == {"BTCUSDT"}


async def test_a_client_id_of_an_open_order_cannot_be_used_twice(venue: Venue) -> None:
    assert (await venue.signed("POST", ORDER, LIMIT, newClientOrderId="once")).status_code == 200
    again = await venue.signed("POST", ORDER, LIMIT, newClientOrderId="once")
    assert again.json() == {"code": -2010, "msg": "Duplicate order sent."}


@pytest.mark.parametrize(("fault", "status", "code"), [(Overloaded(), 503, -1008), (StatusUnknown(), 503, -1007)])
async def test_a_sequencer_that_gives_no_result_is_told_apart(venue: Venue, fault: Any, status: int, code: int) -> None:
    venue.intake.fault = fault
    answer = await venue.signed("POST", ORDER, LIMIT)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_order_counts_are_told(venue: Venue) -> None:
    placed = await venue.signed("POST", ORDER, LIMIT)
    assert placed.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert placed.headers["X-MBX-ORDER-COUNT-1D"] == "1"
    counts = (await venue.signed("GET", "/api/v3/rateLimit/order")).json()
    assert [(row["interval"], row["intervalNum"], row["limit"]) for row in counts] == [
        ("SECOND", 10, 100),
        ("DAY", 1, 200_000),
    ]
    assert counts[1]["count"] == 1
