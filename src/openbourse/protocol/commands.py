"""Commands: what is sequenced, journaled and applied. `encode` gives a whole frame, `decode` reads one back."""

from collections.abc import Iterator
from enum import IntEnum, IntFlag
from struct import Struct, error, unpack_from
from typing import ClassVar, Final, Self

import msgspec

from openbourse.protocol.codec import (
    COMMAND_HEADER,
    VERSION,
    LayoutError,
    decode_image,
    encode_image,
    halves,
    read_text,
    text,
    wide,
)
from openbourse.protocol.instruments import STP_OF_INSTRUMENT, Instrument


class CommandKind(IntEnum):
    """The number of each command in its frame."""

    CREATE_ASSET = 1
    LIST_INSTRUMENT = 2
    CHANGE_INSTRUMENT = 3
    SET_INSTRUMENT_STATUS = 4
    OPEN_ACCOUNT = 5
    SET_PERMISSIONS = 6
    SET_FEE = 7
    CREDIT_DEPOSIT = 8
    HOLD_WITHDRAWAL = 9
    SETTLE_WITHDRAWAL = 10
    RELEASE_WITHDRAWAL = 11
    PLACE_ORDER = 12
    CANCEL_ORDER = 13
    CANCEL_ALL = 14
    CANCEL_REPLACE = 15
    ADVANCE_TIME = 16
    SET_RULES = 17


class RequestFlag(IntFlag):
    """Switches of an order request."""

    TEST = 1
    HAS_STRATEGY = 2
    BY_QUOTE = 4


class CancelRestriction(IntEnum):
    """When a cancel may act."""

    NONE = 0
    ONLY_NEW = 1
    ONLY_PARTIALLY_FILLED = 2


class ReplaceMode(IntEnum):
    """Whether the new order is tried after a failed cancel."""

    STOP_ON_FAILURE = 1
    ALLOW_FAILURE = 2


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Who sent a command, so that a resend gives the first result. counter 0: no identity."""

    session: int = 0
    counter: int = 0
    low_water: int = 0
    not_after_us: int = 0


NO_IDENTITY: Final = Identity()


class Command(msgspec.Struct, frozen=True, gc=False):
    """A command without its identity; each kind packs its own body."""

    kind: ClassVar[CommandKind]

    def body(self) -> bytes:
        """Return the bytes after the header."""
        raise NotImplementedError

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        raise NotImplementedError

    def encode(self, identity: Identity = NO_IDENTITY) -> bytes:
        """Return the whole frame."""
        return frame(self.kind, self.body(), identity)


def frame(kind: int, body: bytes, identity: Identity = NO_IDENTITY) -> bytes:
    """Return a command frame around a body."""
    return (
        COMMAND_HEADER.pack(
            COMMAND_HEADER.size + len(body),
            kind,
            VERSION,
            identity.session,
            identity.counter,
            identity.low_water,
            identity.not_after_us,
        )
        + body
    )


class CreateAsset(Command, frozen=True):
    """Make an asset known."""

    kind: ClassVar = CommandKind.CREATE_ASSET
    asset: int
    code: str

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return self.asset.to_bytes(4, "little") + text(self.code)

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        code, end = read_text(data, at + 4)
        return cls(unpack_from("<I", data, at)[0], code), end


class ListInstrument(Command, frozen=True):
    """Open a new instrument."""

    kind: ClassVar = CommandKind.LIST_INSTRUMENT
    image: Instrument

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return encode_image(self.image)

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        image, end = decode_image(data, at)
        return cls(image), end


class ChangeInstrument(ListInstrument, frozen=True):
    """Change filters, fees and switches of an instrument; its status stays."""

    kind: ClassVar = CommandKind.CHANGE_INSTRUMENT


class _Packed(Command, frozen=True):
    """A command whose body is a fixed struct of its fields in order."""

    layout: ClassVar[Struct]

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return self.layout.pack(*msgspec.structs.astuple(self))

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        return cls(*cls.layout.unpack_from(data, at)), at + cls.layout.size


class SetInstrumentStatus(_Packed, frozen=True):
    """Halt, reopen or otherwise switch an instrument."""

    kind: ClassVar = CommandKind.SET_INSTRUMENT_STATUS
    layout: ClassVar = Struct("<IB")
    instrument: int
    status: int


class OpenAccount(_Packed, frozen=True):
    """Open an account with every permission. trade_group -1: none."""

    kind: ClassVar = CommandKind.OPEN_ACCOUNT
    layout: ClassVar = Struct("<Qq")
    account: int
    trade_group: int = -1


class SetPermissions(_Packed, frozen=True):
    """Set what an account may do."""

    kind: ClassVar = CommandKind.SET_PERMISSIONS
    layout: ClassVar = Struct("<QB")
    account: int
    permissions: int


class SetFee(_Packed, frozen=True):
    """Set an account's own rates on an instrument (0: on every one); both -1 removes them."""

    kind: ClassVar = CommandKind.SET_FEE
    layout: ClassVar = Struct("<QIqq")
    account: int
    instrument: int
    maker_rate: int
    taker_rate: int


