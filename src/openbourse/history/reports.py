"""The trade report of a day: what each instrument traded, and what was earned of it, exact to the last unit."""

import csv
import hashlib
import io
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

from openbourse.edge.listing import Listing
from openbourse.protocol.amounts import format_units

US: Final = 1_000_000
# Every trade has one fill that bought.
_TRADED: Final = """
SELECT instrument, count(*) AS trades, sum(quantity)::text AS quantity, sum(quote)::text AS quote,
    (array_agg(price ORDER BY trade))[1] AS open, max(price) AS high, min(price) AS low,
    (array_agg(price ORDER BY trade DESC))[1] AS close
FROM projection_history.fill WHERE is_buyer AND time_us >= $1 AND time_us < $2 GROUP BY instrument ORDER BY instrument
"""
_FEES: Final = """
SELECT instrument, commission_asset AS asset, count(*) AS fills, sum(commission)::text AS fees
FROM projection_history.fill WHERE time_us >= $1 AND time_us < $2 GROUP BY 1, 2 ORDER BY 1, 2
"""
_FIRST: Final = "SELECT min(time_us) FROM projection_history.fill"
REPORTS_FOLDER: Final = "daily"
SUMMARY: Final = "summary.json"
"""Written last: where it is, the report is finished."""
DUE_AFTER_S: Final = 300
CATCH_UP_DAYS_MAX: Final = 400


class TradedRow(msgspec.Struct, frozen=True):
    """What an instrument traded on a day; amounts in 1e-8 units."""

    instrument: int
    trades: int
    quantity: int
    quote: int
    open: int
    high: int
    low: int
    close: int


class FeeRow(msgspec.Struct, frozen=True):
    """What the fills of an instrument paid in an asset on a day."""

    instrument: int
    asset: int
    fills: int
    fees: int


class Report(msgspec.Struct, frozen=True):
    """A finished report: files by name, the summary last."""

    day: date
    files: dict[str, bytes]
    summary: dict[str, object]


def bounds_us(day: date) -> tuple[int, int]:
    """Return when a day of UTC begins, and when the next one does."""
    began = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(began.timestamp()) * US, int((began + timedelta(days=1)).timestamp()) * US


async def read_day(connection: Any, day: date) -> tuple[list[TradedRow], list[FeeRow]]:
    """Return the rows of a day, both as of one moment."""
    span = bounds_us(day)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        traded = await connection.fetch(_TRADED, *span)
        fees = await connection.fetch(_FEES, *span)
    names = ("instrument", "trades", "quantity", "quote", "open", "high", "low", "close")
    return [TradedRow(*(int(row[name]) for name in names)) for row in traded], [
        FeeRow(row["instrument"], row["asset"], row["fills"], int(row["fees"])) for row in fees
    ]


async def first_day(connection: Any) -> date | None:
    """Return the day of the first trade; None without one."""
    first = await connection.fetchval(_FIRST)
    return None if first is None else datetime.fromtimestamp(first // US, UTC).date()


def key_of(shard: int, day: date, name: str) -> str:
    """Return where a file of a day's report lies; keys sort by day."""
    return f"{REPORTS_FOLDER}/{shard:05}/{day:%Y/%m/%d}/{name}"


def day_of(key: str) -> date | None:
    """Return the day whose finished report a key belongs to; None for every other key."""
    parts = key.split("/")
    if len(parts) != 6 or parts[0] != REPORTS_FOLDER or parts[5] != SUMMARY:
        return None
    try:
        return date(*(int(part) for part in parts[2:5]))
    except ValueError:
        return None


def days_due(done: Collection[date], first: date | None, now_us: int) -> list[date]:
    """Return the days whose reports are missing, oldest first: up to yesterday, from five past midnight on.

    Only what follows the newest report counts as missed: whoever deletes an old one wants it gone.
    """
    last = datetime.fromtimestamp((now_us - DUE_AFTER_S * US) / US, UTC).date() - timedelta(days=1)
    begin = max(done) + timedelta(days=1) if done else first
    if begin is None:
        return []
    begin = max(begin, last - timedelta(days=CATCH_UP_DAYS_MAX - 1))
    return [begin + timedelta(days=number) for number in range((last - begin).days + 1)]


def make_report(day: date, traded: Sequence[TradedRow], fees: Sequence[FeeRow], listing: Listing) -> Report:
    """Return the report: the same rows give the same bytes, whenever it is made."""
    instruments = _table(
        ("symbol", "base", "quote", "trades", "base_volume", "quote_volume", "open", "high", "low", "close"),
        [_instrument_line(row, listing) for row in traded],
    )
    fee_lines = [
        (listing.instruments[row.instrument].symbol, listing.assets[row.asset], str(row.fills), format_units(row.fees))
        for row in fees
    ]
    files = {
        "instruments.csv": instruments,
        "fees.csv": _table(("symbol", "asset", "fills", "fees"), fee_lines),
    }
    summary: dict[str, object] = {
        "version": 1,
        "date": day.isoformat(),
        "instruments": len(traded),
        "trades": sum(row.trades for row in traded),
        "fills": sum(row.fills for row in fees),
        "quote_volume": _by_asset(((listing.instruments[row.instrument].quote, row.quote) for row in traded), listing),
        "fees": _by_asset(((row.asset, row.fees) for row in fees), listing),
        "sha256": {name: hashlib.sha256(body).hexdigest() for name, body in files.items()},
    }
    files[SUMMARY] = msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"
    return Report(day, files, summary)


def _instrument_line(row: TradedRow, listing: Listing) -> tuple[str, ...]:
    image = listing.instruments[row.instrument]
    amounts = (row.quantity, row.quote, row.open, row.high, row.low, row.close)
    names = (image.symbol, listing.assets[image.base], listing.assets[image.quote], str(row.trades))
    return (*names, *map(format_units, amounts))


def _by_asset(amounts: Iterable[tuple[int, int]], listing: Listing) -> dict[str, str]:
    sums: dict[str, int] = {}
    for asset, amount in amounts:
        code = listing.assets[asset]
        sums[code] = sums.get(code, 0) + amount
    return {code: format_units(sums[code]) for code in sorted(sums)}


def _table(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return text.getvalue().encode()
