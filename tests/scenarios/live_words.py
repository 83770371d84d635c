"""A story's commands as the requests that a client sends for them."""

from typing import Final

from openbourse.protocol.amounts import format_units
from openbourse.protocol.commands import (
    AmendOrder,
    CancelOrder,
    CancelOrderList,
    CancelReplace,
    CancelRestriction,
    ListForm,
    PlaceOrder,
    PlaceOrderList,
    ReplaceMode,
    RequestFlag,
)
from openbourse.protocol.instruments import (
    STP_OF_INSTRUMENT,
    OrderType,
    PegType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

Params = dict[str, object]

_TIMED: Final = (OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
_LEGS: Final = {
    ListForm.OCO: ("above", "below"),
    ListForm.OTO: ("working", "pending"),
    ListForm.OTOCO: ("working", "pendingAbove", "pendingBelow"),
    ListForm.OPO: ("working", "pending"),
    ListForm.OPOCO: ("working", "pendingAbove", "pendingBelow"),
}


def order_params(order: PlaceOrder) -> Params:
    """Return what a request for an order says, its symbol aside."""
    params = _own(order, "")
    params["side"] = Side(order.side).name
    if order.flags & RequestFlag.BY_QUOTE:
        params["quoteOrderQty"] = format_units(order.quote_quantity)
    else:
        params["quantity"] = format_units(order.quantity)
    return params | _prevention(order)


def list_params(command: PlaceOrderList) -> Params:
    """Return what a request for an order list says, its symbol aside."""
    form = ListForm(command.form)
    params: Params = {"listClientOrderId": command.list_client_id} | _prevention(command.legs[0])
    for prefix, leg in zip(_LEGS[form], command.legs, strict=True):
        params |= _own(leg, prefix)
        shared = "" if form is ListForm.OCO else "working" if prefix == "working" else "pending"
        params[f"{shared}Side" if shared else "side"] = Side(leg.side).name
        if form not in (ListForm.OPO, ListForm.OPOCO) or prefix == "working":
            params[f"{shared}Quantity" if shared else "quantity"] = format_units(leg.quantity)
    return params


def cancel_params(command: CancelOrder) -> Params:
    """Return what a request to cancel an order says."""
    params = _target(command.order, "orderId", command.client_id, "origClientOrderId")
    return params | _restriction(command.restriction)


def list_cancel_params(command: CancelOrderList) -> Params:
    """Return what a request to cancel an order list says."""
    return _target(command.order_list, "orderListId", command.list_client_id, "listClientOrderId")


def replace_params(command: CancelReplace) -> Params:
    """Return what a request to cancel and replace says."""
    params = order_params(command.new)
    params |= _target(command.cancel_order, "cancelOrderId", command.cancel_client_id, "cancelOrigClientOrderId")
    params["cancelReplaceMode"] = ReplaceMode(command.mode).name
    return params | _restriction(command.restriction)


def amend_params(command: AmendOrder) -> Params:
    """Return what a request to amend says."""
    params = _target(command.order, "orderId", command.client_id, "origClientOrderId")
    return params | {"newQty": format_units(command.new_quantity), "newClientOrderId": command.new_client_id}


def _target(order: int, id_name: str, client_id: str, client_name: str) -> Params:
    params: Params = {id_name: order} if order else {}
    return params | ({client_name: client_id} if client_id else {})


def _restriction(restriction: int) -> Params:
    return {"cancelRestrictions": CancelRestriction(restriction).name} if restriction else {}


def _prevention(order: PlaceOrder) -> Params:
    if order.stp == STP_OF_INSTRUMENT:
        return {}
    return {"selfTradePreventionMode": SelfTradePrevention(order.stp).name}


def _own(order: PlaceOrder, prefix: str) -> Params:
    """Return what belongs to one order alone, under its names in a list when it has a prefix."""
    params: Params = {"type": OrderType(order.type).name}
    if order.type in _TIMED or order.time_in_force != TimeInForce.GTC:
        params["timeInForce"] = TimeInForce(order.time_in_force).name
    is_market = order.type in (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT)
    if order.price or not (is_market or order.peg_type):
        params["price"] = format_units(order.price)
    if order.stop_price is not None:
        params["stopPrice"] = format_units(order.stop_price)
    if order.trailing_delta is not None:
        params["trailingDelta"] = order.trailing_delta
    if order.iceberg is not None:
        params["icebergQty"] = format_units(order.iceberg)
    if order.peg_type is not None:
        params["pegPriceType"] = f"{PegType(order.peg_type).name}_PEG"
        if order.peg_offset:
            params |= {"pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": order.peg_offset}
    if order.expires_us is not None:
        # One field says either how long or until when: both can only be said wrong.
        if order.time_in_force == TimeInForce.GTC:
            params["timeInForce"] = "GTD"
        params["goodTillDate"] = order.expires_us // 1_000
    if order.flags & RequestFlag.HAS_STRATEGY:
        params |= {"strategyId": order.strategy_id, "strategyType": order.strategy_type}
    named = {prefix + name[0].upper() + name[1:] if prefix else name: value for name, value in params.items()}
    return named | {f"{prefix}ClientOrderId" if prefix else "newClientOrderId": order.client_id}
