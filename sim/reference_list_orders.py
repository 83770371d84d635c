"""Placing and cancelling order lists."""

from openbourse.protocol.events import Execution
from openbourse.protocol.instruments import InstrumentStatus
from openbourse.protocol.lists import ListForm, ListStatus
from openbourse.protocol.rejects import RejectReason
from sim.reference_amend import Amendments
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
from sim.reference_list_checks import (
    FEATURES,
    check_prices,
    is_pending,
    is_sound_list,
    lacks_quantity,
    pair_of,
)
from sim.reference_record import Record
from sim.reference_state import Instrument, Order, OrderList
from sim.reference_turns import Execute


class ListOrders(Amendments):
    """Carry out PlaceOrderList and CancelOrderList."""

    def place_list(self, request: Record) -> RejectReason | None:
        """Place a list; return the reject, if any."""
        legs: list[Order] = []
        for place, leg_request in enumerate(request.legs):
            leg = self.check_leg(request, place, leg_request, legs)
            if isinstance(leg, RejectReason):
                return leg
            legs.append(leg)
        instrument = self.state.instruments[request.instrument]
        refusal = self.check_list(instrument, request, legs)
        if refusal is not None:
            return refusal
        beginning = legs if request.form == ListForm.OCO else legs[:1]
        for leg in beginning:
            refusal = check_begin(self.state, instrument, leg)
            if refusal is not None:
                return refusal
        plans = []
        for leg in beginning:
            plan = plan_begin(self.state, instrument, leg)
            if isinstance(plan, RejectReason):
                return plan
            plans.append(plan)
        self.accept_list(instrument, request, legs, plans)
        return None

    def check_leg(self, request: Record, place: int, leg: Record, before: list[Order]) -> Order | RejectReason:
        """Return the order that a leg asks for, if it passes the checks from UNKNOWN_ACCOUNT to GOOD_TILL_PASSED."""
        refusal = check_entry(self.state, leg)
        if refusal is not None:
            return refusal
        instrument = self.state.instruments[leg.instrument]
        features = FEATURES[ListForm(request.form)]
        if instrument.rules.features & features != features:
            return RejectReason.LIST_NOT_SUPPORTED
        if instrument.image.status == InstrumentStatus.AUCTION:
            return RejectReason.PHASE_TYPE
        refusal = check_kind(self.state, leg)
        if refusal is not None:
            return refusal
        order = draft(leg, self.state.time_us)
        has_quantity = not lacks_quantity(request.form, place)
        refusal = check_filters(self.state, instrument, order, has_quantity=has_quantity)
        if refusal is None:
            has_position = not is_pending(request.form, place)
            refusal = check_counts(self.state, instrument, order, before, has_position=has_position)
        return refusal or order

    def check_list(self, instrument: Instrument, request: Record, legs: list[Order]) -> RejectReason | None:
        """Ask what only a list as a whole can answer, from INVALID_LIST to BAD_PRICES."""
        if not is_sound_list(request.form, legs):
            return RejectReason.INVALID_LIST
        own = [one for one in instrument.lists.values() if one.account == request.account]
        everywhere = sum(
            one.account == request.account for other in self.state.instruments.values() for one in other.lists.values()
        )
        if 0 < instrument.rules.lists_max <= len(own):
            return RejectReason.MAX_NUM_ORDER_LISTS
        if 0 < self.state.venue.lists_max <= everywhere:
            return RejectReason.EXCHANGE_MAX_NUM_ORDER_LISTS
        client_ids = [leg.client_id for leg in legs]
        is_taken = any((request.account, client_id) in instrument.clients for client_id in client_ids)
        if is_taken or len(set(client_ids)) < len(client_ids):
            return RejectReason.DUPLICATE_CLIENT_ID
        if request.client_id in [one.list_client_id for one in own]:
            return RejectReason.DUPLICATE_CLIENT_ID
        last = instrument.last_price if request.form == ListForm.OCO else 0
        return check_prices(pair_of(request.form, legs), last)

    def accept_list(self, instrument: Instrument, request: Record, legs: list[Order], plans: list[Plan]) -> None:
        """Carry a list that passed every check through its arrival, and what follows from it."""
        execute = Execute(self.state, self.effects, instrument)
        instrument.last_list += 1
        for leg in legs:
            leg.list_id = instrument.last_list
            execute.admit(leg)
        order_list = OrderList(
            list_id=instrument.last_list,
            account=request.account,
            form=request.form,
            orders=[leg.order for leg in legs],
            client_ids=[leg.client_id for leg in legs],
            list_client_id=request.client_id,
        )
        instrument.lists[order_list.list_id] = order_list
        execute.tell_list(order_list, ListStatus.EXEC_STARTED)
        if request.form == ListForm.OCO:
            execute.begin_pair(legs[0], legs[1], max(plan.hold for plan in plans))
        else:
            working, *pending = legs
            execute.hold(working, plans[0].hold)
            is_unfillable = execute.announce(working, Execution.NEW)
            for leg in pending:
                execute.pend(leg)
            execute.work(working, is_unfillable)
        execute.work_off()

    def cancel_list(self, request: Record) -> RejectReason | None:
        """Cancel every open order of a list; return the reject, if any."""
        instrument = self.find_instrument(request)
        if isinstance(instrument, RejectReason):
            return instrument
        for order_list in instrument.lists.values():
            if request.list_id != 0:
                is_meant = order_list.list_id == request.list_id and request.client_id in (
                    b"",
                    order_list.list_client_id,
                )
            else:
                is_meant = order_list.list_client_id == request.client_id
            if is_meant and order_list.account == request.account:
                self.end_canceled(instrument, instrument.legs(order_list)[0], request.request_id)
                return None
        return RejectReason.UNKNOWN_LIST
