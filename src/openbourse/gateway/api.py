"""Order entry: place, test, cancel, cancel all, cancel and replace, amend."""

from typing import Final

from openbourse.edge.errors import ApiError
from openbourse.edge.intake import Intake, OrderRateExceeded
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Operation, Priority, Security
from openbourse.edge.rendering import Shape, amended, canceled, canceled_list, discount, placed
from openbourse.gateway import order_lists
from openbourse.gateway.order_fields import ORDER_PARAMETERS, SINGLE, read_order
from openbourse.gateway.replace import (
    REPLACE_PARAMETERS,
    limited_replace,
    read_replace,
    replaced,
)
from openbourse.gateway.requests import missing, new_client_id, read_detail, read_restriction, read_target
from openbourse.gateway.submission import SHOWN, Outcome, Submission, outcome
from openbourse.protocol.amounts import format_units
from openbourse.protocol.commands import AmendOrder, CancelAll, CancelOrder, RequestFlag
from openbourse.protocol.events import Execution, OrderStatus, decode
from openbourse.settings import VenueSettings

ZERO_RATES: Final = {"maker": "0.00000000", "taker": "0.00000000"}
CANCEL_PARAMETERS: Final = frozenset(
    {"symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions"}
)
AMEND_PARAMETERS: Final = frozenset({"symbol", "orderId", "origClientOrderId", "newClientOrderId", "newQty"})
SOR_PARAMETERS: Final = ORDER_PARAMETERS | {"computeCommissionRates"}


def operations(intake: Intake, listing: Listing, venue: VenueSettings | None = None) -> list[Operation]:
    """Return the operations of order entry."""
    submission = Submission(intake)
    api = _Api(submission, listing, venue or VenueSettings())
    order = "/api/v3/order"
    return [
        Operation(
            rest=("POST", order), socket="order.place", handler=api.place, parameters=ORDER_PARAMETERS,
            security=Security.TRADE, free_on_success=True, priority=Priority.NEW_ORDER,
        ),
        Operation(
            rest=("POST", f"{order}/test"), socket="order.test", handler=api.test, security=Security.TRADE,
            parameters=ORDER_PARAMETERS | {"computeCommissionRates"}, priority=Priority.NEW_ORDER,
            weight=lambda params: 20 if params.get("computeCommissionRates", "").lower() == "true" else 1,
        ),
        Operation(
            rest=("DELETE", order), socket="order.cancel", handler=api.cancel, parameters=CANCEL_PARAMETERS,
            security=Security.TRADE, free_on_success=True, priority=Priority.CANCEL,
        ),
        Operation(
            rest=("DELETE", "/api/v3/openOrders"), socket="openOrders.cancelAll", handler=api.cancel_all,
            parameters=frozenset({"symbol"}), security=Security.TRADE, free_on_success=True, priority=Priority.CANCEL,
        ),
        Operation(
            rest=("POST", f"{order}/cancelReplace"), socket="order.cancelReplace", handler=api.replace,
            parameters=REPLACE_PARAMETERS, security=Security.TRADE, free_on_success=True, priority=Priority.NEW_ORDER,
        ),
        Operation(
            rest=("GET", "/api/v3/rateLimit/order"), socket="account.rateLimits.orders", handler=api.order_counts,
            security=Security.READ, weight=40,
        ),
        Operation(
            rest=("PUT", f"{order}/amend/keepPriority"), socket="order.amend.keepPriority", handler=api.amend,
            parameters=AMEND_PARAMETERS, security=Security.TRADE, weight=4, priority=Priority.CANCEL,
        ),
        Operation(
            rest=("POST", "/api/v3/sor/order"), socket="sor.order.place", handler=api.route, security=Security.TRADE,
            parameters=SOR_PARAMETERS, priority=Priority.NEW_ORDER,
        ),
        Operation(
            rest=("POST", "/api/v3/sor/order/test"), socket="sor.order.test", handler=api.route,
            security=Security.TRADE, parameters=SOR_PARAMETERS, priority=Priority.NEW_ORDER,
        ),
        *order_lists.operations(submission, listing),
    ]  # fmt: skip