_MOVEMENT: Final = Struct("<QIQq")


class CreditDeposit(Command, frozen=True):
    """Credit a deposit once; identity is 32 bytes that name it for ever."""

    kind: ClassVar = CommandKind.CREDIT_DEPOSIT
    account: int
    asset: int
    amount: int
    identity: bytes

    def body(self) -> bytes:
        """Return the bytes after the header. Raises ValueError unless identity has 32 bytes."""
        if len(self.identity) != 32:
            raise ValueError("a deposit's identity has 32 bytes")
        return _MOVEMENT.pack(self.account, self.asset, *halves(self.amount)) + self.identity

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        account, asset, low, high = _MOVEMENT.unpack_from(data, at)
        at += _MOVEMENT.size
        return cls(account, asset, wide(low, high), data[at : at + 32]), at + 32


class HoldWithdrawal(Command, frozen=True):
    """Move an amount from available to held under a withdrawal's id."""

    kind: ClassVar = CommandKind.HOLD_WITHDRAWAL
    account: int
    asset: int
    amount: int
    withdrawal: int

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return _MOVEMENT.pack(self.account, self.asset, *halves(self.amount)) + self.withdrawal.to_bytes(8, "little")

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        account, asset, low, high = _MOVEMENT.unpack_from(data, at)
        at += _MOVEMENT.size
        return cls(account, asset, wide(low, high), unpack_from("<Q", data, at)[0]), at + 8


class SettleWithdrawal(_Packed, frozen=True):
    """Take a held withdrawal out of the venue."""

    kind: ClassVar = CommandKind.SETTLE_WITHDRAWAL
    layout: ClassVar = Struct("<Q")
    withdrawal: int


class ReleaseWithdrawal(_Packed, frozen=True):
    """Give a held withdrawal back."""

    kind: ClassVar = CommandKind.RELEASE_WITHDRAWAL
    layout: ClassVar = Struct("<Q")
    withdrawal: int


_ORDER: Final = Struct("<QIBBBBBqqQqqi")


class PlaceOrder(Command, frozen=True, kw_only=True):
    """Place an order. Price, quantities in 1e-8 units; quote_quantity only with the BY_QUOTE flag."""

    kind: ClassVar = CommandKind.PLACE_ORDER
    account: int
    instrument: int
    side: int
    type: int
    time_in_force: int
    stp: int = STP_OF_INSTRUMENT
    flags: int = 0
    price: int = 0
    quantity: int = 0
    quote_quantity: int = 0
    strategy_id: int = 0
    strategy_type: int = 0
    client_id: str

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return _ORDER.pack(
            self.account,
            self.instrument,
            self.side,
            self.type,
            self.time_in_force,
            self.stp,
            self.flags,
            self.price,
            self.quantity,
            *halves(self.quote_quantity),
            self.strategy_id,
            self.strategy_type,
        ) + text(self.client_id)

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        f = _ORDER.unpack_from(data, at)
        client_id, end = read_text(data, at + _ORDER.size)
        return cls(
            account=f[0],
            instrument=f[1],
            side=f[2],
            type=f[3],
            time_in_force=f[4],
            stp=f[5],
            flags=f[6],
            price=f[7],
            quantity=f[8],
            quote_quantity=wide(f[9], f[10]),
            strategy_id=f[11],
            strategy_type=f[12],
            client_id=client_id,
        ), end


_CANCEL: Final = Struct("<QIQB")


