"""Reading a snapshot back: whatever no engine would have written is refused."""

from typing import Any, Final

from openbourse.protocol.amounts import INT64_MAX, UNIT
from openbourse.protocol.instruments import InstrumentStatus, OrderType, Side, TimeInForce
from openbourse.protocol.lists import ListForm
from sim.reference_audit import audit
from sim.reference_definitions import COUNTDOWN_MAX_US, is_sound_image, is_sound_rate, is_sound_rules
from sim.reference_fields import Layout, Malformed
from sim.reference_layouts import INSTRUMENT_IMAGE, INSTRUMENT_IMAGE_1, RULES_IMAGE, VENUE_RULES
from sim.reference_record import Record
from sim.reference_snapshot import (
    ACCOUNTS,
    ASSETS,
    BALANCE,
    BUCKET,
    COUNT,
    COUNTERS,
    DEPOSIT,
    DISCOUNT,
    DISCOUNT_PRICE,
    FEE,
    HEAD,
    HEARTBEAT,
    INDICATION,
    IS_INDICATED,
    LIST_CLIENT_ID,
    LIST_HEAD,
    LIST_ORDER,
    MAGIC,
    ORDERS,
    RECORDED,
    SESSION,
    TIER,
    WITHDRAWAL,
)
from sim.reference_state import (
    AMOUNT_END,
    HOUSE,
    MINUTE_US,
    WINDOW_SUM_END,
    Account,
    Instrument,
    Order,
    OrderList,
    Place,
    Session,
    State,
    is_market,
    is_stop,
    no_rules,
    notional,
)

_IN_FLIGHT_MAX: Final = 65_536
_COUNTER_END: Final = 2**63  # no counter comes near; what does is no snapshot of ours
_LEGS_OF_FORM: Final = {form: 3 if form in (ListForm.OTOCO, ListForm.OPOCO) else 2 for form in ListForm}


def require(fact: object, what: str) -> None:
    """Raise ValueError unless a fact holds."""
    if not fact:
        raise ValueError(f"not a sound snapshot: {what}")


def require_ascending(keys: list[Any], what: str) -> None:
    """Raise ValueError unless keys ascend."""
    require(keys == sorted(set(keys)), what)


