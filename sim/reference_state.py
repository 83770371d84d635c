"""What the engine remembers, in plain dicts and lists, and what one command does to it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.events import EventKind
from openbourse.protocol.instruments import Side
from sim.reference_codec import Record, write_event

HOUSE: Final = 1
MINUTE_US: Final = 60_000_000
AMOUNT_END: Final = 2**96
WINDOW_SUM_END: Final = 2**90


def notional(price: int, quantity: int) -> int:
    """Return price times quantity in quote units; exact for a price on tick and a quantity on step."""
    return price * quantity // UNIT


def opposite(side: int) -> int:
    """Return the other side."""
    return Side.SELL if side == Side.BUY else Side.BUY


@dataclass(slots=True, eq=False)
class Order:
    """An order from its acceptance to its end; open orders are those in a book."""

    order: int
    account: int
    side: int
    type: int
    time_in_force: int
    stp: int
    has_strategy: bool
    by_quote: bool
    price: int
    quantity: int
    quote_quantity: int
    created_us: int
    working_us: int
    strategy_id: int
    strategy_type: int
    client_id: bytes
    held: int
    executed: int = 0
    cumulative_quote: int = 0
    prevented: int = 0

    @property
    def remaining(self) -> int:
        """Return what may still be filled."""
        return self.quantity - self.executed - self.prevented


@dataclass(slots=True)
class Instrument:
    """A listed pair: its image, its counters, its last price and window, its book."""

    image: Record
    last_order: int = 0
    last_trade: int = 0
    last_aggregate: int = 0
    last_update: int = 0
    last_execution: int = 0
    last_prevented_match: int = 0
    last_price: int = 0
    window: list[list[int]] = field(default_factory=list)  # [minute, quote, quantity], ascending
    levels: dict[int, dict[int, list[Order]]] = field(default_factory=lambda: {Side.BUY: {}, Side.SELL: {}})
    open: dict[int, dict[int, Order]] = field(default_factory=dict)  # account → order id → order
    clients: dict[tuple[int, bytes], Order] = field(default_factory=dict)  # (account, client id) → order

    def prices(self, side: int) -> list[int]:
        """Return the prices of a side's levels, best first."""
        return sorted(self.levels[side], reverse=side == Side.BUY)

    def best(self, side: int) -> int | None:
        """Return the best price of a side, if any."""
        if not self.levels[side]:
            return None
        return max(self.levels[side]) if side == Side.BUY else min(self.levels[side])

    def resting(self, side: int) -> Iterator[Order]:
        """Yield a side's orders, best price first, first come first in a level."""
        for price in self.prices(side):
            yield from self.levels[side][price]

    def orders(self) -> list[Order]:
        """Return the open orders by id."""
        return sorted((order for own in self.open.values() for order in own.values()), key=lambda order: order.order)

    def total(self, side: int, price: int) -> int:
        """Return a level's whole remaining quantity, 0 when there is none."""
        return sum([order.remaining for order in self.levels[side].get(price, ())])

    def add(self, order: Order) -> None:
        """Let an order rest behind those of its level."""
        self.levels[order.side].setdefault(order.price, []).append(order)
        self.open.setdefault(order.account, {})[order.order] = order
        self.clients[order.account, order.client_id] = order

    def remove(self, order: Order) -> None:
        """Take an order off the book."""
        level = self.levels[order.side][order.price]
        level.remove(order)
        if not level:
            del self.levels[order.side][order.price]
        del self.open[order.account][order.order]
        if not self.open[order.account]:
            del self.open[order.account]
        del self.clients[order.account, order.client_id]

    def reference_price(self, time_us: int) -> int | None:
        """Return the price that the percent-price and notional filters measure against, if any."""
        minutes = self.image.average_minutes
        if minutes > 0:
            recent = [bucket for bucket in self.window if bucket[0] > time_us // MINUTE_US - minutes]
            quantity = sum([bucket[2] for bucket in recent])
            if quantity > 0:
                return sum([bucket[1] for bucket in recent]) * UNIT // quantity
        return self.last_price or None

    def note_trade(self, time_us: int, price: int, quote: int, quantity: int) -> None:
        """Remember a trade's price, and its sums in the window of minutes."""
        self.last_price = price
        minute = time_us // MINUTE_US
        oldest = minute - max(self.image.average_minutes, 1)
        self.window = [bucket for bucket in self.window if bucket[0] > oldest]
        if not self.window or self.window[-1][0] != minute:
            self.window.append([minute, 0, 0])
        bucket = self.window[-1]
        if bucket[1] + quote < WINDOW_SUM_END and bucket[2] + quantity < WINDOW_SUM_END:
            bucket[1] += quote
            bucket[2] += quantity
        elif bucket[2] == 0:
            self.window.pop()


@dataclass(slots=True)
class Account:
    """A holder of balances."""

    trade_group: int
    permissions: int
    fees: dict[int, tuple[int, int]] = field(default_factory=dict)  # instrument (0: every one) → (maker, taker)
    balances: dict[int, list[int]] = field(default_factory=dict)  # asset → [available, held]

    def available(self, asset: int) -> int:
        """Return what is free to be spent."""
        return self.balances.get(asset, (0, 0))[0]


@dataclass(slots=True)
class Session:
    """A sender's memory of what it sent: counter → the sequence of the command that carried it."""

    last_time: int
    low_water: int = 0
    recorded: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """Everything the engine remembers."""

    rules: int = 1
    sequence: int = 0
    time_us: int = 0
    assets: dict[int, bytes] = field(default_factory=dict)
    supply: dict[int, int] = field(default_factory=dict)
    instruments: dict[int, Instrument] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=lambda: {HOUSE: Account(trade_group=-1, permissions=0)})
    deposits: set[bytes] = field(default_factory=set)
    withdrawals: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # id → (account, asset, amount)
    sessions: dict[int, Session] = field(default_factory=dict)


