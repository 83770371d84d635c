"""From parameters to an order request, with Binance's refusals for what does not belong together (2.1)."""

import secrets
import string
from typing import Final

from openbourse.edge.errors import ApiError, rejected
from openbourse.edge.operations import Call
from openbourse.edge.params import Params
from openbourse.protocol.amounts import AMOUNT_MAX
from openbourse.protocol.commands import CancelRestriction, PlaceOrder, RequestFlag
from openbourse.protocol.instruments import (
    STP_OF_INSTRUMENT,
    Instrument,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from openbourse.protocol.rejects import RejectReason

CLIENT_ID_CHARACTERS: Final = 22
STRATEGY_TYPE_MIN: Final = 1_000_000
DETAILS: Final = ("ACK", "RESULT", "FULL")
ORDER_PARAMETERS: Final = frozenset(
    {
        "symbol",
        "side",
        "type",
        "timeInForce",
        "quantity",
        "quoteOrderQty",
        "price",
        "newClientOrderId",
        "strategyId",
        "strategyType",
        "stopPrice",
        "trailingDelta",
        "icebergQty",
        "newOrderRespType",
        "selfTradePreventionMode",
        "pegPriceType",
        "pegOffsetValue",
        "pegOffsetType",
    }
)
_ALPHABET: Final = string.ascii_letters + string.digits
_UNSUPPORTED: Final = {
    OrderType.STOP_LOSS: "Stop loss orders are not supported for this symbol.",
    OrderType.STOP_LOSS_LIMIT: "Stop loss limit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT: "Take profit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT_LIMIT: "Take profit limit orders are not supported for this symbol.",
}
_NOT_YET: Final = {
    "icebergQty": "Iceberg orders are not supported for this symbol.",
    "trailingDelta": "Trailing stop orders are not supported for this symbol.",
    "pegPriceType": "Pegged orders are not supported for this symbol.",
}


def new_client_id() -> str:
    """Return a client order id for a request that brought none."""
    number, characters = int.from_bytes(secrets.token_bytes(17), "little"), []
    for _ in range(CLIENT_ID_CHARACTERS):
        number, index = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    return "".join(characters)


def read_order(call: Call, instrument: Instrument, flags: int = 0) -> PlaceOrder:
    """Return the order that a call asks for. Raises ApiError."""
    params = call.params
    side = params.choice("side", Side, -1117, "Invalid side.")
    kind = params.choice("type", OrderType, -1116, "Invalid orderType.")
    if side is None or kind is None:
        raise missing("side" if side is None else "type")
    if kind in _UNSUPPORTED:
        raise ApiError(-1013, _UNSUPPORTED[kind])
    for name, message in _NOT_YET.items():
        if name in params:
            raise ApiError(-1013, message)
    for name in ("stopPrice", "pegOffsetValue", "pegOffsetType"):
        if name in params:
            raise unwanted(name)
    price, quantity = params.decimal("price"), params.decimal("quantity")
    quote_quantity = params.decimal("quoteOrderQty", AMOUNT_MAX)
    time_in_force = _time_in_force(params, kind)
    if kind is OrderType.MARKET:
        if price is not None:
            raise unwanted("price")
        if (quantity is None) == (quote_quantity is None):
            if quantity is not None:
                raise unwanted("quoteOrderQty")
            raise ApiError(-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!")
    else:
        if quantity is None or price is None:
            raise missing("quantity" if quantity is None else "price")
        if quote_quantity is not None:
            raise unwanted("quoteOrderQty")
    if quantity == 0 or quote_quantity == 0 or price == 0:
        raise ApiError(-1013, "Price * QTY is zero or less.")
    if quote_quantity is not None:
        flags |= RequestFlag.BY_QUOTE
    strategy_id, strategy_type, strategy_flag = _strategy(params)
    return PlaceOrder(
        account=call.account,
        instrument=instrument.instrument,
        side=side,
        type=kind,
        time_in_force=time_in_force,
        stp=_self_trade_prevention(params),
        flags=flags | strategy_flag,
        price=price or 0,
        quantity=quantity or 0,
        quote_quantity=quote_quantity or 0,
        strategy_id=strategy_id,
        strategy_type=strategy_type,
        client_id=params.client_id("newClientOrderId") or new_client_id(),
    )


def _time_in_force(params: Params, kind: OrderType) -> TimeInForce:
    sent = params.choice("timeInForce", TimeInForce, -1115, "Invalid timeInForce.")
    if kind is OrderType.LIMIT:
        if sent is None:
            raise missing("timeInForce")
        return sent
    if sent is not None:
        raise ApiError(-1114, "TimeInForce parameter sent when not required.")
    return TimeInForce.GTC


def _self_trade_prevention(params: Params) -> int:
    sent = params.choice(
        "selfTradePreventionMode",
        SelfTradePrevention,
        -1013,
        "This symbol does not allow the specified self-trade prevention mode.",
    )
    return STP_OF_INSTRUMENT if sent is None else sent


def read_detail(call: Call, kind: int) -> str:
    """Return how much of the order the answer shows. Raises ApiError."""
    sent = call.params.get("newOrderRespType")
    if sent is None:
        return "FULL" if kind in (OrderType.LIMIT, OrderType.MARKET) else "ACK"
    if sent not in DETAILS:
        raise invalid("newOrderRespType")
    return sent


def read_restriction(call: Call) -> int:
    """Return cancelRestrictions. Raises ApiError -1145."""
    sent = call.params.get("cancelRestrictions")
    if sent is None:
        return CancelRestriction.NONE
    if sent not in ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"):
        raise ApiError(-1145, "Invalid cancelRestrictions")
    return CancelRestriction[sent]


def read_target(call: Call, id_name: str, client_name: str) -> tuple[int, str]:
    """Return the order id (0: none) and the client id ("": none) of the order meant. Raises ApiError -1102."""
    order = call.params.integer(id_name) if id_name in call.params else 0
    client_id = call.params.client_id(client_name) or ""
    if id_name not in call.params and not client_id:
        raise ApiError(-1102, f"Param '{client_name}' or '{id_name}' must be sent, but both were empty/null!")
    if not order and not client_id:
        raise rejected(RejectReason.UNKNOWN_ORDER)
    return order, client_id


def invalid(name: str) -> ApiError:
    """Return the refusal of a value that a parameter may not have."""
    return ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")


def _strategy(params: Params) -> tuple[int, int, int]:
    if "strategyId" not in params and "strategyType" not in params:
        return 0, 0, 0
    kind = params.integer("strategyType", 0, maximum=2**31 - 1)
    if "strategyType" in params and kind < STRATEGY_TYPE_MIN:
        raise ApiError(-1134, "strategyType must be at least 1000000.")
    return params.integer("strategyId", 0), kind, RequestFlag.HAS_STRATEGY


def missing(name: str) -> ApiError:
    """Return the refusal of a mandatory parameter that was not sent."""
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def unwanted(name: str) -> ApiError:
    """Return the refusal of a parameter that does not belong to the order's type."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")
