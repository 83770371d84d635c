"""What the engine remembers, in plain dicts and lists."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import OrderType, Side
from openbourse.protocol.lists import ListForm
from sim.reference_layouts import RULES_IMAGE, VENUE_RULES
from sim.reference_record import Record

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


def is_market(order_type: int) -> bool:
    """Say whether a type works as MARKET once it works."""
    return order_type in (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT)


def is_stop(order_type: int) -> bool:
    """Say whether a type waits for a trigger first."""
    return order_type >= OrderType.STOP_LOSS


class Place(IntEnum):
    """Where an open order is. IN_TURN: it is being matched, which no order is between commands."""

    ON_BOOK = 0
    WAITING = 1
    PENDING = 2
    IN_TURN = 3


@dataclass(eq=False)
class Order:
    """An order from its acceptance to its end; 0 stands for what it has not, -1 for a time not yet come."""

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
    place: Place = Place.IN_TURN
    visible: int = 0  # of an iceberg on the book
    stop_price: int = 0
    trailing_delta: int = 0
    trailing_us: int = -1
    extreme: int = 0  # the highest (SELL) or lowest (BUY) price since trailing_us
    iceberg: int = 0
    peg_type: int = 0
    peg_offset: int = 0
    sent_price: int = 0
    list_id: int = 0
    expires_us: int = 0
    amends: int = 0
    basis: int = 0  # the price that a waiting BUY's hold is reckoned with

    @property
    def remaining(self) -> int:
        """Return what may still be filled."""
        return self.quantity - self.executed - self.prevented

    @property
    def shown(self) -> int:
        """Return how much of an order on the book is to be seen, and may trade at once."""
        return self.visible if self.iceberg else self.remaining

    @property
    def is_rising(self) -> bool:
        """Say whether a rising price fires its trigger; a falling one fires the others."""
        is_loss = self.type in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
        return is_loss == (self.side == Side.BUY)

    @property
    def is_extended(self) -> bool:
        """Say whether the order has something that only the second version of its image shows."""
        return bool(
            self.stop_price
            or self.trailing_delta
            or self.iceberg
            or self.peg_type
            or self.expires_us
            or self.list_id
            or self.amends
        )

    def image(self) -> dict[str, Any]:
        """Return what an event tells of the order itself, by name."""
        return {
            "account": self.account,
            "order": self.order,
            "side": self.side,
            "type": self.type,
            "time_in_force": self.time_in_force,
            "stp": self.stp,
            "price": self.price,
            "quantity": self.quantity,
            "executed": self.executed,
            "cumulative_quote": self.cumulative_quote,
            "quote_quantity": self.quote_quantity,
            "prevented": self.prevented,
            "created_us": self.created_us,
            "working_us": self.working_us,
            "strategy_id": self.strategy_id,
            "strategy_type": self.strategy_type,
            "held": self.held,
            "client_id": self.client_id,
            "stop_price": self.stop_price,
            "trailing_delta": self.trailing_delta,
            "trailing_us": self.trailing_us,
            "iceberg": self.iceberg,
            "peg_type": self.peg_type,
            "peg_offset": self.peg_offset,
            "sent_price": self.sent_price,
            "list_id": self.list_id,
            "expires_us": self.expires_us,
            "amends": self.amends,
        }


@dataclass
class OrderList:
    """An order list until it is done: its orders' ids and last known client ids, ended ones too."""

    list_id: int
    account: int
    form: int
    orders: list[int]
    client_ids: list[bytes]
    list_client_id: bytes

    @property
    def pair(self) -> list[int]:
        """Return the two orders of which one cancels the other, if the form has them."""
        return self.orders[-2:] if self.form in (ListForm.OCO, ListForm.OTOCO, ListForm.OPOCO) else []

    @property
    def working(self) -> int:
        """Return the order whose fill starts the others, 0 when the form has none."""
        return 0 if self.form == ListForm.OCO else self.orders[0]

    @property
    def is_paid_on(self) -> bool:
        """Say whether what the working order buys is kept for the pending ones."""
        return self.form in (ListForm.OPO, ListForm.OPOCO)


