"""Order images as clients see them (binance-api.md 2.4): one function a shape."""

from typing import Final

from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call
from openbourse.edge.order_lists import contingency, legs, order_status, public_id, shown_id
from openbourse.protocol.amounts import format_units
from openbourse.protocol.events import Execution, ListStatus, ListUpdated, OrderFlag, OrderStatus, OrderUpdated
from openbourse.protocol.instruments import OrderType, PegType, SelfTradePrevention, Side, TimeInForce
from openbourse.protocol.lists import ListForm

EXPIRY_REASONS: Final = (
    "NONE",
    "UNFILLED_IOC_QUANTITY_EXPIRED",
    "UNFILLED_FOK_ORDER_EXPIRED",
    "INSUFFICIENT_LIQUIDITY",
    "REJECTED",
    "EXCHANGE_CANCELED",
    "OCO_TRIGGER",
    "OTO_PHASE_ONE_EXPIRED",
    "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
    "GOOD_TILL_DATE_REACHED",
)
PEG_TYPES: Final = {PegType.PRIMARY: "PRIMARY_PEG", PegType.MARKET: "MARKET_PEG"}
PEG_OFFSET_TYPE: Final = "PRICE_LEVEL"
GOOD_TILL_DATE: Final = "GTD"
"""Ours: an order that rests until a moment."""

Shape = dict[str, object]


def shown_price(image: OrderUpdated) -> str:
    """Return the price that was sent; the one that a pegged order works at is shown beside it."""
    return format_units(image.sent_price if image.peg_type else image.price)


def shown_time_in_force(image: OrderUpdated) -> str:
    """Return the time in force."""
    return GOOD_TILL_DATE if image.expires_us else TimeInForce(image.time_in_force).name


def ack(image: OrderUpdated, symbol: str, call: Call, time_us: int) -> Shape:
    """Return the ACK body."""
    return {
        "symbol": symbol,
        "orderId": image.order,
        "orderListId": shown_id(image.order_list, image.instrument),
        "clientOrderId": image.client_id,
        "transactTime": call.time(time_us),
    }


def state(image: OrderUpdated, call: Call) -> Shape:
    """Return the fields that RESULT, FULL and cancel bodies share."""
    return {
        "price": shown_price(image),
        "origQty": format_units(image.quantity),
        "executedQty": format_units(image.executed),
        "origQuoteOrderQty": format_units(image.quote_quantity),
        "cummulativeQuoteQty": format_units(image.cumulative_quote),
        "status": OrderStatus(image.status).name,
        "timeInForce": shown_time_in_force(image),
        "type": OrderType(image.type).name,
        "side": Side(image.side).name,
        **conditional(image, call),
    }


def conditional(image: OrderUpdated, call: Call) -> Shape:
    """Return the fields that show on some orders only."""
    shown: Shape = {}
    if image.stop_price:
        shown["stopPrice"] = format_units(image.stop_price)
    if image.iceberg:
        shown["icebergQty"] = format_units(image.iceberg)
    if image.trailing_delta:
        shown |= {"trailingDelta": image.trailing_delta, "trailingTime": call.time(image.trailing_us)}
    if image.peg_type:
        shown["pegPriceType"] = PEG_TYPES[PegType(image.peg_type)]
        if image.peg_offset:
            shown |= {"pegOffsetType": PEG_OFFSET_TYPE, "pegOffsetValue": image.peg_offset}
        if image.working_us >= 0:
            shown["peggedPrice"] = format_units(image.price)
    if image.expires_us:
        shown["goodTillDate"] = call.time(image.expires_us)
    if image.flags & OrderFlag.HAS_STRATEGY:
        shown |= {"strategyId": image.strategy_id, "strategyType": image.strategy_type}
    if image.prevented:
        shown |= {"preventedMatchId": image.prevented_match, "preventedQuantity": format_units(image.prevented)}
    if image.expiry:
        shown["expiryReason"] = EXPIRY_REASONS[image.expiry]
    return shown


def placed(updates: list[OrderUpdated], detail: str, listing: Listing, call: Call, time_us: int) -> Shape:
    """Return the answer to a placed order: updates begin with its own first one and may hold those of others it met."""
    order = updates[0].order
    own = [update for update in updates if update.order == order and update.instrument == updates[0].instrument]
    last = own[-1]
    shown = report(last, own, detail, listing, call, time_us)
    if detail == "ACK":
        return shown
    matches = prevented_matches(order, updates)
    if matches:
        shown["preventedMatches"] = matches
    return shown


def report(
    last: OrderUpdated, own: list[OrderUpdated], detail: str, listing: Listing, call: Call, time_us: int
) -> Shape:
    """Return an order's answer as of one of its updates; own are all of them in this command, for the fills."""
    shown = ack(last, listing.instruments[last.instrument].symbol, call, time_us)
    if detail == "ACK":
        return shown
    shown |= state(last, call)
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
    return shown


def prevented_matches(order: int, updates: list[OrderUpdated]) -> list[Shape]:
    """Return what self-trade prevention kept a placed order from, a match each."""
    matches: dict[int, Shape] = {}
    for update in updates:
        if update.execution != Execution.TRADE_PREVENTION or order not in (update.order, update.counter_order):
            continue
        match = matches.setdefault(update.prevented_match, {"preventedMatchId": update.prevented_match})
        prevented = format_units(update.last_prevented)
        is_own = update.order == order
        match["makerOrderId"] = update.counter_order if is_own else update.order
        # Rules 1 leave last_price empty; there the maker's own price says it.
        price = update.last_price or (0 if is_own else update.price)
        if price:
            match["price"] = format_units(price)
        match["takerPreventedQuantity" if is_own else "makerPreventedQuantity"] = prevented
    return list(matches.values())


