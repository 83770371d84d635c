"""What clients ask of markets, over REST and the WebSocket API."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from openbourse.edge.listing import Listing
from openbourse.marketdata import api
from openbourse.marketdata.bars import Bar
from openbourse.marketdata.view import TRADES_KEPT, MarketView, Trade
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import InstrumentStatus
from tests.served import Venue, ask, funded_engine, served

PATHS = ("ticker/price", "ticker/24hr", "ticker/bookTicker")


class HeldBars:
    """Stored bars in a list; fits bars.BarStore."""

    def __init__(self) -> None:
        self.held: list[Bar] = []

    async def between(self, instrument: int, seconds: int, since_us: int, until_us: int, rows_max: int) -> list[Bar]:
        return [bar for bar in self.held if since_us <= bar.open_us <= until_us][:rows_max]

    async def close_before(self, instrument: int, seconds: int, time_us: int) -> int:
        return max(((bar.open_us, bar.close) for bar in self.held if bar.open_us < time_us), default=(0, 0))[1]

    async def first_open(self, instrument: int, seconds: int, since_us: int) -> int | None:
        return min((bar.open_us for bar in self.held if bar.open_us >= since_us), default=None)


class NoTrades:
    """No older trades; fits trades.TradeStore."""

    async def by_id(self, instrument: int, from_id: int, limit: int) -> list[Trade]:
        return []


class Markets:
    """A venue's market data on a real socket; the second instrument is halted."""

    def __init__(self, bars: Any = None) -> None:
        self.bars = bars or HeldBars()
        _, listing = funded_engine()
        halted = listing.every()[1]
        listing.define(msgspec.structs.replace(halted, status=InstrumentStatus.HALT))
        self.view = MarketView(listing)
        self.served: Venue

    @property
    def listing(self) -> Listing:
        return self.view.listing

    async def code(self, path: str, **params: str) -> int:
        """Return the code of a refusal."""
        answer = await self.served.http.get(f"/api/v3/{path}", params=params)
        assert answer.status_code == 400, answer.text
        code: int = answer.json()["code"]
        return code

    async def answer(self, path: str, **params: str) -> Any:
        """Return a good answer."""
        answer = await self.served.http.get(f"/api/v3/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def asked(bars: Any = None) -> AsyncIterator[Markets]:
    """Serve market data from some stored bars."""
    running = Markets(bars)
    operations = api.operations(running.view, NoTrades(), running.bars)  # type: ignore[arg-type]
    async with served(operations=operations) as running.served:
        yield running


@pytest.fixture
async def markets() -> AsyncIterator[Markets]:
    async with asked() as running:
        yield running


@pytest.mark.parametrize("path", [*PATHS, "depth"])
async def test_a_symbol_of_another_status_is_refused(markets: Markets, path: str) -> None:
    assert await markets.code(path, symbol="BTCUSDT", symbolStatus="HALT") == -1220
    assert await markets.code(path, symbol="BTCUSDT", symbolStatus="FOO") == -1122
    assert await markets.code(path, symbol="BTCUSDT", symbolStatus="") == -1102
    assert await markets.code(path, symbol="NOSUCH", symbolStatus="HALT") == -1121
    assert await markets.answer(path, symbol="BTCUSDT", symbolStatus="TRADING")
    async with markets.served.connect() as connection:
        method = {"ticker/bookTicker": "ticker.book"}.get(path, path.replace("/", "."))
        reply = await ask(connection, method, {"symbol": "BTCUSDT", "symbolStatus": "HALT"})
        assert (reply["status"], reply["error"]["code"]) == (400, -1220)


@pytest.mark.parametrize("path", PATHS)
async def test_of_several_symbols_those_of_another_status_are_left_out(markets: Markets, path: str) -> None:
    every = [image.symbol for image in markets.listing.every()]
    trading = [every[0], *every[2:]]
    halted = await markets.answer(path, symbolStatus="HALT")
    assert [each["symbol"] for each in halted] == [every[1]]
    shown = await markets.answer(path, symbolStatus="TRADING")
    assert [each["symbol"] for each in shown] == trading
    both = msgspec.json.encode(every[:2]).decode()
    assert [each["symbol"] for each in await markets.answer(path, symbols=both, symbolStatus="HALT")] == [every[1]]
    assert await markets.answer(path, symbols=both, symbolStatus="BREAK") == []
    assert await markets.code(path, symbols=both, symbolStatus="FOO") == -1122
    assert await markets.code(path, symbolStatus="FOO") == -1122


MICROSECONDS = {"X-MBX-TIME-UNIT": "MICROSECOND"}
NOON = 1_795_694_400_000_000


def bar(open_us: int, price: int, count: int = 1) -> Bar:
    """Return a bar of one price."""
    units = price * UNIT
    return Bar(open_us, units, units, units, units, UNIT, units, count, 0, 0, 1, 1)


@pytest.mark.parametrize("path", ["klines", "uiKlines"])
async def test_candles_follow_the_unit_that_was_asked_for(markets: Markets, path: str) -> None:
    markets.bars.held = [bar(NOON, 5)]
    query = {"symbol": "BTCUSDT", "interval": "1m", "startTime": str(NOON), "endTime": str(NOON)}
    answer = await markets.served.http.get(f"/api/v3/{path}", params=query, headers=MICROSECONDS)
    [row] = answer.json()
    assert (row[0], row[6]) == (NOON, NOON + 59_999_999)
    [row] = await markets.answer(path, **query)
    assert (row[0], row[6]) == (NOON // 1_000, NOON // 1_000 + 59_999)
    async with markets.served.connect("/ws-api/v3?timeUnit=MICROSECOND") as connection:
        [row] = (await ask(connection, path, {**query, "startTime": NOON, "endTime": NOON}))["result"]
        assert (row[0], row[6]) == (NOON, NOON + 59_999_999)


@pytest.mark.parametrize(
    ("after_ms", "opens"), [(-59_999, [0, 1, 2]), (0, [0, 1, 2]), (1, [1, 2]), (60_001, [2]), (120_001, [])]
)
async def test_candles_are_those_that_open_from_the_start_on(markets: Markets, after_ms: int, opens: list[int]) -> None:
    """Who pages from a millisecond after the last opening, as NautilusTrader does, must come to an end."""
    markets.bars.held = [bar(NOON - 60_000_000, 4), *(bar(NOON + minute * 60_000_000, 5) for minute in range(3))]
    noon = NOON // 1_000
    query = {"symbol": "BTCUSDT", "interval": "1m", "startTime": str(noon + after_ms), "endTime": str(noon + 179_999)}
    rows = await markets.answer("klines", **query)
    assert [row[0] for row in rows] == [noon + minute * 60_000 for minute in opens]


@pytest.mark.parametrize("kind", ["FULL", "MINI"])
async def test_the_day_follows_the_unit_that_was_asked_for(markets: Markets, kind: str) -> None:
    day_us = 86_400_000_000
    query = {"symbol": "BTCUSDT", "type": kind}
    shown = (await markets.served.http.get("/api/v3/ticker/24hr", params=query, headers=MICROSECONDS)).json()
    assert shown["closeTime"] - shown["openTime"] == day_us
    assert abs(shown["closeTime"] - time.time_ns() // 1_000) < 60_000_000
    shown = await markets.answer("ticker/24hr", **query)
    assert shown["closeTime"] - shown["openTime"] == day_us // 1_000
    async with markets.served.connect("/ws-api/v3?timeUnit=MICROSECOND") as connection:
        shown = (await ask(connection, "ticker.24hr", query))["result"]
        assert shown["closeTime"] - shown["openTime"] == day_us


async def test_the_newest_aggregates_leave_out_one_whose_first_trades_are_forgotten(markets: Markets) -> None:
    """The oldest one that was remembered in part was told of as if that were all of it."""
    market = markets.view.market(markets.listing.find("BTCUSDT").instrument)
    for number in range(TRADES_KEPT + 2):
        market.note_trade(Trade(number, number // 5, UNIT, UNIT, UNIT, NOON, False))
    shown = await markets.answer("aggTrades", symbol="BTCUSDT", limit="1000")
    assert {(each["a"], each["f"], each["q"]) for each in shown[:-1]} == {
        (number, number * 5, "5.00000000") for number in range(1, TRADES_KEPT // 5)
    }
