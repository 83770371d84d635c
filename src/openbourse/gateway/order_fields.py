"""From the parameters of one order to an order request, with Binance's refusals for what does not belong together (2.1).

The same parameters come with a prefix for each order of a list: `stopPrice`, `aboveStopPrice`, `pendingBelowStopPrice`.
"""

from typing import Final

import msgspec

from openbourse.edge.errors import ApiError
from openbourse.edge.operations import Call
from openbourse.edge.params import EARLIEST_US, Params
from openbourse.edge.rendering import GOOD_TILL_DATE, PEG_OFFSET_TYPE
from openbourse.gateway.requests import invalid, missing, new_client_id, unwanted
from openbourse.protocol.amounts import AMOUNT_MAX
from openbourse.protocol.commands import PlaceOrder, RequestFlag
from openbourse.protocol.instruments import (
    STP_OF_INSTRUMENT,
    Instrument,
    OrderType,
    PegType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

STRATEGY_TYPE_MIN: Final = 1_000_000
PEG_OFFSET_MAX: Final = 100
TRAILING_DELTA_MAX: Final = 2**32 - 1
WAITING: Final = frozenset(
    {OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}
)
PRICED: Final = frozenset(
    {OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT}
)
TIMED: Final = PRICED - {OrderType.LIMIT_MAKER}
_OWN_FIELDS: Final = (
    "type",
    "timeInForce",
    "price",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "strategyId",
    "strategyType",
    "pegPriceType",
    "pegOffsetType",
    "pegOffsetValue",
    "goodTillDate",
)


class Fields(msgspec.Struct, frozen=True):
    """What the parameters of one order are called; side and quantity may be shared by several."""

    prefix: str = ""
    shared: str = ""
    has_quantity: bool = True
    """False: the quantity follows from another order's fill."""

    def of(self, name: str) -> str:
        """Return what a parameter is called."""
        return self.prefix + name[0].upper() + name[1:] if self.prefix else name

    @property
    def client_id(self) -> str:
        """What the client order id is called."""
        return f"{self.prefix}ClientOrderId" if self.prefix else "newClientOrderId"

    @property
    def side(self) -> str:
        """What the side is called."""
        return f"{self.shared}Side" if self.shared else "side"

    @property
    def quantity(self) -> str:
        """What the quantity is called."""
        return f"{self.shared}Quantity" if self.shared else "quantity"

    def names(self) -> frozenset[str]:
        """Return every parameter of the order."""
        shared = {self.side, self.quantity} if self.has_quantity else {self.side}
        return frozenset({self.of(name) for name in _OWN_FIELDS} | {self.client_id} | shared)


SINGLE: Final = Fields()
ORDER_PARAMETERS: Final = SINGLE.names() | {"symbol", "quoteOrderQty", "newOrderRespType", "selfTradePreventionMode"}


def read_order(call: Call, instrument: Instrument, flags: int = 0, fields: Fields = SINGLE) -> PlaceOrder:
    """Return the order that a call asks for. Raises ApiError."""
    params = call.params
    side = params.choice(fields.side, Side, -1117, "Invalid side.")
    kind = params.choice(fields.of("type"), OrderType, -1116, "Invalid orderType.")
    if side is None or kind is None:
        raise missing(fields.side if side is None else fields.of("type"))
    peg_type, peg_offset = _peg(params, fields, kind)
    price = params.decimal(fields.of("price"))
    time_in_force, expires_us = _time_in_force(params, fields, kind)
    quantity, quote_quantity = _quantities(params, fields, kind)
    if price is None and kind in PRICED and peg_type is None:
        raise missing(fields.of("price"))
    if price is not None and kind not in PRICED:
        raise unwanted(fields.of("price"))
    if 0 in (quantity, quote_quantity) or (price == 0 and peg_type is None):
        raise ApiError(-1013, "Price * QTY is zero or less.")
    stop_price, trailing_delta = _trigger(params, fields, kind)
    if quote_quantity is not None:
        flags |= RequestFlag.BY_QUOTE
    strategy_id, strategy_type, strategy_flag = _strategy(params, fields)
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
        client_id=params.client_id(fields.client_id) or new_client_id(),
        stop_price=stop_price,
        trailing_delta=trailing_delta,
        iceberg=_iceberg(params, fields, kind, time_in_force),
        peg_type=peg_type,
        peg_offset=peg_offset,
        expires_us=expires_us,
    )


