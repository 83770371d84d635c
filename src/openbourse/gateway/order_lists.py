"""Order lists: place in every form, cancel."""

from collections.abc import Awaitable, Callable
from typing import Final

from openbourse.edge.errors import rejected
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Operation, Priority, Security
from openbourse.edge.order_lists import list_of
from openbourse.edge.rendering import canceled_list, placed_list
from openbourse.gateway.list_requests import (
    LIST_PARAMETERS,
    OLD_OCO_PARAMETERS,
    read_list,
    read_list_target,
    read_old_oco,
)
from openbourse.gateway.requests import new_client_id, read_detail_or
from openbourse.gateway.submission import Submission, outcome
from openbourse.protocol.commands import CancelOrderList, ListForm, PlaceOrderList
from openbourse.protocol.events import ListStatus, ListUpdated
from openbourse.protocol.instruments import Instrument
from openbourse.protocol.rejects import RejectReason

CANCEL_PARAMETERS: Final = frozenset({"symbol", "orderListId", "listClientOrderId", "newClientOrderId"})


def operations(submission: Submission, listing: Listing) -> list[Operation]:
    """Return the operations of order lists."""
    api = _Api(submission, listing)

    def place(path: str, socket: str, handler: Callable[[Call], Awaitable[object]], names: frozenset[str]) -> Operation:
        return Operation(
            rest=("POST", path),
            socket=socket,
            handler=handler,
            parameters=names,
            security=Security.TRADE,
            free_on_success=True,
            priority=Priority.NEW_ORDER,
        )

    return [
        *(
            place(
                f"/api/v3/orderList/{form.name.lower()}",
                f"orderList.place.{form.name.lower()}",
                api.placer(form),
                LIST_PARAMETERS[form],
            )
            for form in ListForm
        ),
        place("/api/v3/order/oco", "orderList.place", api.place_old_oco, OLD_OCO_PARAMETERS),
        Operation(
            rest=("DELETE", "/api/v3/orderList"),
            socket="orderList.cancel",
            handler=api.cancel,
            parameters=CANCEL_PARAMETERS,
            security=Security.TRADE,
            free_on_success=True,
            priority=Priority.CANCEL,
        ),
    ]


class _Api:
    def __init__(self, submission: Submission, listing: Listing) -> None:
        self._submission = submission
        self._listing = listing

    def placer(self, form: ListForm) -> Callable[[Call], Awaitable[object]]:
        async def place(call: Call) -> object:
            instrument = self._listing.find(call.params.symbol())
            return await self._place(call, instrument, read_list(call, instrument, form))

        return place

    async def place_old_oco(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        return await self._place(call, instrument, read_old_oco(call, instrument))

    async def _place(self, call: Call, instrument: Instrument, command: PlaceOrderList) -> object:
        detail = read_detail_or(call, "RESULT")
        answer = await self._submission.send_order(call, command)
        done = outcome(answer, command, instrument.types_allowed)
        begun = next(event for event in done.events if isinstance(event, ListUpdated))
        return placed_list(begun, done.updates, detail, self._listing, call, answer.time_us)

    async def cancel(self, call: Call) -> object:
        params = call.params
        instrument = self._listing.find(params.symbol())
        public, client_id = read_list_target(call)
        number, of_instrument = (0, instrument.instrument) if public is None else list_of(public)
        if of_instrument != instrument.instrument or (public is not None and not number):
            raise rejected(RejectReason.UNKNOWN_LIST)
        request_id = params.client_id("newClientOrderId") or new_client_id()
        command = CancelOrderList(call.account, instrument.instrument, number, client_id, request_id)
        answer = await self._submission.send(call, command)
        done = outcome(answer, command)
        ended = next(
            event for event in done.events if isinstance(event, ListUpdated) and event.status == ListStatus.ALL_DONE
        )
        return canceled_list(ended, done.updates, self._listing, call, answer.time_us)
