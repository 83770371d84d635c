"""What Binance's documentation shows of an order, of an error and of the events of an account, field for field."""

from collections.abc import Callable, Mapping
from typing import Any

ACK = ["symbol", "orderId", "orderListId", "clientOrderId", "transactTime"]
RESULT = [
    *ACK,
    *("price", "origQty", "executedQty", "origQuoteOrderQty", "cummulativeQuoteQty", "status", "timeInForce"),
    *("type", "side", "workingTime", "selfTradePreventionMode"),
]
FULL = [*RESULT, "fills"]
FILL = ["price", "qty", "commission", "commissionAsset", "tradeId"]
QUERY = [
    *("symbol", "orderId", "orderListId", "clientOrderId", "price", "origQty", "executedQty", "cummulativeQuoteQty"),
    *("status", "timeInForce", "type", "side", "stopPrice", "icebergQty", "time", "updateTime", "isWorking"),
    *("workingTime", "origQuoteOrderQty", "selfTradePreventionMode"),
]
CANCEL = [
    *("symbol", "origClientOrderId", "orderId", "orderListId", "clientOrderId", "transactTime", "price", "origQty"),
    *("executedQty", "origQuoteOrderQty", "cummulativeQuoteQty", "status", "timeInForce", "type", "side"),
    "selfTradePreventionMode",
]
LIST = [
    *("orderListId", "contingencyType", "listStatusType", "listOrderStatus", "listClientOrderId", "transactionTime"),
    *("symbol", "orders", "orderReports"),
]
TRADE = [
    *("symbol", "id", "orderId", "orderListId", "price", "qty", "quoteQty", "commission", "commissionAsset", "time"),
    *("isBuyer", "isMaker", "isBestMatch"),
]
EXECUTION_REPORT = list("eEscSofqpPFgCxXrilzLnNTtIwmMOZYQV")
ACCOUNT_POSITION = list("eEuB")
LIST_STATUS = list("esgclLrCTOE")
ZERO = "0.00000000"

INSUFFICIENT = (400, -2010, "Account has insufficient balance for requested action.")
UNKNOWN_ORDER = (400, -2011, "Unknown order sent.")
NO_SUCH_ORDER = (400, -2013, "Order does not exist.")
LOT_SIZE = (400, -1013, "Filter failure: LOT_SIZE")
PRICE_FILTER = (400, -1013, "Filter failure: PRICE_FILTER")
NOTIONAL = (400, -1013, "Filter failure: NOTIONAL")
WOULD_TAKE = (400, -2010, "Order would immediately match and take.")
WOULD_TRIGGER = (400, -2010, "Order would trigger immediately.")
BAD_PRICES = (400, -2010, "The relationship of the prices for the orders is not correct.")
INVALID_SYMBOL = (400, -1121, "Invalid symbol.")
NO_SIDE = (400, -1102, "Mandatory parameter 'side' was not sent, was empty/null, or malformed.")
INVALID_KEY = (401, -2015, "Invalid API-key, IP, or permissions for action.")
BAD_SIGNATURE = (400, -1022, "Signature for this request is not valid.")


def has(shown: Mapping[str, Any], fields: list[str], *conditional: str) -> None:
    """Assert that just these fields are shown, and of the others only those that may come with this order."""
    assert sorted(set(shown) - set(conditional)) == sorted(fields), shown


def is_new_report(event: Mapping[str, Any], order: Mapping[str, Any]) -> None:
    """Assert that an event is the first executionReport of an order that rests."""
    has(event, EXECUTION_REPORT, "W", "u", "eR")
    same = {"s": "symbol", "c": "clientOrderId", "S": "side", "o": "type", "f": "timeInForce", "q": "origQty"}
    same |= {"p": "price", "i": "orderId", "T": "transactTime", "W": "workingTime", "V": "selfTradePreventionMode"}
    assert {short: event[short] for short in same} == {short: order[name] for short, name in same.items()}
    fixed = {"e": "executionReport", "P": ZERO, "F": ZERO, "g": -1, "C": "", "x": "NEW", "X": "NEW", "r": "NONE"}
    fixed |= {"l": ZERO, "z": ZERO, "L": ZERO, "n": "0", "N": None, "t": -1, "w": True, "m": False, "Z": ZERO}
    fixed |= {"Y": ZERO, "Q": ZERO}
    assert {name: event[name] for name in fixed} == fixed


def is_trade_report(event: Mapping[str, Any], order: Mapping[str, Any], fill: Mapping[str, Any]) -> None:
    """Assert that an event tells a taker of one of its fills, as the answer to the order did."""
    has(event, EXECUTION_REPORT, "W", "eR")
    assert (event["e"], event["x"], event["C"], event["m"], event["r"]) == (
        "executionReport",
        "TRADE",
        "",
        False,
        "NONE",
    )
    assert (event["i"], event["c"]) == (order["orderId"], order["clientOrderId"])
    same = {"l": "qty", "L": "price", "n": "commission", "N": "commissionAsset", "t": "tradeId"}
    assert {short: event[short] for short in same} == {short: fill[name] for short, name in same.items()}


def is_cancel_report(event: Mapping[str, Any], canceled: Mapping[str, Any]) -> None:
    """Assert that an event tells of a cancel: c is the cancel's own id, C the order's."""
    has(event, EXECUTION_REPORT, "W", "eR")
    same = {"c": "clientOrderId", "C": "origClientOrderId", "i": "orderId", "q": "origQty", "z": "executedQty"}
    assert {short: event[short] for short in same} == {short: canceled[name] for short, name in same.items()}
    assert (event["x"], event["X"], event["w"]) == ("CANCELED", "CANCELED", False)


def until(arrived: Callable[[], Any], seconds: float = 15) -> Any:
    """Return what arrives, and no later than within these seconds."""
    import time

    deadline = time.monotonic() + seconds
    while not (got := arrived()):
        assert time.monotonic() < deadline, "nothing arrived in time"
        time.sleep(0.05)
    return got
