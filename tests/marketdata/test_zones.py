"""Days, weeks and months begin where the client lives."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from openbourse.edge.errors import ApiError
from openbourse.edge.params import Params
from openbourse.marketdata.bars import SECOND_US, BarStore, bar_of
from openbourse.marketdata.candles import fold, open_of
from openbourse.marketdata.zones import east_of
from tests.marketdata.test_api import Markets, asked
from tests.marketdata.traded import DAY_US, store, trades

HOUR_US = 3_600 * SECOND_US
SINCE = 1_780_300_000 * SECOND_US
MADE = trades(2, 3_000, SINCE, SINCE + 100 * DAY_US)


@pytest.mark.parametrize(
    ("written", "minutes"),
    [
        ("0", 0), ("8", 480), ("+8", 480), (" 8", 480), ("-3", -180), ("05:45", 345), ("-1:00", -60), ("-0:30", -30),
        ("14:00", 840), ("-12", -720), ("00:00", 0), ("+08:00", 480),
    ],
)  # fmt: skip
def test_a_zone_is_hours_or_hours_and_minutes(written: str, minutes: int) -> None:
    assert east_of(Params({"timeZone": written})) == minutes * 60 * SECOND_US


@pytest.mark.parametrize(
    "written", ["", "15", "14:01", "-12:01", "-13", "8:60", "8:5", "8:", "UTC", "+-8", "1.5", "٨", "100", "8\n"]
)
def test_what_is_no_zone_is_refused(written: str) -> None:
    with pytest.raises(ApiError) as refused:
        east_of(Params({"timeZone": written}))
    assert refused.value.code == -1130


def local(time_ms: int, east: timedelta) -> datetime:
    return datetime.fromtimestamp(time_ms // 1_000, UTC) + east


@pytest.fixture
async def markets(database_url: str) -> AsyncIterator[Markets]:
    """Market data of a season of trades in PostgreSQL."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        await store(pool, MADE)
        async with asked(BarStore(pool)) as running:
            yield running


async def test_candles_of_every_zone_hold_what_was_traded_in_them(markets: Markets) -> None:
    every = [bar_of(each, each.time_us) for each in MADE]
    since, until = SINCE // 1_000, SINCE // 1_000 + 40 * DAY_US // 1_000
    for zone, minutes in (("8", 480), ("-3", -180), ("05:45", 345), ("-12:00", -720), ("14", 840), ("0", 0)):
        east = minutes * 60 * SECOND_US
        for interval in ("15m", "1h", "4h", "12h", "1d", "3d", "1w", "1M"):
            query = {"symbol": "BTCUSDT", "interval": interval, "timeZone": zone, "limit": "1000"}
            rows = await markets.answer("klines", **query, startTime=str(since), endTime=str(until))
            candles = fold(interval, every, SINCE, until * 1_000, 1_001, 0, 1_000, east)
            # The first may have opened before.
            expected = [row for row in candles if int(str(row[0])) >= since]
            assert rows == expected[:1_000], (zone, interval)


@pytest.mark.parametrize("path", ["klines", "uiKlines"])
async def test_candles_open_at_the_zones_midnight(markets: Markets, path: str) -> None:
    for zone, east in (("8", timedelta(hours=8)), ("-3:30", -timedelta(hours=3, minutes=30))):
        for interval in ("1d", "3d", "1w", "1M"):
            query = {"symbol": "BTCUSDT", "interval": interval, "timeZone": zone, "startTime": str(SINCE // 1_000)}
            opened = [local(row[0], east) for row in await markets.answer(path, **query)]
            assert all((at.hour, at.minute, at.second) == (0, 0, 0) for at in opened)
            if interval == "1w":
                assert {at.weekday() for at in opened} == {0}
            if interval == "1M":
                assert {at.day for at in opened} == {1}
    assert await markets.code(path, symbol="BTCUSDT", interval="1d", timeZone="15") == -1130


async def test_an_end_within_a_candle_leaves_it_whole(markets: Markets) -> None:
    monday = open_of("1w", SINCE + 20 * DAY_US) // 1_000
    query = {"symbol": "BTCUSDT", "interval": "1w", "startTime": str(monday)}
    [whole] = await markets.answer("klines", **query, limit="1")
    [row] = await markets.answer("klines", **query, endTime=str(monday + DAY_US // 1_000))
    assert row == whole


async def test_a_month_beyond_every_date_has_no_candle(markets: Markets) -> None:
    """The calendar ended, and the question with an error of the server's own."""
    for time_ms in (253_402_300_799_000, 253_402_300_800_000, 2**63 - 1):
        for zone in ("-12", "0", "14"):
            query = {"symbol": "BTCUSDT", "interval": "1M", "timeZone": zone, "startTime": str(time_ms)}
            assert await markets.answer("klines", **query) == []
