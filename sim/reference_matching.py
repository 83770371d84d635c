"""What an accepted order meets: self-trade prevention, trades, commissions, and the event of every step."""

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.events import EventKind, Execution, Expiry, OrderFlag, OrderStatus
from openbourse.protocol.instruments import Feature, SelfTradePrevention, Side
from sim.reference_life import Life, open_status
from sim.reference_state import HOUSE, Order, Place, is_market, notional, opposite
from sim.reference_walks import Reach, crosses, is_prevented, is_transfer


class Matching(Life):
    """Orders that meet."""

    def match(self, taker: Order, ran_dry: bool, reach: Reach) -> list[int]:
        """Let an order meet the book until it is done or nothing crosses; return the prices it traded at."""
        prices: list[int] = []
        while self.instrument.is_open(taker):
            best = self.instrument.best(opposite(taker.side))
            if best is None or not crosses(taker, best) or taker.remaining == 0:
                break
            if reach.excludes(best):
                self.expire(taker, Expiry.PRICE_RANGE_EXCEEDED)
                self.follow_end(taker)
                break
            maker = self.instrument.levels[opposite(taker.side)][best][0]
            if is_prevented(self.state, maker, taker):
                self.prevent(maker, taker)
            else:
                self.start(maker)
                quantity = min(maker.shown, taker.remaining)
                is_new_aggregate = not prices or prices[-1] != best
                self.trade(maker, taker, best, quantity, is_new_aggregate=is_new_aggregate, ran_dry=ran_dry)
                prices.append(best)
        return prices

    def prevent(self, maker: Order, taker: Order) -> None:
        """Keep two orders of one owner from trading, as the taker's mode says."""
        mode, price = taker.stp, maker.price
        if mode != SelfTradePrevention.EXPIRE_TAKER:
            self.start(maker)
        self.instrument.last_prevented_match += 1
        if mode in (SelfTradePrevention.DECREMENT, SelfTradePrevention.TRANSFER):
            both = min(maker.shown, taker.remaining)
            handed_over = is_transfer(maker, taker)
            self.prevent_quantity(maker, both, taker, price, is_maker=True, is_handed_over=handed_over)
            self.prevent_quantity(taker, both, maker, price, is_maker=False, is_handed_over=handed_over)
            return
        if mode in (SelfTradePrevention.EXPIRE_MAKER, SelfTradePrevention.EXPIRE_BOTH):
            self.prevent_quantity(maker, maker.remaining, taker, price, is_maker=True)
        if mode in (SelfTradePrevention.EXPIRE_TAKER, SelfTradePrevention.EXPIRE_BOTH):
            self.prevent_quantity(taker, taker.remaining, maker, price, is_maker=False)

    def prevent_quantity(
        self, order: Order, quantity: int, counter: Order, price: int, *, is_maker: bool, is_handed_over: bool = False
    ) -> None:
        """Take a quantity out of an order because it would have met its owner's own."""
        match = self.instrument.last_prevented_match
        if is_maker:
            self.effects.touch(self.instrument, order.side, order.price)
        order.prevented += quantity
        is_over = order.remaining == 0
        if is_handed_over:
            self.settle(order, price, quantity)
        elif order.side == Side.SELL:
            self.release(order, quantity)
        elif not is_market(order.type):
            self.release(order, notional(order.price, quantity))
        if is_over:
            self.instrument.leave(order)
            self.release(order, order.held)
        elif is_maker:
            self.use_up(order, quantity)
        flags = 0
        if is_maker:
            flags = OrderFlag.IS_MAKER if is_over else OrderFlag.IS_MAKER | OrderFlag.ON_BOOK
        self.update(
            order,
            Execution.TRADE_PREVENTION,
            OrderStatus.EXPIRED_IN_MATCH if is_over else open_status(order),
            flags=flags,
            last_price=price if self.state.rules > 1 else 0,
            prevented_match=match,
            last_prevented=quantity,
            counter_order=counter.order,
        )
        if is_over:
            self.close_list(order)
            self.follow_end(order)

    def use_up(self, maker: Order, quantity: int, *, keeps_place: bool = False) -> None:
        """Take what was done out of what a maker shows; an iceberg that shows nothing more comes again, as the last."""
        if not maker.iceberg:
            return
        maker.visible = max(maker.visible - quantity, 0)
        if maker.visible == 0:
            maker.visible = min(maker.iceberg, maker.remaining)
            if not keeps_place:
                level = self.instrument.levels[maker.side][maker.price]
                level.remove(maker)
                level.append(maker)

    def rate(self, account: int, *, is_maker: bool) -> int:
        """Return the rate an account pays: its own for the instrument, its own for all, its tier's, the instrument's."""
        image = self.instrument.image
        holder = self.state.accounts[account]
        maker, taker = (
            holder.fees.get(image.instrument)
            or holder.fees.get(0)
            or self.state.tiers.get(holder.tier)
            or (image.maker_rate, image.taker_rate)
        )
        return int(maker if is_maker else taker)

    def settle(self, order: Order, price: int, quantity: int) -> tuple[int, int]:
        """Exchange what an order holds for what it receives; return the asset and the amount of that."""
        base, quote = self.instrument.image.base, self.instrument.image.quote
        worth = notional(price, quantity)
        if order.side == Side.SELL:
            order.held -= quantity
            self.effects.move(order.account, base, held=-quantity)
            self.effects.move(order.account, quote, available=worth)
            return quote, worth
        set_aside = worth if is_market(order.type) else notional(order.price, quantity)
        order.held -= set_aside
        self.effects.move(order.account, quote, available=set_aside - worth, held=-set_aside)
        self.effects.move(order.account, base, available=quantity)
        return base, quantity

    def discounted(self, account: int, asset: int, commission: int) -> int | None:
        """Return what a commission costs in the discount asset, or None when it may not or cannot be paid in it."""
        discount, holder = self.state.discount, self.state.accounts[account]
        if commission == 0 or discount.asset == 0 or not holder.uses_discount:
            return None
        if not self.instrument.rules.features & Feature.DISCOUNT:
            return None
        cost = -(-commission * discount.rate // UNIT)
        if asset != discount.asset:
            if asset not in self.state.discount_prices:
                return None
            cost = -(-cost * UNIT // self.state.discount_prices[asset])
        return cost if holder.available(discount.asset) >= cost else None

    def fill(self, order: Order, price: int, quantity: int, *, is_maker: bool) -> tuple[int, int]:
        """Book one order's half of a trade; return its commission and the asset that was paid in."""
        asset, received = self.settle(order, price, quantity)
        # Commission is rounded up so that the venue never collects less than its rate, and never passes what is received.
        commission = min(received, -(-received * self.rate(order.account, is_maker=is_maker) // UNIT))
        paid_in = asset
        discounted = self.discounted(order.account, asset, commission)
        if discounted is not None:
            commission, paid_in = discounted, self.state.discount.asset
        self.effects.move(order.account, paid_in, available=-commission)
        self.effects.move(HOUSE, paid_in, available=commission)
        payee = self.payee(order)
        if payee is not None:
            self.hold(payee, quantity - commission if paid_in == asset else quantity)
        return commission, paid_in

    def trade(
        self, maker: Order, taker: Order, price: int, quantity: int, *, is_new_aggregate: bool, ran_dry: bool = False
    ) -> None:
        """Let two orders trade a quantity at a price, and settle it."""
        instrument, number = self.instrument, self.instrument.image.instrument
        quote = notional(price, quantity)
        instrument.last_trade += 1
        if is_new_aggregate:
            instrument.last_aggregate += 1
        trade = instrument.last_trade
        is_one_account = maker.account == taker.account
        paid = {
            order.order: self.fill(order, price, quantity, is_maker=order is maker)
            for order in sorted((maker, taker), key=lambda order: is_one_account and order.side == Side.BUY)
        }
        instrument.note_trade(self.state.time_us, price, quote, quantity)
        for order in (maker, taker):
            if order.place == Place.ON_BOOK:
                self.effects.touch(instrument, order.side, order.price)
            order.executed += quantity
            order.cumulative_quote += quote
        self.effects.emit(
            EventKind.TRADED,
            instrument=number,
            trade=trade,
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
            is_filled = order.remaining == 0 and not (order is taker and order.by_quote and ran_dry)
            if is_filled:
                instrument.leave(order)
            elif order.place == Place.ON_BOOK:
                self.use_up(order, quantity, keeps_place=taker.place == Place.ON_BOOK)
            flags = OrderFlag.IS_MAKER if order is maker else 0
            if order.place == Place.ON_BOOK and not is_filled:
                flags |= OrderFlag.ON_BOOK
            self.update(
                order,
                Execution.TRADE,
                OrderStatus.FILLED if is_filled else OrderStatus.PARTIALLY_FILLED,
                flags=flags,
                last_price=price,
                last_quantity=quantity,
                last_quote=quote,
                commission=paid[order.order][0],
                commission_asset=paid[order.order][1],
                trade=trade,
            )
            if is_filled:
                self.release(order, order.held)
                self.follow_fill(order)