class _Reader:
    """Reads a snapshot front to back."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = len(MAGIC)
        self.version = 1
        self.state = State(accounts={})

    def row(self, layout: Layout) -> Record:
        record, self.at = layout.read(self.data, self.at)
        return record

    def rows(self, layout: Layout) -> list[Record]:
        return [self.row(layout) for _ in range(self.row(COUNT).count)]

    def read(self) -> State:
        state = self.state
        require(self.data[: self.at] == MAGIC, "magic")
        head = self.row(HEAD)
        require(head.version == head.rules, "a version for the rules")
        self.version = head.version
        state.rules, state.sequence, state.time_us = head.rules, head.sequence, head.time_us
        require(head.time_us >= 0 and head.sequence < _COUNTER_END, "time and sequence")
        if self.version > 1:
            self.venue()
        self.assets()
        require_ascending([self.instrument() for _ in range(self.row(COUNT).count)], "instruments in order")
        symbols = {instrument.image.symbol for instrument in state.instruments.values()}
        require(len(symbols) == len(state.instruments), "symbols differ")
        require_ascending([self.account() for _ in range(self.row(COUNT).count)], "accounts in order")
        require(HOUSE in state.accounts, "the house's account")
        require(not state.accounts[HOUSE].is_killed, "the house's switch")
        identities = [row.identity for row in self.rows(DEPOSIT)]
        require_ascending(identities, "deposits in order")
        state.deposits = set(identities)
        self.withdrawals()
        if self.version > 1:
            self.heartbeats()
        require_ascending([self.session() for _ in range(self.row(COUNT).count)], "sessions in order")
        require(self.at == len(self.data), "nothing after the end")
        return state

    def venue(self) -> None:
        state = self.state
        state.venue, state.discount = self.row(VENUE_RULES), self.row(DISCOUNT)
        require(0 <= state.discount.rate <= (UNIT if state.discount.asset else 0), "a discount's rate")
        prices, tiers = self.rows(DISCOUNT_PRICE), self.rows(TIER)
        require_ascending([row.asset for row in prices], "discount prices in order")
        require_ascending([row.tier for row in tiers], "tiers in order")
        for row in prices:
            require(row.price >= 1, "a discount's price")
            state.discount_prices[row.asset] = row.price
        for row in tiers:
            require(row.tier >= 1 and is_sound_rate(row.maker) and is_sound_rate(row.taker), "a tier")
            state.tiers[row.tier] = (row.maker, row.taker)

    def assets(self) -> None:
        state, rows = self.state, self.rows(ASSETS[self.version])
        require_ascending([row.asset for row in rows], "assets in order")
        require(len({row.code for row in rows}) == len(rows), "codes differ")
        for row in rows:
            require(row.asset >= 1 and 0 <= row.supply < AMOUNT_END, "an asset")
            state.assets[row.asset] = row.code
            state.supply[row.asset] = row.supply
            if self.version > 1 and row.limit != 0:
                require(0 < row.limit < AMOUNT_END, "an asset's limit")
                state.limits[row.asset] = row.limit
        named = {*state.discount_prices, *([state.discount.asset] if state.discount.asset else [])}
        require(named <= set(state.assets), "a discount's assets")

    def instrument(self) -> int:
        image = self.row(INSTRUMENT_IMAGE_1 if self.version == 1 else INSTRUMENT_IMAGE)
        require(is_sound_image(self.state, image), "an instrument's image")
        rules = no_rules(image.instrument) if self.version == 1 else self.row(RULES_IMAGE)
        require(rules.instrument == image.instrument and is_sound_rules(rules), "an instrument's rules")
        instrument = Instrument(image, rules, **vars(self.row(COUNTERS[self.version])))
        counters = [getattr(instrument, name) for name in COUNTERS[self.version].names]
        require(min(counters) >= 0 and max(counters) < _COUNTER_END, "last price and counters")
        instrument.window = [[row.minute, row.quote, row.quantity] for row in self.rows(BUCKET)]
        require_ascending([bucket[0] for bucket in instrument.window], "window in order")
        require(len(instrument.window) <= 60, "window length")
        for minute, quote, quantity in instrument.window:
            require(0 <= minute <= self.state.time_us // MINUTE_US, "window minutes")
            require(1 <= quote < WINDOW_SUM_END and 1 <= quantity < WINDOW_SUM_END, "window sums")
        if self.version > 1 and self.row(IS_INDICATED).is_indicated:
            row = self.row(INDICATION)
            require(row.price >= 0 and row.quantity >= 0, "an indication")
            instrument.indicated = (row.price, row.quantity, row.imbalance)
        for side in (Side.BUY, Side.SELL):
            prices = [self.order(instrument, side).price for _ in range(self.row(COUNT).count)]
            require(prices == sorted(prices, reverse=side == Side.BUY), "levels in order")
        if self.version > 1:
            ids = [self.order(instrument, 0).order for _ in range(self.row(COUNT).count)]
            require_ascending(ids, "orders that are not on the book in order")
            lists = [self.order_list(instrument) for _ in range(self.row(COUNT).count)]
            require_ascending(lists, "lists in order")
        self.state.instruments[image.instrument] = instrument
        require(image.status == InstrumentStatus.AUCTION or instrument.indicated is None, "an indication's status")
        return int(image.instrument)

    def order(self, instrument: Instrument, side: int) -> Order:
        """Read an order on a side of the book, or (0) one that is not on the book."""
        row = self.row(ORDERS[self.version])
        fields = {name: value for name, value in vars(row).items() if name != "flags"} | {"by_quote": False}
        if self.version == 1:
            remaining = row.quantity - row.executed - row.prevented
            held = notional(row.price, remaining) if side == Side.BUY else remaining
            fields |= {"side": side, "held": held, "visible": remaining, "place": Place.ON_BOOK}
        fields["place"] = Place(fields["place"])
        order = Order(has_strategy=bool(row.flags), quote_quantity=0, **fields)
        require((order.place == Place.ON_BOOK) == bool(side), "an order's place")
        require(not side or order.side == side, "an order's side")
        self.check_order(instrument, order)
        shown = order.visible
        require((order.account, order.client_id) not in instrument.clients, "client ids differ")
        require(order.order not in instrument.open.get(order.account, {}), "order ids differ")
        require(all(order.order not in own for own in instrument.open.values()), "order ids differ")
        instrument.enter(order)
        if side:
            instrument.rest(order)
            order.visible = shown if order.iceberg else 0
            require(shown == order.shown, "what an order shows")
        else:
            require(shown == 0, "what an order shows")
        return order

    def check_order(self, instrument: Instrument, order: Order) -> None:
        """Require what holds for every open order by itself."""
        image, is_priced = instrument.image, not is_market(order.type)
        is_paid_on = order.place == Place.PENDING and order.quantity == 0
        require(1 <= order.order <= instrument.last_order, "an order's id")
        require(order.executed >= 0 and order.prevented >= 0 and order.held >= 0, "an order")
        require(order.remaining >= 1 or is_paid_on, "an order's remaining quantity")
        require(0 <= order.cumulative_quote <= INT64_MAX**2 // UNIT, "an order's cumulative quote")
        for price in (order.price, order.stop_price, order.sent_price):
            require(price >= 0 and price % image.tick == 0, "an order's price on tick")
        # The last price, from which these two may come, may be of a time with another tick.
        require(order.basis >= 0 and order.extreme >= 0, "an order's basis and extreme")
        # A pending leg whose quantity is still being bought is asked for its iceberg when it begins.
        iceberg = 0 if is_paid_on else order.iceberg
        for quantity in (order.quantity, order.executed, order.prevented, iceberg, order.visible):
            require(quantity >= 0 and quantity % image.step == 0, "an order's quantities on step")
        require(order.has_strategy or (order.strategy_id == 0 and order.strategy_type == 0), "an order's strategy")
        takes_price_later = order.peg_type > 0 and order.place != Place.ON_BOOK
        require(order.price >= 1 or not is_priced or takes_price_later, "an order's price")
        require(order.price == 0 or is_priced, "a market order's price")
        require(order.place != Place.ON_BOOK or is_priced, "a resting order has a limit")
        if order.place == Place.ON_BOOK or not is_priced or order.type == OrderType.LIMIT_MAKER:
            require(order.time_in_force == TimeInForce.GTC, "an order's time in force")
        require(order.iceberg == 0 or is_priced, "an iceberg has a limit")
        require(order.peg_type > 0 or (order.peg_offset == 0 and order.sent_price == 0), "an order's peg")
        require(order.peg_offset <= 100 and (order.peg_type == 0 or is_priced), "an order's peg")
        require(not takes_price_later or order.price == order.sent_price, "a price that is yet to be taken")
        has_trigger = order.stop_price > 0 or order.trailing_delta > 0
        require(has_trigger == is_stop(order.type), "an order's trigger")
        require(0 <= order.trailing_delta < 10_000 and order.trailing_us >= -1, "an order's trailing")
        require((order.trailing_us >= 0) == (order.extreme > 0), "an order's extreme")
        require(order.trailing_us == -1 or order.trailing_delta > 0, "an order's trailing")
        require(order.expires_us >= 0 and (order.expires_us == 0 or is_priced), "an order's good till")
        is_working = order.place == Place.ON_BOOK
        require((order.working_us == -1) != is_working, "an order's working time")
        has_basis = order.place == Place.WAITING and order.side == Side.BUY
        require((order.basis > 0) == has_basis, "an order's basis")
        require(order.basis == 0 or order.basis == (order.price or order.stop_price or order.basis), "an order's basis")
        if self.version > 1:
            require(order.place == Place.ON_BOOK or order.cumulative_quote == 0, "an order's cumulative quote")
            lasts = order.time_in_force == TimeInForce.GTC
            require(lasts or (order.iceberg == 0 and order.expires_us == 0), "an order's time in force")
            require(order.trailing_us <= self.state.time_us, "an order's trailing")
        require((order.list_id == 0) <= (order.place != Place.PENDING), "a pending order's list")

    def order_list(self, instrument: Instrument) -> int:
        head = self.row(LIST_HEAD)
        require(head.count == _LEGS_OF_FORM[head.form], "a list's orders")
        orders = [self.row(LIST_ORDER).order for _ in range(head.count)]
        client_ids = [self.row(LIST_CLIENT_ID).client_id for _ in range(head.count)]
        require(1 <= head.list_id <= instrument.last_list, "a list's id")
        require_ascending(orders, "a list's orders in order")
        require(orders[0] >= 1 and orders[-1] <= instrument.last_order, "a list's orders")
        instrument.lists[head.list_id] = OrderList(
            list_id=head.list_id,
            account=head.account,
            form=head.form,
            orders=orders,
            client_ids=client_ids,
            list_client_id=self.row(LIST_CLIENT_ID).client_id,
        )
        return int(head.list_id)

    def account(self) -> int:
        row = self.row(ACCOUNTS[self.version])
        require(row.account >= 1 and row.trade_group >= -1, "an account")
        account = Account(trade_group=row.trade_group, permissions=row.permissions)
        if self.version > 1:
            account.is_killed, account.uses_discount = bool(row.is_killed), bool(row.uses_discount)
            account.tier = row.tier
        fees = self.rows(FEE)
        require_ascending([fee.instrument for fee in fees], "fees in order")
        for fee in fees:
            require(fee.instrument == 0 or fee.instrument in self.state.instruments, "a fee's instrument")
            require(is_sound_rate(fee.maker) and is_sound_rate(fee.taker), "a fee's rates")
            account.fees[fee.instrument] = (fee.maker, fee.taker)
        balances = self.rows(BALANCE)
        require_ascending([balance.asset for balance in balances], "balances in order")
        for balance in balances:
            require(balance.asset in self.state.assets, "a balance's asset")
            require(balance.available != 0 or balance.held != 0, "an empty balance")
            account.balances[balance.asset] = [balance.available, balance.held]
        self.state.accounts[row.account] = account
        return int(row.account)

    def withdrawals(self) -> None:
        rows = self.rows(WITHDRAWAL)
        require_ascending([row.withdrawal for row in rows], "withdrawals in order")
        for row in rows:
            require(row.account in self.state.accounts and row.asset in self.state.assets, "a withdrawal's owner")
            require(1 <= row.amount < AMOUNT_END, "a withdrawal's amount")
            self.state.withdrawals[row.withdrawal] = (row.account, row.asset, row.amount)

    def heartbeats(self) -> None:
        rows = self.rows(HEARTBEAT)
        require_ascending([(row.account, row.instrument) for row in rows], "heartbeats in order")
        for row in rows:
            require(row.account in self.state.accounts, "a heartbeat's account")
            require(row.instrument == 0 or row.instrument in self.state.instruments, "a heartbeat's instrument")
            latest = min(self.state.time_us + COUNTDOWN_MAX_US, INT64_MAX)
            require(1 <= row.deadline <= latest, "a heartbeat's deadline")
            self.state.heartbeats[row.account, row.instrument] = row.deadline

    def session(self) -> int:
        row = self.row(SESSION)
        recorded = self.rows(RECORDED)
        require_ascending([one.counter for one in recorded], "counters in order")
        require(len(recorded) <= _IN_FLIGHT_MAX, "counters recorded")
        for one in recorded:
            require(one.counter >= max(row.low_water, 1), "a recorded counter")
            require(1 <= one.sequence <= self.state.sequence, "a recorded sequence")
        require(0 <= row.last_time <= self.state.time_us, "a session's time")
        self.state.sessions[row.session] = Session(
            last_time=row.last_time,
            low_water=row.low_water,
            recorded={one.counter: one.sequence for one in recorded},
        )
        return int(row.session)


def restore(data: bytes) -> State:
    """Return the state of a snapshot. Raises ValueError when it is not a sound one."""
    try:
        state = _Reader(data).read()
        audit(state)
    except (Malformed, AssertionError) as fault:
        raise ValueError(f"not a sound snapshot: {fault}") from fault
    return state
