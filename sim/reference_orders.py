"""Orders: the checks of placing in their order, placing, cancelling, and cancelling to replace."""

from dataclasses import dataclass

from openbourse.protocol.amounts import INT64_MAX, UNIT
from openbourse.protocol.commands import CancelRestriction, ReplaceMode, RequestFlag
from openbourse.protocol.events import EventKind, Execution, Expiry, OrderFlag, OrderStatus, ReplaceResult
from openbourse.protocol.instruments import (
    STP_OF_INSTRUMENT,
    InstrumentStatus,
    NotionalFlag,
    OrderType,
    Permission,
    Side,
    TimeInForce,
)
from openbourse.protocol.rejects import RejectReason
from sim.reference_codec import Record
from sim.reference_matching import Execute, crosses, walk, walk_by_quote
from sim.reference_state import AMOUNT_END, Effects, Instrument, Order, State, notional, opposite


@dataclass(frozen=True)
class Plan:
    """An order that passed every check: how much it asks for, and what it holds."""

    quantity: int
    hold: int
    ran_dry: bool = False


def check_combination(request: Record) -> bool:
    """Say whether the fields of an order request go together."""
    by_quote = bool(request.flags & RequestFlag.BY_QUOTE)
    if not request.flags & RequestFlag.HAS_STRATEGY and (request.strategy_id or request.strategy_type):
        return False
    if request.type == OrderType.MARKET:
        if request.time_in_force != TimeInForce.GTC or request.price != 0:
            return False
        if by_quote:
            return bool(request.quantity == 0 and 1 <= request.quote_quantity < AMOUNT_END)
        return bool(request.quote_quantity == 0)
    if request.type == OrderType.LIMIT_MAKER and request.time_in_force != TimeInForce.GTC:
        return False
    return bool(not by_quote and request.quote_quantity == 0)


def within(value: int, low: int, high: int) -> bool:
    """Say whether a value lies in bounds of which an upper bound of 0 is none."""
    return low <= value and (high == 0 or value <= high)


def check_price(instrument: Instrument, request: Record, reference: int | None) -> RejectReason | None:
    """Return what the two price filters refuse of a limit price, if anything."""
    image, price = instrument.image, request.price
    if price < 1 or not within(price, image.price_min, image.price_max) or price % image.tick != 0:
        return RejectReason.PRICE_FILTER
    if request.side == Side.BUY:
        up, down = image.bid_up, image.bid_down
    else:
        up, down = image.ask_up, image.ask_down
    if reference is not None:
        is_low_enough = up == 0 or price * UNIT <= reference * up
        is_high_enough = down == 0 or price * UNIT >= reference * down
        if not (is_low_enough and is_high_enough):
            return RejectReason.PERCENT_PRICE_BY_SIDE
    return None


def check_quantity(instrument: Instrument, request: Record) -> RejectReason | None:
    """Return what the two lot filters refuse of a quantity, if anything."""
    image, quantity = instrument.image, request.quantity
    if not image.quantity_min <= quantity <= image.quantity_max or quantity % image.step != 0:
        return RejectReason.LOT_SIZE
    if request.type == OrderType.MARKET:
        if not within(quantity, image.market_quantity_min, image.market_quantity_max):
            return RejectReason.MARKET_LOT_SIZE
        if image.market_step != 0 and quantity % image.market_step != 0:
            return RejectReason.MARKET_LOT_SIZE
    return None


