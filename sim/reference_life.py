"""What every order goes through: what it holds, the event of each step, its end, and what its end means to its list."""

from typing import Any, Final

from openbourse.protocol.events import EventKind, Execution, Expiry, OrderFlag, OrderStatus
from openbourse.protocol.instruments import Side
from openbourse.protocol.lists import ListStatus
from sim.reference_effects import Effects
from sim.reference_record import Record
from sim.reference_state import Instrument, Order, OrderList, Place, State, notional

_NOTHING_NEW: Final = {
    "last_price": 0,
    "last_quantity": 0,
    "last_quote": 0,
    "commission": 0,
    "commission_asset": 0,
    "trade": 0,
    "prevented_match": 0,
    "last_prevented": 0,
    "counter_order": 0,
}


def open_status(order: Order) -> OrderStatus:
    """Return the status of an order that is still open."""
    if order.place == Place.PENDING:
        return OrderStatus.PENDING_NEW
    return OrderStatus.PARTIALLY_FILLED if order.executed > 0 else OrderStatus.NEW


def need(order: Order) -> int:
    """Return what an open order at rest has to hold when it is alone: what it can still spend."""
    if order.place == Place.PENDING:
        return 0
    if order.side == Side.SELL:
        return order.remaining
    return notional(order.basis if order.place == Place.WAITING else order.price, order.remaining)


class Life:
    """The orders of one instrument on their way through one command."""

    def __init__(self, state: State, effects: Effects, instrument: Instrument) -> None:
        self.state = state
        self.effects = effects
        self.instrument = instrument
        # What is to begin before the command ends: one fired order, or the pending orders of a list, each.
        self.queue: list[list[Order]] = []

    def hold_asset(self, side: int) -> int:
        """Return the asset that an order of a side holds."""
        image = self.instrument.image
        return int(image.quote if side == Side.BUY else image.base)

    def hold(self, order: Order, amount: int) -> None:
        """Set an available amount aside for an order."""
        order.held += amount
        self.effects.move(order.account, self.hold_asset(order.side), available=-amount, held=amount)

    def release(self, order: Order, amount: int) -> None:
        """Give back a part of what an order holds."""
        self.hold(order, -amount)

    def update(
        self,
        order: Order,
        execution: Execution,
        status: OrderStatus,
        *,
        expiry: Expiry = Expiry.NONE,
        flags: int = 0,
        request_id: bytes = b"",
        original_client_id: bytes = b"",
        **this_execution: Any,
    ) -> None:
        """Append OrderUpdated, the order's whole image after one execution."""
        self.instrument.last_execution += 1
        if order.has_strategy:
            flags |= OrderFlag.HAS_STRATEGY
        if order.by_quote:
            flags |= OrderFlag.BY_QUOTE
        image = order.image() | _NOTHING_NEW
        image["instrument"] = self.instrument.image.instrument
        image["status"] = status
        image["execution"] = execution
        image["expiry"] = expiry
        image["flags"] = flags
        image["execution_id"] = self.instrument.last_execution
        image["request_id"] = request_id
        image["original_client_id"] = original_client_id
        image.update(this_execution)
        self.effects.append(EventKind.ORDER_UPDATED, 2 if order.is_extended else 1, image)

    def end(self, order: Order, execution: Execution, status: OrderStatus, **more: Any) -> None:
        """End an open order wherever it is, and give back what it holds. Its list is told only if that ends it too."""
        if order.place == Place.ON_BOOK:
            self.effects.touch(self.instrument, order.side, order.price)
        self.instrument.leave(order)
        self.release(order, order.held)
        self.update(order, execution, status, **more)
        self.close_list(order, more.get("request_id", b""))

    def expire(self, order: Order, expiry: Expiry) -> None:
        """End an open order as expired, for a reason that is its own alone."""
        self.end(order, Execution.EXPIRED, OrderStatus.EXPIRED, expiry=expiry)

    def cancel(self, order: Order, request_id: bytes) -> None:
        """Cancel an open order, and with it every open order of its list."""
        for leg in self.instrument.legs(self.instrument.lists[order.list_id]) if order.list_id else [order]:
            self.end(leg, Execution.CANCELED, OrderStatus.CANCELED, request_id=request_id)

    def tell_list(self, order_list: OrderList, status_type: ListStatus, request_id: bytes = b"") -> None:
        """Append ListUpdated."""
        legs = zip(order_list.orders, order_list.client_ids, strict=True)
        self.effects.emit(
            EventKind.LIST_UPDATED,
            account=order_list.account,
            instrument=self.instrument.image.instrument,
            list_id=order_list.list_id,
            form=order_list.form,
            status_type=status_type,
            client_id=order_list.list_client_id,
            request_id=request_id,
            legs=[Record(order=order, client_id=client_id) for order, client_id in legs],
        )

    def close_list(self, order: Order, request_id: bytes = b"") -> None:
        """End the list of an order that ended, if it was the last open one."""
        order_list = self.instrument.lists.get(order.list_id)
        if order_list is not None and not self.instrument.legs(order_list):
            del self.instrument.lists[order_list.list_id]
            self.tell_list(order_list, ListStatus.ALL_DONE, request_id)

    def partner(self, order: Order) -> Order | None:
        """Return the other order of a pair of which neither has started: each cancels the other."""
        order_list = self.instrument.lists.get(order.list_id)
        if order_list is None or order.order not in order_list.pair:
            return None
        others = [leg for leg in self.instrument.legs(order_list) if leg.order in order_list.pair and leg is not order]
        return others[0] if others else None

    def end_partner(self, order: Order) -> None:
        """End the other order of a pair because this one starts or ended."""
        partner = self.partner(order)
        if partner is not None:
            self.expire(partner, Expiry.OCO_TRIGGER)

    def start(self, maker: Order) -> None:
        """Let an order on the book begin to trade: if it is of a pair, it stands alone from here on."""
        self.end_partner(maker)
        self.release(maker, maker.held - need(maker))

    def follow_end(self, order: Order) -> None:
        """End what cannot go on when an order ended neither filled nor canceled."""
        order_list = self.instrument.lists.get(order.list_id)
        if order_list is None:
            return
        if order.order == order_list.working:
            for leg in self.instrument.legs(order_list):
                self.expire(leg, Expiry.OTO_PHASE_ONE_EXPIRED)
        else:
            self.end_partner(order)

    def follow_fill(self, order: Order) -> None:
        """Queue the pending orders of a list whose working order was filled, or end a list that was filled."""
        order_list = self.instrument.lists.get(order.list_id)
        if order_list is None:
            return
        if order.order == order_list.working and self.instrument.legs(order_list):
            self.queue.append(self.instrument.legs(order_list))
        self.close_list(order)

    def hold_for_pair(self, first: Order, second: Order) -> None:
        """Bring the hold of a pair, which its first order has, to what the greedier of the two needs."""
        self.release(first, first.held - max(need(first), need(second)))

    def payee(self, order: Order) -> Order | None:
        """Return the pending order for which is kept what an order buys, if there is one."""
        order_list = self.instrument.lists.get(order.list_id)
        if order_list is None or not order_list.is_paid_on or order.order != order_list.working:
            return None
        first = [leg for leg in self.instrument.legs(order_list) if leg.order == order_list.orders[1]]
        return first[0] if first else None
