"""Order lists as clients see them, and the ids by which they name them."""

from collections.abc import Iterable
from typing import Final

from openbourse.protocol.ids import OrderListId
from openbourse.protocol.lists import Leg, ListForm, ListStatus

NO_LIST: Final = -1
"""What an order shows that belongs to no list."""
_BITS: Final = 16
"""Of an instrument's number: those below 2^16 leave room for 2^36 lists in a number that JavaScript holds exactly."""
_WIDE_BITS: Final = 31
"""Of the numbers that instruments got before that; their lists pass 2^53 after two million."""


def public_id(order_list: int, instrument: int) -> OrderListId:
    """Return the id that names a list to clients.

    The engine counts lists per instrument, and clients ask for a list without naming its symbol: the id holds both.
    The last bit tells which width the instrument's number has (decision 14).
    """
    if instrument < 1 << _BITS:
        return OrderListId((order_list << _BITS | instrument) << 1)
    return OrderListId((order_list << _WIDE_BITS | instrument) << 1 | 1)


def list_of(public: int) -> tuple[int, int]:
    """Return the engine's list number and the instrument that a public id names."""
    number, bits = public >> 1, _WIDE_BITS if public & 1 else _BITS
    return number >> bits, number & ((1 << bits) - 1)


def shown_id(order_list: int, instrument: int) -> int:
    """Return what an order shows as its list: the public id, or -1."""
    return public_id(order_list, instrument) if order_list else NO_LIST


def contingency(form: int) -> str:
    """Return the contingency type: whatever waits for a working order is an OTO."""
    return "OCO" if form == ListForm.OCO else "OTO"


def order_status(status: int) -> str:
    """Return the state of a list's orders as a whole."""
    return "ALL_DONE" if status == ListStatus.ALL_DONE else "EXECUTING"


def legs(symbol: str, named: Iterable[Leg]) -> list[dict[str, object]]:
    """Return the orders that a list names."""
    return [{"symbol": symbol, "orderId": leg.order, "clientOrderId": leg.client_id} for leg in named]
