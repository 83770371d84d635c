"""Private questions about order lists and amendments."""

from typing import Any, Final

from openbourse.edge.errors import ApiError
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Operation, Security
from openbourse.edge.rendering import Shape, order_list
from openbourse.history.barrier import ReadBarrier
from openbourse.history.images import list_of
from openbourse.history.replica import Reader
from openbourse.history.store import Store
from openbourse.protocol.amounts import format_units

DAY_US: Final = 86_400_000_000
LIMIT_DEFAULT: Final = 500
LIMIT_MAX: Final = 1_000


def operations(store: Store, listing: Listing, barrier: ReadBarrier, reader: Reader) -> list[Operation]:
    """Return the operations."""
    api = _Api(store, listing, barrier, reader)
    read = Security.READ
    return [
        Operation(
            rest=("GET", "/api/v3/orderList"), socket="orderList.status", handler=api.one, weight=4, security=read,
            parameters=frozenset({"orderListId", "origClientOrderId"}),
        ),
        Operation(
            rest=("GET", "/api/v3/allOrderList"), socket="allOrderLists", handler=api.all, weight=20, security=read,
            parameters=frozenset({"fromId", "startTime", "endTime", "limit"}),
        ),
        Operation(
            rest=("GET", "/api/v3/openOrderList"), socket="openOrderLists.status", handler=api.open, weight=6,
            security=read,
        ),
        Operation(
            rest=("GET", "/api/v3/order/amendments"), socket="order.amendments", handler=api.amendments, weight=4,
            security=read, parameters=frozenset({"symbol", "orderId", "fromExecutionId", "limit"}),
        ),
    ]  # fmt: skip


class _Api:
    def __init__(self, store: Store, listing: Listing, barrier: ReadBarrier, reader: Reader) -> None:
        self._store = store
        self._listing = listing
        self._barrier = barrier
        self._reader = reader

    async def one(self, call: Call) -> object:
        params = call.params
        public_id = params.integer("orderListId") if "orderListId" in params else None
        client_id = params.client_id("origClientOrderId") or ""
        if public_id is None and not client_id:
            raise ApiError(-1102, "Param 'orderListId' or 'origClientOrderId' must be sent, but both were empty/null!")
        await self._barrier.wait()
        row = await self._store.order_list(call.account, public_id, client_id)
        if row is None:
            raise ApiError(-2018, "Order list does not exist.")
        return self._list(row, call)

    async def all(self, call: Call) -> object:
        params = call.params
        since, until = read_window(call)
        from_id = params.integer("fromId") if "fromId" in params else None
        if from_id is not None and (since is not None or until is not None):
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        limit = params.limit(LIMIT_DEFAULT, LIMIT_MAX)
        rows = await self._reader.ask(lambda store: store.order_lists(call.account, from_id, since, until, limit))
        return [self._list(row, call) for row in rows]

    async def open(self, call: Call) -> object:
        await self._barrier.wait()
        return [self._list(row, call) for row in await self._store.open_lists(call.account)]

    async def amendments(self, call: Call) -> object:
        params = call.params
        instrument = self._listing.find(params.symbol())
        order = params.integer("orderId")
        from_id = params.integer("fromExecutionId", 0)
        limit = params.limit(LIMIT_DEFAULT, LIMIT_MAX)
        await self._barrier.wait()
        rows = await self._store.amendments(call.account, instrument.instrument, order, from_id, limit)
        return [
            {
                "symbol": instrument.symbol,
                "orderId": row["order_id"],
                "executionId": row["execution_id"],
                "origClientOrderId": row["original_client_id"],
                "newClientOrderId": row["client_id"],
                "origQty": format_units(row["original_quantity"]),
                "newQty": format_units(row["quantity"]),
                "time": call.time(row["time_us"]),
            }
            for row in rows
        ]

    def _list(self, row: Any, call: Call) -> Shape:
        return order_list(list_of(row), self._listing, call, row["created_us"])


def read_window(call: Call) -> tuple[int | None, int | None]:
    """Return startTime and endTime in µs. Raises ApiError -1127 for more than a day."""
    since, until = call.params.moment("startTime"), call.params.moment("endTime")
    if since is not None and until is not None and until - since > DAY_US:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
    return since, until
