"""What an accepted order meets: self-trade prevention, trades, commissions, and the event of every step."""

from dataclasses import dataclass
from typing import Any, Final

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.events import EventKind, Execution, Expiry, OrderFlag, OrderStatus
from openbourse.protocol.instruments import OrderType, SelfTradePrevention, Side
from sim.reference_codec import Record
from sim.reference_state import HOUSE, Effects, Instrument, Order, State, notional, opposite

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


def crosses(order: Order | Record, resting_price: int) -> bool:
    """Say whether an order, or the request for one, may trade at a resting order's price."""
    if order.type == OrderType.MARKET:
        return True
    if order.side == Side.BUY:
        return bool(order.price >= resting_price)
    return bool(order.price <= resting_price)


def are_self(state: State, one: int, other: int) -> bool:
    """Say whether two accounts must not trade with each other unless prevention is off."""
    group, other_group = state.accounts[one].trade_group, state.accounts[other].trade_group
    return one == other or (group >= 0 and group == other_group)


@dataclass(frozen=True)
class Walk:
    """What an order would find, looked at without changing anything."""

    filled: int
    cost: int
    ran_dry: bool


def walk(state: State, instrument: Instrument, request: Record) -> Walk:
    """Return what an order by quantity would fill, and at what cost."""
    remaining = request.quantity
    filled = cost = 0
    for maker in instrument.resting(opposite(request.side)):
        if remaining == 0 or not crosses(request, maker.price):
            break
        if request.stp != SelfTradePrevention.NONE and are_self(state, request.account, maker.account):
            if request.stp == SelfTradePrevention.EXPIRE_MAKER:
                continue
            if request.stp == SelfTradePrevention.DECREMENT:
                remaining -= min(remaining, maker.remaining)
                continue
            break
        fill = min(remaining, maker.remaining)
        filled += fill
        cost += notional(maker.price, fill)
        remaining -= fill
    return Walk(filled, cost, ran_dry=False)


def walk_by_quote(state: State, instrument: Instrument, request: Record) -> Walk:
    """Return what a MARKET order by quote quantity would fill, at what cost, and whether the book ended first."""
    money = request.quote_quantity
    lot = instrument.image.market_step or instrument.image.step
    filled = cost = 0
    for maker in instrument.resting(opposite(request.side)):
        if request.stp != SelfTradePrevention.NONE and are_self(state, request.account, maker.account):
            if request.stp == SelfTradePrevention.EXPIRE_MAKER:
                continue
            return Walk(filled, cost, ran_dry=True)
        affordable = money * UNIT // maker.price
        affordable -= affordable % lot
        if affordable == 0:
            return Walk(filled, cost, ran_dry=False)
        fill = min(affordable, maker.remaining)
        filled += fill
        cost += notional(maker.price, fill)
        money -= notional(maker.price, fill)
        if fill < maker.remaining or money == 0:
            return Walk(filled, cost, ran_dry=False)
    return Walk(filled, cost, ran_dry=True)


def open_status(order: Order) -> OrderStatus:
    """Return the status of an order that is still open."""
    return OrderStatus.PARTIALLY_FILLED if order.executed > 0 else OrderStatus.NEW