def check_notional(instrument: Instrument, request: Record, reference: int | None) -> bool:
    """Say whether an order is worth neither too little nor too much."""
    image = instrument.image
    low, high = image.notional_min, image.notional_max
    if request.type != OrderType.MARKET:
        return within(notional(request.price, request.quantity), low, high)
    if not image.notional_flags & NotionalFlag.MIN_APPLIES_TO_MARKET:
        low = 0
    if not image.notional_flags & NotionalFlag.MAX_APPLIES_TO_MARKET:
        high = 0
    if request.flags & RequestFlag.BY_QUOTE:
        return within(request.quote_quantity, low, high)
    return reference is None or within(reference * request.quantity // UNIT, low, high)


class Orders:
    """Carry out the four order commands on a state; each method returns the reject, if any."""

    def __init__(self, state: State, effects: Effects) -> None:
        self.state = state
        self.effects = effects

    def first_refusal(self, request: Record) -> RejectReason | None:
        """Return the first check from UNKNOWN_ACCOUNT to MAX_NUM_ORDERS that fails; resolve the prevention mode."""
        if request.account not in self.state.accounts:
            return RejectReason.UNKNOWN_ACCOUNT
        if request.instrument not in self.state.instruments:
            return RejectReason.UNKNOWN_INSTRUMENT
        instrument = self.state.instruments[request.instrument]
        image = instrument.image
        if not self.state.accounts[request.account].permissions & Permission.TRADE:
            return RejectReason.ACCOUNT_MAY_NOT_TRADE
        if image.status != InstrumentStatus.TRADING:
            return RejectReason.INSTRUMENT_NOT_TRADING
        if request.type > OrderType.LIMIT_MAKER or not image.types_allowed >> request.type & 1:
            return RejectReason.TYPE_NOT_SUPPORTED
        if request.stp == STP_OF_INSTRUMENT:
            request.stp = image.stp_default
        if not image.stp_allowed >> request.stp & 1:
            return RejectReason.STP_NOT_ALLOWED
        if not check_combination(request):
            return RejectReason.INVALID_COMBINATION
        reference = instrument.reference_price(self.state.time_us)
        if request.type != OrderType.MARKET:
            refusal = check_price(instrument, request, reference)
            if refusal is not None:
                return refusal
        if not request.flags & RequestFlag.BY_QUOTE:
            refusal = check_quantity(instrument, request)
            if refusal is not None:
                return refusal
        if not check_notional(instrument, request, reference):
            return RejectReason.NOTIONAL
        if len(instrument.open.get(request.account, ())) >= image.orders_max:
            return RejectReason.MAX_NUM_ORDERS
        return None

    def is_client_id_taken(self, request: Record) -> bool:
        """Say whether the account has an open order of that client id on the instrument."""
        return (request.account, request.client_id) in self.state.instruments[request.instrument].clients

    def plan(self, request: Record) -> Plan | RejectReason:
        """Return the hold of an order whose form is right, or the reject that the book or the balance gives."""
        instrument = self.state.instruments[request.instrument]
        image = instrument.image
        if request.type == OrderType.LIMIT_MAKER:
            best = instrument.best(opposite(request.side))
            if best is not None and crosses(request, best):
                return RejectReason.WOULD_TAKE
        quantity, ran_dry = request.quantity, False
        hold = needed = quantity if request.side == Side.SELL else notional(request.price, quantity)
        if request.flags & RequestFlag.BY_QUOTE:
            found = walk_by_quote(self.state, instrument, request)
            if found.filled < image.quantity_min:
                return RejectReason.LIQUIDITY_TOO_LOW
            if found.filled > image.quantity_max or not within(found.filled, 0, image.market_quantity_max):
                return RejectReason.MARKET_LOT_SIZE
            quantity, ran_dry = found.filled, found.ran_dry
            if request.side == Side.SELL:
                hold = needed = quantity
            else:
                hold, needed = found.cost, request.quote_quantity
        elif request.type == OrderType.MARKET and request.side == Side.BUY:
            hold = needed = walk(self.state, instrument, request).cost
        asset = image.quote if request.side == Side.BUY else image.base
        if self.state.accounts[request.account].available(asset) < needed:
            return RejectReason.INSUFFICIENT_BALANCE
        assert 0 < quantity <= INT64_MAX
        return Plan(quantity, hold, ran_dry)

    def place(self, request: Record) -> RejectReason | None:
        """Place an order, or only test it."""
        refusal = self.first_refusal(request)
        if refusal is not None:
            return refusal
        if self.is_client_id_taken(request):
            return RejectReason.DUPLICATE_CLIENT_ID
        if request.flags & RequestFlag.TEST:
            self.effects.emit(
                EventKind.ORDER_TESTED,
                account=request.account,
                instrument=request.instrument,
                client_id=request.client_id,
            )
            return None
        plan = self.plan(request)
        if isinstance(plan, RejectReason):
            return plan
        self.accept(request, plan)
        return None

    def accept(self, request: Record, plan: Plan) -> None:
        """Carry an order that passed every check through its whole arrival."""
        instrument = self.state.instruments[request.instrument]
        execute = Execute(self.state, self.effects, instrument)
        instrument.last_order += 1
        order = Order(
            order=instrument.last_order,
            account=request.account,
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force,
            stp=request.stp,
            has_strategy=bool(request.flags & RequestFlag.HAS_STRATEGY),
            by_quote=bool(request.flags & RequestFlag.BY_QUOTE),
            price=request.price,
            quantity=plan.quantity,
            quote_quantity=request.quote_quantity,
            created_us=self.state.time_us,
            working_us=self.state.time_us,
            strategy_id=request.strategy_id,
            strategy_type=request.strategy_type,
            client_id=request.client_id,
            held=plan.hold,
        )
        self.effects.move(order.account, execute.hold_asset(order.side), available=-plan.hold, held=plan.hold)
        is_fok = order.time_in_force == TimeInForce.FOK
        is_unfillable = is_fok and walk(self.state, instrument, request).filled < order.quantity
        is_shown = order.type != OrderType.MARKET and not is_unfillable
        execute.update(order, Execution.NEW, OrderStatus.NEW, flags=OrderFlag.ON_BOOK if is_shown else 0)
        if is_unfillable:
            self.expire(execute, order, Expiry.UNFILLED_FOK)
            return
        execute.match(order, plan.ran_dry)
        if order.remaining > 0:
            if order.type == OrderType.MARKET:
                self.expire(execute, order, Expiry.INSUFFICIENT_LIQUIDITY)
            elif order.time_in_force == TimeInForce.IOC:
                self.expire(execute, order, Expiry.UNFILLED_IOC)
            else:
                self.effects.touch(instrument, order.side, order.price)
                instrument.add(order)
        elif order.by_quote and plan.ran_dry:
            self.expire(execute, order, Expiry.INSUFFICIENT_LIQUIDITY)
        else:
            execute.release(order, order.held)

    def expire(self, execute: Execute, order: Order, expiry: Expiry) -> None:
        """End an order that never rested, and give back what it still holds."""
        execute.release(order, order.held)
        execute.update(order, Execution.EXPIRED, OrderStatus.EXPIRED, expiry=expiry)

    def find_to_cancel(
        self, account: int, instrument: Instrument, order_id: int, client_id: bytes, restriction: int
    ) -> Order | RejectReason:
        """Return the open order that a cancel means, or why it may not be cancelled."""
        if order_id != 0:
            order = instrument.open.get(account, {}).get(order_id)
        else:
            order = instrument.clients.get((account, client_id))
        if order is None:
            return RejectReason.UNKNOWN_ORDER
        if client_id not in (b"", order.client_id):
            return RejectReason.CLIENT_ID_MISMATCH
        if restriction == CancelRestriction.ONLY_NEW and order.executed > 0:
            return RejectReason.CANCEL_RESTRICTED
        if restriction == CancelRestriction.ONLY_PARTIALLY_FILLED and order.executed == 0:
            return RejectReason.CANCEL_RESTRICTED
        return order

    def end_canceled(self, instrument: Instrument, order: Order, request_id: bytes) -> None:
        """Cancel an open order."""
        execute = Execute(self.state, self.effects, instrument)
        execute.take_off(order)
        execute.update(order, Execution.CANCELED, OrderStatus.CANCELED, request_id=request_id)

    def cancel(self, request: Record) -> RejectReason | None:
        """Cancel one order, in every instrument status."""
        if request.account not in self.state.accounts:
            return RejectReason.UNKNOWN_ACCOUNT
        if request.instrument not in self.state.instruments:
            return RejectReason.UNKNOWN_INSTRUMENT
        instrument = self.state.instruments[request.instrument]
        order = self.find_to_cancel(request.account, instrument, request.order, request.client_id, request.restriction)
        if isinstance(order, RejectReason):
            return order
        self.end_canceled(instrument, order, request.request_id)
        return None

    def cancel_all(self, request: Record) -> RejectReason | None:
        """Cancel every open order of an account, on one instrument or on all."""
        if request.account not in self.state.accounts:
            return RejectReason.UNKNOWN_ACCOUNT
        if request.instrument != 0 and request.instrument not in self.state.instruments:
            return RejectReason.UNKNOWN_INSTRUMENT
        found = [
            (number, order_id)
            for number, instrument in self.state.instruments.items()
            if request.instrument in (0, number)
            for order_id in instrument.open.get(request.account, ())
        ]
        if not found:
            return RejectReason.UNKNOWN_ORDER
        for number, order_id in sorted(found):
            instrument = self.state.instruments[number]
            self.end_canceled(instrument, instrument.open[request.account][order_id], request.request_id)
        return None

    def cancel_replace(self, request: Record) -> RejectReason | None:
        """Cancel one order and place another as one step; after the first checks the answer is CancelReplaced."""
        refusal = self.first_refusal(request)
        if refusal is not None:
            return refusal
        instrument = self.state.instruments[request.instrument]
        result = {"cancel_reason": 0, "new_reason": 0, "canceled_order": 0, "new_order": 0}
        old = self.find_to_cancel(
            request.account, instrument, request.cancel_order, request.cancel_client_id, request.restriction
        )
        if isinstance(old, RejectReason):
            result |= {"cancel_result": ReplaceResult.FAILURE, "cancel_reason": old}
        else:
            self.end_canceled(instrument, old, request.cancel_request_id)
            result |= {"cancel_result": ReplaceResult.SUCCESS, "canceled_order": old.order}
        if isinstance(old, RejectReason) and request.mode == ReplaceMode.STOP_ON_FAILURE:
            result["new_result"] = ReplaceResult.NOT_ATTEMPTED
            self.effects.emit(EventKind.CANCEL_REPLACED, **result)
            return None
        is_taken = self.is_client_id_taken(request)
        plan = RejectReason.DUPLICATE_CLIENT_ID if is_taken else self.plan(request)
        if isinstance(plan, RejectReason):
            result |= {"new_result": ReplaceResult.FAILURE, "new_reason": plan}
            self.effects.emit(EventKind.CANCEL_REPLACED, **result)
            return None
        result |= {"new_result": ReplaceResult.SUCCESS, "new_order": instrument.last_order + 1}
        self.effects.emit(EventKind.CANCEL_REPLACED, **result)
        self.accept(request, plan)
        return None
