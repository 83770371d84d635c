"""The engine in plain Python: the specification of docs/engine.md and docs/engine-2.md, to be read, and to be compared byte for byte.

The parts: reference_fields, _layouts and _codec (bytes), _state and _effects (what is remembered, and what a command
does to it), _checks, _orders, _amend and _list_orders (commands about orders), _life, _matching, _turns and _auction
(what happens to them), _switches (the administration of rules 2), _snapshot, _restore and _audit; and here the
interface, the identities and the administration of rules 1.
"""

from collections.abc import Callable
from typing import Final

from openbourse.protocol.commands import CommandKind
from openbourse.protocol.events import EventKind
from openbourse.protocol.instruments import InstrumentStatus, Permission
from openbourse.protocol.rejects import RejectReason
from sim.reference_auction import announce, is_crossed, uncross
from sim.reference_audit import audit
from sim.reference_codec import read_command, read_header, split
from sim.reference_definitions import is_sound_image, is_sound_rate
from sim.reference_effects import Effects
from sim.reference_fields import Malformed
from sim.reference_list_orders import ListOrders
from sim.reference_record import Record
from sim.reference_restore import restore
from sim.reference_snapshot import snapshot
from sim.reference_state import AMOUNT_END, Account, Instrument, Session, State, no_rules
from sim.reference_switches import Switches, due_us
from sim.reference_turns import Execute

SESSION_FORGOTTEN_US: Final = 3_600_000_000
IN_FLIGHT_MAX: Final = 65_536


class Engine:
    """The deterministic state machine: commands in, events out."""

    def __init__(self) -> None:
        self.state = State()

    @property
    def sequence(self) -> int:
        """Return the last command's sequence."""
        return self.state.sequence

    @property
    def time_us(self) -> int:
        """Return the last command's time."""
        return self.state.time_us

    @property
    def due_us(self) -> int:
        """Return the earliest time at which AdvanceTime would do something, -1 when there is none."""
        return due_us(self.state)

    def version(self) -> str:
        """Return which rules are in force."""
        return f"rules version {self.state.rules}"

    def apply(self, first_sequence: int, time_us: int, frames: bytes) -> tuple[bytes, bytes]:
        """Carry out a batch. Return its events, and for each command a u32: the offset after its last event.

        Raises ValueError, and changes nothing, when the batch does not follow the last command.
        """
        if first_sequence != self.state.sequence + 1:
            raise ValueError(f"sequence {first_sequence} does not follow {self.state.sequence}")
        if time_us < self.state.time_us:
            raise ValueError("time runs backwards")
        events = bytearray()
        ends = bytearray()
        for frame in split(frames):
            self.state.sequence += 1
            self.state.time_us = time_us
            events += Command(self.state).apply(frame)
            ends += len(events).to_bytes(4, "little")
        return bytes(events), bytes(ends)

    def snapshot(self) -> bytes:
        """Return the whole state; equal states give equal bytes."""
        return snapshot(self.state)

    @staticmethod
    def restore(data: bytes) -> "Engine":
        """Return an engine with the state of a snapshot. Raises ValueError when it is not a sound one."""
        engine = Engine()
        engine.state = restore(data)
        return engine

    def audit(self) -> None:
        """Raise AssertionError when an invariant is broken."""
        audit(self.state)


