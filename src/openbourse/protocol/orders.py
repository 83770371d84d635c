"""Commands about one order: place, cancel, cancel all, cancel and replace, amend."""

from enum import IntEnum
from struct import Struct, unpack_from
from typing import Any, ClassVar, Final, Self

import msgspec

from openbourse.protocol.codec import EXTENDED, VERSION, LayoutError, halves, read_text, text, wide
from openbourse.protocol.frames import Command, CommandKind
from openbourse.protocol.instruments import STP_OF_INSTRUMENT


class RequestFlag(IntEnum):
    """Switches of an order request."""

    TEST = 1
    HAS_STRATEGY = 2
    BY_QUOTE = 4


class Extension(IntEnum):
    """What an order request says beyond its fixed part, in this order."""

    STOP = 1
    TRAILING = 2
    ICEBERG = 4
    PEG = 8
    GOOD_TILL = 16


class CancelRestriction(IntEnum):
    """When a cancel may act."""

    NONE = 0
    ONLY_NEW = 1
    ONLY_PARTIALLY_FILLED = 2


class ReplaceMode(IntEnum):
    """Whether the new order is tried after a failed cancel."""

    STOP_ON_FAILURE = 1
    ALLOW_FAILURE = 2


_ORDER: Final = Struct("<QIBBBBBqqQqqi")


class PlaceOrder(Command, frozen=True, kw_only=True):
    """Place an order. Price, quantities in 1e-8 units; quote_quantity only with the BY_QUOTE flag.

    What is None was not sent. An order that sends none of them has a frame of version 1, which rules 1 understand.
    """

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
    stop_price: int | None = None
    trailing_delta: int | None = None
    iceberg: int | None = None
    peg_type: int | None = None
    peg_offset: int = 0
    expires_us: int | None = None

    @property
    def frame_version(self) -> int:
        """The version of the frame that the body needs."""
        return EXTENDED if self.extension else VERSION

    @property
    def extension(self) -> int:
        """Which parts of the extension are sent: bits of Extension."""
        return (
            (self.stop_price is not None and Extension.STOP)
            | (self.trailing_delta is not None and Extension.TRAILING)
            | (self.iceberg is not None and Extension.ICEBERG)
            | (self.peg_type is not None and Extension.PEG)
            | (self.expires_us is not None and Extension.GOOD_TILL)
        )

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return self.request_extended() if self.extension else self.request()

    def request(self) -> bytes:
        """Return the order request without an extension."""
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

    def request_extended(self) -> bytes:
        """Return the order request with its extension, be it empty."""
        parts = [self.request(), bytes((self.extension,))]
        if self.stop_price is not None:
            parts.append(_I64.pack(self.stop_price))
        if self.trailing_delta is not None:
            parts.append(self.trailing_delta.to_bytes(4, "little"))
        if self.iceberg is not None:
            parts.append(_I64.pack(self.iceberg))
        if self.peg_type is not None:
            parts.append(bytes((self.peg_type, self.peg_offset)))
        if self.expires_us is not None:
            parts.append(_I64.pack(self.expires_us))
        return b"".join(parts)

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

    @classmethod
    def read_extended(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the order request with extension that begins at an offset, and the offset after it."""
        order, at = cls.read(data, at)
        extension, at = data[at], at + 1
        if extension > sum(Extension):
            raise LayoutError("an extension of unknown parts")
        sent: dict[str, int] = {}
        for part, names, layout in _PARTS:
            if extension & part:
                sent.update(zip(names, layout.unpack_from(data, at), strict=True))
                at += layout.size
        return (msgspec.structs.replace(order, **sent) if sent else order), at


_I64: Final = Struct("<q")
_PARTS: Final = (
    (Extension.STOP, ("stop_price",), _I64),
    (Extension.TRAILING, ("trailing_delta",), Struct("<I")),
    (Extension.ICEBERG, ("iceberg",), _I64),
    (Extension.PEG, ("peg_type", "peg_offset"), Struct("<BB")),
    (Extension.GOOD_TILL, ("expires_us",), _I64),
)
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

    @property
    def frame_version(self) -> int:
        """The version of the frame that the body needs."""
        return self.new.frame_version

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
        head, at = _read_replace(data, at)
        new, at = PlaceOrder.read(data, at)
        return cls(**head, new=new), at

    @classmethod
    def read_extended(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command of version 2 whose body begins at an offset, and the offset after it."""
        head, at = _read_replace(data, at)
        new, at = PlaceOrder.read_extended(data, at)
        return cls(**head, new=new), at


def _read_replace(data: bytes, at: int) -> tuple[dict[str, Any], int]:
    mode, order, restriction = _REPLACE.unpack_from(data, at)
    client_id, at = read_text(data, at + _REPLACE.size)
    request_id, at = read_text(data, at)
    return {
        "mode": mode,
        "cancel_order": order,
        "restriction": restriction,
        "cancel_client_id": client_id,
        "cancel_request_id": request_id,
    }, at


_AMEND: Final = Struct("<QIQq")


class AmendOrder(Command, frozen=True, kw_only=True):
    """Reduce an open order's quantity; it keeps its place. Named by order id (0: none), client id ("": none), or both."""

    kind: ClassVar = CommandKind.AMEND_ORDER
    account: int
    instrument: int
    order: int = 0
    new_quantity: int
    client_id: str = ""
    new_client_id: str

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return (
            _AMEND.pack(self.account, self.instrument, self.order, self.new_quantity)
            + text(self.client_id)
            + text(self.new_client_id)
        )

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        account, instrument, order, new_quantity = _AMEND.unpack_from(data, at)
        client_id, at = read_text(data, at + _AMEND.size)
        new_client_id, at = read_text(data, at)
        return cls(
            account=account,
            instrument=instrument,
            order=order,
            new_quantity=new_quantity,
            client_id=client_id,
            new_client_id=new_client_id,
        ), at
