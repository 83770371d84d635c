"""Parameters of stops, icebergs, pegs and good-till orders: what becomes of them, and how they are refused."""

from typing import Any, cast

import pytest

from openbourse.protocol.commands import AmendOrder, CancelReplace, PlaceOrder
from openbourse.protocol.instruments import OrderType, TimeInForce
from openbourse.protocol.rejects import RejectReason
from tests import made_events
from tests.made_events import ToldEngine
from tests.served import Venue

ORDER = "/api/v3/order"
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "9000",
    "quantity": "0.01",
}
STOP_LIMIT = {**LIMIT, "type": "STOP_LOSS_LIMIT", "stopPrice": "9100"}
STOP = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "8000"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
MAKER = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT_MAKER", "price": "9000", "quantity": "0.01"}
PEGGED = {**LIMIT, "pegPriceType": "PRIMARY_PEG"}


def told(venue: Venue, *events: Any) -> None:
    """Let every later command be answered with events made by hand."""
    venue.intake.engine = cast(Any, ToldEngine(events or [made_events.order()]))


def changed(base: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    [
        (STOP, {}, {"type": OrderType.STOP_LOSS, "price": 0, "stop_price": 8_000 * 10**8, "time_in_force": 1}),
        (STOP, {"trailingDelta": "100"}, {"trailing_delta": 100, "stop_price": 8_000 * 10**8}),
        (STOP, {"stopPrice": None, "trailingDelta": "10"}, {"trailing_delta": 10, "stop_price": None}),
        (STOP_LIMIT, {"timeInForce": "FOK"}, {"time_in_force": TimeInForce.FOK, "price": 9_000 * 10**8}),
        (STOP_LIMIT, {"icebergQty": "0.001"}, {"iceberg": 100_000}),
        (LIMIT, {"icebergQty": "0"}, {"iceberg": None}),
        (MAKER, {"icebergQty": "0.001", "timeInForce": "GTC"}, {"iceberg": 100_000}),
        (PEGGED, {"price": None}, {"price": 0, "peg_type": 1, "peg_offset": 0}),
        (
            PEGGED,
            {"pegPriceType": "MARKET_PEG", "pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": "3"},
            {"price": 9_000 * 10**8, "peg_type": 2, "peg_offset": 3},
        ),
        (
            LIMIT,
            {"timeInForce": "GTD", "goodTillDate": "1800000000000"},
            {"time_in_force": TimeInForce.GTC, "expires_us": 1_800_000_000_000_000},
        ),
        (LIMIT, {"timeInForce": "GTD", "goodTillDate": "1800000000000001"}, {"expires_us": 1_800_000_000_000_001}),
    ],
)
async def test_parameters_become_the_order_request(
    venue: Venue, base: dict[str, str], changes: dict[str, str | None], expected: dict[str, object]
) -> None:
    told(venue)
    answer = await venue.signed("POST", ORDER, changed(base, changes))
    assert answer.status_code == 200, answer.text
    ((command, _),) = venue.intake.submitted
    assert isinstance(command, PlaceOrder)
    assert {name: getattr(command, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("base", "changes", "code", "words"),
    [
        (STOP, {"stopPrice": None}, -1102, "Param 'stopPrice' or 'trailingDelta' must be sent, but both"),
        (STOP, {"stopPrice": "0"}, -1130, "'stopPrice'"),
        (STOP, {"stopPrice": "0.000000001"}, -1111, "'stopPrice'"),
        (STOP, {"trailingDelta": "1.5"}, -1100, "'trailingDelta'"),
        (STOP, {"trailingDelta": "0"}, -1130, "'trailingDelta'"),
        (STOP, {"price": "9000"}, -1106, "'price'"),
        (STOP, {"timeInForce": "GTC"}, -1114, "TimeInForce"),
        (STOP, {"quantity": None}, -1102, "'quantity'"),
        (STOP, {"icebergQty": "0.001"}, -1106, "'icebergQty'"),
        (STOP, {"quoteOrderQty": "5"}, -1106, "'quoteOrderQty'"),
        (STOP_LIMIT, {"price": None}, -1102, "'price'"),
        (STOP_LIMIT, {"timeInForce": None}, -1102, "'timeInForce'"),
        (STOP_LIMIT, {"icebergQty": "0.001", "timeInForce": "IOC"}, -1014, "Unsupported order combination."),
        (LIMIT, {"stopPrice": "9000"}, -1106, "'stopPrice'"),
        (LIMIT, {"trailingDelta": "10"}, -1106, "'trailingDelta'"),
        (MARKET, {"stopPrice": "9000"}, -1106, "'stopPrice'"),
        (MARKET, {"icebergQty": "0.001"}, -1106, "'icebergQty'"),
        (MARKET, {"pegPriceType": "PRIMARY_PEG"}, -1013, "This order type may not use pegged price."),
        (MAKER, {"pegPriceType": "MARKET_PEG"}, -1013, "This price peg cannot be used with this order type."),
        (MAKER, {"timeInForce": "GTC"}, -1114, "TimeInForce"),
        (PEGGED, {"pegPriceType": "MY_PEG"}, -1210, "Invalid pegPriceType."),
        (PEGGED, {"pegOffsetType": "TICKS", "pegOffsetValue": "1"}, -1211, "Invalid pegOffsetType."),
        (PEGGED, {"pegOffsetValue": "1"}, -1102, "'pegOffsetType'"),
        (PEGGED, {"pegOffsetType": "PRICE_LEVEL"}, -1102, "'pegOffsetValue'"),
        (PEGGED, {"pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": "101"}, -1130, "'pegOffsetValue'"),
        (LIMIT, {"pegOffsetValue": "1"}, -1106, "'pegOffsetValue'"),
        (LIMIT, {"timeInForce": "GTD"}, -1102, "'goodTillDate'"),
        (LIMIT, {"goodTillDate": "1800000000000"}, -1106, "'goodTillDate'"),
        (MARKET, {"timeInForce": "GTD", "goodTillDate": "1"}, -1106, "'goodTillDate'"),
    ],
)
async def test_what_does_not_belong_to_the_type_is_refused_by_name(
    venue: Venue, base: dict[str, str], changes: dict[str, str | None], code: int, words: str
) -> None:
    answer = await venue.signed("POST", ORDER, changed(base, changes))
    assert answer.status_code == 400
    assert (answer.json()["code"], words in answer.json()["msg"]) == (code, True), answer.text
    assert not venue.intake.submitted


@pytest.mark.parametrize(
    ("base", "reason", "code", "message"),
    [
        (STOP, RejectReason.TYPE_NOT_SUPPORTED, -1013, "Stop loss orders are not supported for this symbol."),
        (MARKET, RejectReason.TYPE_NOT_SUPPORTED, -1013, "Market orders are not supported for this symbol."),
        (LIMIT, RejectReason.TYPE_NOT_SUPPORTED, -1116, "Invalid orderType."),
        (STOP, RejectReason.WOULD_TRIGGER, -2010, "Order would trigger immediately."),
        (STOP, RejectReason.TRAILING_DELTA, -1013, "Filter failure: TRAILING_DELTA"),
        (PEGGED, RejectReason.PEG_LIQUIDITY, -2010, "Order book liquidity is too low for this pegged order."),
        (LIMIT, RejectReason.MAX_POSITION, -2010, "Filter failure: MAX_POSITION"),
        (LIMIT, RejectReason.ACCOUNT_DISABLED, -2010, "This action is disabled on this account."),
    ],
)
async def test_a_reject_is_told_in_the_words_that_clients_know(
    venue: Venue, base: dict[str, str], reason: RejectReason, code: int, message: str
) -> None:
    told(venue, made_events.rejected(12, reason))
    answer = await venue.signed("POST", ORDER, base)
    assert (answer.status_code, answer.json()) == (400, {"code": code, "msg": message})


async def test_a_waiting_order_shows_what_it_waits_for(venue: Venue) -> None:
    waits = made_events.order(
        type=5, flags=0, working_us=-1, stop_price=8_000 * 10**8, trailing_delta=100, iceberg=10**5
    )
    told(venue, waits)
    shown = (await venue.signed("POST", ORDER, STOP_LIMIT, newOrderRespType="RESULT")).json()
    assert (shown["stopPrice"], shown["trailingDelta"], shown["trailingTime"]) == ("8000.00000000", 100, -1)
    assert (shown["icebergQty"], shown["workingTime"], shown["status"]) == ("0.00100000", -1, "NEW")
    assert "pegPriceType" not in shown


async def test_a_pegged_order_shows_the_price_sent_and_the_price_it_works_at(venue: Venue) -> None:
    told(venue, made_events.order(peg_type=1, peg_offset=2, sent_price=0, price=8_999 * 10**8))
    shown = (await venue.signed("POST", ORDER, PEGGED)).json()
    assert (shown["price"], shown["peggedPrice"]) == ("0.00000000", "8999.00000000")
    assert (shown["pegPriceType"], shown["pegOffsetType"], shown["pegOffsetValue"]) == ("PRIMARY_PEG", "PRICE_LEVEL", 2)


async def test_a_good_till_order_says_until_when(venue: Venue) -> None:
    told(venue, made_events.order(expires_us=1_800_000_000_000_000))
    order = {**LIMIT, "timeInForce": "GTD", "goodTillDate": "1800000000000"}
    shown = (await venue.signed("POST", ORDER, order)).json()
    assert (shown["timeInForce"], shown["goodTillDate"]) == ("GTD", 1_800_000_000_000)


async def test_only_the_order_s_own_prevented_matches_are_shown(venue: Venue) -> None:
    prevented = {"execution": 5, "last_prevented": 10**5, "last_price": 8_990 * 10**8}
    told(
        venue,
        made_events.order(),
        made_events.order(order=3, counter_order=7, prevented_match=1, **prevented),
        made_events.order(order=7, counter_order=3, prevented_match=1, **prevented),
        made_events.order(order=5, counter_order=4, prevented_match=2, **prevented),
    )
    shown = (await venue.signed("POST", ORDER, LIMIT)).json()
    assert shown["preventedMatches"] == [
        {
            "preventedMatchId": 1,
            "makerOrderId": 3,
            "price": "8990.00000000",
            "makerPreventedQuantity": "0.00100000",
            "takerPreventedQuantity": "0.00100000",
        }
    ]


async def test_a_replacement_may_be_a_stop(venue: Venue) -> None:
    told(venue, made_events.rejected(15, RejectReason.REPLACE_NOT_SUPPORTED))
    request = {**STOP, "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": "3"}
    answer = await venue.signed("POST", f"{ORDER}/cancelReplace", request)
    assert answer.json() == {"code": -1013, "msg": "Order cancel-replace is not supported for this symbol."}
    ((command, _),) = venue.intake.submitted
    assert isinstance(command, CancelReplace)
    assert command.new.stop_price == 8_000 * 10**8


async def test_an_amendment_shows_the_order_before_and_after(venue: Venue) -> None:
    told(
        venue,
        made_events.order(execution=7, quantity=5 * 10**5, client_id="new", original_client_id="old", order_list=5),
        made_events.order_list(status=2, form=2),
    )
    answer = await venue.signed(
        "PUT", f"{ORDER}/amend/keepPriority", symbol="BTCUSDT", orderId=7, newQty="0.005", newClientOrderId="new"
    )
    shown = answer.json()
    assert shown["executionId"] == 70
    amended = shown["amendedOrder"]
    assert (amended["origClientOrderId"], amended["clientOrderId"], amended["qty"]) == ("old", "new", "0.00500000")
    assert (amended["cumulativeQuoteQty"], amended["preventedQty"]) == ("0.00000000", "0.00000000")
    assert shown["listStatus"]["contingencyType"] == "OTO"
    assert shown["listStatus"]["listOrderStatus"] == "EXECUTING"
    assert set(shown["listStatus"]) == {
        *("orderListId", "contingencyType", "listOrderStatus", "listClientOrderId", "symbol", "orders"),
    }
    ((command, _),) = venue.intake.submitted
    assert isinstance(command, AmendOrder)
    assert (command.order, command.new_quantity, command.new_client_id) == (7, 5 * 10**5, "new")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"newQty": "1"}, -1102),
        ({"orderId": "7"}, -1102),
        ({"orderId": "7", "newQty": "0"}, -1013),
        ({"orderId": "7", "newQty": "x"}, -1100),
        ({"orderId": "7", "newQty": "1", "price": "5"}, -1104),
    ],
)
async def test_an_amendment_that_makes_no_sense_is_refused(venue: Venue, params: dict[str, str], code: int) -> None:
    answer = await venue.signed("PUT", f"{ORDER}/amend/keepPriority", {"symbol": "BTCUSDT", **params})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    ("reason", "code", "message"),
    [
        (RejectReason.UNKNOWN_ORDER, -2038, "Unknown order sent."),
        (RejectReason.NO_CHANGE, -2038, "The requested action would change no state; rejecting."),
        (RejectReason.AMEND_INCREASE, -2038, "Order amend (quantity increase) is not supported."),
        (RejectReason.LOT_SIZE, -1013, "Filter failure: LOT_SIZE"),
        (RejectReason.MAX_NUM_ORDER_AMENDS, -2038, "Filter failure: MAX_NUM_ORDER_AMENDS"),
        (RejectReason.CLIENT_ID_MISMATCH, -2039, "Client order ID is not correct for this order ID."),
    ],
)
async def test_a_refused_amendment_has_its_own_code(
    venue: Venue, reason: RejectReason, code: int, message: str
) -> None:
    told(venue, made_events.rejected(18, reason))
    answer = await venue.signed("PUT", f"{ORDER}/amend/keepPriority", symbol="BTCUSDT", orderId=7, newQty="0.005")
    assert answer.json() == {"code": code, "msg": message}


async def test_an_amendment_costs_its_weight_unless_it_ends_the_order(venue: Venue) -> None:
    weights = []
    for status in (1, 5):
        told(venue, made_events.order(execution=7, status=status))
        answer = await venue.signed("PUT", f"{ORDER}/amend/keepPriority", symbol="BTCUSDT", orderId=7, newQty="0.005")
        weights.append(int(answer.headers["X-MBX-USED-WEIGHT-1M"]))
    assert weights == [4, 4]


async def test_no_symbol_has_smart_order_routing(venue: Venue) -> None:
    for path in ("/api/v3/sor/order", "/api/v3/sor/order/test"):
        answer = await venue.signed("POST", path, LIMIT)
        assert (answer.status_code, answer.json()) == (400, {"code": -1013, "msg": "This symbol has no SOR."})
    assert not venue.intake.submitted
