"""Private questions about what self-trade prevention kept apart, and about allocations, of which there are none."""

from typing import Any, Final

from openbourse.edge.errors import ApiError
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Operation, Security
from openbourse.edge.rendering import Shape
from openbourse.history.lists import LIMIT_DEFAULT, LIMIT_MAX, read_window
from openbourse.history.replica import Reader
from openbourse.protocol.amounts import format_units
from openbourse.protocol.instruments import SelfTradePrevention

BY_ID_WEIGHT: Final = 2
BY_ORDER_WEIGHT: Final = 20


def operations(listing: Listing, reader: Reader) -> list[Operation]:
    """Return the operations."""
    api = _Api(listing, reader)
    read = Security.READ
    return [
        Operation(
            rest=("GET", "/api/v3/myPreventedMatches"), socket="myPreventedMatches", handler=api.prevented,
            security=read, weight=lambda params: BY_ORDER_WEIGHT if "orderId" in params else BY_ID_WEIGHT,
            parameters=frozenset({"symbol", "preventedMatchId", "orderId", "fromPreventedMatchId", "limit"}),
        ),
        Operation(
            rest=("GET", "/api/v3/myAllocations"), socket="myAllocations", handler=api.allocations, security=read,
            weight=20,
            parameters=frozenset({"symbol", "startTime", "endTime", "fromAllocationId", "limit", "orderId"}),
        ),
    ]  # fmt: skip


class _Api:
    def __init__(self, listing: Listing, reader: Reader) -> None:
        self._listing = listing
        self._reader = reader

    async def prevented(self, call: Call) -> object:
        params = call.params
        instrument = self._listing.find(params.symbol())
        match = params.integer("preventedMatchId") if "preventedMatchId" in params else None
        order = params.integer("orderId") if "orderId" in params else None
        is_paged = "fromPreventedMatchId" in params or "limit" in params
        if (match is None) == (order is None) or (match is not None and is_paged):
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        from_id = match if match is not None else params.integer("fromPreventedMatchId", 0)
        limit = 1 if match is not None else params.limit(LIMIT_DEFAULT, LIMIT_MAX)
        rows = await self._reader.ask(
            lambda store: store.prevented_matches(call.account, instrument.instrument, match, order, from_id, limit)
        )
        group = self._listing.trade_groups.get(call.account, -1)
        return [_shown(row, instrument.symbol, group, call) for row in rows]

    async def allocations(self, call: Call) -> object:
        """Answer that there are none: orders are never split over several books here."""
        params = call.params
        self._listing.find(params.symbol())
        read_window(call)
        for name in ("fromAllocationId", "orderId"):
            if name in params:
                params.integer(name)
        params.limit(LIMIT_DEFAULT, LIMIT_MAX)
        return []


def _shown(row: Any, symbol: str, group: int, call: Call) -> Shape:
    shown: Shape = {
        "symbol": symbol,
        "preventedMatchId": row["match"],
        "takerOrderId": row["taker_order"],
        "makerSymbol": symbol,
        "makerOrderId": row["maker_order"],
        "tradeGroupId": group,
        "selfTradePreventionMode": SelfTradePrevention(row["stp"]).name,
        "price": format_units(row["price"]),
    }
    for name, side in (("takerPreventedQuantity", "taker_quantity"), ("makerPreventedQuantity", "maker_quantity")):
        if row[side] is not None:
            shown[name] = format_units(row[side])
    return shown | {"transactTime": call.time(row["time_us"])}
