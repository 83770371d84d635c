"""Cancel and replace: the request, and every way it can end (binance-api.md 1.3)."""

from typing import Final

import msgspec

from openbourse.edge.errors import ApiError, rejected
from openbourse.edge.intake import OrderRateExceeded
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call
from openbourse.edge.outcome import unavailable
from openbourse.edge.rendering import Shape, canceled, canceled_list, placed
from openbourse.gateway.order_fields import ORDER_PARAMETERS, read_order
from openbourse.gateway.requests import (
    invalid,
    missing,
    new_client_id,
    read_detail,
    read_restriction,
    read_target,
)
from openbourse.gateway.submission import Outcome, refusal
from openbourse.protocol.commands import CancelOrder, CancelReplace, ReplaceMode
from openbourse.protocol.events import CancelReplaced, CommandRejected, Event, Execution, OrderUpdated, ReplaceResult
from openbourse.protocol.instruments import Instrument
from openbourse.protocol.rejects import RejectReason

REPLACE_PARAMETERS: Final = ORDER_PARAMETERS | {
    "cancelReplaceMode",
    "cancelOrderId",
    "cancelOrigClientOrderId",
    "cancelNewClientOrderId",
    "cancelRestrictions",
    "orderRateLimitExceededMode",
}


class ReplaceRequest(msgspec.Struct, frozen=True):
    """What a client asked for."""

    command: CancelReplace
    detail: str
    cancels_when_limited: bool
    """orderRateLimitExceededMode CANCEL_ONLY."""

    def cancel_alone(self, account: int) -> CancelOrder:
        """Return the cancel without the new order."""
        command = self.command
        return CancelOrder(
            account,
            command.new.instrument,
            command.cancel_order,
            command.restriction,
            command.cancel_client_id,
            command.cancel_request_id,
        )


def read_replace(call: Call, instrument: Instrument) -> ReplaceRequest:
    """Return the request. Raises ApiError."""
    params = call.params
    mode = params.choice("cancelReplaceMode", ReplaceMode, -1130, invalid("cancelReplaceMode").message)
    if mode is None:
        raise missing("cancelReplaceMode")
    limited = params.get("orderRateLimitExceededMode", "DO_NOTHING")
    if limited not in ("DO_NOTHING", "CANCEL_ONLY"):
        raise invalid("orderRateLimitExceededMode")
    order, client_id = read_target(call, "cancelOrderId", "cancelOrigClientOrderId")
    new = read_order(call, instrument)
    command = CancelReplace(
        mode=mode,
        cancel_order=order,
        restriction=read_restriction(call),
        cancel_client_id=client_id,
        cancel_request_id=params.client_id("cancelNewClientOrderId") or new_client_id(),
        new=new,
    )
    return ReplaceRequest(command, read_detail(call, new.type), limited == "CANCEL_ONLY")


def replaced(done: Outcome, request: ReplaceRequest, listing: Listing, call: Call, time_us: int) -> Shape:
    """Return the body when both halves succeeded. Raises ApiError -2021 (409), -2022 with the halves as data."""
    result = next(event for event in done.events if isinstance(event, CancelReplaced))
    updates = done.updates
    old = next((e for e in updates if e.order == result.canceled_order and e.execution == Execution.CANCELED), None)
    new_shown: object = None
    if result.new_result == ReplaceResult.SUCCESS:
        begin = next(number for number, event in enumerate(updates) if event.order == result.new_order)
        new_shown = placed(updates[begin:], request.detail, listing, call, time_us)
    elif result.new_result == ReplaceResult.FAILURE:
        new_shown = _error(refusal(result.new_reason, request.command))
    cancel_shown = (
        _error(rejected(RejectReason(result.cancel_reason)))
        if old is None
        else _canceled(old, done, listing, call, time_us)
    )
    shown = _shape(result.cancel_result, cancel_shown, result.new_result, new_shown)
    if old is not None and result.new_result == ReplaceResult.SUCCESS:
        return shown
    if old is None and result.new_result != ReplaceResult.SUCCESS:
        raise ApiError(-2022, "Order cancel-replace failed.", 400, data=shown)
    raise ApiError(-2021, "Order cancel-replace partially failed.", 409, data=shown)


def limited_replace(
    request: ReplaceRequest,
    seen: list[Event],
    exceeded: OrderRateExceeded,
    listing: Listing,
    call: Call,
    time_us: int,
) -> Shape:
    """Raise how a request ended whose new order the order limit forbade, after its cancel was tried alone."""
    stops = request.command.mode == ReplaceMode.STOP_ON_FAILURE
    limited = unavailable(exceeded)
    headers = limited.headers if stops else None
    first = seen[0]
    if isinstance(first, CommandRejected):
        result = ReplaceResult.NOT_ATTEMPTED if stops else ReplaceResult.FAILURE
        new_shown = None if stops else _error(limited)
        cancel_shown = _error(rejected(RejectReason(first.reason)))
        data = _shape(ReplaceResult.FAILURE, cancel_shown, result, new_shown)
        raise ApiError(-2022, "Order cancel-replace failed.", 429 if stops else 400, data, headers)
    done = Outcome(seen, [event for event in seen if isinstance(event, OrderUpdated)])
    cancel_shown = _canceled(done.updates[0], done, listing, call, time_us)
    data = _shape(ReplaceResult.SUCCESS, cancel_shown, ReplaceResult.FAILURE, _error(limited))
    raise ApiError(-2021, "Order cancel-replace partially failed.", 429 if stops else 409, data, headers)


def _canceled(image: OrderUpdated, done: Outcome, listing: Listing, call: Call, time_us: int) -> Shape:
    """Return what the cancel did: to an order, or to the whole list that it belonged to."""
    ended = done.ended(image) if image.order_list else None
    if ended is not None:
        return canceled_list(ended, done.updates, listing, call, time_us)
    return canceled(image, listing.instruments[image.instrument].symbol, call, time_us)


def _shape(cancel: int, cancel_shown: Shape, new: int, new_shown: object) -> Shape:
    return {
        "cancelResult": ReplaceResult(cancel).name,
        "newOrderResult": ReplaceResult(new).name,
        "cancelResponse": cancel_shown,
        "newOrderResponse": new_shown,
    }


def _error(refusal: ApiError) -> Shape:
    return {"code": refusal.code, "msg": refusal.message}
