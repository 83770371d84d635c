"""Snapshots of the whole state, and the invariants that every state keeps."""

from typing import Any, Final

from openbourse.protocol.amounts import INT64_MAX, UNIT
from openbourse.protocol.events import OrderFlag
from openbourse.protocol.instruments import OrderType, Side, TimeInForce
from sim.reference_codec import INSTRUMENT_IMAGE, Layout, Malformed, Record
from sim.reference_state import (
    AMOUNT_END,
    HOUSE,
    MINUTE_US,
    WINDOW_SUM_END,
    Account,
    Instrument,
    Order,
    Session,
    State,
    notional,
)

_MAGIC: Final = b"OBSN"
_IN_FLIGHT_MAX: Final = 65_536
_COUNTER_END: Final = 2**63  # no counter comes near; what does is no snapshot of ours
_HEAD: Final = Layout("u16 version 1, u32 rules 1, u64 sequence, i64 time_us")
_COUNT: Final = Layout("u32 count")
_ASSET: Final = Layout("u32 asset, str code 1-16, i128 supply")
_COUNTERS: Final = Layout(
    """u64 last_order, u64 last_trade, u64 last_aggregate, u64 last_update, u64 last_execution,
    u64 last_prevented_match, i64 last_price"""
)
_BUCKET: Final = Layout("i64 minute, i128 quote, i128 quantity")
_ORDER: Final = Layout(
    """u64 order, u64 account, u8 type 1|3, u8 time_in_force 1, u8 stp 0-4, u8 flags 0|4, i64 price, i64 quantity,
    i64 executed, i128 cumulative_quote, i64 prevented, i64 created_us, i64 working_us, i64 strategy_id,
    i32 strategy_type, str client_id 1-36"""
)
_ACCOUNT: Final = Layout("u64 account, i64 trade_group, u8 permissions 0-7")
_FEE: Final = Layout("u32 instrument, i64 maker, i64 taker")
_BALANCE: Final = Layout("u32 asset, i128 available, i128 held")
_DEPOSIT: Final = Layout("bytes32 identity")
_WITHDRAWAL: Final = Layout("u64 withdrawal, u64 account, u32 asset, i128 amount")
_SESSION: Final = Layout("u64 session, u64 low_water, i64 last_time")
_RECORDED: Final = Layout("u64 counter, u64 sequence")


def is_sound_image(state: State, image: Record) -> bool:
    """Say whether an instrument's image may be in force."""
    return bool(
        image.instrument >= 1
        and image.base in state.assets
        and image.quote in state.assets
        and image.base != image.quote
        and image.price_min >= 0
        and image.price_max >= 0
        and (image.price_max == 0 or image.price_min <= image.price_max)
        and image.tick >= 1
        and 1 <= image.quantity_min <= image.quantity_max
        and image.step >= 1
        and image.tick * image.step % UNIT == 0
        and image.market_quantity_min >= 0
        and image.market_quantity_max >= 0
        and (image.market_quantity_max == 0 or image.market_quantity_min <= image.market_quantity_max)
        and image.market_step >= 0
        and image.market_step % image.step == 0
        and 0 <= image.notional_min < AMOUNT_END
        and 0 <= image.notional_max < AMOUNT_END
        and (image.notional_max == 0 or image.notional_min <= image.notional_max)
        and min(image.bid_up, image.bid_down, image.ask_up, image.ask_down) >= 0
        and image.average_minutes <= 60
        and image.orders_max >= 1
        and 0 <= image.maker_rate <= UNIT // 2
        and 0 <= image.taker_rate <= UNIT // 2
        and image.stp_allowed < 32
        and image.stp_allowed >> image.stp_default & 1
        and image.types_allowed & ~0b1111_1110 == 0
    )