class Execute:
    """Carry an order on one instrument through its executions."""

    def __init__(self, state: State, effects: Effects, instrument: Instrument) -> None:
        self.state = state
        self.effects = effects
        self.instrument = instrument

    def hold_asset(self, side: int) -> int:
        """Return the asset that an order of a side holds."""
        image = self.instrument.image
        return int(image.quote if side == Side.BUY else image.base)

    def release(self, order: Order, amount: int) -> None:
        """Give back a part of what an order holds."""
        order.held -= amount
        self.effects.move(order.account, self.hold_asset(order.side), available=amount, held=-amount)

    def take_off(self, order: Order) -> None:
        """Take an order off the book and give back what it holds."""
        self.effects.touch(self.instrument, order.side, order.price)
        self.instrument.remove(order)
        self.release(order, order.held)

    def update(
        self,
        order: Order,
        execution: Execution,
        status: OrderStatus,
        *,
        expiry: Expiry = Expiry.NONE,
        flags: int = 0,
        request_id: bytes = b"",
        **this_execution: Any,
    ) -> None:
        """Append OrderUpdated, the order's whole image after one execution."""
        self.instrument.last_execution += 1
        if order.has_strategy:
            flags |= OrderFlag.HAS_STRATEGY
        if order.by_quote:
            flags |= OrderFlag.BY_QUOTE
        self.effects.emit(
            EventKind.ORDER_UPDATED,
            account=order.account,
            instrument=self.instrument.image.instrument,
            order=order.order,
            side=order.side,
            type=order.type,
            time_in_force=order.time_in_force,
            stp=order.stp,
            status=status,
            execution=execution,
            expiry=expiry,
            flags=flags,
            price=order.price,
            quantity=order.quantity,
            executed=order.executed,
            cumulative_quote=order.cumulative_quote,
            quote_quantity=order.quote_quantity,
            prevented=order.prevented,
            execution_id=self.instrument.last_execution,
            created_us=order.created_us,
            working_us=order.working_us,
            strategy_id=order.strategy_id,
            strategy_type=order.strategy_type,
            held=order.held,
            client_id=order.client_id,
            request_id=request_id,
            **(_NOTHING_NEW | this_execution),
        )

    def match(self, taker: Order, ran_dry: bool) -> None:
        """Let an order meet the book until it is done or nothing crosses."""
        previous_price: int | None = None
        while taker.remaining > 0:
            best = self.instrument.best(opposite(taker.side))
            if best is None or not crosses(taker, best):
                return
            maker = self.instrument.levels[opposite(taker.side)][best][0]
            if taker.stp != SelfTradePrevention.NONE and are_self(self.state, taker.account, maker.account):
                self.prevent(maker, taker)
            else:
                self.trade(maker, taker, previous_price, ran_dry)
                previous_price = best

    def prevent(self, maker: Order, taker: Order) -> None:
        """Keep two orders of one owner from trading, as the taker's mode says."""
        self.instrument.last_prevented_match += 1
        mode = taker.stp
        if mode == SelfTradePrevention.DECREMENT:
            both = min(maker.remaining, taker.remaining)
            self.prevent_quantity(maker, both, taker, is_maker=True)
            self.prevent_quantity(taker, both, maker, is_maker=False)
            return
        if mode in (SelfTradePrevention.EXPIRE_MAKER, SelfTradePrevention.EXPIRE_BOTH):
            self.prevent_quantity(maker, maker.remaining, taker, is_maker=True)
        if mode in (SelfTradePrevention.EXPIRE_TAKER, SelfTradePrevention.EXPIRE_BOTH):
            self.prevent_quantity(taker, taker.remaining, maker, is_maker=False)

    def prevent_quantity(self, order: Order, quantity: int, counter: Order, *, is_maker: bool) -> None:
        """Take a quantity out of an order because it would have met its owner's own."""
        if is_maker:
            self.effects.touch(self.instrument, order.side, order.price)
        order.prevented += quantity
        is_over = order.remaining == 0
        if is_over:
            if is_maker:
                self.instrument.remove(order)
            self.release(order, order.held)
        elif order.side == Side.SELL:
            self.release(order, quantity)
        elif order.type != OrderType.MARKET:
            self.release(order, notional(order.price, quantity))
        flags = 0
        if is_maker:
            flags = OrderFlag.IS_MAKER if is_over else OrderFlag.IS_MAKER | OrderFlag.ON_BOOK
        self.update(
            order,
            Execution.TRADE_PREVENTION,
            OrderStatus.EXPIRED_IN_MATCH if is_over else open_status(order),
            flags=flags,
            prevented_match=self.instrument.last_prevented_match,
            last_prevented=quantity,
            counter_order=counter.order,
        )

    def rate(self, account: int, *, is_maker: bool) -> int:
        """Return the rate an account pays: its own for the instrument, its own for all, the instrument's."""
        image = self.instrument.image
        fees = self.state.accounts[account].fees
        maker, taker = fees.get(image.instrument) or fees.get(0) or (image.maker_rate, image.taker_rate)
        return int(maker if is_maker else taker)

    def trade(self, maker: Order, taker: Order, previous_price: int | None, ran_dry: bool) -> None:
        """Let two orders trade at the maker's price, and settle it."""
        instrument, image = self.instrument, self.instrument.image
        price = maker.price
        quantity = min(maker.remaining, taker.remaining)
        quote = notional(price, quantity)
        instrument.last_trade += 1
        if price != previous_price:
            instrument.last_aggregate += 1
        buyer, seller = (taker, maker) if taker.side == Side.BUY else (maker, taker)
        # Commission is rounded up so that the venue never collects less than its rate, and never passes what is received.
        bought = min(quantity, -(-quantity * self.rate(buyer.account, is_maker=buyer is maker) // UNIT))
        sold = min(quote, -(-quote * self.rate(seller.account, is_maker=seller is maker) // UNIT))

        self.effects.touch(instrument, maker.side, price)
        for order in (maker, taker):
            order.executed += quantity
            order.cumulative_quote += quote
        if maker.remaining == 0:
            instrument.remove(maker)
        set_aside = quote if buyer.type == OrderType.MARKET else notional(buyer.price, quantity)
        buyer.held -= set_aside
        seller.held -= quantity
        self.effects.move(seller.account, image.base, held=-quantity)
        self.effects.move(seller.account, image.quote, available=quote - sold)
        self.effects.move(buyer.account, image.quote, available=set_aside - quote, held=-set_aside)
        self.effects.move(buyer.account, image.base, available=quantity - bought)
        self.effects.move(HOUSE, image.base, available=bought)
        self.effects.move(HOUSE, image.quote, available=sold)
        instrument.note_trade(self.state.time_us, price, quote, quantity)

        self.effects.emit(
            EventKind.TRADED,
            instrument=image.instrument,
            trade=instrument.last_trade,
            aggregate=instrument.last_aggregate,
            price=price,
            quantity=quantity,
            quote=quote,
            maker_order=maker.order,
            taker_order=taker.order,
            maker_account=maker.account,
            taker_account=taker.account,
            taker_side=taker.side,
        )
        for order in (maker, taker):
            is_done = order.remaining == 0 and not (order is taker and order.by_quote and ran_dry)
            flags = 0
            if order is maker:
                flags = OrderFlag.IS_MAKER | (OrderFlag.ON_BOOK if order.remaining > 0 else 0)
            self.update(
                order,
                Execution.TRADE,
                OrderStatus.FILLED if is_done else OrderStatus.PARTIALLY_FILLED,
                flags=flags,
                last_price=price,
                last_quantity=quantity,
                last_quote=quote,
                commission=bought if order is buyer else sold,
                commission_asset=image.base if order is buyer else image.quote,
                trade=instrument.last_trade,
            )
