"""What the journal says happened: orders, cancels, fills, balances and books, folded from its events."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from openbourse import listings
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.protocol.events import (
    BalanceChanged,
    DepositCredited,
    Event,
    EventKind,
    Execution,
    OrderStatus,
    OrderUpdated,
    Traded,
    decode,
)
from openbourse.protocol.instruments import Side
from openbourse.protocol.journal import GENESIS, BatchRow

KINDS: Final = frozenset(
    {EventKind.ORDER_UPDATED, EventKind.TRADED, EventKind.BALANCE_CHANGED, EventKind.DEPOSIT_CREDITED}
)
RESTING: Final = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)

Book = tuple[dict[int, int], dict[int, int]]
"""Bids and asks: quantity by price, in 1e-8 units."""


class Placed(msgspec.Struct):
    """An order as the journal holds it."""

    account: int
    name: str
    order: int
    sequence: int
    side: int = Side.BUY
    price: int = 0
    quantity: int = 0
    executed: int = 0
    status: str = "NEW"
    cancels: list[str] = []
    """The names of the requests that canceled it."""


class Fill(msgspec.Struct, frozen=True):
    """One order's half of a trade."""

    account: int
    order: int
    trade: int
    is_buyer: bool
    quantity: int
    quote: int
    commission: int
    commission_asset: int


class Truth(msgspec.Struct):
    """Everything that is committed, of one instrument."""

    orders: list[Placed] = []
    fills: list[Fill] = []
    trades: list[int] = []
    balances: dict[tuple[int, int], int] = {}
    """By account and asset, available and held together."""
    deposits: dict[tuple[int, int], int] = {}
    faults: list[str] = []
    """What is wrong with the journal's own order: chain, sequences, epochs, times."""
    epochs: int = 0
    sequence: int = 0

    def book(self) -> Book:
        """Return the book that follows from the orders that rest."""
        bids: dict[int, int] = defaultdict(int)
        asks: dict[int, int] = defaultdict(int)
        for order in self.orders:
            if order.status in ("NEW", "PARTIALLY_FILLED"):
                (bids if order.side == Side.BUY else asks)[order.price] += order.quantity - order.executed
        return dict(bids), dict(asks)


class Fold:
    """Builds the truth from batches, oldest first."""

    def __init__(self, instrument: int) -> None:
        self.truth = Truth()
        self._instrument = instrument
        self._by_order: dict[int, Placed] = {}
        self._hash = GENESIS
        self._epoch = self._time_us = 0

    def take(self, row: BatchRow) -> None:
        """Fold one batch."""
        self._check(row)
        for event in decode(row.events, KINDS):
            self._take(event)

    def _check(self, row: BatchRow) -> None:
        truth, where = self.truth, f"the batch from sequence {row.first_sequence}"
        if not row.is_whole():
            truth.faults.append(f"{where} does not match its hash")
        if row.previous_hash != self._hash or row.first_sequence != truth.sequence + 1:
            truth.faults.append(f"{where} does not follow the one before it")
        if row.epoch < self._epoch:
            truth.faults.append(f"{where} is of epoch {row.epoch}, after one of epoch {self._epoch}: two writers")
        if row.time_us < self._time_us:
            truth.faults.append(f"{where} goes back in time")
        truth.epochs += row.epoch != self._epoch
        truth.sequence = row.last_sequence
        self._hash, self._epoch, self._time_us = row.hash, max(row.epoch, self._epoch), row.time_us

    def _take(self, event: Event) -> None:
        truth = self.truth
        match event:
            case OrderUpdated() if event.instrument == self._instrument:
                self._order(event)
            case Traded() if event.instrument == self._instrument:
                truth.trades.append(event.trade)
            case BalanceChanged():
                truth.balances[event.account, event.asset] = event.available + event.held
            case DepositCredited():
                key = (event.account, event.asset)
                truth.deposits[key] = truth.deposits.get(key, 0) + event.amount

    def _order(self, event: OrderUpdated) -> None:
        placed = self._by_order.get(event.order)
        if placed is None:
            placed = Placed(event.account, event.client_id, event.order, event.sequence, side=event.side)
            self._by_order[event.order] = placed
            self.truth.orders.append(placed)
        placed.price, placed.quantity, placed.executed = event.price, event.quantity, event.executed
        placed.status = OrderStatus(event.status).name
        if event.execution == Execution.CANCELED:
            placed.cancels.append(event.request_id)
        if event.execution == Execution.TRADE:
            self.truth.fills.append(
                Fill(
                    event.account,
                    event.order,
                    event.trade,
                    event.side == Side.BUY,
                    event.last_quantity,
                    event.last_quote,
                    event.commission,
                    event.commission_asset,
                )
            )


def fold(rows: Iterable[BatchRow], instrument: int) -> Truth:
    """Return what batches say happened to an instrument."""
    folding = Fold(instrument)
    for row in rows:
        folding.take(row)
    return folding.truth


async def read_truth(journal_url: str, symbol: str) -> Truth:
    """Return what the journal says. Raises JournalAway."""
    journal = PostgresJournal(journal_url, 0)
    folding = Fold(listings.instrument_id(symbol, {}))
    try:
        while rows := await journal.read(folding.truth.sequence):
            for row in rows:
                folding.take(row)
    finally:
        await journal.close()
    return folding.truth