def canceled(image: OrderUpdated, symbol: str, call: Call, time_us: int) -> Shape:
    """Return the answer to a cancel."""
    return {
        "symbol": symbol,
        "origClientOrderId": image.client_id,
        "orderId": image.order,
        "orderListId": shown_id(image.order_list, image.instrument),
        "clientOrderId": image.request_id or image.client_id,
        "transactTime": call.time(time_us),
        **state(image, call),
        "selfTradePreventionMode": SelfTradePrevention(image.stp).name,
    }


def placed_list(
    event: ListUpdated, updates: list[OrderUpdated], detail: str, listing: Listing, call: Call, time_us: int
) -> Shape:
    """Return the answer to a placed order list.

    The working order shows what it came to within the command; what waits for it shows as it was placed, even when
    the working order was filled at once.
    """
    shown = order_list(event, listing, call, time_us)
    reports = []
    for number, leg in enumerate(event.legs):
        own = [image for image in updates if image.order == leg.order and image.instrument == event.instrument]
        is_waiting = number > 0 and event.form != ListForm.OCO
        image = own[0] if is_waiting else own[-1]
        leg_report = report(image, own[:1] if is_waiting else own, detail, listing, call, time_us)
        if image.status == OrderStatus.PENDING_NEW and not image.quantity:
            leg_report.pop("origQty", None)
        reports.append(leg_report)
    return {**shown, "orderReports": reports}


def canceled_list(event: ListUpdated, updates: list[OrderUpdated], listing: Listing, call: Call, time_us: int) -> Shape:
    """Return the answer to a cancel that ended an order list: the list, and each order that it canceled."""
    symbol = listing.instruments[event.instrument].symbol
    ended = [
        update
        for update in updates
        if (update.order_list, update.instrument) == (event.order_list, event.instrument)
        and update.execution == Execution.CANCELED
    ]
    reports = [canceled(image, symbol, call, time_us) for image in ended]
    return {**order_list(event, listing, call, time_us), "orderReports": reports}


def order_list(event: ListUpdated, listing: Listing, call: Call, time_us: int) -> Shape:
    """Return a list without its orders' states."""
    symbol = listing.instruments[event.instrument].symbol
    return {
        "orderListId": public_id(event.order_list, event.instrument),
        "contingencyType": contingency(event.form),
        "listStatusType": ListStatus(event.status).name,
        "listOrderStatus": order_status(event.status),
        "listClientOrderId": event.list_client_id,
        "transactionTime": call.time(time_us),
        "symbol": symbol,
        "orders": legs(symbol, event.legs),
    }


def amended(image: OrderUpdated, event: ListUpdated | None, listing: Listing, call: Call, time_us: int) -> Shape:
    """Return the answer to an amendment."""
    symbol = listing.instruments[image.instrument].symbol
    order: Shape = {
        "symbol": symbol,
        "orderId": image.order,
        "orderListId": shown_id(image.order_list, image.instrument),
        "origClientOrderId": image.original_client_id,
        "clientOrderId": image.client_id,
        "price": shown_price(image),
        "qty": format_units(image.quantity),
        "executedQty": format_units(image.executed),
        "preventedQty": format_units(image.prevented),
        "quoteOrderQty": format_units(image.quote_quantity),
        "cumulativeQuoteQty": format_units(image.cumulative_quote),
        "status": OrderStatus(image.status).name,
        "timeInForce": shown_time_in_force(image),
        "type": OrderType(image.type).name,
        "side": Side(image.side).name,
        **conditional(image, call),
        "selfTradePreventionMode": SelfTradePrevention(image.stp).name,
    }
    if image.working_us >= 0:
        order["workingTime"] = call.time(image.working_us)
    shown: Shape = {
        "transactTime": call.time(time_us),
        "executionId": image.execution_id,
        "amendedOrder": order,
    }
    if event is not None:
        whole = order_list(event, listing, call, time_us)
        del whole["listStatusType"], whole["transactionTime"]
        shown["listStatus"] = whole
    return shown


def queried(image: OrderUpdated, symbol: str, call: Call, updated_us: int) -> Shape:
    """Return an order as a question about it is answered."""
    return {
        "symbol": symbol,
        "orderId": image.order,
        "orderListId": shown_id(image.order_list, image.instrument),
        "clientOrderId": image.client_id,
        **state(image, call),
        "stopPrice": format_units(image.stop_price),
        "icebergQty": format_units(image.iceberg),
        "time": call.time(image.created_us),
        "updateTime": call.time(updated_us),
        "isWorking": image.working_us >= 0,
        "workingTime": call.time(image.working_us),
        "selfTradePreventionMode": SelfTradePrevention(image.stp).name,
    }


def discount(listing: Listing, account: int, instrument: int) -> Shape:
    """Return how an account's commissions on an instrument are discounted."""
    found = listing.discount(account, instrument)
    return {
        "enabledForAccount": found.is_used,
        "enabledForSymbol": found.is_offered,
        "discountAsset": listing.assets.get(found.asset, "BNB"),
        "discount": format_units(found.rate),
    }