def snapshot(state: State) -> bytes:
    """Return the state's bytes; equal states give equal bytes."""
    out = [
        _MAGIC,
        _HEAD.write({"version": 1, "rules": state.rules, "sequence": state.sequence, "time_us": state.time_us}),
    ]
    out.append(_COUNT.write({"count": len(state.assets)}))
    for asset, code in sorted(state.assets.items()):
        out.append(_ASSET.write({"asset": asset, "code": code, "supply": state.supply[asset]}))
    out.append(_COUNT.write({"count": len(state.instruments)}))
    for _, instrument in sorted(state.instruments.items()):
        out += _instrument_parts(instrument)
    out.append(_COUNT.write({"count": len(state.accounts)}))
    for number, account in sorted(state.accounts.items()):
        out += _account_parts(number, account)
    out.append(_COUNT.write({"count": len(state.deposits)}))
    out += sorted(state.deposits)
    out.append(_COUNT.write({"count": len(state.withdrawals)}))
    for withdrawal, (number, asset, amount) in sorted(state.withdrawals.items()):
        row = {"withdrawal": withdrawal, "account": number, "asset": asset, "amount": amount}
        out.append(_WITHDRAWAL.write(row))
    out.append(_COUNT.write({"count": len(state.sessions)}))
    for number, session in sorted(state.sessions.items()):
        out.append(_SESSION.write({"session": number, "low_water": session.low_water, "last_time": session.last_time}))
        out.append(_COUNT.write({"count": len(session.recorded)}))
        for counter, sequence in sorted(session.recorded.items()):
            out.append(_RECORDED.write({"counter": counter, "sequence": sequence}))
    return b"".join(out)


def _instrument_parts(instrument: Instrument) -> list[bytes]:
    counters = {name: getattr(instrument, name) for name in _COUNTERS.names}
    out = [INSTRUMENT_IMAGE.write(vars(instrument.image)), _COUNTERS.write(counters)]
    out.append(_COUNT.write({"count": len(instrument.window)}))
    for minute, quote, quantity in instrument.window:
        out.append(_BUCKET.write({"minute": minute, "quote": quote, "quantity": quantity}))
    for side in (Side.BUY, Side.SELL):
        resting = list(instrument.resting(side))
        out.append(_COUNT.write({"count": len(resting)}))
        for order in resting:
            flags = OrderFlag.HAS_STRATEGY if order.has_strategy else 0
            row = {name: getattr(order, name) for name in _ORDER.names if name != "flags"}
            out.append(_ORDER.write({"flags": flags, **row}))
    return out


def _account_parts(number: int, account: Account) -> list[bytes]:
    row = {"account": number, "trade_group": account.trade_group, "permissions": account.permissions}
    out = [_ACCOUNT.write(row), _COUNT.write({"count": len(account.fees)})]
    for instrument, (maker, taker) in sorted(account.fees.items()):
        out.append(_FEE.write({"instrument": instrument, "maker": maker, "taker": taker}))
    balances = [(asset, *balance) for asset, balance in sorted(account.balances.items()) if balance != [0, 0]]
    out.append(_COUNT.write({"count": len(balances)}))
    for asset, available, held in balances:
        out.append(_BALANCE.write({"asset": asset, "available": available, "held": held}))
    return out


