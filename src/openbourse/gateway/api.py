"""Order entry: place, test, cancel, cancel all, cancel and replace."""

from typing import Final

from openbourse.edge.errors import ApiError, rejected
from openbourse.edge.intake import Answer, Intake
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Operation, Priority, Security
from openbourse.edge.rendering import Shape, canceled, placed
from openbourse.gateway.requests import ORDER_PARAMETERS, new_client_id, read_order
from openbourse.protocol.commands import (
    CancelAll,
    CancelOrder,
    CancelReplace,
    CancelRestriction,
    ReplaceMode,
    RequestFlag,
)
from openbourse.protocol.events import (
    CancelReplaced,
    CommandRejected,
    Event,
    Execution,
    OrderUpdated,
    ReplaceResult,
    decode,
)
from openbourse.protocol.instruments import Instrument, OrderType
from openbourse.protocol.rejects import RejectReason

DETAILS: Final = ("ACK", "RESULT", "FULL")
ZERO_RATES: Final = {"maker": "0.00000000", "taker": "0.00000000"}
CANCEL_PARAMETERS: Final = frozenset(
    {"symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions"}
)
REPLACE_PARAMETERS: Final = ORDER_PARAMETERS | {
    "cancelReplaceMode",
    "cancelOrderId",
    "cancelOrigClientOrderId",
    "cancelNewClientOrderId",
    "cancelRestrictions",
    "orderRateLimitExceededMode",
}


def operations(intake: Intake, listing: Listing) -> list[Operation]:
    """Return the operations of order entry."""
    api = _Api(intake, listing)
    order = "/api/v3/order"
    return [
        Operation(
            rest=("POST", order), socket="order.place", handler=api.place, parameters=ORDER_PARAMETERS,
            security=Security.TRADE, free_on_success=True, priority=Priority.NEW_ORDER,
        ),
        Operation(
            rest=("POST", f"{order}/test"), socket="order.test", handler=api.test, security=Security.TRADE,
            parameters=ORDER_PARAMETERS | {"computeCommissionRates"}, priority=Priority.NEW_ORDER,
            weight=lambda params: 20 if params.get("computeCommissionRates") == "true" else 1,
        ),
        Operation(
            rest=("DELETE", order), socket="order.cancel", handler=api.cancel, parameters=CANCEL_PARAMETERS,
            security=Security.TRADE, free_on_success=True, priority=Priority.CANCEL,
        ),
        Operation(
            rest=("DELETE", "/api/v3/openOrders"), socket="openOrders.cancelAll", handler=api.cancel_all,
            parameters=frozenset({"symbol"}), security=Security.TRADE, free_on_success=True, priority=Priority.CANCEL,
        ),
        Operation(
            rest=("POST", f"{order}/cancelReplace"), socket="order.cancelReplace", handler=api.replace,
            parameters=REPLACE_PARAMETERS, security=Security.TRADE, free_on_success=True, priority=Priority.NEW_ORDER,
        ),
    ]  # fmt: skip


