"""Commands: what is sequenced, journaled and applied. `encode` gives a whole frame, `decode` reads one back.

Assets, instruments, accounts and funds are here; orders, lists and rules in files of their own.
"""

from collections.abc import Callable, Iterator
from struct import Struct, error, unpack_from
from typing import ClassVar, Final, Self

from openbourse.protocol.codec import (
    COMMAND_HEADER,
    EXTENDED,
    VERSION,
    LayoutError,
    decode_image,
    encode_image,
    halves,
    read_text,
    text,
    wide,
)
from openbourse.protocol.frames import CANCELS, NO_IDENTITY, Command, CommandKind, Identity, PackedCommand, frame
from openbourse.protocol.instruments import Instrument
from openbourse.protocol.lists import CancelOrderList, ListForm, PlaceOrderList
from openbourse.protocol.orders import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    CancelReplace,
    CancelRestriction,
    Extension,
    PlaceOrder,
    ReplaceMode,
    RequestFlag,
)
from openbourse.protocol.rules import (
    AssignTier,
    DefineTier,
    SetAssetLimit,
    SetDiscount,
    SetDiscountPrice,
    SetHeartbeat,
    SetInstrumentRules,
    SetKillSwitch,
    SetRules,
    SetVenueRules,
    UseDiscount,
)

__all__ = [
    "CANCELS",
    "NO_IDENTITY",
    "AdvanceTime",
    "AmendOrder",
    "AssignTier",
    "CancelAll",
    "CancelOrder",
    "CancelOrderList",
    "CancelReplace",
    "CancelRestriction",
    "ChangeInstrument",
    "Command",
    "CommandKind",
    "CreateAsset",
    "CreditDeposit",
    "DefineTier",
    "Extension",
    "HoldWithdrawal",
    "Identity",
    "ListForm",
    "ListInstrument",
    "OpenAccount",
    "PlaceOrder",
    "PlaceOrderList",
    "ReleaseWithdrawal",
    "ReplaceMode",
    "RequestFlag",
    "SetAssetLimit",
    "SetDiscount",
    "SetDiscountPrice",
    "SetFee",
    "SetHeartbeat",
    "SetInstrumentRules",
    "SetInstrumentStatus",
    "SetKillSwitch",
    "SetPermissions",
    "SetRules",
    "SetVenueRules",
    "SettleWithdrawal",
    "UseDiscount",
    "decode",
    "frame",
    "split",
]


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


class SetInstrumentStatus(PackedCommand, frozen=True):
    """Halt, reopen or otherwise switch an instrument."""

    kind: ClassVar = CommandKind.SET_INSTRUMENT_STATUS
    layout: ClassVar = Struct("<IB")
    instrument: int
    status: int


class OpenAccount(PackedCommand, frozen=True):
    """Open an account with every permission. trade_group -1: none."""

    kind: ClassVar = CommandKind.OPEN_ACCOUNT
    layout: ClassVar = Struct("<Qq")
    account: int
    trade_group: int = -1


class SetPermissions(PackedCommand, frozen=True):
    """Set what an account may do."""

    kind: ClassVar = CommandKind.SET_PERMISSIONS
    layout: ClassVar = Struct("<QB")
    account: int
    permissions: int


class SetFee(PackedCommand, frozen=True):
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


class SettleWithdrawal(PackedCommand, frozen=True):
    """Take a held withdrawal out of the venue."""

    kind: ClassVar = CommandKind.SETTLE_WITHDRAWAL
    layout: ClassVar = Struct("<Q")
    withdrawal: int


class ReleaseWithdrawal(PackedCommand, frozen=True):
    """Give a held withdrawal back."""

    kind: ClassVar = CommandKind.RELEASE_WITHDRAWAL
    layout: ClassVar = Struct("<Q")
    withdrawal: int


class AdvanceTime(PackedCommand, frozen=True):
    """Let time pass: whatever is due happens."""

    kind: ClassVar = CommandKind.ADVANCE_TIME
    layout: ClassVar = Struct("<")


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
        AmendOrder,
        PlaceOrderList,
        CancelOrderList,
        SetInstrumentRules,
        SetKillSwitch,
        SetHeartbeat,
        DefineTier,
        AssignTier,
        SetDiscount,
        SetDiscountPrice,
        UseDiscount,
        SetVenueRules,
        SetAssetLimit,
    )
}
_READERS: Final[dict[tuple[int, int], Callable[[bytes, int], tuple[Command, int]]]] = {
    **{(number, VERSION): kind.read for number, kind in _KINDS.items()},
    (CommandKind.PLACE_ORDER, EXTENDED): PlaceOrder.read_extended,
    (CommandKind.CANCEL_REPLACE, EXTENDED): CancelReplace.read_extended,
}


def decode(data: bytes) -> tuple[Command, Identity]:
    """Return the command in exactly one frame. Raises LayoutError. Ranges and enums are the engine's to check."""
    try:
        length, kind, version, session, counter, low_water, not_after_us = COMMAND_HEADER.unpack_from(data)
        reader = _READERS.get((kind, version))
        if length != len(data) or reader is None:
            raise LayoutError("not a command frame")
        command, end = reader(data, COMMAND_HEADER.size)
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
