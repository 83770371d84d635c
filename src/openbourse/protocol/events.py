"""Events: what the engine decided. `decode` reads a run of frames; only kinds asked for are unpacked.

Assets, instruments, accounts, funds and the book are here; executions, lists and rules in files of their own.
"""

from collections.abc import Callable, Container, Iterator
from struct import Struct
from typing import ClassVar, Final, Self

from openbourse.protocol.codec import EVENT_HEADER, EXTENDED, VERSION, LayoutError, decode_image, read_text, wide
from openbourse.protocol.executions import (
    CancelReplaced,
    Execution,
    Expiry,
    OrderFlag,
    OrderStatus,
    OrderTested,
    OrderUpdated,
    ReplaceResult,
    Traded,
)
from openbourse.protocol.frames import Event, EventKind, PackedEvent
from openbourse.protocol.instruments import Instrument
from openbourse.protocol.lists import Leg, ListStatus, ListUpdated
from openbourse.protocol.rules import (
    AssetLimitSet,
    DiscountPriceSet,
    DiscountSet,
    DiscountUsed,
    HeartbeatMissed,
    HeartbeatSet,
    InstrumentRulesSet,
    KillSwitchSet,
    RulesSet,
    TierAssigned,
    TierDefined,
    VenueRulesSet,
)

__all__ = [
    "AccountDefined",
    "AssetCreated",
    "AssetLimitSet",
    "AuctionIndicated",
    "BalanceChanged",
    "CancelReplaced",
    "CommandDuplicate",
    "CommandRejected",
    "DepositCredited",
    "DiscountPriceSet",
    "DiscountSet",
    "DiscountUsed",
    "Event",
    "EventKind",
    "Execution",
    "Expiry",
    "FeeSet",
    "HeartbeatMissed",
    "HeartbeatSet",
    "InstrumentDefined",
    "InstrumentRulesSet",
    "InstrumentStatusChanged",
    "KillSwitchSet",
    "Leg",
    "LevelChanged",
    "ListStatus",
    "ListUpdated",
    "OrderFlag",
    "OrderStatus",
    "OrderTested",
    "OrderUpdated",
    "ReplaceResult",
    "RulesSet",
    "TierAssigned",
    "TierDefined",
    "TimeAdvanced",
    "Traded",
    "VenueRulesSet",
    "WithdrawalHeld",
    "WithdrawalReleased",
    "WithdrawalSettled",
    "decode",
]


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


class CommandDuplicate(PackedEvent, frozen=True):
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


class InstrumentStatusChanged(PackedEvent, frozen=True):
    """An instrument's status from here on."""

    kind: ClassVar = EventKind.INSTRUMENT_STATUS_CHANGED
    layout: ClassVar = Struct("<IB")
    instrument: int
    status: int


class AccountDefined(PackedEvent, frozen=True):
    """An account as it is in force from here on."""

    kind: ClassVar = EventKind.ACCOUNT_DEFINED
    layout: ClassVar = Struct("<QqB")
    account: int
    trade_group: int
    permissions: int


class FeeSet(PackedEvent, frozen=True):
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


class TimeAdvanced(PackedEvent, frozen=True):
    """Time passed."""

    kind: ClassVar = EventKind.TIME_ADVANCED
    layout: ClassVar = Struct("<")


class AuctionIndicated(Event, frozen=True):
    """At what price (0: none) and quantity an auction would end now, and by how much demand exceeds supply there."""

    kind: ClassVar = EventKind.AUCTION_INDICATED
    layout: ClassVar = Struct("<IqQqQq")
    instrument: int
    price: int
    quantity: int
    imbalance: int

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        f = cls.layout.unpack_from(data, at)
        return cls(sequence, index, f[0], f[1], wide(f[2], f[3]), wide(f[4], f[5]))


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
        ListUpdated,
        InstrumentRulesSet,
        KillSwitchSet,
        HeartbeatSet,
        HeartbeatMissed,
        TierDefined,
        TierAssigned,
        DiscountSet,
        DiscountPriceSet,
        DiscountUsed,
        VenueRulesSet,
        AssetLimitSet,
        AuctionIndicated,
    )
}
_READERS: Final[dict[tuple[int, int], Callable[[bytes, int, int, int], Event]]] = {
    **{(number, VERSION): kind.read for number, kind in _KINDS.items()},
    (EventKind.ORDER_UPDATED, EXTENDED): OrderUpdated.read_extended,
}


def decode(data: bytes, kinds: Container[int] | None = None) -> Iterator[Event]:
    """Yield the events of a run of frames, in order; with kinds given, only those. Raises LayoutError."""
    at, end = 0, len(data)
    header, size = EVENT_HEADER.unpack_from, EVENT_HEADER.size
    while at < end:
        if end - at < size:
            raise LayoutError("an event frame is cut off")
        length, kind, version, index, sequence = header(data, at)
        if not size <= length <= end - at:
            raise LayoutError("an event frame has a wrong length")
        if kinds is None or kind in kinds:
            reader = _READERS.get((kind, version))
            if reader is None:
                raise LayoutError(f"an event of kind {kind}, version {version} is not known")
            yield reader(data, at + size, sequence, index)
        at += length
