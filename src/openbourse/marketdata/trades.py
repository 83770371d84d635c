"""Older trades, one by one and by the order that took them, from PostgreSQL."""

from typing import Any, Final

import msgspec

from openbourse.marketdata.view import Trade, trade_of

AGGREGATED_MAX: Final = 20_000
"""Trades that are read for one question about aggregates, besides those of one that has more."""
_AGGREGATES: Final = """
SELECT aggregate, min(price) AS price, sum(quantity) AS quantity, min(trade) AS first, max(trade) AS last, time_us,
bool_and(buyer_is_maker) AS buyer_is_maker, count(*) AS trades
FROM (
    SELECT * FROM projection_marketdata.trade WHERE instrument = $1 AND {which} ORDER BY {order} LIMIT $2
) AS trade GROUP BY aggregate, time_us ORDER BY {order}
"""
_BY_ID: Final = _AGGREGATES.format(which="aggregate >= $4", order="aggregate") + " LIMIT $3"
# By the index of times, and within one by the aggregate: ids and times ascend together.
_OLDEST: Final = _AGGREGATES.format(which="time_us BETWEEN $4 AND $5", order="time_us, aggregate") + " LIMIT $3"
_NEWEST: Final = (
    _AGGREGATES.format(which="time_us BETWEEN $4 AND $5", order="time_us DESC, aggregate DESC") + " LIMIT $3"
)
_ONE: Final = _AGGREGATES.format(which="aggregate = $3", order="aggregate")


class Aggregate(msgspec.Struct, frozen=True, gc=False):
    """What one order took at one price."""

    aggregate: int
    price: int
    quantity: int
    first: int
    last: int
    time_us: int
    buyer_is_maker: bool


class TradeStore:
    """Older trades from PostgreSQL."""

    def __init__(self, pool: Any, aggregated_max: int = AGGREGATED_MAX) -> None:
        self._pool = pool
        self._aggregated_max = aggregated_max

    async def by_id(self, instrument: int, from_id: int, limit: int) -> list[Trade]:
        """Return trades from an id on."""
        rows = await self._pool.fetch(
            "SELECT * FROM projection_marketdata.trade WHERE instrument = $1 AND trade >= $2 ORDER BY trade LIMIT $3",
            instrument,
            from_id,
            limit,
        )
        return [trade_of(row) for row in rows]

    async def aggregates_by_id(self, instrument: int, from_id: int, limit: int) -> list[Aggregate]:
        """Return whole aggregates from an id on; fewer than there are where they have more trades than are read."""
        return await self._whole(instrument, _BY_ID, limit, from_id)

    async def aggregates_between(
        self, instrument: int, since_us: int, until_us: int, limit: int, *, is_newest: bool
    ) -> list[Aggregate]:
        """Return whole aggregates of a time, its newest or its oldest, in order; fewer as above."""
        found = await self._whole(instrument, _NEWEST if is_newest else _OLDEST, limit, since_us, until_us)
        return found[::-1] if is_newest else found

    async def aggregate(self, instrument: int, aggregate: int) -> Aggregate | None:
        """Return one, whole."""
        row = await self._pool.fetchrow(_ONE, instrument, None, aggregate)
        return None if row is None else _aggregate_of(row)

    async def _whole(self, instrument: int, statement: str, limit: int, *which: int) -> list[Aggregate]:
        rows = await self._pool.fetch(statement, instrument, self._aggregated_max, limit, *which)
        if sum(row["trades"] for row in rows) < self._aggregated_max:
            return [_aggregate_of(row) for row in rows]
        if len(rows) > 1:
            # The last may have more trades than were read. Who goes on from the one before it finds it.
            return [_aggregate_of(row) for row in rows[:-1]]
        found = await self.aggregate(instrument, rows[0]["aggregate"])
        return [] if found is None else [found]


def aggregated(trades: list[Trade]) -> list[Aggregate]:
    """Return the aggregates of trades that follow one another."""
    found: list[Aggregate] = []
    for trade in trades:
        if found and found[-1].aggregate == trade.aggregate:
            last = found[-1]
            found[-1] = msgspec.structs.replace(last, quantity=last.quantity + trade.quantity, last=trade.trade)
        else:
            ids = trade.trade, trade.trade
            found.append(
                Aggregate(trade.aggregate, trade.price, trade.quantity, *ids, trade.time_us, trade.buyer_is_maker)
            )
    return found


def _aggregate_of(row: Any) -> Aggregate:
    names = ("first", "last", "time_us", "buyer_is_maker")
    return Aggregate(row["aggregate"], row["price"], int(row["quantity"]), *(row[name] for name in names))
