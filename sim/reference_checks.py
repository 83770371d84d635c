"""The checks of placing an order, one by one, in their order: each returns the reject, or None."""

from dataclasses import dataclass
from typing import Final

from openbourse.protocol.amounts import INT64_MAX, UNIT
from openbourse.protocol.commands import Extension, RequestFlag
from openbourse.protocol.instruments import (
    STP_OF_INSTRUMENT,
    Feature,
    InstrumentStatus,
    NotionalFlag,
    OrderType,
    PegType,
    Permission,
    Side,
    TimeInForce,
)
from openbourse.protocol.rejects import RejectReason
from sim.reference_record import Record
from sim.reference_state import AMOUNT_END, Instrument, Order, State, is_market, is_stop, notional, opposite
from sim.reference_walks import crosses, walk, walk_by_quote

_PEG_OFFSET_MAX: Final = 100
_DELTA_END: Final = 10_000


def draft(request: Record, time_us: int) -> Order:
    """Return the order that a request asks for: without an id, a hold, or a place yet."""
    return Order(
        order=0,
        account=request.account,
        side=request.side,
        type=request.type,
        time_in_force=request.time_in_force,
        stp=request.stp,
        has_strategy=bool(request.flags & RequestFlag.HAS_STRATEGY),
        by_quote=bool(request.flags & RequestFlag.BY_QUOTE),
        price=request.price,
        quantity=request.quantity,
        quote_quantity=request.quote_quantity,
        created_us=time_us,
        working_us=-1,
        strategy_id=request.strategy_id,
        strategy_type=request.strategy_type,
        client_id=request.client_id,
        held=0,
        stop_price=request.stop_price,
        trailing_delta=request.trailing_delta,
        iceberg=request.iceberg,
        peg_type=request.peg_type,
        peg_offset=request.peg_offset,
        sent_price=request.price if request.peg_type else 0,
        expires_us=request.expires_us,
    )


def within(value: int, low: int, high: int) -> bool:
    """Say whether a value lies in bounds of which an upper bound of 0 is none."""
    return low <= value and (high == 0 or value <= high)


def check_entry(state: State, request: Record) -> RejectReason | None:
    """Ask who places the order, and whether the instrument takes any."""
    if request.account not in state.accounts:
        return RejectReason.UNKNOWN_ACCOUNT
    if request.instrument not in state.instruments:
        return RejectReason.UNKNOWN_INSTRUMENT
    if state.accounts[request.account].is_killed:
        return RejectReason.ACCOUNT_DISABLED
    if not state.accounts[request.account].permissions & Permission.TRADE:
        return RejectReason.ACCOUNT_MAY_NOT_TRADE
    if state.instruments[request.instrument].image.status not in (InstrumentStatus.TRADING, InstrumentStatus.AUCTION):
        return RejectReason.INSTRUMENT_NOT_TRADING
    return None


def check_kind(state: State, request: Record) -> RejectReason | None:
    """Ask whether the instrument takes this kind of order, and whether its fields go together; resolve the mode."""
    instrument = state.instruments[request.instrument]
    image, features = instrument.image, instrument.rules.features
    if not image.types_allowed >> request.type & 1 or (state.rules == 1 and is_stop(request.type)):
        return RejectReason.TYPE_NOT_SUPPORTED
    for extension, feature, reason in (
        (Extension.ICEBERG, Feature.ICEBERG, RejectReason.ICEBERG_NOT_SUPPORTED),
        (Extension.TRAILING, Feature.TRAILING, RejectReason.TRAILING_NOT_SUPPORTED),
        (Extension.PEG, Feature.PEG, RejectReason.PEG_NOT_SUPPORTED),
    ):
        if request.extension & extension and not features & feature:
            return reason
    if request.flags & RequestFlag.BY_QUOTE and features & Feature.NO_QUOTE_MARKET:
        return RejectReason.QUOTE_MARKET_NOT_SUPPORTED
    if request.stp == STP_OF_INSTRUMENT:
        request.stp = image.stp_default
    if not image.stp_allowed >> request.stp & 1:
        return RejectReason.STP_NOT_ALLOWED
    if not (is_sound_combination(request) and is_sound_extension(request, features)):
        return RejectReason.INVALID_COMBINATION
    if image.status == InstrumentStatus.AUCTION:
        if request.type != OrderType.LIMIT or request.extension & Extension.PEG:
            return RejectReason.PHASE_TYPE
        if request.time_in_force != TimeInForce.GTC:
            return RejectReason.PHASE_TIME_IN_FORCE
    return None


