"""Order lists as clients see them, and the ids by which they name them."""

from collections.abc import Iterable
from typing import Final

from openbourse.protocol.ids import OrderListId
from openbourse.protocol.lists import Leg, ListForm, ListStatus

NO_LIST: Final = -1
"""What an order shows that belongs to no list."""
_INSTRUMENT_BITS: Final = 31


def public_id(order_list: int, instrument: int) -> OrderListId:
    """Return the id that names a list to clients.

    The engine counts lists per instrument, and clients ask for a list without naming its symbol: the id holds both.
    """
    return OrderListId(order_list << _INSTRUMENT_BITS | instrument)


def list_of(public: int) -> tuple[int, int]:
    """Return the engine's list number and the instrument that a public id names."""
    return public >> _INSTRUMENT_BITS, public & ((1 << _INSTRUMENT_BITS) - 1)


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
