"""From parameters to order lists: OCO, OTO, OTOCO, OPO, OPOCO, with Binance's refusals for what does not fit (2.3)."""

from collections.abc import Mapping
from typing import Final

from openbourse.edge.errors import ApiError
from openbourse.edge.operations import Call
from openbourse.edge.params import Params
from openbourse.gateway.order_fields import Fields, read_order
from openbourse.gateway.requests import missing, new_client_id, unwanted
from openbourse.protocol.commands import ListForm, PlaceOrder, PlaceOrderList
from openbourse.protocol.instruments import Instrument, OrderType, Side

_COMMON: Final = frozenset({"symbol", "listClientOrderId", "newOrderRespType", "selfTradePreventionMode"})
_WORKING: Final = Fields("working", "working")
LEGS: Final[dict[ListForm, tuple[Fields, ...]]] = {
    ListForm.OCO: (Fields("above"), Fields("below")),
    ListForm.OTO: (_WORKING, Fields("pending", "pending")),
    ListForm.OTOCO: (_WORKING, Fields("pendingAbove", "pending"), Fields("pendingBelow", "pending")),
    ListForm.OPO: (_WORKING, Fields("pending", "pending", has_quantity=False)),
    ListForm.OPOCO: (
        _WORKING,
        Fields("pendingAbove", "pending", has_quantity=False),
        Fields("pendingBelow", "pending", has_quantity=False),
    ),
}
LIST_PARAMETERS: Final = {
    form: _COMMON | frozenset[str]().union(*(fields.names() for fields in legs)) for form, legs in LEGS.items()
}
OLD_OCO_PARAMETERS: Final = _COMMON | {
    "side",
    "quantity",
    "price",
    "stopPrice",
    "trailingDelta",
    "limitClientOrderId",
    "limitStrategyId",
    "limitStrategyType",
    "limitIcebergQty",
    "stopClientOrderId",
    "stopStrategyId",
    "stopStrategyType",
    "stopIcebergQty",
    "stopLimitPrice",
    "stopLimitTimeInForce",
}
_STOP_LOSS: Final = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})
_TAKE_PROFIT: Final = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})


def read_list(call: Call, instrument: Instrument, form: ListForm) -> PlaceOrderList:
    """Return the list that a call asks for. Raises ApiError."""
    legs = tuple(read_order(call, instrument, fields=fields) for fields in LEGS[form])
    if form is not ListForm.OCO:
        if legs[0].type not in (OrderType.LIMIT, OrderType.LIMIT_MAKER):
            raise ApiError(-1116, "Invalid orderType.")
        _check_sides(form, legs)
    pair = legs if form is ListForm.OCO else legs[1:]
    if len(pair) == 2:
        _check_pair(pair)
    return PlaceOrderList(form, call.params.client_id("listClientOrderId") or new_client_id(), legs)


def read_old_oco(call: Call, instrument: Instrument) -> PlaceOrderList:
    """Return the list that a call in the older form of an OCO asks for. Raises ApiError."""
    return read_list(_in_new_words(call), instrument, ListForm.OCO)


def read_list_target(call: Call) -> tuple[int | None, str]:
    """Return the public id (None: not sent) and the client id ("": none) of the list meant. Raises ApiError -1102."""
    number = call.params.integer("orderListId") if "orderListId" in call.params else None
    client_id = call.params.client_id("listClientOrderId") or ""
    if number is None and not client_id:
        raise ApiError(-1102, "Param 'orderListId' or 'listClientOrderId' must be sent, but both were empty/null!")
    return number, client_id


def _check_sides(form: ListForm, legs: tuple[PlaceOrder, ...]) -> None:
    if form not in (ListForm.OPO, ListForm.OPOCO):
        return
    if legs[0].side != Side.BUY:
        raise ApiError(-1222, "Working order in an OPO list must be a bid.")
    if legs[1].side != Side.SELL:
        raise ApiError(-1223, "Pending orders in an OPO list must be asks.")


def _check_pair(pair: tuple[PlaceOrder, ...]) -> None:
    """Refuse legs of an OCO pair that stand on the wrong side of the market."""
    above, below = pair
    for leg in pair:
        if leg.type in (OrderType.LIMIT, OrderType.MARKET):
            raise ApiError(-1158, "Order type not supported in OCO.")
    is_buy = above.side == Side.BUY
    stop_place, other = (above, below) if is_buy else (below, above)
    # Above a buy and below a sell there is room for a stop loss only; on the other side for anything else.
    if above.type == below.type == OrderType.LIMIT_MAKER:
        raise ApiError(-1168, "At least one OCO order must be contingent.")
    if stop_place.type == OrderType.LIMIT_MAKER:
        raise (
            ApiError(-1165, "A limit order in a buy OCO must be below.")
            if is_buy
            else ApiError(-1166, "A limit order in a sell OCO must be above.")
        )
    if stop_place.type in _TAKE_PROFIT:
        raise (
            ApiError(-1198, "A take profit order in a buy OCO must be below.")
            if is_buy
            else ApiError(-1199, "A take profit order in a sell OCO must be above.")
        )
    if other.type in _STOP_LOSS:
        raise (
            ApiError(-1196, "A stop loss order in a buy OCO must be above.")
            if is_buy
            else ApiError(-1197, "A stop loss order in a sell OCO must be below.")
        )


def _in_new_words(call: Call) -> Call:
    """Return a call in the older form of an OCO with the parameter names of the newer one. Raises ApiError."""
    params = call.params
    for name in ("quantity", "price", "stopPrice"):
        params.text(name)
    side = params.choice("side", Side, -1117, "Invalid side.")
    if side is None:
        raise missing("side")
    stop, limit = ("above", "below") if side is Side.BUY else ("below", "above")
    has_limit = "stopLimitPrice" in params
    if has_limit:
        params.text("stopLimitTimeInForce")
    elif "stopLimitTimeInForce" in params:
        raise ApiError(-1114, "TimeInForce parameter sent when not required.")
    if "stopIcebergQty" in params and not has_limit:
        raise unwanted("stopIcebergQty")
    new = {
        f"{limit}Type": OrderType.LIMIT_MAKER.name,
        f"{stop}Type": (OrderType.STOP_LOSS_LIMIT if has_limit else OrderType.STOP_LOSS).name,
    }
    _rename(params, new, _old_names(limit, stop))
    for name in ("symbol", "side", "quantity", "listClientOrderId", "newOrderRespType", "selfTradePreventionMode"):
        if name in params:
            new[name] = params[name]
    return Call(Params(new), call.caller, call.received_us, call.time_unit, call.address, call.over_socket)


def _old_names(limit: str, stop: str) -> dict[str, str]:
    return {
        "price": f"{limit}Price",
        "limitClientOrderId": f"{limit}ClientOrderId",
        "limitStrategyId": f"{limit}StrategyId",
        "limitStrategyType": f"{limit}StrategyType",
        "limitIcebergQty": f"{limit}IcebergQty",
        "stopPrice": f"{stop}StopPrice",
        "trailingDelta": f"{stop}TrailingDelta",
        "stopClientOrderId": f"{stop}ClientOrderId",
        "stopStrategyId": f"{stop}StrategyId",
        "stopStrategyType": f"{stop}StrategyType",
        "stopIcebergQty": f"{stop}IcebergQty",
        "stopLimitPrice": f"{stop}Price",
        "stopLimitTimeInForce": f"{stop}TimeInForce",
    }


def _rename(params: Params, new: dict[str, str], names: Mapping[str, str]) -> None:
    for old, name in names.items():
        if old in params:
            new[name] = params[old]
