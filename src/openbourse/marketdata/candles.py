"""Candles, folded from rows of trades."""

from datetime import UTC, datetime
from typing import Any, Final

from openbourse.marketdata.view import Trade, trade_of
from openbourse.protocol.amounts import format_units

SECOND_US: Final = 1_000_000
INTERVALS: Final[dict[str, int]] = {
    "1s": 1,
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1_800,
    "1h": 3_600,
    "2h": 7_200,
    "4h": 14_400,
    "6h": 21_600,
    "8h": 28_800,
    "12h": 43_200,
    "1d": 86_400,
    "3d": 259_200,
    "1w": 604_800,
    "1M": 0,
}
"""Seconds of an interval; a month has its own rule."""
MONDAY_US: Final = 4 * 86_400 * SECOND_US
"""The first Monday after 1970 began: weeks open on Mondays."""
Candle = list[object]


def open_of(interval: str, time_us: int) -> int:
    """Return when the candle that holds a moment opened, in µs."""
    if interval == "1M":
        at = datetime.fromtimestamp(time_us // SECOND_US, UTC)
        return int(datetime(at.year, at.month, 1, tzinfo=UTC).timestamp()) * SECOND_US
    length = INTERVALS[interval] * SECOND_US
    shift = MONDAY_US if interval == "1w" else 0
    return (time_us - shift) // length * length + shift


def next_open(interval: str, opened_us: int) -> int:
    """Return when the following candle opens."""
    if interval == "1M":
        return open_of("1M", opened_us + 32 * 86_400 * SECOND_US)
    return opened_us + INTERVALS[interval] * SECOND_US


def fold(interval: str, trades: list[Trade], since_us: int, until_us: int, limit: int, close: int) -> list[Candle]:
    """Return candles from the one that holds `since` to the one that holds `until`, at most `limit`, flat where nothing traded.

    `close` is the price before the first trade; 0: candles begin with the first trade.
    """
    candles: list[Candle] = []
    at, number = open_of(interval, since_us), 0
    while at <= until_us and len(candles) < limit:
        end = next_open(interval, at)
        inside: list[Trade] = []
        while number < len(trades) and trades[number].time_us < end:
            inside.append(trades[number])
            number += 1
        if inside or close:
            candles.append(candle(at, end, inside, close))
            close = inside[-1].price if inside else close
        elif number < len(trades):
            end = open_of(interval, trades[number].time_us)
        else:
            break
        at = end
    return candles


def candle(opened_us: int, end_us: int, inside: list[Trade], close: int) -> Candle:
    """Return one row of twelve, as Binance shows it."""
    prices = [trade.price for trade in inside] or [close]
    taker = [trade for trade in inside if not trade.buyer_is_maker]
    return [
        opened_us // 1_000,
        format_units(prices[0]),
        format_units(max(prices)),
        format_units(min(prices)),
        format_units(prices[-1]),
        format_units(sum(trade.quantity for trade in inside)),
        end_us // 1_000 - 1,
        format_units(sum(trade.quote for trade in inside)),
        len(inside),
        format_units(sum(trade.quantity for trade in taker)),
        format_units(sum(trade.quote for trade in taker)),
        "0",
    ]


class TradeStore:
    """Older trades from PostgreSQL."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def between(self, instrument: int, since_us: int, until_us: int, rows_max: int = 200_000) -> list[Trade]:
        """Return trades of a time, oldest first."""
        rows = await self._pool.fetch(
            "SELECT * FROM projection_marketdata.trade WHERE instrument = $1 AND time_us BETWEEN $2 AND $3"
            " ORDER BY trade LIMIT $4",
            instrument,
            since_us,
            until_us,
            rows_max,
        )
        return [trade_of(row) for row in rows]

    async def close_before(self, instrument: int, time_us: int) -> int:
        """Return the last price before a moment, 0 without one."""
        return int(
            await self._pool.fetchval(
                "SELECT price FROM projection_marketdata.trade WHERE instrument = $1 AND time_us < $2"
                " ORDER BY trade DESC LIMIT 1",
                instrument,
                time_us,
            )
            or 0
        )

    async def by_id(self, instrument: int, column: str, from_id: int, limit: int) -> list[Trade]:
        """Return trades from a trade id or, whole, from an aggregate id."""
        assert column in ("trade", "aggregate")
        rows = await self._pool.fetch(
            f"SELECT * FROM projection_marketdata.trade WHERE instrument = $1 AND {column} >= $2 ORDER BY trade LIMIT $3",
            instrument,
            from_id,
            limit,
        )
        return [trade_of(row) for row in rows]
