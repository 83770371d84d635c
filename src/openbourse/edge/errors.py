"""The one table from the engine's rejects and our own refusals to Binance's codes, messages and HTTP statuses."""

from typing import Final

import msgspec

from openbourse.protocol.rejects import RejectReason


class ApiError(Exception):
    """A refusal as the client sees it: code, msg, HTTP status, and what goes beside them."""

    def __init__(
        self, code: int, message: str, status: int = 400, data: object = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.data = data
        self.headers = headers


def encode_error(refusal: ApiError) -> bytes:
    """Return a refusal's JSON."""
    shown: dict[str, object] = {"code": refusal.code, "msg": refusal.message}
    if refusal.data is not None:
        shown["data"] = refusal.data
    return msgspec.json.encode(shown)


def invalid_symbol() -> ApiError:
    """Return the refusal of an unknown symbol."""
    return ApiError(-1121, "Invalid symbol.")


# What the engine alone can see (open orders, positions, the book) is -2010; what a request shows by itself is -1013.
REJECTS: Final[dict[RejectReason, tuple[int, str]]] = {
    RejectReason.MALFORMED: (-1000, "An unknown error occurred while processing the request."),
    RejectReason.IDENTITY_EXPIRED: (
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    ),
    RejectReason.TOO_MANY_IN_FLIGHT: (-1003, "Too many requests queued."),
    RejectReason.UNKNOWN_ACCOUNT: (-2010, "This account may not place or cancel orders."),
    RejectReason.UNKNOWN_ASSET: (-1130, "Data sent for parameter 'coin' is not valid."),
    RejectReason.UNKNOWN_INSTRUMENT: (-1121, "Invalid symbol."),
    RejectReason.ALREADY_EXISTS: (-1130, "It exists already."),
    RejectReason.INVALID_DEFINITION: (-1130, "The definition is not valid."),
    RejectReason.INSTRUMENT_HAS_ORDERS: (-1130, "Tick and step cannot change while orders are open."),
    RejectReason.INVALID_AMOUNT: (-1130, "Data sent for parameter 'amount' is not valid."),
    RejectReason.SUPPLY_EXCEEDED: (-1130, "Data sent for parameter 'amount' is not valid."),
    RejectReason.DUPLICATE_DEPOSIT: (-1130, "This deposit was credited already."),
    RejectReason.DUPLICATE_WITHDRAWAL: (-1130, "This withdrawal exists already."),
    RejectReason.UNKNOWN_WITHDRAWAL: (-1130, "This withdrawal does not exist."),
    RejectReason.ACCOUNT_MAY_NOT_TRADE: (-2010, "This account may not place or cancel orders."),
    RejectReason.ACCOUNT_MAY_NOT_WITHDRAW: (-4019, "The current account is not open for withdrawal."),
    RejectReason.ACCOUNT_MAY_NOT_DEPOSIT: (-2010, "This action is disabled on this account."),
    RejectReason.INSTRUMENT_NOT_TRADING: (-1013, "Market is closed."),
    RejectReason.TYPE_NOT_SUPPORTED: (-1116, "Invalid orderType."),
    RejectReason.STP_NOT_ALLOWED: (-1013, "This symbol does not allow the specified self-trade prevention mode."),
    RejectReason.INVALID_COMBINATION: (-1014, "Unsupported order combination."),
    RejectReason.PRICE_FILTER: (-1013, "Filter failure: PRICE_FILTER"),
    RejectReason.PERCENT_PRICE_BY_SIDE: (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    RejectReason.LOT_SIZE: (-1013, "Filter failure: LOT_SIZE"),
    RejectReason.MARKET_LOT_SIZE: (-1013, "Filter failure: MARKET_LOT_SIZE"),
    RejectReason.NOTIONAL: (-1013, "Filter failure: NOTIONAL"),
    RejectReason.MAX_NUM_ORDERS: (-2010, "Filter failure: MAX_NUM_ORDERS"),
    RejectReason.DUPLICATE_CLIENT_ID: (-2010, "Duplicate order sent."),
    RejectReason.WOULD_TAKE: (-2010, "Order would immediately match and take."),
    RejectReason.LIQUIDITY_TOO_LOW: (-2010, "Order book liquidity is less than LOT_SIZE filter minimum quantity."),
    RejectReason.INSUFFICIENT_BALANCE: (-2010, "Account has insufficient balance for requested action."),
    RejectReason.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
    RejectReason.CLIENT_ID_MISMATCH: (-2039, "Client order ID is not correct for this order ID."),
    RejectReason.CANCEL_RESTRICTED: (-2011, "Order was not canceled due to cancel restrictions."),
    RejectReason.UNKNOWN_RULES: (-1130, "These rules are not known."),
    RejectReason.INVALID_RATE: (-1130, "Data sent for parameter 'rate' is not valid."),
    RejectReason.ACCOUNT_DISABLED: (-2010, "This action is disabled on this account."),
    RejectReason.ICEBERG_NOT_SUPPORTED: (-1013, "Iceberg orders are not supported for this symbol."),
    RejectReason.TRAILING_NOT_SUPPORTED: (-1013, "Trailing stop orders are not supported for this symbol."),
    RejectReason.PEG_NOT_SUPPORTED: (-1013, "Pegged orders are not supported for this symbol."),
    RejectReason.LIST_NOT_SUPPORTED: (-1013, "Order lists of this form are not supported for this symbol."),
    RejectReason.AMEND_NOT_SUPPORTED: (-2038, "Order amend is not supported for this symbol."),
    RejectReason.REPLACE_NOT_SUPPORTED: (-1013, "Order cancel-replace is not supported for this symbol."),
    RejectReason.QUOTE_MARKET_NOT_SUPPORTED: (
        -1013,
        "Quote order qty market orders are not support for this symbol.",
    ),
    RejectReason.PHASE_TYPE: (-2010, "This order type is not possible in this trading phase."),
    RejectReason.PHASE_TIME_IN_FORCE: (-2010, "Limit orders require GTC for this phase."),
    RejectReason.PERCENT_PRICE: (-1013, "Filter failure: PERCENT_PRICE"),
    RejectReason.ICEBERG_EXCEEDS: (-1013, "IcebergQty exceeds QTY."),
    RejectReason.ICEBERG_PARTS: (-1013, "Filter failure: ICEBERG_PARTS"),
    RejectReason.TRAILING_DELTA: (-1013, "Filter failure: TRAILING_DELTA"),
    RejectReason.MAX_ASSET: (-1013, "Filter failure: MAX_ASSET"),
    RejectReason.MAX_NUM_ALGO_ORDERS: (-2010, "Filter failure: MAX_NUM_ALGO_ORDERS"),
    RejectReason.MAX_NUM_ICEBERG_ORDERS: (-2010, "Filter failure: MAX_NUM_ICEBERG_ORDERS"),
    RejectReason.EXCHANGE_MAX_NUM_ORDERS: (-2010, "Filter failure: EXCHANGE_MAX_NUM_ORDERS"),
    RejectReason.EXCHANGE_MAX_NUM_ALGO_ORDERS: (-2010, "Filter failure: EXCHANGE_MAX_NUM_ALGO_ORDERS"),
    RejectReason.EXCHANGE_MAX_NUM_ICEBERG_ORDERS: (-2010, "Filter failure: EXCHANGE_MAX_NUM_ICEBERG_ORDERS"),
    RejectReason.MAX_POSITION: (-2010, "Filter failure: MAX_POSITION"),
    RejectReason.WOULD_TRIGGER: (-2010, "Order would trigger immediately."),
    RejectReason.PEG_LIQUIDITY: (-2010, "Order book liquidity is too low for this pegged order."),
    RejectReason.NO_MARKET_PRICE: (-2010, "A trailing stop without stopPrice needs a last price, and there is none."),
    RejectReason.INVALID_LIST: (-1014, "Unsupported order combination."),
    RejectReason.BAD_PRICES: (-2010, "The relationship of the prices for the orders is not correct."),
    RejectReason.MAX_NUM_ORDER_LISTS: (-2010, "Filter failure: MAX_NUM_ORDER_LISTS"),
    RejectReason.EXCHANGE_MAX_NUM_ORDER_LISTS: (-2010, "Filter failure: EXCHANGE_MAX_NUM_ORDER_LISTS"),
    RejectReason.UNKNOWN_LIST: (-2011, "Unknown order list sent."),
    RejectReason.NO_CHANGE: (-2038, "The requested action would change no state; rejecting."),
    RejectReason.AMEND_INCREASE: (-2038, "Order amend (quantity increase) is not supported."),
    RejectReason.AMEND_TOO_SMALL: (-2038, "Order amend (quantity below what was executed) is not supported."),
    RejectReason.AMEND_PENDING: (-2038, "Order amend (pending OPO order) is not supported."),
    RejectReason.MAX_NUM_ORDER_AMENDS: (-2038, "Filter failure: MAX_NUM_ORDER_AMENDS"),
    RejectReason.UNKNOWN_TIER: (-1130, "This tier is not known."),
    RejectReason.GOOD_TILL_PASSED: (-1130, "Data sent for parameter 'goodTillDate' is not valid."),
}


def rejected(reason: int) -> ApiError:
    """Return the refusal that stands for an engine's reject."""
    code, message = REJECTS[RejectReason(reason)]
    return ApiError(code, message)
