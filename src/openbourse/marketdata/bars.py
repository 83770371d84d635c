"""Bars: what was traded in a stretch of time. Kept in four lengths, and longer ones made of these; candles are joined from them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from openbourse.marketdata.view import Trade

SECOND_US: Final = 1_000_000
LENGTHS_S: Final = (1, 60, 3_600, 86_400)
ROLLED: Final = {300: 60, 900: 60, 14_400: 3_600, 21_600: 3_600}
"""Further lengths, and what each is made of once its time is over (`rollup.py`)."""
SPLIT_S: Final = 900
"""Of these the one that zones begin within hours by."""
Span = tuple[int, int, int]
"""Bars of one kept length, in seconds, that begin from a moment on and before another, in µs."""
# Amounts as text: a driver makes whole numbers of it in a third of the time that its decimals take.
_COLUMNS: Final = (
    "open_us, open, high, low, close, volume::text, quote::text, count, taker_volume::text, taker_quote::text,"
    " first_trade, last_trade"
)
_JOINED: Final = """
SELECT asked.instrument, bar.*
FROM unnest($1::integer[]) AS asked (instrument),
unnest($2::integer[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS span (seconds, since_us, until_us, number),
LATERAL (
    SELECT min(open_us) AS open_us, (min(ARRAY[open_us, open]))[2] AS open, max(high) AS high, min(low) AS low,
    (max(ARRAY[open_us, close]))[2] AS close, sum(volume)::text AS volume, sum(quote)::text AS quote,
    sum(count)::bigint AS count, sum(taker_volume)::text AS taker_volume, sum(taker_quote)::text AS taker_quote,
    min(first_trade) AS first_trade, max(last_trade) AS last_trade
    FROM projection_marketdata.candle AS kept WHERE kept.instrument = asked.instrument
    AND kept.seconds = span.seconds AND kept.open_us >= span.since_us AND kept.open_us < span.until_us
) AS bar WHERE bar.open_us IS NOT NULL ORDER BY span.number
"""


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


def length_for(seconds: int, shift_us: int = 0, lengths: Sequence[int] = LENGTHS_S) -> int:
    """Return the longest kept length that candles of so many seconds (0: a month), shifted from UTC, are whole in."""
    wanted = seconds or 86_400
    fitting = [length for length in lengths if wanted % length == 0 and shift_us % (length * SECOND_US) == 0]
    return max(fitting)


def spans(since_us: int, until_us: int, rolled_us: int = 0) -> list[Span]:
    """Split a stretch of whole minutes into as few bars as make it whole: minutes and hours at its ends, days between.

    Also quarters of hours where they are made, up to a moment.
    """
    before: list[Span] = []
    after: list[Span] = []
    lengths = (LENGTHS_S[1], SPLIT_S, *LENGTHS_S[2:]) if until_us <= rolled_us else LENGTHS_S[1:]
    at_hand = lengths[0]
    for seconds, longer in pairwise(lengths):
        at_hand, step = seconds, longer * SECOND_US
        first, last = -(-since_us // step) * step, until_us // step * step
        if first >= last:
            break
        before.append((seconds, since_us, first))
        after.append((seconds, last, until_us))
        since_us, until_us, at_hand = first, last, longer
    every = [*before, (at_hand, since_us, until_us), *reversed(after)]
    return [span for span in every if span[1] < span[2]]


class BarStore:
    """Bars from PostgreSQL."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def between(self, instrument: int, seconds: int, since_us: int, until_us: int, rows_max: int) -> list[Bar]:
        """Return bars of one kept length that begin in a time, oldest first."""
        rows = await self._pool.fetch(
            f"SELECT {_COLUMNS} FROM projection_marketdata.candle WHERE instrument = $1 AND seconds = $2"
            " AND open_us BETWEEN $3 AND $4 ORDER BY open_us LIMIT $5",
            instrument,
            seconds,
            since_us,
            until_us,
            rows_max,
        )
        return [bar_from(row) for row in rows]

    async def rolled(self) -> dict[int, int]:
        """Return up to when each of the longer lengths is made."""
        rows = await self._pool.fetch("SELECT seconds, until_us FROM projection_marketdata.rolled")
        return {row["seconds"]: row["until_us"] for row in rows}

    async def joined(self, instruments: Sequence[int], asked: Sequence[Span]) -> dict[int, list[Bar]]:
        """Return a bar for each span in which an instrument traded, joined in the database: few rows, however many bars."""
        found: dict[int, list[Bar]] = {instrument: [] for instrument in instruments}
        columns = [[span[field] for span in asked] for field in range(3)]
        for row in await self._pool.fetch(_JOINED, list(instruments), *columns):
            found[row["instrument"]].append(bar_from(row))
        return found

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