class _Api:
    def __init__(self, intake: Intake, listing: Listing) -> None:
        self._intake = intake
        self._listing = listing

    async def place(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        command = read_order(call, instrument)
        detail = _detail(call, command.type)
        answer = await self._intake.submit(command, call.not_after_us)
        call.order_counts = answer.counts
        return placed(_updates(_accepted(answer)), detail, self._listing, call, answer.time_us)

    async def test(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        command = read_order(call, instrument, RequestFlag.TEST)
        _detail(call, command.type)
        with_rates = call.params.boolean("computeCommissionRates", False)
        _accepted(await self._intake.submit(command, call.not_after_us))
        if not with_rates:
            return {}
        from openbourse.protocol.amounts import format_units

        maker, taker = self._listing.rates(call.account, instrument.instrument)
        return {
            "standardCommissionForOrder": {"maker": format_units(maker), "taker": format_units(taker)},
            "specialCommissionForOrder": ZERO_RATES,
            "taxCommissionForOrder": ZERO_RATES,
            "discount": {
                "enabledForAccount": False,
                "enabledForSymbol": False,
                "discountAsset": "BNB",
                "discount": "0.00000000",
            },
        }

    async def cancel(self, call: Call) -> object:
        params = call.params
        instrument = self._listing.find(params.symbol())
        order, client_id = _named(call, "orderId", "origClientOrderId")
        command = CancelOrder(
            call.account,
            instrument.instrument,
            order,
            _restriction(call),
            client_id,
            params.client_id("newClientOrderId") or new_client_id(),
        )
        answer = await self._intake.submit(command, call.not_after_us)
        (update,) = _updates(_accepted(answer))
        return canceled(update, instrument.symbol, call, answer.time_us)

    async def cancel_all(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        command = CancelAll(call.account, instrument.instrument, new_client_id())
        answer = await self._intake.submit(command, call.not_after_us)
        updates = _updates(_accepted(answer))
        return [canceled(update, instrument.symbol, call, answer.time_us) for update in updates]

    async def replace(self, call: Call) -> object:
        params = call.params
        instrument = self._listing.find(params.symbol())
        mode = params.choice("cancelReplaceMode", ReplaceMode, -1130, _invalid("cancelReplaceMode"))
        if mode is None:
            raise ApiError(-1102, "Mandatory parameter 'cancelReplaceMode' was not sent, was empty/null, or malformed.")
        if params.get("orderRateLimitExceededMode", "DO_NOTHING") not in ("DO_NOTHING", "CANCEL_ONLY"):
            raise ApiError(-1130, _invalid("orderRateLimitExceededMode"))
        order, client_id = _named(call, "cancelOrderId", "cancelOrigClientOrderId")
        new = read_order(call, instrument)
        command = CancelReplace(
            mode=mode,
            cancel_order=order,
            restriction=_restriction(call),
            cancel_client_id=client_id,
            cancel_request_id=params.client_id("cancelNewClientOrderId") or new_client_id(),
            new=new,
        )
        detail = _detail(call, new.type)
        answer = await self._intake.submit(command, call.not_after_us)
        call.order_counts = answer.counts
        return self._replaced(_accepted(answer), instrument, detail, call, answer.time_us)

    def _replaced(self, seen: list[Event], instrument: Instrument, detail: str, call: Call, time_us: int) -> Shape:
        outcome = next(event for event in seen if isinstance(event, CancelReplaced))
        updates = [event for event in seen if isinstance(event, OrderUpdated)]
        old = next(
            (e for e in updates if e.order == outcome.canceled_order and e.execution == Execution.CANCELED), None
        )
        new = [event for event in updates if outcome.new_order and event.order == outcome.new_order]
        cancel_shown: object = (
            canceled(old, instrument.symbol, call, time_us) if old is not None else _error(outcome.cancel_reason)
        )
        new_shown: object = None
        if new:
            new_shown = placed(new, detail, self._listing, call, time_us)
        elif outcome.new_result == ReplaceResult.FAILURE:
            new_shown = _error(outcome.new_reason)
        shown: Shape = {
            "cancelResult": ReplaceResult(outcome.cancel_result).name,
            "newOrderResult": ReplaceResult(outcome.new_result).name,
            "cancelResponse": cancel_shown,
            "newOrderResponse": new_shown,
        }
        if old is not None and new:
            return shown
        if old is None and not new:
            raise ApiError(-2022, "Order cancel-replace failed.", 400, data=shown)
        raise ApiError(-2021, "Order cancel-replace partially failed.", 409, data=shown)


def _accepted(answer: Answer) -> list[Event]:
    """Return the events of a command that was not rejected. Raises the reject's ApiError."""
    seen = list(decode(answer.events))
    if isinstance(seen[0], CommandRejected):
        raise rejected(seen[0].reason)
    return seen


def _updates(seen: list[Event]) -> list[OrderUpdated]:
    """Return the updates of the order that the first one names, or of all when each was canceled."""
    updates = [event for event in seen if isinstance(event, OrderUpdated)]
    if updates and updates[0].execution == Execution.CANCELED:
        return updates
    return [update for update in updates if update.order == updates[0].order]


def _error(reason: int) -> Shape:
    refusal = rejected(RejectReason(reason))
    return {"code": refusal.code, "msg": refusal.message}


def _invalid(name: str) -> str:
    return f"Data sent for parameter '{name}' is not valid."


def _detail(call: Call, kind: int) -> str:
    sent = call.params.get("newOrderRespType")
    if sent is None:
        return "FULL" if kind in (OrderType.LIMIT, OrderType.MARKET) else "ACK"
    if sent not in DETAILS:
        raise ApiError(-1130, _invalid("newOrderRespType"))
    return sent


def _restriction(call: Call) -> int:
    sent = call.params.choice("cancelRestrictions", CancelRestriction, -1145, "Invalid cancelRestrictions")
    return CancelRestriction.NONE if sent is None else sent


def _named(call: Call, id_name: str, client_name: str) -> tuple[int, str]:
    order = call.params.integer(id_name, 0)
    client_id = call.params.client_id(client_name) or ""
    if not order and not client_id:
        raise ApiError(-1102, f"Param '{client_name}' or '{id_name}' must be sent, but both were empty/null!")
    return order, client_id
