"""Order entry: place, test, cancel, cancel all, cancel and replace."""

import time
from typing import Final

from openbourse.edge.errors import rejected
from openbourse.edge.intake import Answer, Intake, OrderRateExceeded, OutsideWindow, StatusUnknown
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Operation, Priority, Security
from openbourse.edge.rendering import canceled, placed
from openbourse.gateway.counts import SeenCounts
from openbourse.gateway.replace import (
    REPLACE_PARAMETERS,
    limited_replace,
    read_replace,
    replaced,
)
from openbourse.gateway.requests import (
    ORDER_PARAMETERS,
    new_client_id,
    read_detail,
    read_order,
    read_restriction,
    read_target,
)
from openbourse.protocol.amounts import format_units
from openbourse.protocol.commands import CancelAll, CancelOrder, Command, RequestFlag
from openbourse.protocol.events import (
    CommandDuplicate,
    CommandRejected,
    Event,
    EventKind,
    OrderUpdated,
    decode,
)
from openbourse.settings import VenueSettings

ZERO_RATES: Final = {"maker": "0.00000000", "taker": "0.00000000"}
CANCEL_PARAMETERS: Final = frozenset(
    {"symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions"}
)
_SHOWN: Final = frozenset(
    {
        EventKind.COMMAND_REJECTED,
        EventKind.COMMAND_DUPLICATE,
        EventKind.ORDER_UPDATED,
        EventKind.ORDER_TESTED,
        EventKind.CANCEL_REPLACED,
    }
)


def operations(intake: Intake, listing: Listing, venue: VenueSettings | None = None) -> list[Operation]:
    """Return the operations of order entry."""
    api = _Api(intake, listing, venue or VenueSettings())
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
    ]  # fmt: skip


class _Api:
    def __init__(self, intake: Intake, listing: Listing, venue: VenueSettings) -> None:
        self._intake = intake
        self._listing = listing
        self._venue = venue
        self._counts = SeenCounts()

    async def place(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        command = read_order(call, instrument)
        detail = read_detail(call, command.type)
        answer = await self._submit_order(call, command)
        return placed(_updates(answer), detail, self._listing, call, answer.time_us)

    async def test(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        command = read_order(call, instrument, RequestFlag.TEST)
        read_detail(call, command.type)
        with_rates = call.params.boolean("computeCommissionRates", False)
        _events(await self._submit(call, command))
        if not with_rates:
            return {}
        maker, taker = self._listing.rates(call.account, instrument.instrument)
        return {
            "standardCommissionForOrder": {"maker": format_units(maker), "taker": format_units(taker)},
            "specialCommissionForOrder": ZERO_RATES,
            "taxCommissionForOrder": ZERO_RATES,
            "discount": {
                "enabledForAccount": False,
                "enabledForSymbol": False,
                "discountAsset": "BNB",
                "discount": "0.00000000",
            },
        }

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
        answer = await self._submit(call, command)
        (update,) = _updates(answer)
        return canceled(update, instrument.symbol, call, answer.time_us)

    async def cancel_all(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        command = CancelAll(call.account, instrument.instrument, new_client_id())
        answer = await self._submit(call, command)
        return [canceled(update, instrument.symbol, call, answer.time_us) for update in _updates(answer)]

    async def replace(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        request = read_replace(call, instrument)
        try:
            answer = await self._submit_order(call, request.command)
        except OrderRateExceeded as exceeded:
            if not request.cancels_when_limited:
                raise
            alone = await self._submit(call, request.cancel_alone(call.account))
            return limited_replace(
                request, list(decode(alone.events, _SHOWN)), exceeded, instrument, call, alone.time_us
            )
        return replaced(_events(answer), instrument, request.detail, self._listing, call, answer.time_us)

    async def order_counts(self, call: Call) -> object:
        counts = self._counts.of(call.account, time.time_ns() // 1_000)
        venue = self._venue
        return [
            {"rateLimitType": "ORDERS", "interval": name, "intervalNum": number, "limit": limit, "count": count}
            for name, number, limit, count in (
                ("SECOND", 10, venue.orders_per_10s, counts.ten_seconds),
                ("DAY", 1, venue.orders_per_day, counts.day),
            )
        ]

    async def _submit_order(self, call: Call, command: Command) -> Answer:
        answer = await self._submit(call, command)
        call.order_counts = answer.counts
        self._counts.saw(call.account, answer.counts, answer.time_us)
        return answer

    async def _submit(self, call: Call, command: Command) -> Answer:
        # The second of three looks at the clock: at arrival, here, and when the sequencer takes it.
        if time.time_ns() // 1_000 > call.not_after_us:
            raise OutsideWindow("its time ran out on the way to the sequencer")
        return await self._intake.submit(command, call.not_after_us)


def _events(answer: Answer) -> list[Event]:
    """Return what an answer shows of a command that was not rejected. Raises the reject's ApiError, StatusUnknown."""
    seen = list(decode(answer.events, _SHOWN))
    if isinstance(seen[0], CommandRejected):
        raise rejected(seen[0].reason)
    if isinstance(seen[0], CommandDuplicate):
        raise StatusUnknown("it was sequenced before; what came of it is not known here")
    return seen


def _updates(answer: Answer) -> list[OrderUpdated]:
    """Return the updates of orders; of a placed order also those of the makers it met."""
    return [event for event in _events(answer) if isinstance(event, OrderUpdated)]
