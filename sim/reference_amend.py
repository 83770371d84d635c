"""Amending: an open order, and the pair it may be of, is made smaller without losing its place."""

from openbourse.protocol.events import Execution, OrderFlag, OrderStatus
from openbourse.protocol.instruments import Feature, InstrumentStatus, Permission
from openbourse.protocol.lists import ListStatus
from openbourse.protocol.rejects import RejectReason
from sim.reference_life import Life, need, open_status
from sim.reference_orders import Orders
from sim.reference_record import Record
from sim.reference_state import Instrument, Order, Place, is_market, notional

_AMENDS_MAX = 2**32 - 1


class Amendments(Orders):
    """Carry out AmendOrder."""

    def amend(self, request: Record) -> RejectReason | None:
        """Make an open order smaller; return the reject, if any."""
        instrument = self.find_instrument(request)
        if isinstance(instrument, RejectReason):
            return instrument
        if self.state.accounts[request.account].is_killed:
            return RejectReason.ACCOUNT_DISABLED
        if not self.state.accounts[request.account].permissions & Permission.TRADE:
            return RejectReason.ACCOUNT_MAY_NOT_TRADE
        if not instrument.rules.features & Feature.AMEND:
            return RejectReason.AMEND_NOT_SUPPORTED
        if instrument.image.status in (InstrumentStatus.HALT, InstrumentStatus.BREAK):
            return RejectReason.INSTRUMENT_NOT_TRADING
        order = self.find_open(request.account, instrument, request.order, request.client_id)
        if isinstance(order, RejectReason):
            return order
        refusal = check_amendment(instrument, order, request)
        if refusal is not None:
            return refusal
        amend(Life(self.state, self.effects, instrument), order, request.new_quantity, request.new_client_id)
        return None


def check_amendment(instrument: Instrument, order: Order, request: Record) -> RejectReason | None:
    """Ask whether an order may become as small as that, and be called so."""
    image, quantity, amends_max = instrument.image, request.new_quantity, instrument.rules.amends_max
    if order.place == Place.PENDING and instrument.lists[order.list_id].is_paid_on:
        return RejectReason.AMEND_PENDING
    if 0 < amends_max <= order.amends:
        return RejectReason.MAX_NUM_ORDER_AMENDS
    if quantity == order.quantity:
        return RejectReason.NO_CHANGE
    if quantity > order.quantity:
        return RejectReason.AMEND_INCREASE
    if not image.quantity_min <= quantity <= image.quantity_max or quantity % image.step != 0:
        return RejectReason.LOT_SIZE
    if quantity < order.executed + order.prevented:
        return RejectReason.AMEND_TOO_SMALL
    is_priced = not is_market(order.type) and order.price > 0
    if is_priced and notional(order.price, quantity) < image.notional_min:
        return RejectReason.NOTIONAL
    if instrument.clients.get((order.account, request.new_client_id), order) is not order:
        return RejectReason.DUPLICATE_CLIENT_ID
    return None


def amend(life: Life, order: Order, quantity: int, client_id: bytes) -> None:
    """Make an order that small, its unstarted partner too, and tell it."""
    instrument, partner = life.instrument, life.partner(order)
    order_list = instrument.lists.get(order.list_id)
    old_client_id = order.client_id
    if order.place == Place.ON_BOOK:
        life.effects.touch(instrument, order.side, order.price)
    if partner is not None and partner.place == Place.ON_BOOK:
        life.effects.touch(instrument, partner.side, partner.price)
    for one in (order,) if partner is None else (order, partner):
        one.quantity = quantity
        one.amends = min(one.amends + 1, _AMENDS_MAX)
        one.visible = min(one.visible, one.remaining)
    rename(instrument, order, client_id)
    if partner is None:
        life.release(order, order.held - need(order))
    else:
        life.hold_for_pair(*sorted((order, partner), key=lambda one: one.order))
    tell(life, order, old_client_id)
    if partner is not None:
        tell(life, partner, partner.client_id)
    if order_list is not None and order_list.list_id in instrument.lists and client_id != old_client_id:
        life.tell_list(order_list, ListStatus.UPDATED)


def rename(instrument: Instrument, order: Order, client_id: bytes) -> None:
    """Give an open order another client id."""
    del instrument.clients[order.account, order.client_id]
    order.client_id = client_id
    instrument.clients[order.account, client_id] = order
    order_list = instrument.lists.get(order.list_id)
    if order_list is not None:
        order_list.client_ids[order_list.orders.index(order.order)] = client_id


def tell(life: Life, order: Order, original_client_id: bytes) -> None:
    """Append REPLACED; an order with nothing left ends with it."""
    if order.remaining == 0:
        life.end(order, Execution.REPLACED, OrderStatus.EXPIRED, original_client_id=original_client_id)
        life.follow_end(order)
        return
    flags = OrderFlag.ON_BOOK if order.place == Place.ON_BOOK else 0
    life.update(order, Execution.REPLACED, open_status(order), flags=flags, original_client_id=original_client_id)
