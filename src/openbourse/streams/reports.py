"""What user data streams tell of orders and lists: executionReport and listStatus (binance-api.md section 5.4)."""

from openbourse.edge.listing import Listing
from openbourse.edge.order_lists import contingency, order_status, public_id, shown_id
from openbourse.edge.rendering import EXPIRY_REASONS, PEG_OFFSET_TYPE, PEG_TYPES, shown_price, shown_time_in_force
from openbourse.protocol.amounts import format_units, notional
from openbourse.protocol.events import Execution, ListStatus, ListUpdated, OrderFlag, OrderStatus, OrderUpdated
from openbourse.protocol.instruments import OrderType, PegType, SelfTradePrevention, Side, TimeInForce

Report = dict[str, object]


def execution_report(event: OrderUpdated, listing: Listing, time_us: int, unit: int) -> Report:
    """Return an executionReport."""
    is_trade = event.execution == Execution.TRADE
    begins_to_work = event.execution in (Execution.NEW, Execution.TRIGGERED) and event.working_us >= 0
    client_id, original_client_id = _client_ids(event)
    at = time_us // unit
    return {
        "e": "executionReport",
        "E": at,
        "s": listing.instruments[event.instrument].symbol,
        "c": client_id,
        "S": Side(event.side).name,
        "o": OrderType(event.type).name,
        "f": shown_time_in_force(event),
        "q": format_units(event.quantity),
        "p": shown_price(event),
        "P": format_units(event.stop_price),
        "F": format_units(event.iceberg),
        "g": shown_id(event.order_list, event.instrument),
        "C": original_client_id,
        "x": execution_type(event.execution),
        "X": OrderStatus(event.status).name,
        "r": "NONE",
        "i": event.order,
        "l": format_units(event.last_quantity),
        "z": format_units(event.executed),
        "L": format_units(event.last_price if is_trade else 0),
        "n": format_units(event.commission) if is_trade else "0",
        "N": listing.assets[event.commission_asset] if is_trade else None,
        "T": at,
        "t": event.trade if is_trade else -1,
        "I": event.execution_id,
        "w": bool(event.flags & OrderFlag.ON_BOOK) or begins_to_work or _goes_on(event),
        "m": bool(event.flags & OrderFlag.IS_MAKER),
        "M": is_trade,
        "O": event.created_us // unit,
        "Z": format_units(event.cumulative_quote),
        "Y": format_units(event.last_quote),
        "Q": format_units(event.quote_quantity),
        "V": SelfTradePrevention(event.stp).name,
        **_conditional(event, unit),
    }


def _goes_on(event: OrderUpdated) -> bool:
    """Say whether what a trade left of an order stays on the book: no event follows that would tell."""
    is_partly_filled = event.execution == Execution.TRADE and event.status == OrderStatus.PARTIALLY_FILLED
    is_market = event.type in (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT)
    return is_partly_filled and not is_market and event.time_in_force == TimeInForce.GTC


def execution_type(execution: int) -> str:
    """Return what happened in the words that clients know: an order that was triggered is new to the market."""
    return Execution.NEW.name if execution == Execution.TRIGGERED else Execution(execution).name


def list_status(event: ListUpdated, listing: Listing, time_us: int, unit: int) -> Report:
    """Return a listStatus."""
    symbol = listing.instruments[event.instrument].symbol
    return {
        "e": "listStatus",
        "E": time_us // unit,
        "s": symbol,
        "g": public_id(event.order_list, event.instrument),
        "c": contingency(event.form),
        "l": ListStatus(event.status).name,
        "L": order_status(event.status),
        "r": "NONE",
        "C": event.list_client_id,
        "T": time_us // unit,
        "O": [{"s": symbol, "i": leg.order, "c": leg.client_id} for leg in event.legs],
    }


def _client_ids(event: OrderUpdated) -> tuple[str, str]:
    """Return the client id of what just happened, and the order's own before it."""
    if event.execution == Execution.CANCELED:
        return event.request_id or event.client_id, event.client_id
    return event.client_id, event.original_client_id if event.execution == Execution.REPLACED else ""


def _conditional(event: OrderUpdated, unit: int) -> Report:
    shown: Report = {}
    if event.working_us > 0:
        shown["W"] = event.working_us // unit
    if event.trailing_delta:
        shown |= {"d": event.trailing_delta, "D": event.trailing_us // unit}
    if event.flags & OrderFlag.HAS_STRATEGY:
        shown |= {"j": event.strategy_id, "J": event.strategy_type}
    if event.prevented_match:
        shown |= {
            "v": event.prevented_match,
            "A": format_units(event.prevented),
            "B": format_units(event.last_prevented),
            "U": event.counter_order,
        }
        if event.last_price and event.execution == Execution.TRADE_PREVENTION:
            shown |= {
                "pl": format_units(event.last_prevented),
                "pL": format_units(event.last_price),
                "pY": format_units(notional(event.last_price, event.last_prevented)),
            }
    if event.peg_type:
        shown["gP"] = PEG_TYPES[PegType(event.peg_type)]
        if event.peg_offset:
            shown |= {"gOT": PEG_OFFSET_TYPE, "gOV": event.peg_offset}
        if event.working_us >= 0:
            shown["gp"] = format_units(event.price)
    if event.expires_us:
        shown["gtd"] = event.expires_us // unit
    if event.expiry:
        shown["eR"] = EXPIRY_REASONS[event.expiry]
    return shown
