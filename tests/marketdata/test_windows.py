"""Tickers of any window and of any zone's day hold what was traded in them, whether it is in memory or stored."""

import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec
import pytest

from openbourse.edge.errors import ApiError
from openbourse.edge.params import Params
from openbourse.marketdata.bars import BarStore
from openbourse.marketdata.view import MINUTE_US, Trade
from openbourse.marketdata.windows import minutes_of, weight
from openbourse.protocol.amounts import UNIT, format_units
from tests.marketdata.test_api import Markets, asked
from tests.marketdata.traded import BTCUSDT, DAY_US, store, trades
from tests.served import ask

MINI = {"symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume", "openTime", "closeTime"}
MINI |= {"firstId", "lastId", "count"}
FULL = MINI | {"priceChange", "priceChangePercent", "weightedAvgPrice"}


@pytest.fixture
def made() -> list[Trade]:
    """Nine days of trades up to now."""
    now = time.time_ns() // 1_000
    return trades(3, 1_500, now - 9 * DAY_US, now - 1_000)


@pytest.fixture
async def markets(database_url: str, made: list[Trade]) -> AsyncIterator[Markets]:
    """The trades in PostgreSQL, the last day's in memory, as an edge holds them."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        await store(pool, made)
        async with asked(BarStore(pool)) as running:
            for each in made:
                if each.time_us // MINUTE_US >= made[-1].time_us // MINUTE_US - 1_440:
                    running.view.market(BTCUSDT).note_trade(each)
            yield running


@pytest.fixture
async def empty() -> AsyncIterator[Markets]:
    """A venue without a trade."""
    async with asked() as running:
        yield running


def assert_holds(shown: Any, made: list[Trade]) -> None:
    """Assert that a full ticker tells of some trades."""
    prices = [each.price for each in made]
    volume, quote = sum(each.quantity for each in made), sum(each.quote for each in made)
    change = prices[-1] - prices[0]
    expected = {
        "symbol": "BTCUSDT",
        "priceChange": format_units(change),
        "weightedAvgPrice": format_units(quote * UNIT // volume),
        "openPrice": format_units(prices[0]),
        "highPrice": format_units(max(prices)),
        "lowPrice": format_units(min(prices)),
        "lastPrice": format_units(prices[-1]),
        "volume": format_units(volume),
        "quoteVolume": format_units(quote),
        "firstId": made[0].trade,
        "lastId": made[-1].trade,
        "count": len(made),
    }
    assert {name: shown[name] for name in expected} == expected


@pytest.mark.parametrize("size", ["59m", "1h", "23h", "1d", "2d", "3d", "7d"])
async def test_a_window_holds_what_was_traded_in_it(markets: Markets, made: list[Trade], size: str) -> None:
    shown = await markets.answer("ticker", symbol="BTCUSDT", windowSize=size)
    assert shown.keys() == FULL
    length = minutes_of(Params({"windowSize": size})) * MINUTE_US // 1_000
    assert shown["openTime"] % 60_000 == 0
    assert length <= shown["closeTime"] - shown["openTime"] < length + 60_000
    assert_holds(shown, [each for each in made if each.time_us >= shown["openTime"] * 1_000])


async def test_a_window_is_a_day_unless_it_is_told(empty: Markets) -> None:
    shown = await empty.answer("ticker", symbol="BTCUSDT", type="MINI")
    assert shown.keys() == MINI
    assert DAY_US // 1_000 <= shown["closeTime"] - shown["openTime"] < DAY_US // 1_000 + 60_000


@pytest.mark.parametrize("zone", ["0", "8", "-12:00", "14:00", "05:45"])
async def test_a_trading_day_is_that_of_its_zone(markets: Markets, made: list[Trade], zone: str) -> None:
    shown = await markets.answer("ticker/tradingDay", symbol="BTCUSDT", timeZone=zone)
    assert shown.keys() == FULL
    assert shown["closeTime"] - shown["openTime"] == DAY_US // 1_000 - 1
    assert shown["openTime"] <= time.time_ns() // 1_000_000 <= shown["closeTime"]
    within = [each for each in made if each.time_us >= shown["openTime"] * 1_000]
    if within:
        assert_holds(shown, within)
    [row] = await markets.answer("klines", symbol="BTCUSDT", interval="1d", timeZone=zone, limit="1")
    assert (row[0], row[6], row[8]) == (shown["openTime"], shown["closeTime"], shown["count"])


@pytest.mark.parametrize(("path", "method"), [("ticker", "ticker"), ("ticker/tradingDay", "ticker.tradingDay")])
async def test_several_symbols_are_told_in_their_order(markets: Markets, path: str, method: str) -> None:
    both = ["ETHUSDT", "BTCUSDT"]
    shown = await markets.answer(path, symbols=msgspec.json.encode(both).decode())
    assert [each["symbol"] for each in shown] == both
    assert (shown[0]["count"], shown[0]["firstId"], shown[0]["lastPrice"]) == (0, -1, "0.00000000")
    async with markets.served.connect("/ws-api/v3?timeUnit=MICROSECOND") as connection:
        reply = await ask(connection, method, {"symbols": both, "type": "MINI", "symbolStatus": "TRADING"})
        assert [each["symbol"] for each in reply["result"]] == ["BTCUSDT"]
        assert reply["result"][0]["openTime"] > 10**15
        assert reply["rateLimits"][0]["count"] == 2 + 8 + 8


@pytest.mark.parametrize("path", ["ticker", "ticker/tradingDay"])
async def test_what_makes_no_window_is_refused(empty: Markets, path: str) -> None:
    many = msgspec.json.encode([f"S{number}" for number in range(101)]).decode()
    for params, code in (
        ({}, -1102),
        ({"symbol": ""}, -1102),
        ({"symbols": many}, -1101),
        ({"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128),
        ({"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151),
        ({"symbol": "NOSUCH"}, -1121),
        ({"symbol": "BTCUSDT", "type": "SOME"}, -1139),
        ({"symbol": "BTCUSDT", "symbolStatus": "HALT"}, -1220),
    ):
        assert await empty.code(path, **params) == code, params
    assert await empty.code("ticker/tradingDay", symbol="BTCUSDT", timeZone="15") == -1130
    assert await empty.code("ticker", symbol="BTCUSDT", windowSize="8d") == -1130


@pytest.mark.parametrize("size", ["0m", "60m", "24h", "8d", "0d", "1w", "1d2h", "01h", "1M", "-1m", "1", "m", "1m\n"])
def test_what_is_no_window_size_is_refused(size: str) -> None:
    with pytest.raises(ApiError) as refused:
        minutes_of(Params({"windowSize": size}))
    assert refused.value.code == -1130


def test_a_window_costs_four_a_symbol_and_two_hundred_at_most() -> None:
    assert weight(Params({"symbol": "BTCUSDT"})) == 4
    for count, cost in ((1, 4), (3, 12), (50, 200), (51, 200), (100, 200)):
        names = msgspec.json.encode([f"S{number}" for number in range(count)]).decode()
        assert weight(Params({"symbols": names})) == cost


async def test_a_symbol_has_neither_reference_price_nor_block_trades(empty: Markets) -> None:
    for path in ("referencePrice", "referencePrice/calculation"):
        assert await empty.code(path, symbol="BTCUSDT") == -2043
        assert await empty.code(path, symbol="NOSUCH") == -1121
    assert await empty.code("referencePrice/calculation", symbol="BTCUSDT", symbolStatus="HALT") == -1220
    assert await empty.answer("historicalBlockTrades", symbol="BTCUSDT", fromId="0") == []
    assert await empty.code("historicalBlockTrades", symbol="BTCUSDT") == -1102
    assert await empty.code("historicalBlockTrades", symbol="NOSUCH", fromId="0") == -1121
    async with empty.served.connect() as connection:
        for method in ("referencePrice", "referencePrice.calculation"):
            assert (await ask(connection, method, {"symbol": "BTCUSDT"}))["error"]["code"] == -2043
        asked_for = {"symbol": "BTCUSDT", "fromId": 0}
        assert (await ask(connection, "blockTrades.historical", asked_for))["result"] == []
