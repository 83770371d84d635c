"""Longer bars hold what the kept ones do, and candles are the same however far they are made."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from openbourse.marketdata.bars import ROLLED, SECOND_US, Bar, BarStore, bar_of
from openbourse.marketdata.candles import bars_for, fold, open_of
from openbourse.marketdata.rollup import RollUp
from openbourse.marketdata.view import Trade
from tests.marketdata.traded import BTCUSDT, DAY_US, store, trades
from tests.projection.recorded import rows_read

SINCE = 1_780_272_000 * SECOND_US
UNTIL = SINCE + 9 * DAY_US
MADE = trades(1, 2_000, SINCE, UNTIL)
FORGET = "DELETE FROM projection_marketdata.rolled; DELETE FROM projection_marketdata.candle WHERE seconds = ANY('{300,900,14400,21600}')"
MINUTES, CANDLES = 31_000, 1_000
DENSE = f"""
INSERT INTO projection_marketdata.candle SELECT 1, 60, g * 60000000::bigint, 5, 6, 4, 5, 1, 1, 1, 1, 1, g, g
    FROM generate_series(0, {MINUTES}) g;
INSERT INTO projection_marketdata.candle SELECT 1, 3600, g * 3600000000::bigint, 5, 6, 4, 5, 60, 60, 60, 60, 60, g, g
    FROM generate_series(0, {CANDLES * 12}) g;
"""


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
        await store(pool, MADE)
        yield pool


async def roll(pool: asyncpg.Pool, time_us: int, step_bars_max: int, steps: int | None = None) -> int:
    """Make what ended before a moment; return in how many steps."""
    made = RollUp(step_bars_max)
    done = 0
    while min(made._due_us.values()) <= time_us and done != steps:
        async with pool.acquire() as connection, connection.transaction():
            await made.write(connection, time_us)
        done += 1
    return done


def folded(made: list[Trade], seconds: int, until_us: int) -> list[Bar]:
    found: list[Bar] = []
    for each in made:
        opened = each.time_us // (seconds * SECOND_US) * (seconds * SECOND_US)
        if found and found[-1].open_us == opened:
            found[-1].join(bar_of(each, opened))
        elif opened < until_us:
            found.append(bar_of(each, opened))
    return [bar for bar in found if bar.open_us < until_us]


@pytest.mark.parametrize("step_bars_max", [1, 100, 1_000_000])
async def test_they_are_made_step_by_step_of_what_has_ended(pool: asyncpg.Pool, step_bars_max: int) -> None:
    await pool.execute(FORGET)
    bars, until = BarStore(pool), SINCE + 13 * 3_600 * SECOND_US + 1
    steps = await roll(pool, until, step_bars_max)
    assert (steps > len(ROLLED)) == (step_bars_max < 200)
    marks = {seconds: until // (seconds * SECOND_US) * seconds * SECOND_US for seconds in ROLLED}
    assert await bars.rolled() == marks
    for seconds, mark in marks.items():
        assert await bars.between(BTCUSDT, seconds, 0, 2**62, 10**6) == folded(MADE, seconds, mark)
    # What an older program wrote meanwhile, or whoever stood still: caught up.
    await roll(pool, UNTIL, step_bars_max * 100)
    for seconds in ROLLED:
        assert await bars.between(BTCUSDT, seconds, 0, 2**62, 10**6) == folded(MADE, seconds, UNTIL)


async def test_what_was_never_traded_in_is_passed_over_at_once(pool: asyncpg.Pool) -> None:
    await pool.execute("DELETE FROM projection_marketdata.candle; DELETE FROM projection_marketdata.rolled")
    assert await roll(pool, 0, 10) == len(ROLLED)
    assert await roll(pool, SINCE + 5, 10) == len(ROLLED)
    assert await BarStore(pool).rolled() == dict.fromkeys(ROLLED, SINCE)


async def test_a_projector_that_knows_no_time_yet_leaves_what_was_made(pool: asyncpg.Pool) -> None:
    await roll(pool, UNTIL, 1_000_000)
    made = await BarStore(pool).rolled()
    assert min(made.values()) > 0
    await roll(pool, 0, 1_000_000)
    assert await BarStore(pool).rolled() == made


async def test_candles_are_the_same_however_far_longer_bars_are_made(pool: asyncpg.Pool) -> None:
    every, until = [bar_of(each, each.time_us) for each in MADE], UNTIL - 1
    await pool.execute(FORGET)
    for steps in (0, 12, None):
        await roll(pool, UNTIL, 300, steps)
        for minutes in (0, 345, 1, 360):
            east = minutes * 60 * SECOND_US
            for interval in ("5m", "30m", "1h", "4h", "6h", "8h", "12h", "1d", "1M"):
                since = open_of(interval, SINCE + DAY_US, east)
                bars = await bars_for(BarStore(pool), BTCUSDT, interval, since, until, 100, east)
                within = [bar for bar in every if bar.open_us >= since]
                asked = (since, until, 99, every[0].open, 1_000, east)
                assert fold(interval, bars, *asked) == fold(interval, within, *asked), (interval, minutes, steps)


async def test_no_candles_are_read_of_many_rows(pool: asyncpg.Pool) -> None:
    """A thousand of half an hour were read of thirty thousand minutes, at a weight of 2."""
    await pool.execute("DELETE FROM projection_marketdata.candle; DELETE FROM projection_marketdata.rolled")
    await pool.execute(DENSE)
    await roll(pool, MINUTES * 60 * SECOND_US, 100_000)
    await roll(pool, CANDLES * 12 * 3_600 * SECOND_US, 100_000)
    await pool.execute("ANALYZE projection_marketdata.candle")
    hours = {"2h": 2_000, "4h": 1_000, "6h": 1_000, "8h": 2_000, "12h": 2_000}
    async with pool.acquire() as connection, connection.transaction():
        bars = BarStore(connection)
        for interval, rows_max in {"3m": 3_000, "5m": 1_000, "15m": 1_000, "30m": 2_000, "1h": 1_000, **hours}.items():
            before = await rows_read(connection)
            found = await bars_for(bars, 1, interval, 0, 2**50, CANDLES, 0)
            assert len(found) in range(CANDLES, rows_max + 1), interval
            assert await rows_read(connection) - before <= rows_max + 10, interval