class Effects:
    """What one command does: its events so far, and how balances and levels stood before it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.frames: list[bytes] = []
        self.balances_before: dict[tuple[int, int], tuple[int, int]] = {}
        self.levels_before: dict[tuple[int, int, int], int] = {}

    def emit(self, kind: int, **values: Any) -> None:
        """Append an event."""
        self.frames.append(write_event(kind, len(self.frames), self.state.sequence, values))

    def move(self, account: int, asset: int, available: int = 0, held: int = 0) -> None:
        """Change a balance by two differences."""
        balance = self.state.accounts[account].balances.setdefault(asset, [0, 0])
        self.balances_before.setdefault((account, asset), (balance[0], balance[1]))
        balance[0] += available
        balance[1] += held
        assert balance[0] >= 0
        assert balance[1] >= 0

    def touch(self, instrument: Instrument, side: int, price: int) -> None:
        """Note how a level stands before it is changed."""
        key = (instrument.image.instrument, side, price)
        if key not in self.levels_before:
            self.levels_before[key] = instrument.total(side, price)

    def finish(self) -> bytes:
        """Append the levels and balances that differ from before the command; return all events."""
        for (number, side, price), before in sorted(self.levels_before.items()):
            instrument = self.state.instruments[number]
            total = instrument.total(side, price)
            if total != before:
                instrument.last_update += 1
                self.emit(
                    EventKind.LEVEL_CHANGED,
                    instrument=number,
                    update=instrument.last_update,
                    side=side,
                    price=price,
                    quantity=total,
                )
        for (account, asset), (available, held) in sorted(self.balances_before.items()):
            now = self.state.accounts[account].balances[asset]
            if now != [available, held]:
                self.emit(
                    EventKind.BALANCE_CHANGED,
                    account=account,
                    asset=asset,
                    available=now[0],
                    held=now[1],
                    available_delta=now[0] - available,
                    held_delta=now[1] - held,
                )
        return b"".join(self.frames)
