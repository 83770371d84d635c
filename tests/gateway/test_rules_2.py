"""Stops, icebergs, pegs, lists and amendments from request to answer, with an engine on rules version 2 behind."""

from typing import Any

import pytest
from msgspec.structs import replace

from openbourse.protocol.commands import ChangeInstrument, SetInstrumentRules
from openbourse.protocol.events import decode
from openbourse.protocol.instruments import InstrumentRules, OrderType
from tests.order_params import OCO
from tests.served import BOBS_KEY, HMAC_KEY, Venue, ask, signed_params

ORDER = "/api/v3/order"
LIMIT = {
    "symbol": "BTCUSDT",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "9000",
    "quantity": "0.01",
}
OTO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "9000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
    "pendingType": "LIMIT_MAKER",
    "pendingSide": "SELL",
    "pendingPrice": "9500",
    "pendingQuantity": "0.01",
}


async def send(venue: Venue, method: str, path: str, params: dict[str, str], key: str = HMAC_KEY, **more: Any) -> Any:
    answer = await venue.signed(method, path, params, key, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def trade_at(venue: Venue, price: str, quantity: str = "0.001") -> None:
    """Let one account sell to the other at a price."""
    await send(venue, "POST", ORDER, LIMIT, BOBS_KEY, side="SELL", price=price, quantity=quantity)
    await send(venue, "POST", ORDER, LIMIT, side="BUY", price=price, quantity=quantity, timeInForce="IOC")


async def code_of(venue: Venue, method: str, path: str, params: dict[str, str], **more: Any) -> tuple[int, str]:
    answer = await venue.signed(method, path, params, **more)
    assert answer.status_code == 400, answer.text
    return answer.json()["code"], answer.json()["msg"]


async def test_a_stop_waits_until_a_trade_sets_it_off(venue: Venue) -> None:
    await trade_at(venue, "9000")
    stop = {**LIMIT, "type": "STOP_LOSS_LIMIT", "side": "SELL", "price": "8400", "stopPrice": "8500"}
    shown = await send(venue, "POST", ORDER, stop, newOrderRespType="FULL")
    assert (shown["status"], shown["workingTime"], shown["stopPrice"]) == ("NEW", -1, "8500.00000000")
    assert await code_of(venue, "POST", ORDER, stop, stopPrice="9500", price="9400") == (
        -2010,
        "Order would trigger immediately.",
    )
    await trade_at(venue, "8500")
    canceled = await send(venue, "DELETE", ORDER, {"symbol": "BTCUSDT"}, orderId=shown["orderId"])
    assert (canceled["status"], canceled["price"]) == ("CANCELED", "8400.00000000")


async def test_a_trailing_stop_needs_a_delta_within_its_filter(venue: Venue) -> None:
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01"}
    code, words = await code_of(venue, "POST", ORDER, stop, trailingDelta="100")
    assert (code, "needs a last price" in words) == (-2010, True)
    await trade_at(venue, "9000")
    shown = await send(venue, "POST", ORDER, stop, trailingDelta="100", newOrderRespType="RESULT")
    assert (shown["trailingDelta"], shown["trailingTime"] > 0) == (100, True)
    assert await code_of(venue, "POST", ORDER, stop, trailingDelta="5") == (-1013, "Filter failure: TRAILING_DELTA")


async def test_an_iceberg_shows_its_tip_and_keeps_its_filters(venue: Venue) -> None:
    iceberg = {**LIMIT, "side": "SELL", "icebergQty": "0.001"}
    assert (await send(venue, "POST", ORDER, iceberg))["icebergQty"] == "0.00100000"
    assert await code_of(venue, "POST", ORDER, iceberg, icebergQty="0.01") == (-1013, "IcebergQty exceeds QTY.")
    assert await code_of(venue, "POST", ORDER, iceberg, icebergQty="0.00005") == (
        -1013,
        "Filter failure: ICEBERG_PARTS",
    )


async def test_a_peg_takes_the_price_of_its_side(venue: Venue) -> None:
    peg = {**LIMIT, "side": "SELL", "pegPriceType": "PRIMARY_PEG"}
    del peg["price"]
    assert await code_of(venue, "POST", ORDER, peg) == (
        -2010,
        "Order book liquidity is too low for this pegged order.",
    )
    await send(venue, "POST", ORDER, LIMIT, BOBS_KEY, side="SELL", price="9100")
    shown = await send(venue, "POST", ORDER, peg)
    assert (shown["price"], shown["peggedPrice"]) == ("0.00000000", "9100.00000000")


async def test_a_canceled_leg_takes_its_pair_along(venue: Venue) -> None:
    await trade_at(venue, "9000")
    placed = await send(venue, "POST", "/api/v3/orderList/oco", OCO, listClientOrderId="pair")
    assert [report["type"] for report in placed["orderReports"]] == ["LIMIT_MAKER", "STOP_LOSS_LIMIT"]
    assert [report["workingTime"] > 0 for report in placed["orderReports"]] == [True, False]
    assert await code_of(venue, "POST", "/api/v3/orderList/oco", OCO, listClientOrderId="pair") == (
        -2010,
        "Duplicate order sent.",
    )
    leg = placed["orders"][1]["orderId"]
    canceled = await send(venue, "DELETE", ORDER, {"symbol": "BTCUSDT"}, orderId=leg, newClientOrderId="bye")
    assert (canceled["listOrderStatus"], canceled["listClientOrderId"]) == ("ALL_DONE", "pair")
    assert [report["clientOrderId"] for report in canceled["orderReports"]] == ["bye", "bye"]
    again = {"symbol": "BTCUSDT", "orderListId": str(placed["orderListId"])}
    assert await code_of(venue, "DELETE", "/api/v3/orderList", again) == (-2011, "Unknown order list sent.")


async def test_an_oco_keeps_its_prices_apart(venue: Venue) -> None:
    await trade_at(venue, "9000")
    assert await code_of(venue, "POST", "/api/v3/orderList/oco", OCO, belowStopPrice="9950") == (
        -2010,
        "The relationship of the prices for the orders is not correct.",
    )


async def test_a_pending_order_follows_its_working_one(venue: Venue) -> None:
    await send(venue, "POST", ORDER, LIMIT, BOBS_KEY, side="SELL", price="9000")
    placed = await send(venue, "POST", "/api/v3/orderList/oto", OTO, newOrderRespType="FULL")
    working, pending = placed["orderReports"]
    assert (working["status"], pending["status"], pending["fills"]) == ("FILLED", "PENDING_NEW", [])
    bought = await send(venue, "POST", ORDER, LIMIT, BOBS_KEY, side="BUY", price="9500")
    assert (bought["status"], bought["fills"][0]["price"]) == ("FILLED", "9500.00000000")


async def test_an_opo_sells_what_it_bought(venue: Venue) -> None:
    opo = {name: value for name, value in OTO.items() if name != "pendingQuantity"}
    await send(venue, "POST", ORDER, LIMIT, BOBS_KEY, side="SELL", price="9000")
    placed = await send(venue, "POST", "/api/v3/orderList/opo", opo)
    assert "origQty" not in placed["orderReports"][1]
    canceled = await send(
        venue, "DELETE", "/api/v3/orderList", {"symbol": "BTCUSDT"}, orderListId=placed["orderListId"]
    )
    (left,) = canceled["orderReports"]
    assert (left["orderId"], left["origQty"]) == (placed["orders"][1]["orderId"], "0.00999000")


async def test_an_order_is_amended_in_place(venue: Venue) -> None:
    placed = await send(venue, "POST", ORDER, LIMIT, side="SELL", newClientOrderId="a")
    path = f"{ORDER}/amend/keepPriority"
    target = {"symbol": "BTCUSDT", "orderId": str(placed["orderId"])}
    shown = await send(venue, "PUT", path, target, newQty="0.004")
    amended = shown["amendedOrder"]
    assert (amended["origClientOrderId"], amended["qty"], amended["status"]) == ("a", "0.00400000", "NEW")
    assert await code_of(venue, "PUT", path, target, newQty="0.004") == (
        -2038,
        "The requested action would change no state; rejecting.",
    )
    assert (await code_of(venue, "PUT", path, target, newQty="0.005"))[0] == -2038


async def test_an_amended_leg_tells_of_its_list(venue: Venue) -> None:
    placed = await send(venue, "POST", "/api/v3/orderList/oto", OTO)
    target = {"symbol": "BTCUSDT", "orderId": str(placed["orders"][1]["orderId"])}
    async with venue.connect() as connection:
        request = signed_params({**target, "newQty": "0.005", "newClientOrderId": "less"})
        reply = await ask(connection, "order.amend.keepPriority", request)
    assert reply["status"] == 200, reply
    assert reply["result"]["amendedOrder"]["status"] == "PENDING_NEW"
    assert "workingTime" not in reply["result"]["amendedOrder"]
    assert [row["clientOrderId"] for row in reply["result"]["listStatus"]["orders"]][1] == "less"


async def test_an_order_good_till_a_moment_is_taken_until_then(venue: Venue) -> None:
    till = {**LIMIT, "side": "SELL", "timeInForce": "GTD"}
    assert (await send(venue, "POST", ORDER, till, goodTillDate="4000000000000"))["timeInForce"] == "GTD"
    code, words = await code_of(venue, "POST", ORDER, till, goodTillDate="1600000000000")
    assert (code, words) == (-1130, "Data sent for parameter 'goodTillDate' is not valid.")


async def test_both_sides_may_transfer_instead_of_trading_with_themselves(venue: Venue) -> None:
    await send(venue, "POST", ORDER, LIMIT, side="SELL", selfTradePreventionMode="TRANSFER")
    shown = await send(venue, "POST", ORDER, LIMIT, side="BUY", selfTradePreventionMode="TRANSFER")
    (match,) = shown["preventedMatches"]
    assert (match["price"], match["takerPreventedQuantity"]) == ("9000.00000000", "0.01000000")
    assert shown["status"] == "EXPIRED_IN_MATCH"


async def test_a_replacement_can_end_a_list(venue: Venue) -> None:
    placed = await send(venue, "POST", "/api/v3/orderList/oto", OTO)
    request = {**LIMIT, "side": "BUY", "price": "8900", "cancelReplaceMode": "STOP_ON_FAILURE"}
    shown = await send(venue, "POST", f"{ORDER}/cancelReplace", request, cancelOrderId=placed["orders"][0]["orderId"])
    assert shown["cancelResponse"]["listOrderStatus"] == "ALL_DONE"
    assert shown["newOrderResponse"]["status"] == "NEW"


async def test_everything_open_is_canceled_lists_as_lists(venue: Venue) -> None:
    await send(venue, "POST", ORDER, LIMIT, side="SELL", price="9700")
    await send(venue, "POST", "/api/v3/orderList/oto", OTO)
    shown = await send(venue, "DELETE", "/api/v3/openOrders", {"symbol": "BTCUSDT"})
    assert ["orderReports" in row for row in shown] == [False, True]


@pytest.mark.parametrize(
    ("path", "params", "code", "message"),
    [
        (
            ORDER,
            {**LIMIT, "side": "SELL", "icebergQty": "0.001"},
            -1013,
            "Iceberg orders are not supported for this symbol.",
        ),
        (
            ORDER,
            {**LIMIT, "side": "SELL", "pegPriceType": "PRIMARY_PEG"},
            -1013,
            "Pegged orders are not supported for this symbol.",
        ),
        ("/api/v3/orderList/oco", OCO, -1013, "OCO orders are not supported for this symbol"),
        ("/api/v3/orderList/oto", OTO, -1013, "OTO orders are not supported for this symbol."),
    ],
)
async def test_what_an_instrument_does_not_offer_is_refused_by_name(
    venue: Venue, path: str, params: dict[str, str], code: int, message: str
) -> None:
    engine = venue.intake.engine
    told, _ = engine.apply(
        engine.sequence + 1, engine.time_us, SetInstrumentRules(InstrumentRules(instrument=1)).encode()
    )
    assert list(decode(told))
    assert await code_of(venue, "POST", path, params) == (code, message)


async def test_a_list_whose_leg_is_of_a_type_that_is_not_offered_names_that_type(venue: Venue) -> None:
    offered = venue.listing.by_symbol["BTCUSDT"]
    without = replace(offered, types_allowed=offered.types_allowed & ~(1 << OrderType.STOP_LOSS_LIMIT))
    engine = venue.intake.engine
    events, _ = engine.apply(engine.sequence + 1, engine.time_us, ChangeInstrument(without).encode())
    venue.listing.apply(decode(events))
    refused = (-1013, "Stop loss limit orders are not supported for this symbol.")
    assert await code_of(venue, "POST", "/api/v3/orderList/oco", OCO) == refused
    pending = {**OTO, "pendingType": "STOP_LOSS_LIMIT", "pendingStopPrice": "8400", "pendingTimeInForce": "GTC"}
    assert await code_of(venue, "POST", "/api/v3/orderList/oto", pending) == refused


async def test_an_iceberg_that_may_not_rest_is_no_combination(venue: Venue) -> None:
    for name in ("IOC", "FOK"):
        code, words = await code_of(venue, "POST", ORDER, LIMIT, side="BUY", timeInForce=name, icebergQty="0.001")
        assert (code, words) == (-1014, "Unsupported order combination.")
