"""Events: what the engine decided. `decode` reads a run of frames; only kinds asked for are unpacked."""

from collections.abc import Container, Iterator
from enum import IntEnum, IntFlag
from struct import Struct
from typing import ClassVar, Final, Self

import msgspec

from openbourse.protocol.codec import EVENT_HEADER, LayoutError, decode_image, read_text, wide
from openbourse.protocol.instruments import Instrument


class EventKind(IntEnum):
    """The number of each event in its frame."""

    COMMAND_REJECTED = 1
    COMMAND_DUPLICATE = 2
    ASSET_CREATED = 3
    INSTRUMENT_DEFINED = 4
    INSTRUMENT_STATUS_CHANGED = 5
    ACCOUNT_DEFINED = 6
    FEE_SET = 7
    DEPOSIT_CREDITED = 8
    WITHDRAWAL_HELD = 9
    WITHDRAWAL_SETTLED = 10
    WITHDRAWAL_RELEASED = 11
    ORDER_UPDATED = 12
    TRADED = 13
    ORDER_TESTED = 14
    CANCEL_REPLACED = 15
    LEVEL_CHANGED = 16
    BALANCE_CHANGED = 17
    TIME_ADVANCED = 18
    RULES_SET = 19


class OrderStatus(IntEnum):
    """Where an order stands."""

    NEW = 1
    PARTIALLY_FILLED = 2
    FILLED = 3
    CANCELED = 4
    EXPIRED = 5
    EXPIRED_IN_MATCH = 6


class Execution(IntEnum):
    """What just happened to an order."""

    NEW = 1
    CANCELED = 2
    TRADE = 3
    EXPIRED = 4
    TRADE_PREVENTION = 5


class Expiry(IntEnum):
    """Why an order expired."""

    NONE = 0
    UNFILLED_IOC = 1
    UNFILLED_FOK = 2
    INSUFFICIENT_LIQUIDITY = 3


class OrderFlag(IntFlag):
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


class Event(msgspec.Struct, frozen=True, gc=False):
    """An event; sequence is its command's, index its place within the command."""

    kind: ClassVar[EventKind]
    sequence: int
    index: int

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        raise NotImplementedError


class _Packed(Event, frozen=True):
    """An event whose body is a fixed struct of its fields in order."""

    layout: ClassVar[Struct]

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        return cls(sequence, index, *cls.layout.unpack_from(data, at))


class CommandRejected(Event, frozen=True):
    """The command changed nothing; reason is a RejectReason."""

    kind: ClassVar = EventKind.COMMAND_REJECTED
    layout: ClassVar = Struct("<HHQI")
    command: int
    reason: int
    account: int
    instrument: int
    client_id: str

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        client_id, _ = read_text(data, at + cls.layout.size)
        return cls(*(sequence, index, *cls.layout.unpack_from(data, at), client_id))


class CommandDuplicate(_Packed, frozen=True):
    """A resent command: its result is that of original."""

    kind: ClassVar = EventKind.COMMAND_DUPLICATE
    layout: ClassVar = Struct("<Q")
    original: int


class AssetCreated(Event, frozen=True):
    """An asset is known from here on."""

    kind: ClassVar = EventKind.ASSET_CREATED
    asset: int
    code: str

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        return cls(sequence, index, int.from_bytes(data[at : at + 4], "little"), read_text(data, at + 4)[0])


class InstrumentDefined(Event, frozen=True):
    """An instrument as it is in force from here on."""

    kind: ClassVar = EventKind.INSTRUMENT_DEFINED
    image: Instrument

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        return cls(sequence, index, decode_image(data, at)[0])


class InstrumentStatusChanged(_Packed, frozen=True):
    """An instrument's status from here on."""

    kind: ClassVar = EventKind.INSTRUMENT_STATUS_CHANGED
    layout: ClassVar = Struct("<IB")
    instrument: int
    status: int


class AccountDefined(_Packed, frozen=True):
    """An account as it is in force from here on."""

    kind: ClassVar = EventKind.ACCOUNT_DEFINED
    layout: ClassVar = Struct("<QqB")
    account: int
    trade_group: int
    permissions: int


class FeeSet(_Packed, frozen=True):
    """An account's own rates (both -1: removed)."""

    kind: ClassVar = EventKind.FEE_SET
    layout: ClassVar = Struct("<QIqq")
    account: int
    instrument: int
    maker_rate: int
    taker_rate: int


