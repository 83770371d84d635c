"""The administration that rules version 2 adds, and what is due when time advances."""

from openbourse.protocol.amounts import INT64_MAX, UNIT
from openbourse.protocol.events import EventKind, Expiry
from openbourse.protocol.rejects import RejectReason
from sim.reference_definitions import COUNTDOWN_MAX_US, is_sound_rate, is_sound_rules
from sim.reference_effects import Effects
from sim.reference_orders import Orders
from sim.reference_record import Record
from sim.reference_state import AMOUNT_END, HOUSE, State
from sim.reference_turns import Execute


def due_us(state: State) -> int:
    """Return the earliest time at which something is due, -1 when nothing is."""
    times = [order.expires_us for instrument in state.instruments.values() for order in instrument.orders()]
    return min([time for time in (*times, *state.heartbeats.values()) if time > 0], default=-1)


class Switches:
    """Carry out the other commands of rules version 2; each method returns the reject, if any."""

    def __init__(self, state: State, effects: Effects, orders: Orders) -> None:
        self.state = state
        self.effects = effects
        self.orders = orders

    def advance_time(self, _body: Record) -> RejectReason | None:
        self.effects.emit(EventKind.TIME_ADVANCED)
        now = self.state.time_us
        due = [
            (order.expires_us, number, order.order, order)
            for number, instrument in self.state.instruments.items()
            for order in instrument.orders()
            if 0 < order.expires_us <= now
        ]
        for _, number, _, order in sorted(due, key=lambda row: row[:3]):
            instrument = self.state.instruments[number]
            # An order that its list took along is no longer open.
            if instrument.is_open(order):
                Execute(self.state, self.effects, instrument).give_up(order, Expiry.GOOD_TILL)
        missed = [(deadline, *key) for key, deadline in self.state.heartbeats.items() if deadline <= now]
        for _, account, number in sorted(missed):
            self.effects.emit(EventKind.HEARTBEAT_MISSED, account=account, instrument=number)
            self.orders.cancel_every(account, number, b"")
            del self.state.heartbeats[account, number]
        return None

    def set_instrument_rules(self, body: Record) -> RejectReason | None:
        if body.instrument not in self.state.instruments:
            return RejectReason.UNKNOWN_INSTRUMENT
        if not is_sound_rules(body):
            return RejectReason.INVALID_DEFINITION
        self.state.instruments[body.instrument].rules = body
        self.effects.emit(EventKind.INSTRUMENT_RULES_SET, **vars(body))
        return None

    def set_kill_switch(self, body: Record) -> RejectReason | None:
        if body.account not in self.state.accounts:
            return RejectReason.UNKNOWN_ACCOUNT
        if body.account == HOUSE:
            return RejectReason.INVALID_DEFINITION
        self.state.accounts[body.account].is_killed = bool(body.on)
        self.effects.emit(EventKind.KILL_SWITCH_SET, **vars(body))
        if body.on:
            self.orders.cancel_every(body.account, 0, b"")
        return None

    def set_heartbeat(self, body: Record) -> RejectReason | None:
        if body.account not in self.state.accounts:
            return RejectReason.UNKNOWN_ACCOUNT
        if body.instrument != 0 and body.instrument not in self.state.instruments:
            return RejectReason.UNKNOWN_INSTRUMENT
        if not 0 <= body.countdown_us <= COUNTDOWN_MAX_US:
            return RejectReason.INVALID_AMOUNT
        deadline = 0
        if body.countdown_us == 0:
            self.state.heartbeats.pop((body.account, body.instrument), None)
        else:
            deadline = min(self.state.time_us + body.countdown_us, INT64_MAX)
            self.state.heartbeats[body.account, body.instrument] = deadline
        self.effects.emit(
            EventKind.HEARTBEAT_SET, account=body.account, instrument=body.instrument, deadline_us=deadline
        )
        return None

    def define_tier(self, body: Record) -> RejectReason | None:
        if body.tier == 0:
            return RejectReason.INVALID_DEFINITION
        if body.maker == -1 and body.taker == -1:
            if any(account.tier == body.tier for account in self.state.accounts.values()):
                return RejectReason.INVALID_DEFINITION
            self.state.tiers.pop(body.tier, None)
        elif is_sound_rate(body.maker) and is_sound_rate(body.taker):
            self.state.tiers[body.tier] = (body.maker, body.taker)
        else:
            return RejectReason.INVALID_RATE
        self.effects.emit(EventKind.TIER_DEFINED, **vars(body))
        return None

    def assign_tier(self, body: Record) -> RejectReason | None:
        if body.account not in self.state.accounts:
            return RejectReason.UNKNOWN_ACCOUNT
        if body.tier != 0 and body.tier not in self.state.tiers:
            return RejectReason.UNKNOWN_TIER
        self.state.accounts[body.account].tier = body.tier
        self.effects.emit(EventKind.TIER_ASSIGNED, **vars(body))
        return None

    def set_discount(self, body: Record) -> RejectReason | None:
        if body.asset != 0 and body.asset not in self.state.assets:
            return RejectReason.UNKNOWN_ASSET
        if not 0 <= body.rate <= (UNIT if body.asset != 0 else 0):
            return RejectReason.INVALID_RATE
        self.state.discount = body
        self.effects.emit(EventKind.DISCOUNT_SET, **vars(body))
        return None

    def set_discount_price(self, body: Record) -> RejectReason | None:
        if body.asset not in self.state.assets:
            return RejectReason.UNKNOWN_ASSET
        if body.price < 0:
            return RejectReason.INVALID_AMOUNT
        if body.price == 0:
            self.state.discount_prices.pop(body.asset, None)
        else:
            self.state.discount_prices[body.asset] = body.price
        self.effects.emit(EventKind.DISCOUNT_PRICE_SET, **vars(body))
        return None

    def use_discount(self, body: Record) -> RejectReason | None:
        if body.account not in self.state.accounts:
            return RejectReason.UNKNOWN_ACCOUNT
        self.state.accounts[body.account].uses_discount = bool(body.on)
        self.effects.emit(EventKind.DISCOUNT_USED, **vars(body))
        return None

    def set_venue_rules(self, body: Record) -> RejectReason | None:
        self.state.venue = body
        self.effects.emit(EventKind.VENUE_RULES_SET, **vars(body))
        return None

    def set_asset_limit(self, body: Record) -> RejectReason | None:
        if body.asset not in self.state.assets:
            return RejectReason.UNKNOWN_ASSET
        if not 0 <= body.limit < AMOUNT_END:
            return RejectReason.INVALID_AMOUNT
        if body.limit == 0:
            self.state.limits.pop(body.asset, None)
        else:
            self.state.limits[body.asset] = body.limit
        self.effects.emit(EventKind.ASSET_LIMIT_SET, **vars(body))
        return None
