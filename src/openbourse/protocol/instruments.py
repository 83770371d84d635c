"""Assets and instruments as the engine knows them, and the closed lists of their properties."""

from enum import IntEnum

import msgspec


class Side(IntEnum):
    """Which way an order goes."""

    BUY = 1
    SELL = 2


class OrderType(IntEnum):
    """What an order asks for. 4 to 7 need rules version 2."""

    LIMIT = 1
    MARKET = 2
    LIMIT_MAKER = 3
    STOP_LOSS = 4
    STOP_LOSS_LIMIT = 5
    TAKE_PROFIT = 6
    TAKE_PROFIT_LIMIT = 7


class TimeInForce(IntEnum):
    """How long an order may wait."""

    GTC = 1
    IOC = 2
    FOK = 3


class SelfTradePrevention(IntEnum):
    """What happens when an order would meet an order of its own account or trade group."""

    NONE = 0
    EXPIRE_MAKER = 1
    EXPIRE_TAKER = 2
    EXPIRE_BOTH = 3
    DECREMENT = 4
    TRANSFER = 5


STP_OF_INSTRUMENT = 255
"""In a request: take the instrument's default mode."""


class InstrumentStatus(IntEnum):
    """What may happen on an instrument."""

    TRADING = 1
    HALT = 2
    BREAK = 3
    CANCEL_ONLY = 4
    AUCTION = 5


class Permission(IntEnum):
    """What an account may do: bits. IntEnum, not IntFlag: bits are joined for every command, and IntFlag is slow at it."""

    TRADE = 1
    WITHDRAW = 2
    DEPOSIT = 4
    ALL = 7


class NotionalFlag(IntEnum):
    """Which bounds of the notional filter hold for MARKET orders."""

    MIN_APPLIES_TO_MARKET = 1
    MAX_APPLIES_TO_MARKET = 2


class PegType(IntEnum):
    """Whose side's price a pegged order takes: its own, or the other."""

    PRIMARY = 1
    MARKET = 2


class Feature(IntEnum):
    """What an instrument offers beyond plain orders; NO_ marks what it does not."""

    ICEBERG = 1
    TRAILING = 2
    OCO = 4
    OTO = 8
    OPO = 16
    PEG = 32
    AMEND = 64
    GOOD_TILL = 128
    DISCOUNT = 256
    NO_CANCEL_REPLACE = 512
    NO_QUOTE_MARKET = 1024


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """A tradable pair with its filters, fees and switches; all values in 1e-8 units unless named otherwise."""

    instrument: int
    symbol: str
    base: int
    quote: int
    status: int = InstrumentStatus.TRADING
    price_min: int
    price_max: int
    tick: int
    quantity_min: int
    quantity_max: int
    step: int
    market_quantity_min: int = 0
    market_quantity_max: int = 0
    market_step: int = 0
    notional_min: int
    notional_max: int = 0
    notional_flags: int = NotionalFlag.MIN_APPLIES_TO_MARKET
    bid_up: int = 0
    bid_down: int = 0
    ask_up: int = 0
    ask_down: int = 0
    average_minutes: int = 5
    orders_max: int = 200
    maker_rate: int = 100_000
    taker_rate: int = 100_000
    stp_default: int = SelfTradePrevention.EXPIRE_MAKER
    stp_allowed: int = 0b11111
    types_allowed: int = 0b1110


class InstrumentRules(msgspec.Struct, frozen=True, kw_only=True):
    """What rules version 2 adds to an instrument. 0 switches a bound off; percent_* and range_* are rates of the reference price."""

    instrument: int
    features: int = 0
    algo_orders_max: int = 0
    iceberg_orders_max: int = 0
    iceberg_parts_max: int = 0
    lists_max: int = 0
    amends_max: int = 0
    position_max: int = 0
    trailing_above_min: int = 0
    trailing_above_max: int = 0
    trailing_below_min: int = 0
    trailing_below_max: int = 0
    percent_up: int = 0
    percent_down: int = 0
    range_bid_up: int = 0
    range_bid_down: int = 0
    range_ask_up: int = 0
    range_ask_down: int = 0
