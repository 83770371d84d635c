"""Candles, joined from bars."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from openbourse.marketdata.bars import LENGTHS_S, ROLLED, SECOND_US, SPLIT_S, Bar, BarStore, Span, length_for, spans
from openbourse.protocol.amounts import format_units

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
JOINED_MAX: Final = 4
"""Bars that a candle of a zone is joined from here; the database joins more."""
Candle = list[object]


def open_of(interval: str, time_us: int, east_us: int = 0) -> int:
    """Return when the candle that holds a moment opened in a time zone so far east of UTC, in µs."""
    return _open_of(interval, time_us + east_us) - east_us


def _open_of(interval: str, time_us: int) -> int:
    if interval == "1M":
        at = datetime.fromtimestamp(time_us // SECOND_US, UTC)
        return int(datetime(at.year, at.month, 1, tzinfo=UTC).timestamp()) * SECOND_US
    length = INTERVALS[interval] * SECOND_US
    shift = MONDAY_US if interval == "1w" else 0
    return (time_us - shift) // length * length + shift


def next_open(interval: str, opened_us: int, east_us: int = 0) -> int:
    """Return when the following candle opens."""
    if interval == "1M":
        return open_of("1M", opened_us + 32 * 86_400 * SECOND_US, east_us)
    return opened_us + INTERVALS[interval] * SECOND_US


def fold(
    interval: str,
    bars: list[Bar],
    since_us: int,
    until_us: int,
    limit: int,
    close: int,
    unit: int = 1_000,
    east_us: int = 0,
) -> list[Candle]:
    """Return candles from the one that holds `since` to the one that holds `until`, at most `limit`, flat where nothing traded.

    `close` is the price before the first bar; 0: candles begin with the first bar.
    """
    candles: list[Candle] = []
    at, number = open_of(interval, since_us, east_us), 0
    if not close:
        if not bars:
            return []
        at = open_of(interval, bars[0].open_us, east_us)
    while at <= until_us and len(candles) < limit:
        end = next_open(interval, at, east_us)
        joined: Bar | None = None
        while number < len(bars) and bars[number].open_us < end:
            if joined is None:
                joined = msgspec.structs.replace(bars[number])
            else:
                joined.join(bars[number])
            number += 1
        joined = joined or Bar(at, close, close, close, close, 0, 0, 0, 0, 0, -1, -1)
        candles.append(candle(at, end, joined, unit))
        close, at = joined.close, end
    return candles


def candle(opened_us: int, end_us: int, bar: Bar, unit: int) -> Candle:
    """Return one row of twelve, as Binance shows it, its times in a unit of so many microseconds."""
    return [
        opened_us // unit,
        format_units(bar.open),
        format_units(bar.high),
        format_units(bar.low),
        format_units(bar.close),
        format_units(bar.volume),
        end_us // unit - 1,
        format_units(bar.quote),
        bar.count,
        format_units(bar.taker_volume),
        format_units(bar.taker_quote),
        "0",
    ]


async def bars_for(
    store: BarStore, instrument: int, interval: str, since_us: int, until_us: int, candles_max: int, east_us: int
) -> list[Bar]:
    """Return what the candles from the one that opens at `since` to the one that holds `until` are joined from."""
    seconds = INTERVALS[interval]
    longest, fitting = (length_for(seconds, shift, (*LENGTHS_S, *ROLLED)) for shift in (0, east_us))
    per_candle = (seconds or 31 * 86_400) // fitting
    rolled = {} if longest in LENGTHS_S and fitting == longest else await store.rolled()
    if fitting == longest or per_candle <= JOINED_MAX:
        end = next_open(interval, open_of(interval, until_us, east_us), east_us)
        end = min(end, since_us + candles_max * per_candle * fitting * SECOND_US)
        # Longer bars as far as they are made, and what they are made of from there on.
        made_us = end if fitting in LENGTHS_S else min(max(rolled.get(fitting, 0), since_us), end)
        rows_max = candles_max * per_candle
        bars = await store.between(instrument, fitting, since_us, made_us - 1, rows_max) if since_us < made_us else []
        if made_us < end:
            source = ROLLED[fitting]
            bars += await store.between(instrument, source, made_us, end - 1, rows_max * (fitting // source))
        return bars
    # A candle of this zone begins within a bar: shorter ones make up its ends, whole ones its middle.
    asked: list[Span] = []
    for _ in range(candles_max):
        if since_us > until_us:
            break
        end = next_open(interval, since_us, east_us)
        asked += spans(since_us, end, rolled.get(SPLIT_S, 0))
        since_us = end
    return (await store.joined([instrument], asked))[instrument]