def is_sound_combination(request: Record) -> bool:
    """Say whether the fields that every order request has go together."""
    by_quote = bool(request.flags & RequestFlag.BY_QUOTE)
    is_gtc = request.time_in_force == TimeInForce.GTC
    if not request.flags & RequestFlag.HAS_STRATEGY and (request.strategy_id or request.strategy_type):
        return False
    if is_market(request.type) and not (is_gtc and request.price == 0):
        return False
    if request.type == OrderType.LIMIT_MAKER and not is_gtc:
        return False
    if request.type == OrderType.MARKET and by_quote:
        return bool(request.quantity == 0 and 1 <= request.quote_quantity < AMOUNT_END)
    return bool(not by_quote and request.quote_quantity == 0)


def is_sound_extension(request: Record, features: int) -> bool:
    """Say whether what the request extends goes with its type."""
    given: int = request.extension
    is_limit, is_gtc = not is_market(request.type), request.time_in_force == TimeInForce.GTC
    triggers = given & (Extension.STOP | Extension.TRAILING)
    if bool(triggers) != is_stop(request.type):
        return False
    if given & Extension.STOP and request.stop_price < 1:
        return False
    if given & Extension.TRAILING and not 1 <= request.trailing_delta < _DELTA_END:
        return False
    if given & Extension.ICEBERG and not (is_limit and is_gtc and request.iceberg >= 1):
        return False
    if given & Extension.PEG:
        if not (is_limit and request.peg_offset <= _PEG_OFFSET_MAX and request.price >= 0):
            return False
        if request.peg_type == PegType.PRIMARY and request.type == OrderType.LIMIT and not is_gtc:
            return False
        if request.peg_type == PegType.MARKET and request.type == OrderType.LIMIT_MAKER:
            return False
    if given & Extension.GOOD_TILL:
        return bool(features & Feature.GOOD_TILL and is_limit and is_gtc and request.expires_us >= 1)
    return True


def is_on_grid(instrument: Instrument, price: int) -> bool:
    """Say whether a price passes the price filter."""
    image = instrument.image
    return bool(price >= 1 and within(price, image.price_min, image.price_max) and price % image.tick == 0)


def check_distance(instrument: Instrument, order: Order, reference: int | None) -> RejectReason | None:
    """Ask whether a limit price is near enough to the reference price, for both sides and for its own."""
    image, rules = instrument.image, instrument.rules
    own = (image.bid_up, image.bid_down) if order.side == Side.BUY else (image.ask_up, image.ask_down)
    for (up, down), reason in (
        ((rules.percent_up, rules.percent_down), RejectReason.PERCENT_PRICE),
        (own, RejectReason.PERCENT_PRICE_BY_SIDE),
    ):
        if reference is not None:
            is_low_enough = up == 0 or order.price * UNIT <= reference * up
            is_high_enough = down == 0 or order.price * UNIT >= reference * down
            if not (is_low_enough and is_high_enough):
                return reason
    return None


