"""From recorded steps to intents: which order to place or cancel so that the venue's book follows the record.

A record names orders that the venue matches by its own price-time priority; when another order than the recorded one
was hit, the difference stays inside the level and is settled at the next reduction there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from openbourse.protocol.instruments import Side, TimeInForce
from openbourse.replay.formats import Execute, Levels, Place, Print, Reduce, Remove, Step


class PlaceIntent(msgspec.Struct, frozen=True):
    """Place a limit order under a handle; a taker's is IOC."""

    handle: str
    side: Side
    price: int
    quantity: int
    time_in_force: TimeInForce


class CancelIntent(msgspec.Struct, frozen=True):
    """Cancel what is left under a handle."""

    handle: str


Intent = PlaceIntent | CancelIntent


@dataclass(slots=True)
class Live:
    """An order of ours that rests as far as is known."""

    handle: str
    side: Side
    price: int
    actual: int
    expected: int
    """What the record says is left of the recorded order it stands for; 0 for quantity nobody owns any more."""


def other(side: Side) -> Side:
    """Return the opposite side."""
    return Side.SELL if side is Side.BUY else Side.BUY


@dataclass
class Tape:
    """Turns steps into intents; `filled` and `gone` tell it what the venue did, where that is known."""

    whole_removals: bool = False
    """True: a removal cancels whatever rests of the order (records whose fills the venue makes itself)."""
    live: dict[str, Live] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    levels: dict[tuple[Side, int], dict[str, None]] = field(default_factory=dict)
    unknown: int = 0
    """Steps that named an order neither placed nor explained by the opening book."""
    _count: int = 0

    def open_with(self, asks: Levels, bids: Levels, first: Step) -> Iterator[Intent]:
        """Yield orders for the book that stood before the first step, given the book after it."""
        for side, levels in ((Side.SELL, asks), (Side.BUY, bids)):
            for price, quantity in levels:
                if isinstance(first, Place) and (first.side, first.price) == (side, price):
                    quantity -= first.quantity
                if quantity > 0:
                    yield self._place(side, price, quantity, expected=0)

    def intents(self, step: Step) -> Iterator[Intent]:
        """Yield what one step asks of the venue."""
        match step:
            case Place():
                intent = self._place(step.side, step.price, step.quantity, expected=step.quantity)
                self.by_key[step.key] = intent.handle
                yield intent
            case Reduce():
                yield from self._shrink(step.key, step.side, step.price, step.quantity)
            case Remove() if self.whole_removals:
                handle = self.by_key.pop(step.key, None)
                if handle in self.live:
                    self._drop(handle)
                    yield CancelIntent(handle)
            case Remove():
                yield from self._shrink(step.key, step.side, step.price, step.quantity)
                self.by_key.pop(step.key, None)
            case Execute():
                order = self.live.get(self.by_key.get(step.key, ""))
                if order is not None:
                    order.expected -= step.quantity
                yield self._take(other(step.side), step.price, step.quantity)
            case Print():
                yield self._place(other(step.side), step.price, step.quantity, expected=0)
                yield self._take(step.side, step.price, step.quantity)

    def filled(self, handle: str, quantity: int) -> None:
        """Take note that a resting order of ours was hit."""
        order = self.live.get(handle)
        if order is not None:
            order.actual -= quantity
            if order.actual <= 0 and order.expected <= 0:
                self._drop(handle)

    def gone(self, handle: str) -> None:
        """Take note that an order of ours does not rest (refused, expired, fully filled at once)."""
        if handle in self.live:
            self._drop(handle)

    def _name(self) -> str:
        self._count += 1
        return f"r{self._count}"

    def _place(self, side: Side, price: int, quantity: int, expected: int) -> PlaceIntent:
        handle = self._name()
        self.live[handle] = Live(handle, side, price, quantity, expected)
        self.levels.setdefault((side, price), {})[handle] = None
        return PlaceIntent(handle, side, price, quantity, TimeInForce.GTC)

    def _take(self, side: Side, price: int, quantity: int) -> PlaceIntent:
        return PlaceIntent(self._name(), side, price, quantity, TimeInForce.IOC)

    def _drop(self, handle: str) -> None:
        order = self.live.pop(handle)
        level = self.levels[order.side, order.price]
        level.pop(handle, None)
        if not level:
            del self.levels[order.side, order.price]

    def _shrink(self, key: str, side: Side, price: int, quantity: int) -> Iterator[Intent]:
        """Take a quantity off a level: first from the order named, then from quantity there that nobody owns."""
        handle = self.by_key.get(key, "")
        order = self.live.get(handle)
        if order is not None:
            order.expected -= quantity
            taken = min(order.actual, quantity)
            yield from self._cut(order, taken, key)
            quantity -= taken
        for spare in self._spares(side, price):
            if quantity <= 0:
                return
            taken = min(spare.actual - spare.expected, quantity)
            yield from self._cut(spare, taken, None)
            quantity -= taken
        if quantity > 0:
            self.unknown += 1

    def _spares(self, side: Side, price: int) -> Iterable[Live]:
        handles = list(self.levels.get((side, price), ()))
        return [self.live[handle] for handle in handles if self.live[handle].actual > self.live[handle].expected]

    def _cut(self, order: Live, quantity: int, key: str | None) -> Iterator[Intent]:
        """Cancel an order and place again what is to stay: the venue's amendments come with a later step."""
        if quantity <= 0:
            return
        rest = order.actual - quantity
        self._drop(order.handle)
        yield CancelIntent(order.handle)
        if rest > 0:
            again = self._place(order.side, order.price, rest, expected=max(order.expected, 0))
            owner = key or next((k for k, handle in self.by_key.items() if handle == order.handle), None)
            if owner is not None:
                self.by_key[owner] = again.handle
            yield again