def _quantities(params: Params, fields: Fields, kind: OrderType) -> tuple[int | None, int | None]:
    if not fields.has_quantity:
        return None, None
    quantity = params.decimal(fields.quantity)
    quote_quantity = None if fields.prefix else params.decimal("quoteOrderQty", AMOUNT_MAX)
    if kind is OrderType.MARKET and not fields.prefix:
        if quantity is None and quote_quantity is None:
            raise ApiError(-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!")
        if quantity is None:
            return None, quote_quantity
    elif quantity is None:
        raise missing(fields.quantity)
    if quote_quantity is not None:
        raise unwanted("quoteOrderQty")
    return quantity, None


def _time_in_force(params: Params, fields: Fields, kind: OrderType) -> tuple[TimeInForce, int | None]:
    """Return the time in force and until when the order may rest, if it says so."""
    name, till = fields.of("timeInForce"), fields.of("goodTillDate")
    if params.get(name) == GOOD_TILL_DATE and kind in PRICED:
        if till not in params:
            raise missing(till)
        moment = params.integer(till)
        return TimeInForce.GTC, moment if moment >= EARLIEST_US else moment * 1_000
    if till in params:
        raise unwanted(till)
    sent = params.choice(name, TimeInForce, -1115, "Invalid timeInForce.")
    if kind in TIMED:
        if sent is None:
            raise missing(name)
        return sent, None
    # A LIMIT_MAKER may say of its iceberg what it is anyway.
    is_said = kind is OrderType.LIMIT_MAKER and sent is TimeInForce.GTC and fields.of("icebergQty") in params
    if sent is not None and not is_said:
        raise ApiError(-1114, "TimeInForce parameter sent when not required.")
    return TimeInForce.GTC, None


def _trigger(params: Params, fields: Fields, kind: OrderType) -> tuple[int | None, int | None]:
    stop, trailing = fields.of("stopPrice"), fields.of("trailingDelta")
    if kind not in WAITING:
        for name in (stop, trailing):
            if name in params:
                raise unwanted(name)
        return None, None
    stop_price = params.decimal(stop)
    delta = params.integer(trailing, minimum=1, maximum=TRAILING_DELTA_MAX) if trailing in params else None
    if stop_price is None and delta is None:
        raise ApiError(-1102, f"Param '{stop}' or '{trailing}' must be sent, but both were empty/null!")
    if stop_price == 0:
        raise invalid(stop)
    return stop_price, delta


def _iceberg(params: Params, fields: Fields, kind: OrderType, time_in_force: TimeInForce) -> int | None:
    name = fields.of("icebergQty")
    iceberg = params.decimal(name)
    if iceberg is None:
        return None
    if kind not in PRICED:
        raise unwanted(name)
    if time_in_force is not TimeInForce.GTC:
        if fields.prefix:
            raise ApiError(-1160, f"Parameter '{name}' is not supported if '{fields.of('timeInForce')}' is not GTC.")
        raise ApiError(-1014, "Unsupported order combination.")
    # Zero asks for no iceberg, as Binance's clients send it.
    return iceberg or None


def _peg(params: Params, fields: Fields, kind: OrderType) -> tuple[PegType | None, int]:
    name, offset_type, offset = (fields.of(part) for part in ("pegPriceType", "pegOffsetType", "pegOffsetValue"))
    sent = params.optional(name)
    if sent is None:
        for part in (offset_type, offset):
            if part in params:
                raise unwanted(part)
        return None, 0
    if sent not in ("PRIMARY_PEG", "MARKET_PEG"):
        raise ApiError(-1210, "Invalid pegPriceType.")
    peg = PegType.PRIMARY if sent == "PRIMARY_PEG" else PegType.MARKET
    if kind not in PRICED:
        raise ApiError(-1013, "This order type may not use pegged price.")
    if kind is OrderType.LIMIT_MAKER and peg is PegType.MARKET:
        raise ApiError(-1013, "This price peg cannot be used with this order type.")
    if params.get(offset_type, PEG_OFFSET_TYPE) != PEG_OFFSET_TYPE:
        raise ApiError(-1211, "Invalid pegOffsetType.")
    if (offset_type in params) != (offset in params):
        raise missing(offset if offset_type in params else offset_type)
    value = params.integer(offset, minimum=1, maximum=PEG_OFFSET_MAX) if offset in params else 0
    return peg, value


def _self_trade_prevention(params: Params) -> int:
    sent = params.choice(
        "selfTradePreventionMode",
        SelfTradePrevention,
        -1013,
        "This symbol does not allow the specified self-trade prevention mode.",
    )
    return STP_OF_INSTRUMENT if sent is None else sent


def _strategy(params: Params, fields: Fields) -> tuple[int, int, int]:
    number, kind = fields.of("strategyId"), fields.of("strategyType")
    if number not in params and kind not in params:
        return 0, 0, 0
    strategy_type = params.integer(kind, 0, maximum=2**31 - 1)
    if kind in params and strategy_type < STRATEGY_TYPE_MIN:
        raise ApiError(-1134, f"{kind} must be at least 1000000.")
    return params.integer(number, 0), strategy_type, RequestFlag.HAS_STRATEGY