def check_quantity(instrument: Instrument, order: Order) -> RejectReason | None:
    """Ask the filters of quantities."""
    image, quantity = instrument.image, order.quantity
    for lots in (quantity, order.iceberg) if order.iceberg else (quantity,):
        if not image.quantity_min <= lots <= image.quantity_max or lots % image.step != 0:
            return RejectReason.LOT_SIZE
    if order.iceberg and order.iceberg >= quantity:
        return RejectReason.ICEBERG_EXCEEDS
    if is_market(order.type):
        if not within(quantity, image.market_quantity_min, image.market_quantity_max):
            return RejectReason.MARKET_LOT_SIZE
        if image.market_step != 0 and quantity % image.market_step != 0:
            return RejectReason.MARKET_LOT_SIZE
    parts_max = instrument.rules.iceberg_parts_max
    if order.iceberg and 0 < parts_max < -(-quantity // order.iceberg):
        return RejectReason.ICEBERG_PARTS
    return None


def check_trailing(instrument: Instrument, order: Order) -> RejectReason | None:
    """Ask whether a trailing order's distance is one that the instrument takes."""
    rules = instrument.rules
    bounds = (rules.trailing_below_min, rules.trailing_below_max)
    if order.is_rising:
        bounds = (rules.trailing_above_min, rules.trailing_above_max)
    if order.trailing_delta and not within(order.trailing_delta, *bounds):
        return RejectReason.TRAILING_DELTA
    return None


def worth(order: Order, reference: int | None) -> int | None:
    """Return what an order is worth in quote units, if that can be told."""
    if not is_market(order.type):
        return notional(order.price, order.quantity) if order.price > 0 else None
    if order.by_quote:
        return order.quote_quantity
    return None if reference is None else reference * order.quantity // UNIT


def check_worth(state: State, instrument: Instrument, order: Order, *, is_limited: bool = True) -> RejectReason | None:
    """Ask whether an order is worth neither too little nor too much, nor moves more of an asset than one order may."""
    image = instrument.image
    value = worth(order, instrument.reference_price(state.time_us))
    low, high = image.notional_min, image.notional_max
    if is_market(order.type) and not image.notional_flags & NotionalFlag.MIN_APPLIES_TO_MARKET:
        low = 0
    if is_market(order.type) and not image.notional_flags & NotionalFlag.MAX_APPLIES_TO_MARKET:
        high = 0
    if value is not None and not within(value, low, high):
        return RejectReason.NOTIONAL
    base_limit, quote_limit = state.limits.get(image.base, 0), state.limits.get(image.quote, 0)
    if is_limited and (0 < base_limit < order.quantity or 0 < quote_limit < (value or 0)):
        return RejectReason.MAX_ASSET
    return None


def check_filters(
    state: State, instrument: Instrument, order: Order, *, has_quantity: bool = True
) -> RejectReason | None:
    """Ask the filters from PRICE_FILTER to MAX_ASSET. A quantity that is not known yet is not asked about."""
    is_priced = not is_market(order.type) and not (order.peg_type and order.price == 0)
    if is_priced and not is_on_grid(instrument, order.price):
        return RejectReason.PRICE_FILTER
    if order.stop_price and not is_on_grid(instrument, order.stop_price):
        return RejectReason.PRICE_FILTER
    reference = instrument.reference_price(state.time_us)
    refusal = check_distance(instrument, order, reference) if is_priced else None
    if refusal is None and has_quantity and not order.by_quote:
        refusal = check_quantity(instrument, order)
    if refusal is None:
        refusal = check_trailing(instrument, order)
    if refusal is None and has_quantity:
        refusal = check_worth(state, instrument, order)
    return refusal


def check_counts(
    state: State, instrument: Instrument, order: Order, before: list[Order], *, has_position: bool = True
) -> RejectReason | None:
    """Ask how much the account has open, the orders before this one in its list included; and its good-till time."""
    own = instrument.own(order.account) + before
    everywhere = [one for other in state.instruments.values() for one in other.own(order.account)] + before
    rules, venue = instrument.rules, state.venue
    if len(own) >= instrument.image.orders_max:
        return RejectReason.MAX_NUM_ORDERS
    if 0 < venue.orders_max <= len(everywhere):
        return RejectReason.EXCHANGE_MAX_NUM_ORDERS
    if is_stop(order.type):
        if 0 < rules.algo_orders_max <= sum(is_stop(one.type) for one in own):
            return RejectReason.MAX_NUM_ALGO_ORDERS
        if 0 < venue.algo_orders_max <= sum(is_stop(one.type) for one in everywhere):
            return RejectReason.EXCHANGE_MAX_NUM_ALGO_ORDERS
    if order.iceberg:
        if 0 < rules.iceberg_orders_max <= sum(one.iceberg > 0 for one in own):
            return RejectReason.MAX_NUM_ICEBERG_ORDERS
        if 0 < venue.iceberg_orders_max <= sum(one.iceberg > 0 for one in everywhere):
            return RejectReason.EXCHANGE_MAX_NUM_ICEBERG_ORDERS
    if order.side == Side.BUY and not order.by_quote and has_position and rules.position_max > 0:
        buying = sum(one.remaining for one in instrument.own(order.account) if one.side == Side.BUY)
        owned = sum(state.accounts[order.account].balances.get(instrument.image.base, (0, 0)))
        if owned + buying + order.quantity > rules.position_max:
            return RejectReason.MAX_POSITION
    if order.expires_us and order.expires_us <= state.time_us:
        return RejectReason.GOOD_TILL_PASSED
    return None


def pegged_price(instrument: Instrument, order: Order) -> int | None:
    """Return the price of the level that a pegged order names, if there is such a level."""
    side = order.side if order.peg_type == PegType.PRIMARY else opposite(order.side)
    prices = instrument.prices(side)
    return prices[order.peg_offset] if order.peg_offset < len(prices) else None


def check_peg(state: State, instrument: Instrument, order: Order, *, is_limited: bool) -> RejectReason | None:
    """Give a pegged order the price that it takes now, and ask the filters of it."""
    if not order.peg_type:
        return None
    price = pegged_price(instrument, order)
    if price is None:
        return RejectReason.PEG_LIQUIDITY
    order.price = price
    if not is_on_grid(instrument, price):
        return RejectReason.PRICE_FILTER
    refusal = check_distance(instrument, order, instrument.reference_price(state.time_us))
    return refusal or check_worth(state, instrument, order, is_limited=is_limited)


def check_begin(state: State, instrument: Instrument, order: Order) -> RejectReason | None:
    """Ask whether an order may begin now: a stop to wait, another to work."""
    last = instrument.last_price
    if is_stop(order.type):
        if order.stop_price and last:
            is_ahead = order.stop_price > last if order.is_rising else order.stop_price < last
            return None if is_ahead else RejectReason.WOULD_TRIGGER
        return None if order.stop_price or last else RejectReason.NO_MARKET_PRICE
    refusal = check_peg(state, instrument, order, is_limited=True)
    if refusal is None and order.type == OrderType.LIMIT_MAKER:
        best = instrument.best(opposite(order.side))
        if best is not None and crosses(order, best):
            return RejectReason.WOULD_TAKE
    return refusal


@dataclass(frozen=True)
class Plan:
    """An order that passed every check: how much it asks for, and what it holds."""

    quantity: int
    hold: int
    ran_dry: bool = False


def basis_of(instrument: Instrument, order: Order) -> int:
    """Return the price that a stop order's hold is reckoned with while it waits, 0 when it holds what it sells."""
    if order.side == Side.SELL:
        return 0
    return order.price or order.stop_price or instrument.last_price


def plan_hold(state: State, instrument: Instrument, order: Order) -> Plan | RejectReason:
    """Return what an order that works from now on holds, or the reject that the book gives."""
    image = instrument.image
    if order.by_quote:
        found = walk_by_quote(state, instrument, order)
        if found.filled < max(image.quantity_min, 1):
            return RejectReason.LIQUIDITY_TOO_LOW
        if found.filled > image.quantity_max or not within(found.filled, 0, image.market_quantity_max):
            return RejectReason.MARKET_LOT_SIZE
        return Plan(found.filled, found.filled if order.side == Side.SELL else found.cost, found.ran_dry)
    if order.side == Side.SELL:
        return Plan(order.quantity, order.quantity)
    if is_market(order.type):
        return Plan(order.quantity, walk(state, instrument, order).cost)
    return Plan(order.quantity, notional(order.price, order.quantity))


def plan_begin(state: State, instrument: Instrument, order: Order, *, is_fired: bool = False) -> Plan | RejectReason:
    """Return what an order that begins now holds, or the reject that the book or the balance gives."""
    image = instrument.image
    plan: Plan | RejectReason
    if not is_stop(order.type) or is_fired:
        plan = plan_hold(state, instrument, order)
        if isinstance(plan, RejectReason):
            return plan
    elif order.side == Side.SELL:
        plan = Plan(order.quantity, order.quantity)
    else:
        plan = Plan(order.quantity, notional(basis_of(instrument, order), order.quantity))
    asset = image.quote if order.side == Side.BUY else image.base
    # A MARKET BUY by quote shows the money it names, though it may hold less.
    needed = order.quote_quantity if order.by_quote and order.side == Side.BUY else plan.hold
    if state.accounts[order.account].available(asset) < needed:
        return RejectReason.INSUFFICIENT_BALANCE
    assert 0 < plan.quantity <= INT64_MAX
    return plan
