"""Sending a command to the sequencer, and what its result tells: events, or the refusal that the client knows."""

import time
from typing import Final

import msgspec

from openbourse.edge.errors import ApiError, rejected
from openbourse.edge.intake import Answer, Intake, OutsideWindow, StatusUnknown
from openbourse.edge.operations import Call, OrderCounts
from openbourse.gateway.counts import SeenCounts
from openbourse.protocol.commands import AmendOrder, CancelReplace, Command, ListForm, PlaceOrder, PlaceOrderList
from openbourse.protocol.events import (
    CommandDuplicate,
    CommandRejected,
    Event,
    EventKind,
    ListStatus,
    ListUpdated,
    OrderUpdated,
    decode,
)
from openbourse.protocol.instruments import OrderType
from openbourse.protocol.rejects import RejectReason

SHOWN: Final = frozenset(
    {
        EventKind.COMMAND_REJECTED,
        EventKind.COMMAND_DUPLICATE,
        EventKind.ORDER_UPDATED,
        EventKind.ORDER_TESTED,
        EventKind.CANCEL_REPLACED,
        EventKind.LIST_UPDATED,
    }
)
UNSUPPORTED_TYPES: Final = {
    OrderType.MARKET: "Market orders are not supported for this symbol.",
    OrderType.STOP_LOSS: "Stop loss orders are not supported for this symbol.",
    OrderType.STOP_LOSS_LIMIT: "Stop loss limit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT: "Take profit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT_LIMIT: "Take profit limit orders are not supported for this symbol.",
}
UNSUPPORTED_LISTS: Final = {
    ListForm.OCO: "OCO orders are not supported for this symbol",
    ListForm.OTO: "OTO orders are not supported for this symbol.",
    ListForm.OTOCO: "OTO orders are not supported for this symbol.",
    ListForm.OPO: "OPO orders are not supported for this symbol.",
    ListForm.OPOCO: "OPO orders are not supported for this symbol.",
}
_REJECTED_BY_ENGINE: Final = (-2010, -2011)
_AMEND_REJECTED: Final = -2038


class Submission:
    """Order entry's way to the sequencer."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._counts = SeenCounts()

    async def send(self, call: Call, command: Command) -> Answer:
        """Have a command ordered. Raises IntakeFault."""
        # The second of three looks at the clock: at arrival, here, and when the sequencer takes it.
        if time.time_ns() // 1_000 > call.not_after_us:
            raise OutsideWindow("its time ran out on the way to the sequencer")
        return await self._intake.submit(command, call.not_after_us)

    async def send_order(self, call: Call, command: Command) -> Answer:
        """Have a command ordered that places orders; the call learns its account's counts. Raises IntakeFault."""
        answer = await self.send(call, command)
        call.order_counts = answer.counts
        self._counts.saw(call.account, answer.counts, answer.time_us)
        return answer

    def counts(self, account: int) -> OrderCounts:
        """Return an account's order counts as last told."""
        return self._counts.of(account, time.time_ns() // 1_000)


class Outcome(msgspec.Struct, frozen=True):
    """What a command that was not rejected did to orders and lists."""

    events: list[Event]
    updates: list[OrderUpdated]
    """Of a placed order also those of others it met or set off."""

    def ended(self, image: OrderUpdated) -> ListUpdated | None:
        """Return how the list of an order ended in this command, if it did."""
        return next((event for event in self.lists(image) if event.status == ListStatus.ALL_DONE), None)

    def amended(self, image: OrderUpdated) -> ListUpdated | None:
        """Return how an amendment left the list of its order, if it said so."""
        return next(iter(self.lists(image)), None)

    def lists(self, image: OrderUpdated) -> list[ListUpdated]:
        """Return what happened to the list of an order."""
        return [
            event
            for event in self.events
            if isinstance(event, ListUpdated)
            and (event.order_list, event.instrument) == (image.order_list, image.instrument)
        ]


def outcome(answer: Answer, command: Command, types_offered: int = 0) -> Outcome:
    """Return what a command did; a list's refusal may name the leg's type. Raises the reject's ApiError, StatusUnknown."""
    seen = list(decode(answer.events, SHOWN))
    if isinstance(seen[0], CommandRejected):
        raise refusal(seen[0].reason, command, types_offered)
    if isinstance(seen[0], CommandDuplicate):
        raise StatusUnknown("it was sequenced before; what came of it is not known here")
    return Outcome(seen, [event for event in seen if isinstance(event, OrderUpdated)])


def refusal(reason: int, command: Command, types_offered: int = 0) -> ApiError:
    """Return what a client is told of a reject: some messages name what was asked for."""
    match command:
        case PlaceOrder() | CancelReplace() if reason == RejectReason.TYPE_NOT_SUPPORTED:
            return _unsupported(command if isinstance(command, PlaceOrder) else command.new)
        case PlaceOrderList() if reason == RejectReason.TYPE_NOT_SUPPORTED:
            # The engine asks the legs in their order, so the first that is not offered is the one that it refused.
            return _unsupported(
                next((leg for leg in command.legs if not types_offered >> leg.type & 1), command.legs[0])
            )
        case PlaceOrderList() if reason == RejectReason.LIST_NOT_SUPPORTED:
            return ApiError(-1013, UNSUPPORTED_LISTS[ListForm(command.form)])
        case AmendOrder():
            told = rejected(reason)
            return ApiError(_AMEND_REJECTED, told.message) if told.code in _REJECTED_BY_ENGINE else told
    return rejected(reason)


def _unsupported(order: PlaceOrder) -> ApiError:
    message = UNSUPPORTED_TYPES.get(OrderType(order.type))
    return rejected(RejectReason.TYPE_NOT_SUPPORTED) if message is None else ApiError(-1013, message)