class CancelOrder(Command, frozen=True):
    """Cancel one open order by order id (0: none), client id ("": none), or both."""

    kind: ClassVar = CommandKind.CANCEL_ORDER
    account: int
    instrument: int
    order: int = 0
    restriction: int = CancelRestriction.NONE
    client_id: str = ""
    request_id: str = ""

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return (
            _CANCEL.pack(self.account, self.instrument, self.order, self.restriction)
            + text(self.client_id)
            + text(self.request_id)
        )

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        fields = _CANCEL.unpack_from(data, at)
        client_id, at = read_text(data, at + _CANCEL.size)
        request_id, at = read_text(data, at)
        return cls(*(*fields, client_id, request_id)), at


class CancelAll(Command, frozen=True):
    """Cancel every open order of an account on an instrument (0: on all)."""

    kind: ClassVar = CommandKind.CANCEL_ALL
    account: int
    instrument: int = 0
    request_id: str = ""

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return Struct("<QI").pack(self.account, self.instrument) + text(self.request_id)

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        account, instrument = unpack_from("<QI", data, at)
        request_id, end = read_text(data, at + 12)
        return cls(account, instrument, request_id), end


_REPLACE: Final = Struct("<BQB")


class CancelReplace(Command, frozen=True, kw_only=True):
    """Cancel one order and place another as one step."""

    kind: ClassVar = CommandKind.CANCEL_REPLACE
    mode: int
    cancel_order: int = 0
    restriction: int = CancelRestriction.NONE
    cancel_client_id: str = ""
    cancel_request_id: str = ""
    new: PlaceOrder

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return (
            _REPLACE.pack(self.mode, self.cancel_order, self.restriction)
            + text(self.cancel_client_id)
            + text(self.cancel_request_id)
            + self.new.body()
        )

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        mode, order, restriction = _REPLACE.unpack_from(data, at)
        client_id, at = read_text(data, at + _REPLACE.size)
        request_id, at = read_text(data, at)
        new, at = PlaceOrder.read(data, at)
        return cls(
            mode=mode,
            cancel_order=order,
            restriction=restriction,
            cancel_client_id=client_id,
            cancel_request_id=request_id,
            new=new,
        ), at


class AdvanceTime(_Packed, frozen=True):
    """Let time pass: whatever is due happens."""

    kind: ClassVar = CommandKind.ADVANCE_TIME
    layout: ClassVar = Struct("<")


class SetRules(_Packed, frozen=True):
    """Change the version of the engine's rules."""

    kind: ClassVar = CommandKind.SET_RULES
    layout: ClassVar = Struct("<I")
    version: int


_KINDS: Final[dict[int, type[Command]]] = {
    kind.kind: kind
    for kind in (
        CreateAsset,
        ListInstrument,
        ChangeInstrument,
        SetInstrumentStatus,
        OpenAccount,
        SetPermissions,
        SetFee,
        CreditDeposit,
        HoldWithdrawal,
        SettleWithdrawal,
        ReleaseWithdrawal,
        PlaceOrder,
        CancelOrder,
        CancelAll,
        CancelReplace,
        AdvanceTime,
        SetRules,
    )
}


def decode(data: bytes) -> tuple[Command, Identity]:
    """Return the command in exactly one frame. Raises LayoutError. Ranges and enums are the engine's to check."""
    try:
        length, kind, version, session, counter, low_water, not_after_us = COMMAND_HEADER.unpack_from(data)
        if length != len(data) or version != VERSION or kind not in _KINDS:
            raise LayoutError("not a command frame")
        command, end = _KINDS[kind].read(data, COMMAND_HEADER.size)
    except (error, IndexError, UnicodeDecodeError) as fault:
        raise LayoutError("not a command frame") from fault
    if end != length:
        raise LayoutError("a command's body has another length than its kind asks")
    return command, Identity(session, counter, low_water, not_after_us)


def split(frames: bytes) -> Iterator[bytes]:
    """Yield each frame of a batch as the engine splits it; a bad length yields the rest as one frame."""
    at = 0
    while at < len(frames):
        length = int.from_bytes(frames[at : at + 4], "little")
        if len(frames) - at < COMMAND_HEADER.size or not COMMAND_HEADER.size <= length <= len(frames) - at:
            length = len(frames) - at
        yield frames[at : at + length]
        at += length
