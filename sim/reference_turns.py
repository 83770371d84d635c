"""Orders that begin: their wait for a trigger, their turn on the book, what a price fires, and the queue of what begins."""

from typing import Final

from openbourse.protocol.events import Execution, Expiry, OrderFlag, OrderStatus
from openbourse.protocol.instruments import InstrumentStatus, Side, TimeInForce
from openbourse.protocol.rejects import RejectReason
from sim.reference_checks import Plan, basis_of, check_begin, check_filters, check_peg, plan_begin
from sim.reference_list_checks import check_prices
from sim.reference_matching import Matching
from sim.reference_state import Order, Place, is_market, is_stop
from sim.reference_walks import reach_of, walk

_DELTA_UNIT: Final = 10_000


def fires(order: Order, price: int) -> bool:
    """Say whether a price meets an order's stop condition."""
    return price >= order.stop_price if order.is_rising else price <= order.stop_price


def has_trailed(order: Order, price: int) -> bool:
    """Say whether a price has come back from the extreme by the order's distance."""
    if order.side == Side.SELL:
        return price * _DELTA_UNIT <= order.extreme * (_DELTA_UNIT - order.trailing_delta)
    return price * _DELTA_UNIT >= order.extreme * (_DELTA_UNIT + order.trailing_delta)


