"""Orders: placing, cancelling, cancelling to replace, and amending one."""

from openbourse.protocol.commands import CancelRestriction, ReplaceMode, RequestFlag
from openbourse.protocol.events import EventKind, ReplaceResult
from openbourse.protocol.instruments import Feature
from openbourse.protocol.rejects import RejectReason
from sim.reference_checks import (
    Plan,
    check_begin,
    check_counts,
    check_entry,
    check_filters,
    check_kind,
    draft,
    plan_begin,
)
from sim.reference_effects import Effects
from sim.reference_record import Record
from sim.reference_state import Instrument, Order, State
from sim.reference_turns import Execute


class Orders:
    """Carry out the commands about single orders on a state; each method returns the reject, if any."""

    def __init__(self, state: State, effects: Effects) -> None:
        self.state = state
        self.effects = effects

    def find_instrument(self, request: Record) -> Instrument | RejectReason:
        """Return the instrument that a request names, if it names an account and an instrument that there are."""
        if request.account not in self.state.accounts:
            return RejectReason.UNKNOWN_ACCOUNT
        if request.instrument not in self.state.instruments:
            return RejectReason.UNKNOWN_INSTRUMENT
        instrument: Instrument = self.state.instruments[request.instrument]
        return instrument

    def check(self, request: Record, *, is_replacement: bool = False) -> Order | RejectReason:
        """Return the order that a request asks for, if it passes the checks that come before DUPLICATE_CLIENT_ID."""
        refusal = check_entry(self.state, request)
        if refusal is not None:
            return refusal
        instrument = self.state.instruments[request.instrument]
        if is_replacement and instrument.rules.features & Feature.NO_CANCEL_REPLACE:
            return RejectReason.REPLACE_NOT_SUPPORTED
        refusal = check_kind(self.state, request)
        if refusal is not None:
            return refusal
        order = draft(request, self.state.time_us)
        refusal = check_filters(self.state, instrument, order)
        if refusal is None:
            refusal = check_counts(self.state, instrument, order, [])
        return refusal or order

    def check_and_plan(self, instrument: Instrument, order: Order) -> Plan | RejectReason:
        """Return the hold of an order whose form is right, or the reject that the book or the balance gives."""
        refusal = check_begin(self.state, instrument, order)
        return plan_begin(self.state, instrument, order) if refusal is None else refusal

    def place(self, request: Record) -> RejectReason | None:
        """Place an order, or only test it."""
        order = self.check(request)
        if isinstance(order, RejectReason):
            return order
        instrument = self.state.instruments[request.instrument]
        if (order.account, order.client_id) in instrument.clients:
            return RejectReason.DUPLICATE_CLIENT_ID
        if request.flags & RequestFlag.TEST:
            self.effects.emit(
                EventKind.ORDER_TESTED,
                account=request.account,
                instrument=request.instrument,
                client_id=request.client_id,
            )
            return None
        plan = self.check_and_plan(instrument, order)
        if isinstance(plan, RejectReason):
            return plan
        self.accept(instrument, order, plan)
        return None

    def accept(self, instrument: Instrument, order: Order, plan: Plan) -> None:
        """Carry an order that passed every check through its whole arrival, and what follows from it."""
        execute = Execute(self.state, self.effects, instrument)
        execute.admit(order)
        execute.begin(order, plan)
        execute.work_off()

    def find_open(self, account: int, instrument: Instrument, order_id: int, client_id: bytes) -> Order | RejectReason:
        """Return the open order that a request means by order id, by client id, or by both."""
        if order_id != 0:
            order = instrument.open.get(account, {}).get(order_id)
        else:
            order = instrument.clients.get((account, client_id))
        if order is None:
            return RejectReason.UNKNOWN_ORDER
        if client_id not in (b"", order.client_id):
            return RejectReason.CLIENT_ID_MISMATCH
        return order

    def find_to_cancel(
        self, account: int, instrument: Instrument, order_id: int, client_id: bytes, restriction: int
    ) -> Order | RejectReason:
        """Return the open order that a cancel means, or why it may not be cancelled."""
        order = self.find_open(account, instrument, order_id, client_id)
        if isinstance(order, RejectReason):
            return order
        if restriction == CancelRestriction.ONLY_NEW and order.executed > 0:
            return RejectReason.CANCEL_RESTRICTED
        if restriction == CancelRestriction.ONLY_PARTIALLY_FILLED and order.executed == 0:
            return RejectReason.CANCEL_RESTRICTED
        return order

    def end_canceled(self, instrument: Instrument, order: Order, request_id: bytes) -> None:
        """Cancel an open order, and its list with it."""
        Execute(self.state, self.effects, instrument).cancel(order, request_id)

    def cancel(self, request: Record) -> RejectReason | None:
        """Cancel one order, in every instrument status."""
        instrument = self.find_instrument(request)
        if isinstance(instrument, RejectReason):
            return instrument
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
        if not self.cancel_every(request.account, request.instrument, request.request_id):
            return RejectReason.UNKNOWN_ORDER
        return None

    def cancel_every(self, account: int, number: int, request_id: bytes) -> bool:
        """Cancel an account's open orders, on one instrument or (0) on all; say whether there were any."""
        found = [
            (instrument.image.instrument, order.order, order)
            for instrument in self.state.instruments.values()
            if number in (0, instrument.image.instrument)
            for order in instrument.own(account)
        ]
        for place, _, order in sorted(found, key=lambda row: row[:2]):
            instrument = self.state.instruments[place]
            # An order that its list took along is no longer open.
            if instrument.is_open(order):
                self.end_canceled(instrument, order, request_id)
        return bool(found)

    def cancel_replace(self, request: Record) -> RejectReason | None:
        """Cancel one order and place another as one step; after the first checks the answer is CancelReplaced."""
        order = self.check(request, is_replacement=True)
        if isinstance(order, RejectReason):
            return order
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
        plan: Plan | RejectReason = RejectReason.DUPLICATE_CLIENT_ID
        if (order.account, order.client_id) not in instrument.clients:
            plan = self.check_and_plan(instrument, order)
        if isinstance(plan, RejectReason):
            result |= {"new_result": ReplaceResult.FAILURE, "new_reason": plan}
            self.effects.emit(EventKind.CANCEL_REPLACED, **result)
            return None
        result |= {"new_result": ReplaceResult.SUCCESS, "new_order": instrument.last_order + 1}
        self.effects.emit(EventKind.CANCEL_REPLACED, **result)
        self.accept(instrument, order, plan)
        return None
