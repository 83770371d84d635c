"""What an order would meet on the book, looked at without changing anything."""

from collections.abc import Iterator
from dataclasses import dataclass

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import SelfTradePrevention, Side
from sim.reference_state import Instrument, Order, State, is_market, notional, opposite


def crosses(order: Order, resting_price: int) -> bool:
    """Say whether an order may trade at a resting order's price."""
    if is_market(order.type):
        return True
    if order.side == Side.BUY:
        return order.price >= resting_price
    return order.price <= resting_price


def are_self(state: State, one: int, other: int) -> bool:
    """Say whether two accounts must not trade with each other unless prevention is off."""
    group, other_group = state.accounts[one].trade_group, state.accounts[other].trade_group
    return one == other or (group >= 0 and group == other_group)


def is_prevented(state: State, maker: Order, taker: Order) -> bool:
    """Say whether the taker's mode keeps two orders from trading."""
    return taker.stp != SelfTradePrevention.NONE and are_self(state, taker.account, maker.account)


def is_transfer(maker: Order, taker: Order) -> bool:
    """Say whether two orders that must not trade hand the goods over instead."""
    both_transfer = maker.stp == taker.stp == SelfTradePrevention.TRANSFER
    return both_transfer and maker.account != taker.account


@dataclass(frozen=True)
class Reach:
    """How far from the reference price a taker may trade; 0 is no bound."""

    reference: int | None
    up: int
    down: int

    def excludes(self, price: int) -> bool:
        """Say whether a maker's price lies outside."""
        if self.reference is None:
            return False
        is_too_high = self.up > 0 and price * UNIT > self.reference * self.up
        is_too_low = self.down > 0 and price * UNIT < self.reference * self.down
        return is_too_high or is_too_low


def reach_of(state: State, instrument: Instrument, side: int) -> Reach:
    """Return the reach of a taker whose turn starts now."""
    rules = instrument.rules
    reference = instrument.reference_price(state.time_us)
    if side == Side.BUY:
        return Reach(reference, rules.range_bid_up, rules.range_bid_down)
    return Reach(reference, rules.range_ask_up, rules.range_ask_down)


@dataclass(frozen=True)
class Walk:
    """What an order would find."""

    filled: int
    cost: int
    ran_dry: bool


def portions(state: State, instrument: Instrument, taker: Order) -> Iterator[tuple[Order, int]]:
    """Yield the makers that a taker would meet with what each shows, icebergs as often as they come again.

    The taker's mode EXPIRE_MAKER passes its own orders over.
    """
    reach = reach_of(state, instrument, taker.side)
    for price in instrument.prices(opposite(taker.side)):
        if not crosses(taker, price) or reach.excludes(price):
            return
        queue = [(maker, maker.shown, maker.remaining) for maker in instrument.levels[opposite(taker.side)][price]]
        while queue:
            maker, shown, remaining = queue.pop(0)
            if taker.stp == SelfTradePrevention.EXPIRE_MAKER and is_prevented(state, maker, taker):
                continue
            yield maker, shown
            remaining -= shown
            if remaining > 0:
                queue.append((maker, min(maker.iceberg, remaining), remaining))


def walk(state: State, instrument: Instrument, taker: Order) -> Walk:
    """Return what an order by quantity would fill, and at what cost."""
    remaining = taker.quantity
    filled = cost = 0
    for maker, shown in portions(state, instrument, taker):
        if remaining == 0:
            break
        quantity = min(remaining, shown)
        if is_prevented(state, maker, taker):
            if taker.stp not in (SelfTradePrevention.DECREMENT, SelfTradePrevention.TRANSFER):
                break
            if is_transfer(maker, taker):
                cost += notional(maker.price, quantity)
        else:
            filled += quantity
            cost += notional(maker.price, quantity)
        remaining -= quantity
    return Walk(filled, cost, ran_dry=False)


def walk_by_quote(state: State, instrument: Instrument, taker: Order) -> Walk:
    """Return what a MARKET order by quote quantity would fill, at what cost, and whether the book ended first."""
    money = taker.quote_quantity
    lot = instrument.image.market_step or instrument.image.step
    filled = cost = 0
    for maker, shown in portions(state, instrument, taker):
        if is_prevented(state, maker, taker):
            return Walk(filled, cost, ran_dry=True)
        affordable = money * UNIT // maker.price
        affordable -= affordable % lot
        if affordable == 0:
            return Walk(filled, cost, ran_dry=False)
        fill = min(affordable, shown)
        filled += fill
        cost += notional(maker.price, fill)
        money -= notional(maker.price, fill)
        if fill < shown or money == 0:
            return Walk(filled, cost, ran_dry=False)
    reach = reach_of(state, instrument, taker.side)
    is_stopped = any(reach.excludes(price) for price in instrument.prices(opposite(taker.side)))
    return Walk(filled, cost, ran_dry=not is_stopped)
