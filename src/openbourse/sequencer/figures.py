"""Counts and sums of what projections keep, taken from the journal's events: a row that is lost or doubled shows."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import msgspec

from openbourse.protocol import events
from openbourse.protocol.events import EventKind, Execution, ListStatus, OrderStatus

KINDS: Final = frozenset({EventKind.ORDER_UPDATED, EventKind.LIST_UPDATED, EventKind.TRADED, EventKind.LEVEL_CHANGED})
OPEN: Final = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_NEW})


class Figures(msgspec.Struct, frozen=True):
    """Of the rows of one kind on one instrument: how many, the sum of their ids, the sum of their quantities."""

    rows: int = 0
    ids: int = 0
    quantity: int = 0


Told = Mapping[tuple[str, int], Figures]
"""By kind of row and instrument. The id of a level is its price, its quantity what rests there; orders are told by what
was executed."""


class Count:
    """Takes the events of a journal from its first batch and tells the figures at any batch's end."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, int], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
        self._open: dict[int, dict[int, int]] = defaultdict(dict)
        self._levels: dict[int, dict[tuple[int, int], int]] = defaultdict(dict)

    def take(self, frames: bytes) -> None:
        """Take in a batch's events."""
        for event in events.decode(frames, KINDS):
            match event:
                case events.OrderUpdated():
                    self._take_order(event)
                case events.ListUpdated():
                    if event.status == ListStatus.EXEC_STARTED:
                        self._add("lists", event.instrument, 1, event.order_list, len(event.legs))
                case events.Traded():
                    self._add("trades", event.instrument, 1, event.trade, event.quantity)
                case events.LevelChanged():
                    self._levels[event.instrument][event.side, event.price] = event.quantity

    def _take_order(self, event: events.OrderUpdated) -> None:
        still_open = self._open[event.instrument]
        # An order that was pending is new twice: when it is placed, and when it begins to work.
        is_new = event.execution == Execution.NEW and event.order not in still_open
        executed = event.executed - still_open.pop(event.order, 0)
        self._add("orders", event.instrument, is_new, event.order * is_new, executed)
        if event.execution == Execution.TRADE:
            self._add("fills", event.instrument, 1, event.trade, event.last_quantity)
        elif event.execution == Execution.REPLACED:
            self._add("amendments", event.instrument, 1, event.execution_id, event.quantity)
        if event.status in OPEN:
            still_open[event.order] = event.executed

    def _add(self, kind: str, instrument: int, rows: int, ids: int, quantity: int) -> None:
        before = self._sums[kind, instrument]
        self._sums[kind, instrument] = (before[0] + rows, before[1] + ids, before[2] + quantity)

    def figures(self) -> Told:
        """Return the figures now; kinds without rows are left out."""
        told = {key: Figures(*sums) for key, sums in self._sums.items()}
        for instrument, executed in self._open.items():
            told["open orders", instrument] = Figures(len(executed), sum(executed), sum(executed.values()))
        for instrument, levels in self._levels.items():
            kept = {key: quantity for key, quantity in levels.items() if quantity}
            self._levels[instrument] = kept
            told["levels", instrument] = Figures(len(kept), sum(price for _, price in kept), sum(kept.values()))
        return {key: figures for key, figures in told.items() if figures.rows}