class Execute(Matching):
    """Carry the orders of one instrument through one command."""

    def admit(self, order: Order) -> None:
        """Give an order its id, and make it one of the open ones."""
        self.instrument.last_order += 1
        order.order = self.instrument.last_order
        self.instrument.enter(order)

    def begin(self, order: Order, plan: Plan) -> None:
        """Let an admitted order that passed every check begin: a stop waits, another has its turn."""
        order.quantity = plan.quantity
        self.hold(order, plan.hold)
        if is_stop(order.type):
            self.wait(order)
        else:
            self.work(order, self.announce(order, Execution.NEW), plan.ran_dry)

    def begin_pair(self, first: Order, second: Order, hold: int) -> None:
        """Let two orders begin of which each cancels the other: the first holds for both."""
        self.hold(first, hold)
        for order in (first, second):
            if is_stop(order.type):
                self.wait(order)
            else:
                self.work(order, self.announce(order, Execution.NEW))

    def wait(self, order: Order) -> None:
        """Let a stop order wait for its trigger."""
        order.place = Place.WAITING
        order.basis = basis_of(self.instrument, order)
        if order.trailing_delta and not order.stop_price:
            self.track(order, self.instrument.last_price)
        self.update(order, Execution.NEW, OrderStatus.NEW)

    def pend(self, order: Order) -> None:
        """Let an order of a list wait for the working one."""
        order.place = Place.PENDING
        self.update(order, Execution.NEW, OrderStatus.PENDING_NEW)

    def track(self, order: Order, price: int) -> None:
        """Begin to trail from a price."""
        order.extreme = price
        order.trailing_us = self.state.time_us

    def announce(self, order: Order, execution: Execution) -> bool:
        """Tell that an order works from now on; say whether it is a FOK that will not fill."""
        order.place = Place.IN_TURN
        order.working_us = self.state.time_us
        is_fok = order.time_in_force == TimeInForce.FOK
        is_unfillable = is_fok and walk(self.state, self.instrument, order).filled < order.quantity
        is_shown = not is_market(order.type) and not is_unfillable
        self.update(order, execution, OrderStatus.NEW, flags=OrderFlag.ON_BOOK if is_shown else 0)
        return is_unfillable

    def work(self, order: Order, is_unfillable: bool, ran_dry: bool = False) -> None:
        """Give an announced order its turn: it meets the book, then rests or is done; then its prices may fire others."""
        if is_unfillable:
            self.give_up(order, Expiry.UNFILLED_FOK)
            return
        if self.instrument.image.status == InstrumentStatus.AUCTION:
            self.rest(order)
            return
        prices = self.match(order, ran_dry, reach_of(self.state, self.instrument, order.side))
        if self.instrument.is_open(order):
            if is_market(order.type):
                self.give_up(order, Expiry.INSUFFICIENT_LIQUIDITY)
            elif order.time_in_force == TimeInForce.IOC:
                self.give_up(order, Expiry.UNFILLED_IOC)
            else:
                self.rest(order)
        if prices:
            self.evaluate(prices[0])
            self.evaluate(prices[-1])

    def rest(self, order: Order) -> None:
        """Put an order on the book."""
        self.effects.touch(self.instrument, order.side, order.price)
        self.instrument.rest(order)

    def give_up(self, order: Order, expiry: Expiry) -> None:
        """End an order that did not fill, and what waited for that."""
        self.expire(order, expiry)
        self.follow_end(order)

    def evaluate(self, price: int) -> None:
        """Queue the waiting orders that a price fires, by id."""
        queued = [order.order for entry in self.queue for order in entry]
        for order in self.instrument.waiting():
            if order.order in queued:
                continue
            if not order.trailing_delta:
                is_fired = fires(order, price)
            elif order.trailing_us >= 0:
                order.extreme = (max if order.side == Side.SELL else min)(order.extreme, price)
                is_fired = has_trailed(order, price)
            else:
                is_fired = False
                if fires(order, price):
                    self.track(order, price)
            if is_fired:
                self.queue.append([order])

    def work_off(self) -> None:
        """Let everything in the queue begin, and what that queues in turn."""
        while self.queue:
            entry = [order for order in self.queue.pop(0) if self.instrument.is_open(order)]
            if not entry:
                continue
            if entry[0].place == Place.WAITING:
                self.activate_fired(entry[0])
            else:
                self.activate_pending(entry)

    def activate_fired(self, order: Order) -> None:
        """Let a stop order work, unless it cannot any more."""
        self.end_partner(order)
        self.release(order, order.held)
        order.basis = 0
        refusal = check_peg(self.state, self.instrument, order, is_limited=False)
        plan = refusal or plan_begin(self.state, self.instrument, order, is_fired=True)
        if isinstance(plan, RejectReason):
            self.refuse(order)
            return
        self.hold(order, plan.hold)
        self.work(order, self.announce(order, Execution.TRIGGERED))

    def refuse(self, order: Order) -> None:
        """End an order that could not begin. A pegged one never took its price."""
        if order.peg_type:
            order.price = order.sent_price
        self.expire(order, Expiry.REJECTED)

    def activate_pending(self, legs: list[Order]) -> None:
        """Let the pending orders of a list begin: the single one, or the pair; or end them when they cannot."""
        self.spend_received(legs)
        plans = [plan for plan in map(self.plan_pending, legs) if isinstance(plan, Plan)]
        if len(plans) < len(legs) or check_prices(legs, self.instrument.last_price):
            for order in legs:
                self.refuse(order)
        elif len(legs) == 1:
            self.begin(legs[0], plans[0])
        else:
            self.begin_pair(legs[0], legs[1], max(plan.hold for plan in plans))

    def plan_pending(self, order: Order) -> Plan | RejectReason:
        """Return what a pending order holds if it begins now, or why it cannot."""
        refusal = check_filters(self.state, self.instrument, order)
        if refusal is None:
            refusal = check_begin(self.state, self.instrument, order)
        return plan_begin(self.state, self.instrument, order) if refusal is None else refusal

    def spend_received(self, legs: list[Order]) -> None:
        """Let the pending orders of a list that is paid on ask for what the working one bought, in whole lots."""
        if not self.instrument.lists[legs[0].list_id].is_paid_on:
            return
        image = self.instrument.image
        lot = image.step
        if any(is_market(order.type) for order in legs):
            lot = image.market_step or image.step
        received = legs[0].held
        self.release(legs[0], received)
        for order in legs:
            order.quantity = received - received % lot
