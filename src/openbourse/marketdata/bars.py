"""Bars: what was traded in a stretch of time. Kept in four lengths; every candle is joined from one of them."""

from typing import Any, Final

import msgspec

from openbourse.marketdata.view import Trade

SECOND_US: Final = 1_000_000
LENGTHS_S: Final = (1, 60, 3_600, 86_400)


class Bar(msgspec.Struct):
    """Prices, quantities and trade ids of a stretch that begins at open_us; volumes in 1e-8 units."""

    open_us: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    count: int
    taker_volume: int
    taker_quote: int
    first: int
    last: int

    def join(self, later: "Bar") -> None:
        """Take in what followed."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.quote += later.quote
        self.count += later.count
        self.taker_volume += later.taker_volume
        self.taker_quote += later.taker_quote
        self.last = later.last


def bar_of(trade: Trade, open_us: int) -> Bar:
    """Return the bar of one trade."""
    price, is_taker_buy = trade.price, not trade.buyer_is_maker
    taker = (trade.quantity, trade.quote) if is_taker_buy else (0, 0)
    return Bar(open_us, price, price, price, price, trade.quantity, trade.quote, 1, *taker, trade.trade, trade.trade)


def length_for(seconds: int, shift_us: int = 0) -> int:
    """Return the longest kept length that candles of so many seconds (0: a month), shifted from UTC, are whole in."""
    wanted = seconds or 86_400
    fitting = [length for length in LENGTHS_S if wanted % length == 0 and shift_us % (length * SECOND_US) == 0]
    return max(fitting)


class BarStore:
    """Bars from PostgreSQL."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def between(self, instrument: int, seconds: int, since_us: int, until_us: int, rows_max: int) -> list[Bar]:
        """Return bars of one kept length that begin in a time, oldest first."""
        rows = await self._pool.fetch(
            "SELECT * FROM projection_marketdata.candle WHERE instrument = $1 AND seconds = $2"
            " AND open_us BETWEEN $3 AND $4 ORDER BY open_us LIMIT $5",
            instrument,
            seconds,
            since_us,
            until_us,
            rows_max,
        )
        return [bar_from(row) for row in rows]

    async def close_before(self, instrument: int, seconds: int, time_us: int) -> int:
        """Return the last price of the bars before a moment, 0 without one."""
        return int(
            await self._pool.fetchval(
                "SELECT close FROM projection_marketdata.candle WHERE instrument = $1 AND seconds = $2 AND open_us < $3"
                " ORDER BY open_us DESC LIMIT 1",
                instrument,
                seconds,
                time_us,
            )
            or 0
        )

    async def first_open(self, instrument: int, seconds: int, since_us: int) -> int | None:
        """Return when the first bar at or after a moment begins."""
        found: int | None = await self._pool.fetchval(
            "SELECT open_us FROM projection_marketdata.candle WHERE instrument = $1 AND seconds = $2 AND open_us >= $3"
            " ORDER BY open_us LIMIT 1",
            instrument,
            seconds,
            since_us,
        )
        return found


def bar_from(row: Any) -> Bar:
    """Return the bar in a row."""
    return Bar(
        row["open_us"],
        row["open"],
        row["high"],
        row["low"],
        row["close"],
        int(row["volume"]),
        int(row["quote"]),
        row["count"],
        int(row["taker_volume"]),
        int(row["taker_quote"]),
        row["first_trade"],
        row["last_trade"],
    )