class _Reader:
    """Reads a snapshot front to back; what is not as it should be raises ValueError."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = len(_MAGIC)
        self.state = State(accounts={})

    def row(self, layout: Layout) -> Record:
        record, self.at = layout.read(self.data, self.at)
        return record

    def rows(self, layout: Layout) -> list[Record]:
        return [self.row(layout) for _ in range(self.row(_COUNT).count)]

    def require(self, fact: object, what: str) -> None:
        if not fact:
            raise ValueError(f"not a sound snapshot: {what}")

    def require_ascending(self, keys: list[Any], what: str) -> None:
        self.require(keys == sorted(set(keys)), what)

    def read(self) -> State:
        state = self.state
        self.require(self.data[: self.at] == _MAGIC, "magic")
        head = self.row(_HEAD)
        state.rules, state.sequence, state.time_us = head.rules, head.sequence, head.time_us
        self.require(head.time_us >= 0 and head.sequence < _COUNTER_END, "time and sequence")
        self.assets()
        numbers = []
        for _ in range(self.row(_COUNT).count):
            numbers.append(self.instrument())
        self.require_ascending(numbers, "instruments in order")
        symbols = {instrument.image.symbol for instrument in state.instruments.values()}
        self.require(len(symbols) == len(numbers), "symbols differ")
        numbers = []
        for _ in range(self.row(_COUNT).count):
            numbers.append(self.account())
        self.require_ascending(numbers, "accounts in order")
        self.require(HOUSE in state.accounts, "the house's account")
        identities = [row.identity for row in self.rows(_DEPOSIT)]
        self.require_ascending(identities, "deposits in order")
        state.deposits = set(identities)
        self.withdrawals()
        numbers = []
        for _ in range(self.row(_COUNT).count):
            numbers.append(self.session())
        self.require_ascending(numbers, "sessions in order")
        self.require(self.at == len(self.data), "nothing after the end")
        return state

    def assets(self) -> None:
        rows = self.rows(_ASSET)
        self.require_ascending([row.asset for row in rows], "assets in order")
        self.require(len({row.code for row in rows}) == len(rows), "codes differ")
        for row in rows:
            self.require(row.asset >= 1 and 0 <= row.supply < AMOUNT_END, "an asset")
            self.state.assets[row.asset] = row.code
            self.state.supply[row.asset] = row.supply

    def instrument(self) -> int:
        image = self.row(INSTRUMENT_IMAGE)
        self.require(is_sound_image(self.state, image), "an instrument's image")
        instrument = Instrument(image, **vars(self.row(_COUNTERS)))
        counters = [getattr(instrument, name) for name in _COUNTERS.names]
        self.require(min(counters) >= 0 and max(counters) < _COUNTER_END, "last price and counters")
        instrument.window = [[row.minute, row.quote, row.quantity] for row in self.rows(_BUCKET)]
        self.require_ascending([bucket[0] for bucket in instrument.window], "window in order")
        self.require(len(instrument.window) <= 60, "window length")
        for minute, quote, quantity in instrument.window:
            self.require(0 <= minute <= self.state.time_us // MINUTE_US, "window minutes")
            self.require(1 <= quote < WINDOW_SUM_END and 1 <= quantity < WINDOW_SUM_END, "window sums")
        for side in (Side.BUY, Side.SELL):
            rows = self.rows(_ORDER)
            places = [(-row.price if side == Side.BUY else row.price, row.order) for row in rows]
            self.require(places == sorted(set(places)), "orders in order")
            for row in rows:
                self.order(instrument, side, row)
        ids = [order.order for order in instrument.orders()]
        self.require_ascending(ids, "order ids differ")
        self.require(not ids or ids[-1] <= instrument.last_order, "last order id")
        self.state.instruments[image.instrument] = instrument
        return int(image.instrument)

    def order(self, instrument: Instrument, side: int, row: Record) -> None:
        self.require(row.order >= 1 and row.price >= 1 and row.executed >= 0 and row.prevented >= 0, "an order")
        self.require(0 <= row.cumulative_quote <= INT64_MAX**2 // UNIT, "an order's cumulative quote")
        image = instrument.image
        self.require(row.price % image.tick == 0, "an order's price on tick")
        for quantity in (row.quantity, row.executed, row.prevented):
            self.require(quantity % image.step == 0, "an order's quantities on step")
        self.require(row.flags or (row.strategy_id == 0 and row.strategy_type == 0), "an order's strategy")
        self.require((row.account, row.client_id) not in instrument.clients, "client ids differ")
        remaining = row.quantity - row.executed - row.prevented
        self.require(remaining >= 1, "an order's remaining quantity")
        fields = {name: value for name, value in vars(row).items() if name != "flags"}
        held = notional(row.price, remaining) if side == Side.BUY else remaining
        order = Order(side=side, has_strategy=bool(row.flags), by_quote=False, quote_quantity=0, held=held, **fields)
        instrument.add(order)

    def account(self) -> int:
        row = self.row(_ACCOUNT)
        self.require(row.account >= 1 and row.trade_group >= -1, "an account")
        account = Account(trade_group=row.trade_group, permissions=row.permissions)
        fees = self.rows(_FEE)
        self.require_ascending([fee.instrument for fee in fees], "fees in order")
        for fee in fees:
            self.require(fee.instrument == 0 or fee.instrument in self.state.instruments, "a fee's instrument")
            self.require(0 <= fee.maker <= UNIT // 2 and 0 <= fee.taker <= UNIT // 2, "a fee's rates")
            account.fees[fee.instrument] = (fee.maker, fee.taker)
        balances = self.rows(_BALANCE)
        self.require_ascending([balance.asset for balance in balances], "balances in order")
        for balance in balances:
            self.require(balance.asset in self.state.assets, "a balance's asset")
            self.require(balance.available != 0 or balance.held != 0, "an empty balance")
            account.balances[balance.asset] = [balance.available, balance.held]
        self.state.accounts[row.account] = account
        return int(row.account)

    def withdrawals(self) -> None:
        rows = self.rows(_WITHDRAWAL)
        self.require_ascending([row.withdrawal for row in rows], "withdrawals in order")
        for row in rows:
            self.require(row.account in self.state.accounts and row.asset in self.state.assets, "a withdrawal's owner")
            self.require(1 <= row.amount < AMOUNT_END, "a withdrawal's amount")
            self.state.withdrawals[row.withdrawal] = (row.account, row.asset, row.amount)

    def session(self) -> int:
        row = self.row(_SESSION)
        recorded = self.rows(_RECORDED)
        self.require_ascending([one.counter for one in recorded], "counters in order")
        self.require(len(recorded) <= _IN_FLIGHT_MAX, "counters recorded")
        for one in recorded:
            self.require(one.counter >= max(row.low_water, 1), "a recorded counter")
            self.require(1 <= one.sequence <= self.state.sequence, "a recorded sequence")
        self.require(0 <= row.last_time <= self.state.time_us, "a session's time")
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


def audit(state: State) -> None:
    """Raise AssertionError when an invariant is broken: O(state)."""
    held: dict[tuple[int, int], int] = {}
    for instrument in state.instruments.values():
        _audit_book(instrument)
        for order in instrument.orders():
            assert order.account in state.accounts, "an order's account exists"
            asset = instrument.image.quote if order.side == Side.BUY else instrument.image.base
            held[order.account, asset] = held.get((order.account, asset), 0) + order.held
    for number, asset, amount in state.withdrawals.values():
        held[number, asset] = held.get((number, asset), 0) + amount
    total = dict.fromkeys(state.assets, 0)
    for number, account in state.accounts.items():
        for asset, balance in account.balances.items():
            assert balance[0] >= 0, "no available balance is negative"
            assert balance[1] >= 0, "no held balance is negative"
            assert balance[1] == held.pop((number, asset), 0), "held is what orders and withdrawals hold"
            total[asset] += balance[0] + balance[1]
    assert not held, "who holds has a balance"
    assert total == state.supply, "balances sum to the supply"


def _audit_book(instrument: Instrument) -> None:
    bid, ask = instrument.best(Side.BUY), instrument.best(Side.SELL)
    assert bid is None or ask is None or bid < ask, "the book is not crossed"
    for side in (Side.BUY, Side.SELL):
        for price, level in instrument.levels[side].items():
            ids = [order.order for order in level]
            assert ids, "no level is empty"
            assert ids == sorted(set(ids)), "a level is in order of arrival"
            for order in level:
                assert (order.side, order.price) == (side, price), "an order rests in its level"
                assert order.type in (OrderType.LIMIT, OrderType.LIMIT_MAKER), "a resting order has a limit"
                assert order.time_in_force == TimeInForce.GTC, "a resting order is good till canceled"
                assert order.remaining > 0, "a resting order has something left"
                right = notional(price, order.remaining) if side == Side.BUY else order.remaining
                assert order.held == right, "an order holds what it can still spend"
    orders = instrument.orders()
    assert len(orders) == len(instrument.clients), "client ids of open orders differ"
    assert len(orders) == sum(len(list(instrument.resting(side))) for side in (Side.BUY, Side.SELL)), "one index"