class _Api:
    def __init__(self, submission: Submission, listing: Listing, venue: VenueSettings) -> None:
        self._submission = submission
        self._listing = listing
        self._venue = venue

    async def place(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        command = read_order(call, instrument)
        detail = read_detail(call, command.type)
        answer = await self._submission.send_order(call, command)
        return placed(outcome(answer, command).updates, detail, self._listing, call, answer.time_us)

    async def test(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        command = read_order(call, instrument, RequestFlag.TEST)
        read_detail(call, command.type)
        with_rates = call.params.boolean("computeCommissionRates", False)
        outcome(await self._submission.send(call, command), command)
        if not with_rates:
            return {}
        maker, taker = self._listing.rates(call.account, instrument.instrument)
        return {
            "standardCommissionForOrder": {"maker": format_units(maker), "taker": format_units(taker)},
            "specialCommissionForOrder": ZERO_RATES,
            "taxCommissionForOrder": ZERO_RATES,
            "discount": discount(self._listing, call.account, instrument.instrument),
        }

    async def route(self, call: Call) -> object:
        self._listing.find(call.params.symbol())
        raise ApiError(-1013, "This symbol has no SOR.")

    async def cancel(self, call: Call) -> object:
        params = call.params
        instrument = self._listing.find(params.symbol())
        order, client_id = read_target(call, "orderId", "origClientOrderId")
        command = CancelOrder(
            call.account,
            instrument.instrument,
            order,
            read_restriction(call),
            client_id,
            params.client_id("newClientOrderId") or new_client_id(),
        )
        answer = await self._submission.send(call, command)
        (shown,) = self._canceled(outcome(answer, command), call, answer.time_us)
        return shown

    async def cancel_all(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        command = CancelAll(call.account, instrument.instrument, new_client_id())
        answer = await self._submission.send(call, command)
        return self._canceled(outcome(answer, command), call, answer.time_us)

    def _canceled(self, done: Outcome, call: Call, time_us: int) -> list[Shape]:
        """Return what was canceled: orders one by one, those of a list as their list."""
        shown, lists = list[Shape](), set[int]()
        for update in done.updates:
            ended = done.ended(update) if update.order_list else None
            if ended is None:
                shown.append(canceled(update, self._listing.instruments[update.instrument].symbol, call, time_us))
            elif ended.order_list not in lists:
                lists.add(ended.order_list)
                shown.append(canceled_list(ended, done.updates, self._listing, call, time_us))
        return shown

    async def amend(self, call: Call) -> object:
        params = call.params
        instrument = self._listing.find(params.symbol())
        order, client_id = read_target(call, "orderId", "origClientOrderId")
        quantity = params.decimal("newQty")
        if quantity is None:
            raise missing("newQty")
        if quantity == 0:
            raise ApiError(-1013, "Price * QTY is zero or less.")
        command = AmendOrder(
            account=call.account,
            instrument=instrument.instrument,
            order=order,
            new_quantity=quantity,
            client_id=client_id,
            new_client_id=params.client_id(SINGLE.client_id) or new_client_id(),
        )
        answer = await self._submission.send(call, command)
        done = outcome(answer, command)
        # The order that was named comes first, its sibling in an OCO pair after it.
        image = next(update for update in done.updates if update.execution == Execution.REPLACED)
        call.is_free = image.status == OrderStatus.EXPIRED
        return amended(image, done.amended(image), self._listing, call, answer.time_us)

    async def replace(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        request = read_replace(call, instrument)
        try:
            answer = await self._submission.send_order(call, request.command)
        except OrderRateExceeded as exceeded:
            if not request.cancels_when_limited:
                raise
            alone = await self._submission.send(call, request.cancel_alone(call.account))
            return limited_replace(
                request, list(decode(alone.events, SHOWN)), exceeded, self._listing, call, alone.time_us
            )
        done = outcome(answer, request.command)
        return replaced(done, request, self._listing, call, answer.time_us)

    async def order_counts(self, call: Call) -> object:
        counts = self._submission.counts(call.account)
        venue = self._venue
        return [
            {"rateLimitType": "ORDERS", "interval": name, "intervalNum": number, "limit": limit, "count": count}
            for name, number, limit, count in (
                ("SECOND", 10, venue.orders_per_10s, counts.ten_seconds),
                ("DAY", 1, venue.orders_per_day, counts.day),
            )
        ]