class Command:
    """One command on its way through the engine."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.effects = Effects(state)

    def apply(self, frame: bytes) -> bytes:
        """Carry a command out; return its events."""
        header = read_header(frame)
        if header is None:
            self.reject(0, RejectReason.MALFORMED, None)
            return self.effects.finish()
        body: Record | None
        try:
            body = read_command(header, frame, self.state.rules)
        except Malformed:
            body = None
        known = self.identify(header)
        if isinstance(known, RejectReason):
            self.reject(header.kind, known, body)
        elif known is not None:
            self.effects.emit(EventKind.COMMAND_DUPLICATE, original=known)
        elif body is None:
            self.reject(header.kind, RejectReason.MALFORMED, None)
        else:
            refusal = self.execute(header.kind, body)
            if refusal is not None:
                self.reject(header.kind, refusal, body)
        announce(self.state, self.effects)
        return self.effects.finish()

    def identify(self, header: Record) -> RejectReason | int | None:
        """Record who sent the command: None when it is new, the first one's sequence when it is a resend."""
        if header.counter == 0:
            return None
        sessions, now = self.state.sessions, self.state.time_us
        if header.session not in sessions:
            for old in [key for key, session in sessions.items() if session.last_time < now - SESSION_FORGOTTEN_US]:
                del sessions[old]
            sessions[header.session] = Session(last_time=now)
        session = sessions[header.session]
        session.last_time = now
        if header.counter < session.low_water:
            return RejectReason.IDENTITY_EXPIRED
        if header.counter in session.recorded:
            # A reject is a RejectReason, which is an int too: a plain int is a sequence.
            return int(session.recorded[header.counter])
        if header.low_water > session.low_water:
            session.low_water = header.low_water
            session.recorded = {
                counter: sequence for counter, sequence in session.recorded.items() if counter >= header.low_water
            }
        if header.counter < session.low_water:
            return RejectReason.IDENTITY_EXPIRED
        if len(session.recorded) >= IN_FLIGHT_MAX:
            return RejectReason.TOO_MANY_IN_FLIGHT
        session.recorded[header.counter] = self.state.sequence
        return None

    def reject(self, kind: int, reason: RejectReason, body: Record | None) -> None:
        """Append CommandRejected with what the body names, if there is a body."""
        named = {} if body is None else vars(body)
        self.effects.emit(
            EventKind.COMMAND_REJECTED,
            command=kind,
            reason=reason,
            account=named.get("account", 0),
            instrument=named.get("instrument", 0),
            client_id=named.get("client_id", b""),
        )

    def execute(self, kind: int, body: Record) -> RejectReason | None:
        """Hand a command to what carries it out. Every check comes before the first change."""
        if kind in _ORDERS:
            return _ORDERS[kind](ListOrders(self.state, self.effects), body)
        if kind in _SWITCHES:
            orders = ListOrders(self.state, self.effects)
            return _SWITCHES[kind](Switches(self.state, self.effects, orders), body)
        return _ADMINISTRATION[kind](self, body)

    def create_asset(self, body: Record) -> RejectReason | None:
        if body.asset == 0:
            return RejectReason.INVALID_DEFINITION
        if body.asset in self.state.assets or body.code in self.state.assets.values():
            return RejectReason.ALREADY_EXISTS
        self.state.assets[body.asset] = body.code
        self.state.supply[body.asset] = 0
        self.effects.emit(EventKind.ASSET_CREATED, **vars(body))
        return None

    def list_instrument(self, body: Record) -> RejectReason | None:
        symbols = [instrument.image.symbol for instrument in self.state.instruments.values()]
        if body.instrument in self.state.instruments or body.symbol in symbols:
            return RejectReason.ALREADY_EXISTS
        if not is_sound_image(self.state, body):
            return RejectReason.INVALID_DEFINITION
        self.state.instruments[body.instrument] = Instrument(body, no_rules(body.instrument))
        self.effects.emit(EventKind.INSTRUMENT_DEFINED, **vars(body))
        return None

    def change_instrument(self, body: Record) -> RejectReason | None:
        if body.instrument not in self.state.instruments:
            return RejectReason.UNKNOWN_INSTRUMENT
        instrument = self.state.instruments[body.instrument]
        image = instrument.image
        if (body.symbol, body.base, body.quote) != (image.symbol, image.base, image.quote):
            return RejectReason.INVALID_DEFINITION
        if not is_sound_image(self.state, body):
            return RejectReason.INVALID_DEFINITION
        if (body.tick, body.step) != (image.tick, image.step) and instrument.open:
            return RejectReason.INSTRUMENT_HAS_ORDERS
        body.status = image.status
        instrument.image = body
        self.effects.emit(EventKind.INSTRUMENT_DEFINED, **vars(body))
        return None

    def set_instrument_status(self, body: Record) -> RejectReason | None:
        if body.instrument not in self.state.instruments:
            return RejectReason.UNKNOWN_INSTRUMENT
        instrument = self.state.instruments[body.instrument]
        instrument.image.status = body.status
        if body.status != InstrumentStatus.AUCTION:
            instrument.indicated = None
        self.effects.emit(EventKind.INSTRUMENT_STATUS_CHANGED, **vars(body))
        if body.status == InstrumentStatus.TRADING and is_crossed(instrument):
            uncross(Execute(self.state, self.effects, instrument))
        return None

    def open_account(self, body: Record) -> RejectReason | None:
        if body.account == 0 or body.trade_group < -1:
            return RejectReason.INVALID_DEFINITION
        if body.account in self.state.accounts:
            return RejectReason.ALREADY_EXISTS
        self.state.accounts[body.account] = Account(trade_group=body.trade_group, permissions=Permission.ALL)
        self.account_defined(body.account)
        return None

    def set_permissions(self, body: Record) -> RejectReason | None:
        if body.account not in self.state.accounts:
            return RejectReason.UNKNOWN_ACCOUNT
        self.state.accounts[body.account].permissions = body.permissions
        self.account_defined(body.account)
        return None

    def account_defined(self, number: int) -> None:
        account = self.state.accounts[number]
        self.effects.emit(
            EventKind.ACCOUNT_DEFINED,
            account=number,
            trade_group=account.trade_group,
            permissions=account.permissions,
        )

    def set_fee(self, body: Record) -> RejectReason | None:
        if body.account not in self.state.accounts:
            return RejectReason.UNKNOWN_ACCOUNT
        if body.instrument != 0 and body.instrument not in self.state.instruments:
            return RejectReason.UNKNOWN_INSTRUMENT
        fees = self.state.accounts[body.account].fees
        if body.maker == -1 and body.taker == -1:
            fees.pop(body.instrument, None)
        elif is_sound_rate(body.maker) and is_sound_rate(body.taker):
            fees[body.instrument] = (body.maker, body.taker)
        else:
            return RejectReason.INVALID_RATE
        self.effects.emit(EventKind.FEE_SET, **vars(body))
        return None

    def movement_refusal(self, body: Record, permission: Permission, refusal: RejectReason) -> RejectReason | None:
        """Return the checks that a deposit and a withdrawal share."""
        if body.account not in self.state.accounts:
            return RejectReason.UNKNOWN_ACCOUNT
        if body.asset not in self.state.assets:
            return RejectReason.UNKNOWN_ASSET
        if not self.state.accounts[body.account].permissions & permission:
            return refusal
        if not 1 <= body.amount < AMOUNT_END:
            return RejectReason.INVALID_AMOUNT
        return None

    def credit_deposit(self, body: Record) -> RejectReason | None:
        refusal = self.movement_refusal(body, Permission.DEPOSIT, RejectReason.ACCOUNT_MAY_NOT_DEPOSIT)
        if refusal is not None:
            return refusal
        if body.identity in self.state.deposits:
            return RejectReason.DUPLICATE_DEPOSIT
        if self.state.supply[body.asset] + body.amount >= AMOUNT_END:
            return RejectReason.SUPPLY_EXCEEDED
        self.state.deposits.add(body.identity)
        self.state.supply[body.asset] += body.amount
        self.effects.move(body.account, body.asset, available=body.amount)
        self.effects.emit(EventKind.DEPOSIT_CREDITED, **vars(body))
        return None

    def hold_withdrawal(self, body: Record) -> RejectReason | None:
        refusal = self.movement_refusal(body, Permission.WITHDRAW, RejectReason.ACCOUNT_MAY_NOT_WITHDRAW)
        if refusal is not None:
            return refusal
        if body.withdrawal in self.state.withdrawals:
            return RejectReason.DUPLICATE_WITHDRAWAL
        if self.state.accounts[body.account].available(body.asset) < body.amount:
            return RejectReason.INSUFFICIENT_BALANCE
        self.state.withdrawals[body.withdrawal] = (body.account, body.asset, body.amount)
        self.effects.move(body.account, body.asset, available=-body.amount, held=body.amount)
        self.effects.emit(EventKind.WITHDRAWAL_HELD, **vars(body))
        return None

    def settle_withdrawal(self, body: Record) -> RejectReason | None:
        return self.end_withdrawal(body.withdrawal, EventKind.WITHDRAWAL_SETTLED)

    def release_withdrawal(self, body: Record) -> RejectReason | None:
        return self.end_withdrawal(body.withdrawal, EventKind.WITHDRAWAL_RELEASED)

    def end_withdrawal(self, withdrawal: int, ending: EventKind) -> RejectReason | None:
        """Forget a held withdrawal: what it held leaves the venue, or becomes available again."""
        if withdrawal not in self.state.withdrawals:
            return RejectReason.UNKNOWN_WITHDRAWAL
        account, asset, amount = self.state.withdrawals.pop(withdrawal)
        if ending == EventKind.WITHDRAWAL_SETTLED:
            self.state.supply[asset] -= amount
            self.effects.move(account, asset, held=-amount)
        else:
            self.effects.move(account, asset, available=amount, held=-amount)
        self.effects.emit(ending, withdrawal=withdrawal, account=account, asset=asset, amount=amount)
        return None

    def set_rules(self, body: Record) -> RejectReason | None:
        if body.version not in (1, 2) or body.version < self.state.rules:
            return RejectReason.UNKNOWN_RULES
        self.state.rules = body.version
        self.effects.emit(EventKind.RULES_SET, version=body.version)
        return None