def no_rules(instrument: int) -> Record:
    """Return the rules image of an instrument for which none was set."""
    return Record(**(dict.fromkeys(RULES_IMAGE.names, 0) | {"instrument": instrument}))


@dataclass
class Instrument:
    """A listed pair: its images, its counters, its last price and window, its book, and what is not on the book."""

    image: Record
    rules: Record
    last_order: int = 0
    last_trade: int = 0
    last_aggregate: int = 0
    last_update: int = 0
    last_execution: int = 0
    last_prevented_match: int = 0
    last_list: int = 0
    last_price: int = 0
    window: list[list[int]] = field(default_factory=list)  # [minute, quote, quantity], ascending
    indicated: tuple[int, int, int] | None = None  # in AUCTION: the price, quantity and imbalance last announced
    levels: dict[int, dict[int, list[Order]]] = field(default_factory=lambda: {Side.BUY: {}, Side.SELL: {}})
    open: dict[int, dict[int, Order]] = field(default_factory=dict)  # account → order id → order
    clients: dict[tuple[int, bytes], Order] = field(default_factory=dict)  # (account, client id) → order
    lists: dict[int, OrderList] = field(default_factory=dict)  # the open ones

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

    def own(self, account: int) -> list[Order]:
        """Return an account's open orders."""
        return list(self.open.get(account, {}).values())

    def waiting(self) -> list[Order]:
        """Return the orders that wait for their trigger, by id."""
        return [order for order in self.orders() if order.place == Place.WAITING]

    def legs(self, order_list: OrderList) -> list[Order]:
        """Return a list's open orders, by id."""
        own = self.open.get(order_list.account, {})
        return [own[order] for order in order_list.orders if order in own]

    def is_open(self, order: Order) -> bool:
        """Say whether an order has not ended."""
        return order.order in self.open.get(order.account, {})

    def shown(self, side: int, price: int) -> int:
        """Return a level's quantity that is to be seen, 0 when there is no such level."""
        return sum([order.shown for order in self.levels[side].get(price, ())])

    def total(self, side: int, price: int) -> int:
        """Return a level's whole remaining quantity, hidden parts too, 0 when there is no such level."""
        return sum([order.remaining for order in self.levels[side].get(price, ())])

    def enter(self, order: Order) -> None:
        """Make an order one of the open ones."""
        self.open.setdefault(order.account, {})[order.order] = order
        self.clients[order.account, order.client_id] = order

    def rest(self, order: Order) -> None:
        """Put an open order on the book, behind those of its level."""
        order.place = Place.ON_BOOK
        if order.iceberg:
            order.visible = min(order.iceberg, order.remaining)
        self.levels[order.side].setdefault(order.price, []).append(order)

    def leave(self, order: Order) -> None:
        """Take an order off the book, if it is on it, and out of the open ones."""
        if order.place == Place.ON_BOOK:
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


@dataclass
class Account:
    """A holder of balances."""

    trade_group: int
    permissions: int
    fees: dict[int, tuple[int, int]] = field(default_factory=dict)  # instrument (0: every one) → (maker, taker)
    balances: dict[int, list[int]] = field(default_factory=dict)  # asset → [available, held]
    tier: int = 0
    is_killed: bool = False
    uses_discount: bool = False

    def available(self, asset: int) -> int:
        """Return what is free to be spent."""
        return self.balances.get(asset, (0, 0))[0]


@dataclass
class Session:
    """A sender's memory of what it sent: counter → the sequence of the command that carried it."""

    last_time: int
    low_water: int = 0
    recorded: dict[int, int] = field(default_factory=dict)


@dataclass
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
    venue: Record = field(default_factory=lambda: Record(**dict.fromkeys(VENUE_RULES.names, 0)))
    discount: Record = field(default_factory=lambda: Record(asset=0, rate=0))
    discount_prices: dict[int, int] = field(default_factory=dict)  # asset → price of the discount asset in it
    tiers: dict[int, tuple[int, int]] = field(default_factory=dict)  # tier → (maker, taker)
    limits: dict[int, int] = field(default_factory=dict)  # asset → the most that one order may move
    heartbeats: dict[tuple[int, int], int] = field(default_factory=dict)  # (account, instrument or 0) → deadline
