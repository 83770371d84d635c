"""Order images as clients see them (binance-api.md 2.4): one function a shape."""

from typing import Final

from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call
from openbourse.protocol.amounts import format_units
from openbourse.protocol.events import Execution, OrderFlag, OrderStatus, OrderUpdated
from openbourse.protocol.instruments import OrderType, SelfTradePrevention, Side, TimeInForce

EXPIRY_REASONS: Final = (
    "NONE",
    "UNFILLED_IOC_QUANTITY_EXPIRED",
    "UNFILLED_FOK_ORDER_EXPIRED",
    "INSUFFICIENT_LIQUIDITY",
)

Shape = dict[str, object]


def ack(image: OrderUpdated, symbol: str, call: Call, time_us: int) -> Shape:
    """Return the ACK body."""
    return {
        "symbol": symbol,
        "orderId": image.order,
        "orderListId": -1,
        "clientOrderId": image.client_id,
        "transactTime": call.time(time_us),
    }


def state(image: OrderUpdated) -> Shape:
    """Return the fields that RESULT, FULL and cancel bodies share."""
    shown: Shape = {
        "price": format_units(image.price),
        "origQty": format_units(image.quantity),
        "executedQty": format_units(image.executed),
        "origQuoteOrderQty": format_units(image.quote_quantity),
        "cummulativeQuoteQty": format_units(image.cumulative_quote),
        "status": OrderStatus(image.status).name,
        "timeInForce": TimeInForce(image.time_in_force).name,
        "type": OrderType(image.type).name,
        "side": Side(image.side).name,
    }
    if image.flags & OrderFlag.HAS_STRATEGY:
        shown |= {"strategyId": image.strategy_id, "strategyType": image.strategy_type}
    if image.prevented:
        shown |= {"preventedMatchId": image.prevented_match, "preventedQuantity": format_units(image.prevented)}
    if image.expiry:
        shown["expiryReason"] = EXPIRY_REASONS[image.expiry]
    return shown


def placed(updates: list[OrderUpdated], detail: str, listing: Listing, call: Call, time_us: int) -> Shape:
    """Return the answer to a placed order: updates begin with its own first one and may hold those of makers it met."""
    order = updates[0].order
    own = [update for update in updates if update.order == order]
    last = own[-1]
    shown = ack(last, listing.instruments[last.instrument].symbol, call, time_us)
    if detail == "ACK":
        return shown
    shown |= state(last)
    shown["workingTime"] = call.time(last.working_us)
    shown["selfTradePreventionMode"] = SelfTradePrevention(last.stp).name
    if detail == "FULL":
        shown["fills"] = [
            {
                "price": format_units(fill.last_price),
                "qty": format_units(fill.last_quantity),
                "commission": format_units(fill.commission),
                "commissionAsset": listing.assets[fill.commission_asset],
                "tradeId": fill.trade,
            }
            for fill in own
            if fill.execution == Execution.TRADE
        ]
    if any(update.execution == Execution.TRADE_PREVENTION for update in updates):
        shown["preventedMatches"] = prevented_matches(order, updates)
    return shown


def prevented_matches(order: int, updates: list[OrderUpdated]) -> list[Shape]:
    """Return what self-trade prevention kept a placed order from, a match each."""
    matches: dict[int, Shape] = {}
    for update in updates:
        if update.execution != Execution.TRADE_PREVENTION:
            continue
        match = matches.setdefault(update.prevented_match, {"preventedMatchId": update.prevented_match})
        prevented = format_units(update.last_prevented)
        if update.order == order:
            match |= {"makerOrderId": update.counter_order, "takerPreventedQuantity": prevented}
        else:
            match |= {
                "makerOrderId": update.order,
                "price": format_units(update.price),
                "makerPreventedQuantity": prevented,
            }
    return list(matches.values())


def canceled(image: OrderUpdated, symbol: str, call: Call, time_us: int) -> Shape:
    """Return the answer to a cancel."""
    return {
        "symbol": symbol,
        "origClientOrderId": image.client_id,
        "orderId": image.order,
        "orderListId": -1,
        "clientOrderId": image.request_id,
        "transactTime": call.time(time_us),
        **state(image),
        "selfTradePreventionMode": SelfTradePrevention(image.stp).name,
    }