_ORDERS: Final[dict[int, Callable[[ListOrders, Record], RejectReason | None]]] = {
    CommandKind.PLACE_ORDER: ListOrders.place,
    CommandKind.CANCEL_ORDER: ListOrders.cancel,
    CommandKind.CANCEL_ALL: ListOrders.cancel_all,
    CommandKind.CANCEL_REPLACE: ListOrders.cancel_replace,
    CommandKind.AMEND_ORDER: ListOrders.amend,
    CommandKind.PLACE_ORDER_LIST: ListOrders.place_list,
    CommandKind.CANCEL_ORDER_LIST: ListOrders.cancel_list,
}
_SWITCHES: Final[dict[int, Callable[[Switches, Record], RejectReason | None]]] = {
    CommandKind.ADVANCE_TIME: Switches.advance_time,
    CommandKind.SET_INSTRUMENT_RULES: Switches.set_instrument_rules,
    CommandKind.SET_KILL_SWITCH: Switches.set_kill_switch,
    CommandKind.SET_HEARTBEAT: Switches.set_heartbeat,
    CommandKind.DEFINE_TIER: Switches.define_tier,
    CommandKind.ASSIGN_TIER: Switches.assign_tier,
    CommandKind.SET_DISCOUNT: Switches.set_discount,
    CommandKind.SET_DISCOUNT_PRICE: Switches.set_discount_price,
    CommandKind.USE_DISCOUNT: Switches.use_discount,
    CommandKind.SET_VENUE_RULES: Switches.set_venue_rules,
    CommandKind.SET_ASSET_LIMIT: Switches.set_asset_limit,
}
_ADMINISTRATION: Final[dict[int, Callable[[Command, Record], RejectReason | None]]] = {
    CommandKind.CREATE_ASSET: Command.create_asset,
    CommandKind.LIST_INSTRUMENT: Command.list_instrument,
    CommandKind.CHANGE_INSTRUMENT: Command.change_instrument,
    CommandKind.SET_INSTRUMENT_STATUS: Command.set_instrument_status,
    CommandKind.OPEN_ACCOUNT: Command.open_account,
    CommandKind.SET_PERMISSIONS: Command.set_permissions,
    CommandKind.SET_FEE: Command.set_fee,
    CommandKind.CREDIT_DEPOSIT: Command.credit_deposit,
    CommandKind.HOLD_WITHDRAWAL: Command.hold_withdrawal,
    CommandKind.SETTLE_WITHDRAWAL: Command.settle_withdrawal,
    CommandKind.RELEASE_WITHDRAWAL: Command.release_withdrawal,
    CommandKind.SET_RULES: Command.set_rules,
}
