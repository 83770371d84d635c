"""Every way a cancel-replace can end (binance-api.md 1.3)."""

from typing import Any

import pytest

from openbourse.edge.intake import OrderRateExceeded
from openbourse.protocol.commands import CancelReplace
from tests.served import Venue

NEW = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "9000", "quantity": "0.001"}
PATH = "/api/v3/order/cancelReplace"
TOO_DEAR = {"price": "90000", "quantity": "90"}


async def open_order(venue: Venue) -> int:
    return int((await venue.signed("POST", "/api/v3/order", NEW)).json()["orderId"])


async def replace(venue: Venue, mode: str, order: int, **changes: Any) -> tuple[int, Any]:
    answer = await venue.signed("POST", PATH, {**NEW, **changes}, cancelReplaceMode=mode, cancelOrderId=order)
    return answer.status_code, answer.json()


async def test_both_halves_succeed(venue: Venue) -> None:
    old = await open_order(venue)
    status, body = await replace(venue, "STOP_ON_FAILURE", old)
    assert status == 200
    assert (body["cancelResult"], body["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert body["cancelResponse"]["orderId"] == old
    assert body["newOrderResponse"]["status"] == "NEW"


@pytest.mark.parametrize(
    ("mode", "is_open", "changes", "expected"),
    [
        ("STOP_ON_FAILURE", False, {}, (400, -2022, "FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", False, TOO_DEAR, (400, -2022, "FAILURE", "FAILURE")),
        ("ALLOW_FAILURE", False, {}, (409, -2021, "FAILURE", "SUCCESS")),
        ("ALLOW_FAILURE", True, TOO_DEAR, (409, -2021, "SUCCESS", "FAILURE")),
        ("STOP_ON_FAILURE", True, TOO_DEAR, (409, -2021, "SUCCESS", "FAILURE")),
    ],
)
async def test_a_failed_half_is_told(
    venue: Venue, mode: str, is_open: bool, changes: dict[str, str], expected: tuple[int, int, str, str]
) -> None:
    order = await open_order(venue) if is_open else 4_711
    status, body = await replace(venue, mode, order, **changes)
    data = body["data"]
    assert (status, body["code"], data["cancelResult"], data["newOrderResult"]) == expected
    if data["cancelResult"] == "FAILURE":
        assert data["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}
    if data["newOrderResult"] == "FAILURE":
        assert data["newOrderResponse"]["code"] == -2010
    if data["newOrderResult"] == "NOT_ATTEMPTED":
        assert data["newOrderResponse"] is None


@pytest.mark.parametrize(
    ("mode", "is_open", "expected"),
    [
        ("STOP_ON_FAILURE", True, (429, -2021, "SUCCESS", "FAILURE")),
        ("STOP_ON_FAILURE", False, (429, -2022, "FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", True, (409, -2021, "SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", False, (400, -2022, "FAILURE", "FAILURE")),
    ],
)
async def test_beyond_the_order_limit_the_cancel_alone_is_tried(
    venue: Venue, mode: str, is_open: bool, expected: tuple[int, int, str, str]
) -> None:
    order = await open_order(venue) if is_open else 4_711
    venue.intake.fault, venue.intake.fault_for = OrderRateExceeded(100, "10 SECOND", 4), CancelReplace
    status, body = await replace(venue, mode, order, orderRateLimitExceededMode="CANCEL_ONLY")
    data = body["data"]
    assert (status, body["code"], data["cancelResult"], data["newOrderResult"]) == expected
    if data["newOrderResult"] == "FAILURE":
        assert data["newOrderResponse"]["code"] == -1015


async def test_beyond_the_order_limit_nothing_is_tried_by_default(venue: Venue) -> None:
    order = await open_order(venue)
    venue.intake.fault, venue.intake.fault_for = OrderRateExceeded(100, "10 SECOND", 4), CancelReplace
    answer = await venue.signed("POST", PATH, NEW, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=order)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "4"
    assert answer.json() == {"code": -1015, "msg": "Too many new orders; current limit is 100 orders per 10 SECOND."}


async def test_a_filter_of_the_new_order_refuses_the_whole_request(venue: Venue) -> None:
    order = await open_order(venue)
    status, body = await replace(venue, "ALLOW_FAILURE", order, price="9000.001")
    assert (status, body) == (400, {"code": -1013, "msg": "Filter failure: PRICE_FILTER"})
    assert (await venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cancelReplaceMode": "PERHAPS"}, -1130),
        ({"orderRateLimitExceededMode": "PERHAPS"}, -1130),
        ({"cancelRestrictions": "PERHAPS"}, -1145),
    ],
)
async def test_a_replace_that_makes_no_sense_is_refused(venue: Venue, changes: dict[str, str], code: int) -> None:
    params = {**NEW, "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": "1", **changes}
    answer = await venue.signed("POST", PATH, params)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_mode_and_target_are_mandatory(venue: Venue) -> None:
    assert (await venue.signed("POST", PATH, NEW, cancelOrderId=1)).json()["code"] == -1102
    assert (await venue.signed("POST", PATH, NEW, cancelReplaceMode="ALLOW_FAILURE")).json()["code"] == -1102
