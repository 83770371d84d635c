"""Order lists: orders that begin and end together (docs/engine-2.md section 6), as commands and as the event."""

from enum import IntEnum
from struct import Struct
from typing import ClassVar, Final, Self

import msgspec

from openbourse.protocol.codec import LayoutError, read_text, text
from openbourse.protocol.frames import Command, CommandKind, Event, EventKind
from openbourse.protocol.orders import PlaceOrder


class ListForm(IntEnum):
    """How the orders of a list depend on each other."""

    OCO = 1
    OTO = 2
    OTOCO = 3
    OPO = 4
    OPOCO = 5

    @property
    def legs(self) -> int:
        """How many orders such a list has."""
        return 3 if self in (ListForm.OTOCO, ListForm.OPOCO) else 2


class ListStatus(IntEnum):
    """What just happened to a list."""

    EXEC_STARTED = 1
    UPDATED = 2
    ALL_DONE = 3


class PlaceOrderList(Command, frozen=True):
    """Place an order list; its legs in the order that docs/engine-2.md names them."""

    kind: ClassVar = CommandKind.PLACE_ORDER_LIST
    form: int
    list_client_id: str
    legs: tuple[PlaceOrder, ...]

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return (
            bytes((self.form,))
            + text(self.list_client_id)
            + bytes((len(self.legs),))
            + b"".join([leg.request_extended() for leg in self.legs])
        )

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        form = data[at]
        list_client_id, at = read_text(data, at + 1)
        count, at = data[at], at + 1
        if not 2 <= count <= 3:
            raise LayoutError("a list of another number of orders")
        legs = []
        for _ in range(count):
            leg, at = PlaceOrder.read_extended(data, at)
            legs.append(leg)
        return cls(form, list_client_id, tuple(legs)), at


_CANCEL: Final = Struct("<QIQ")


class CancelOrderList(Command, frozen=True):
    """Cancel a list's open orders, by list id (0: none), list client id ("": none), or both."""

    kind: ClassVar = CommandKind.CANCEL_ORDER_LIST
    account: int
    instrument: int
    order_list: int = 0
    list_client_id: str = ""
    request_id: str = ""

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return (
            _CANCEL.pack(self.account, self.instrument, self.order_list)
            + text(self.list_client_id)
            + text(self.request_id)
        )

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        fields = _CANCEL.unpack_from(data, at)
        list_client_id, at = read_text(data, at + _CANCEL.size)
        request_id, at = read_text(data, at)
        return cls(*(*fields, list_client_id, request_id)), at


class Leg(msgspec.Struct, frozen=True, gc=False):
    """One order of a list."""

    order: int
    client_id: str


_UPDATED: Final = Struct("<QIQBB")


class ListUpdated(Event, frozen=True):
    """A list from here on; request_id only when a cancel ended it."""

    kind: ClassVar = EventKind.LIST_UPDATED
    account: int
    instrument: int
    order_list: int
    form: int
    status: int
    list_client_id: str
    request_id: str
    legs: tuple[Leg, ...]

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        fields = _UPDATED.unpack_from(data, at)
        list_client_id, at = read_text(data, at + _UPDATED.size)
        request_id, at = read_text(data, at)
        count, at = data[at], at + 1
        legs = []
        for _ in range(count):
            order = int.from_bytes(data[at : at + 8], "little")
            client_id, at = read_text(data, at + 8)
            legs.append(Leg(order, client_id))
        return cls(*(sequence, index, *fields, list_client_id, request_id, tuple(legs)))
