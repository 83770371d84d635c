"""Executions: what happened to orders, and the trades that came of it."""

from enum import IntEnum
from struct import Struct
from typing import Any, ClassVar, Final, Self

from openbourse.protocol.codec import read_text
from openbourse.protocol.frames import Event, EventKind, PackedEvent


class OrderStatus(IntEnum):
    """Where an order stands."""

    NEW = 1
    PARTIALLY_FILLED = 2
    FILLED = 3
    CANCELED = 4
    EXPIRED = 5
    EXPIRED_IN_MATCH = 6
    PENDING_NEW = 7


class Execution(IntEnum):
    """What just happened to an order."""

    NEW = 1
    CANCELED = 2
    TRADE = 3
    EXPIRED = 4
    TRADE_PREVENTION = 5
    TRIGGERED = 6
    REPLACED = 7


class Expiry(IntEnum):
    """Why an order expired."""

    NONE = 0
    UNFILLED_IOC = 1
    UNFILLED_FOK = 2
    INSUFFICIENT_LIQUIDITY = 3
    REJECTED = 4
    EXCHANGE_CANCELED = 5
    OCO_TRIGGER = 6
    OTO_PHASE_ONE_EXPIRED = 7
    PRICE_RANGE_EXCEEDED = 8
    GOOD_TILL = 9


class OrderFlag(IntEnum):
    """Facts about an order image."""

    ON_BOOK = 1
    IS_MAKER = 2
    HAS_STRATEGY = 4
    BY_QUOTE = 8


class ReplaceResult(IntEnum):
    """How one half of a cancel-replace ended."""

    SUCCESS = 1
    FAILURE = 2
    NOT_ATTEMPTED = 3


_IMAGE: Final = Struct("<QIQBBBBBBBBqqqQqQqqqqQqQqIQQqQQqqqiQq")
_EXTENSION: Final = Struct("<qIqqBBqQqI")


class OrderUpdated(Event, frozen=True):
    """An order's whole image after one execution; last_*, commission and trade belong to that execution.

    From stop_price on: version 2 of the image; the defaults are those of an order without any of it.
    """

    kind: ClassVar = EventKind.ORDER_UPDATED
    account: int
    instrument: int
    order: int
    side: int
    type: int
    time_in_force: int
    stp: int
    status: int
    execution: int
    expiry: int
    flags: int
    price: int
    quantity: int
    executed: int
    cumulative_quote: int
    quote_quantity: int
    prevented: int
    last_price: int
    last_quantity: int
    last_quote: int
    commission: int
    commission_asset: int
    trade: int
    prevented_match: int
    last_prevented: int
    counter_order: int
    execution_id: int
    created_us: int
    working_us: int
    strategy_id: int
    strategy_type: int
    held: int
    client_id: str
    request_id: str
    stop_price: int = 0
    trailing_delta: int = 0
    trailing_us: int = -1
    iceberg: int = 0
    peg_type: int = 0
    peg_offset: int = 0
    sent_price: int = 0
    order_list: int = 0
    expires_us: int = 0
    amends: int = 0
    original_client_id: str = ""

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        return cls(*_read_image(data, at, sequence, index)[0])

    @classmethod
    def read_extended(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event of version 2 whose body begins at an offset."""
        image, at = _read_image(data, at, sequence, index)
        original, _ = read_text(data, at + _EXTENSION.size)
        fields = (*image, *_EXTENSION.unpack_from(data, at), original)
        return cls(*fields)


def _read_image(data: bytes, at: int, sequence: int, index: int) -> tuple[tuple[Any, ...], int]:
    f = _IMAGE.unpack_from(data, at)
    client_id, at = read_text(data, at + _IMAGE.size)
    request_id, at = read_text(data, at)
    return (
        sequence,
        index,
        *f[:14],
        f[14] | (f[15] << 64),
        f[16] | (f[17] << 64),
        *f[18:21],
        f[21] | (f[22] << 64),
        f[23] | (f[24] << 64),
        *f[25:35],
        f[35] | (f[36] << 64),
        client_id,
        request_id,
    ), at


class Traded(Event, frozen=True):
    """One match of two orders."""

    kind: ClassVar = EventKind.TRADED
    layout: ClassVar = Struct("<IQQqqQqQQQQB")
    instrument: int
    trade: int
    aggregate: int
    price: int
    quantity: int
    quote: int
    maker_order: int
    taker_order: int
    maker_account: int
    taker_account: int
    taker_side: int

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        f = cls.layout.unpack_from(data, at)
        return cls(*(sequence, index, *f[:5], f[5] | (f[6] << 64), *f[7:]))


class OrderTested(Event, frozen=True):
    """A test order that would have been accepted."""

    kind: ClassVar = EventKind.ORDER_TESTED
    account: int
    instrument: int
    client_id: str

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        account, instrument = Struct("<QI").unpack_from(data, at)
        return cls(sequence, index, account, instrument, read_text(data, at + 12)[0])


class CancelReplaced(PackedEvent, frozen=True):
    """How a cancel-replace ended; results are ReplaceResult, reasons RejectReason or 0."""

    kind: ClassVar = EventKind.CANCEL_REPLACED
    layout: ClassVar = Struct("<BHBHQQ")
    cancel_result: int
    cancel_reason: int
    new_result: int
    new_reason: int
    canceled_order: int
    new_order: int