class DepositCredited(Event, frozen=True):
    """A deposit was credited."""

    kind: ClassVar = EventKind.DEPOSIT_CREDITED
    account: int
    asset: int
    amount: int
    identity: bytes

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        account, asset, low, high = Struct("<QIQq").unpack_from(data, at)
        return cls(sequence, index, account, asset, wide(low, high), data[at + 28 : at + 60])


class WithdrawalHeld(Event, frozen=True):
    """A withdrawal's amount moved from available to held."""

    kind: ClassVar = EventKind.WITHDRAWAL_HELD
    withdrawal: int
    account: int
    asset: int
    amount: int

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        withdrawal, account, asset, low, high = Struct("<QQIQq").unpack_from(data, at)
        return cls(sequence, index, withdrawal, account, asset, wide(low, high))


class WithdrawalSettled(WithdrawalHeld, frozen=True):
    """A withdrawal left the venue."""

    kind: ClassVar = EventKind.WITHDRAWAL_SETTLED


class WithdrawalReleased(WithdrawalHeld, frozen=True):
    """A withdrawal's amount came back."""

    kind: ClassVar = EventKind.WITHDRAWAL_RELEASED


_IMAGE: Final = Struct("<QIQBBBBBBBBqqqQqQqqqqQqQqIQQqQQqqqiQq")


class OrderUpdated(Event, frozen=True):
    """An order's whole image after one execution; last_*, commission and trade belong to that execution."""

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

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        f = _IMAGE.unpack_from(data, at)
        client_id, at = read_text(data, at + _IMAGE.size)
        request_id, _ = read_text(data, at)
        fields = (
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
        )
        return cls(*fields)


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


class CancelReplaced(_Packed, frozen=True):
    """How a cancel-replace ended; results are ReplaceResult, reasons RejectReason or 0."""

    kind: ClassVar = EventKind.CANCEL_REPLACED
    layout: ClassVar = Struct("<BHBHQQ")
    cancel_result: int
    cancel_reason: int
    new_result: int
    new_reason: int
    canceled_order: int
    new_order: int


class LevelChanged(Event, frozen=True):
    """A level's whole quantity from here on (0: gone); update counts every change of the book."""

    kind: ClassVar = EventKind.LEVEL_CHANGED
    layout: ClassVar = Struct("<IQBqQq")
    instrument: int
    update: int
    side: int
    price: int
    quantity: int

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        instrument, update, side, price, low, high = cls.layout.unpack_from(data, at)
        return cls(sequence, index, instrument, update, side, price, low | (high << 64))


class BalanceChanged(Event, frozen=True):
    """A balance from here on, and by how much this command moved it."""

    kind: ClassVar = EventKind.BALANCE_CHANGED
    layout: ClassVar = Struct("<QIQqQqQqQq")
    account: int
    asset: int
    available: int
    held: int
    available_delta: int
    held_delta: int

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        f = cls.layout.unpack_from(data, at)
        return cls(sequence, index, f[0], f[1], wide(f[2], f[3]), wide(f[4], f[5]), wide(f[6], f[7]), wide(f[8], f[9]))


class TimeAdvanced(_Packed, frozen=True):
    """Time passed."""

    kind: ClassVar = EventKind.TIME_ADVANCED
    layout: ClassVar = Struct("<")


class RulesSet(_Packed, frozen=True):
    """The engine's rules from here on."""

    kind: ClassVar = EventKind.RULES_SET
    layout: ClassVar = Struct("<I")
    version: int


_KINDS: Final[dict[int, type[Event]]] = {
    kind.kind: kind
    for kind in (
        CommandRejected,
        CommandDuplicate,
        AssetCreated,
        InstrumentDefined,
        InstrumentStatusChanged,
        AccountDefined,
        FeeSet,
        DepositCredited,
        WithdrawalHeld,
        WithdrawalSettled,
        WithdrawalReleased,
        OrderUpdated,
        Traded,
        OrderTested,
        CancelReplaced,
        LevelChanged,
        BalanceChanged,
        TimeAdvanced,
        RulesSet,
    )
}


def decode(data: bytes, kinds: Container[int] | None = None) -> Iterator[Event]:
    """Yield the events of a run of frames, in order; with kinds given, only those. Raises LayoutError."""
    at, end = 0, len(data)
    header, size = EVENT_HEADER.unpack_from, EVENT_HEADER.size
    while at < end:
        if end - at < size:
            raise LayoutError("an event frame is cut off")
        length, kind, _, index, sequence = header(data, at)
        if not size <= length <= end - at:
            raise LayoutError("an event frame has a wrong length")
        if kinds is None or kind in kinds:
            yield _KINDS[kind].read(data, at + size, sequence, index)
        at += length
