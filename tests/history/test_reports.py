"""A day's report has every trade once and every fee, to the last unit, and is the same whenever it is made."""

import csv
import hashlib
import io
import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import asyncpg
from msgspec.structs import replace

from openbourse.edge.listing import Listing
from openbourse.history.reports import (
    CATCH_UP_DAYS_MAX,
    SUMMARY,
    Report,
    bounds_us,
    day_of,
    days_due,
    first_day,
    key_of,
    make_report,
    read_day,
)
from openbourse.protocol.events import InstrumentDefined
from tests.edge.test_listing import IMAGE, TOLD
from tests.projection.recorded import make_tables

DAY = date(2026, 11, 24)
FILL = "INSERT INTO projection_history.fill VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,0)"
HUGE = 2**62


def listing() -> Listing:
    found = Listing()
    found.apply([*TOLD, InstrumentDefined(14, 0, replace(IMAGE, instrument=2, symbol="BTCEUR"))])
    return found


def at_us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


async def trade(pool: asyncpg.Pool, number: int, price: int, quantity: int, time_us: int, instrument: int = 1) -> None:
    """Write both fills of a trade, the buyer's fee in the base and the seller's in the quote asset."""
    quote = Decimal(price * quantity // 10**8)
    for is_buyer in (True, False):
        asset, fee = (2, quantity // 1_000) if is_buyer else (1, int(quote) // 1_000)
        account, order = (1, number * 2) if is_buyer else (2, number * 2 + 1)
        fields = (account, instrument, number, order, price, quantity, quote, Decimal(fee), asset, time_us)
        await pool.execute(FILL, *fields, is_buyer, not is_buyer)


async def made(pool: asyncpg.Pool, day: date = DAY) -> Report:
    async with pool.acquire() as connection:
        return make_report(day, *await read_day(connection, day), listing())


def table(report: Report, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report.files[name].decode())))


async def test_what_was_traded_between_two_midnights_is_in_the_report(database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        await make_tables(pool)
        await trade(pool, 1, 100 * 10**8, 7 * 10**8, at_us("2026-11-23T23:59:59.999999"))
        await trade(pool, 2, 50 * 10**8, 2 * 10**8, at_us("2026-11-24T00:00:00"))
        await trade(pool, 3, 70 * 10**8, 1, at_us("2026-11-24T12:00:00"))
        await trade(pool, 4, 60 * 10**8, 3 * 10**8, at_us("2026-11-24T23:59:59.999999"))
        await trade(pool, 1, 9 * 10**8, 10**8, at_us("2026-11-24T01:00:00"), instrument=2)
        await trade(pool, 5, 100 * 10**8, 7 * 10**8, at_us("2026-11-25T00:00:00"))
        report = await made(pool)
        assert await first_day(pool) == date(2026, 11, 23)
    btcusdt, btceur = table(report, "instruments.csv")
    assert btcusdt == {
        "symbol": "BTCUSDT", "base": "BTC", "quote": "USDT", "trades": "3", "base_volume": "5.00000001",
        "quote_volume": "280.00000070", "open": "50.00000000", "high": "70.00000000", "low": "50.00000000",
        "close": "60.00000000",
    }  # fmt: skip
    assert btceur["trades"] == "1"
    summary = json.loads(report.files[SUMMARY])
    assert summary["trades"] == 4
    assert summary["fills"] == 8
    assert summary["quote_volume"] == {"USDT": "289.00000070"}
    assert summary["fees"] == {"BTC": "0.00600000", "USDT": "0.28900000"}
    assert summary["sha256"]["fees.csv"] == hashlib.sha256(report.files["fees.csv"]).hexdigest()


async def test_sums_beyond_64_bits_are_exact(database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        await make_tables(pool)
        quantities = [HUGE - random.Random(3).randrange(10**6) for _ in range(5)]
        for number, quantity in enumerate(quantities):
            await trade(pool, number, 10**8, quantity, bounds_us(DAY)[0] + number)
        (line,) = table(await made(pool), "instruments.csv")
    assert Decimal(line["base_volume"]) * 10**8 == sum(quantities) > 2**63


async def test_the_same_day_gives_the_same_bytes_and_a_day_without_trades_an_empty_table(database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        await make_tables(pool)
        await trade(pool, 1, 10**8, 10**8, bounds_us(DAY)[0])
        assert (await made(pool)).files == (await made(pool)).files
        empty = await made(pool, DAY - timedelta(days=1))
    assert table(empty, "instruments.csv") == table(empty, "fees.csv") == []
    assert json.loads(empty.files[SUMMARY])["trades"] == 0


def test_reports_are_due_from_five_past_midnight_and_caught_up_after_an_outage() -> None:
    first = date(2026, 11, 20)
    assert days_due([], first, at_us("2026-11-22T00:04:59")) == [first]
    assert days_due([], first, at_us("2026-11-22T00:05:00")) == [first, date(2026, 11, 21)]
    assert days_due([first], None, at_us("2026-11-23T12:00:00")) == [date(2026, 11, 21), date(2026, 11, 22)]
    assert days_due([date(2026, 11, 22)], None, at_us("2026-11-23T12:00:00")) == []
    assert days_due([], None, at_us("2026-11-23T12:00:00")) == []
    assert len(days_due([], date(2020, 1, 1), at_us("2026-11-23T12:00:00"))) == CATCH_UP_DAYS_MAX


def test_a_key_names_its_day() -> None:
    assert day_of(key_of(0, DAY, SUMMARY)) == DAY
    for key in (key_of(0, DAY, "fees.csv"), "daily/00000/2026/13/40/summary.json", "else"):
        assert day_of(key) is None
