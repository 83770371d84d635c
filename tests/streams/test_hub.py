"""The hub's promises, over a real engine's events."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from openbourse import listings
from openbourse.edge.listing import Listing
from openbourse.engine import Engine
from openbourse.marketdata import tickers
from openbourse.marketdata.candles import next_open, open_of
from openbourse.marketdata.view import MarketView
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.commands import Command, CreateAsset, CreditDeposit, ListInstrument, OpenAccount, PlaceOrder
from openbourse.protocol.events import Event, decode
from openbourse.protocol.instruments import OrderType, Side, TimeInForce
from openbourse.streams.hub import TICKS_PER_SECOND, Hub
from openbourse.streams.markets import Bar, Trade
from openbourse.streams.names import parse

BTCUSDT = listings.INSTRUMENTS[0].instrument
SECOND_US = 1_000_000


class Venue:
    """An engine, the market view that folds its events, and a hub behind it. Fits streams.markets.Markets."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.view = MarketView(Listing())
        self.hub = Hub(self)
        self.now_us = time.time_ns() // 1_000
        self.tick = 0
        self._orders = 0
        for code, asset in listings.ASSETS.items():
            self.perform(CreateAsset(asset, code))
        self.perform(ListInstrument(listings.INSTRUMENTS[0]))
        for account in (1_000, 1_001):
            self.perform(OpenAccount(account))
            for asset in (1, 2):
                identity = bytes([account % 256, asset]) + bytes(30)
                self.perform(CreditDeposit(account, asset, 10**9 * UNIT, identity))

    def perform(self, command: Command) -> list[Event]:
        events, _ = self.engine.apply(self.engine.sequence + 1, self.now_us, command.encode())
        seen = list(decode(events))
        self.view.take(seen, self.now_us)
        self.hub.take(seen, self.now_us)
        return seen

    def order(self, side: Side, price: int, quantity: str = "1", account: int = 1_000) -> None:
        self._orders += 1
        self.perform(
            PlaceOrder(
                account=account,
                instrument=BTCUSDT,
                side=side,
                type=OrderType.LIMIT,
                time_in_force=TimeInForce.GTC,
                price=price * UNIT,
                quantity=int(float(quantity) * UNIT),
                client_id=f"o{self._orders}",
            )
        )

    def ticks(self, count: int) -> None:
        for _ in range(count):
            self.tick += 1
            for channel in tuple(self.hub._channels.values()):
                self.hub._tick(channel, self.tick, self.now_us)

    @property
    def listing(self) -> Listing:
        return self.view.listing

    def update_id(self, instrument: int) -> int:
        return self.view.market(instrument).update

    def depth(self, instrument: int, limit: int) -> Any:
        return self.view.market(instrument).depth(limit)

    def figures(self, instrument: int, minutes: int, now_us: int) -> Mapping[str, object]:
        return tickers.day("BTCUSDT", self.view.market(instrument), now_us)

    def average(self, instrument: int, minutes: int, now_us: int) -> tuple[int, int]:
        return 0, 0

    def recent(self, instrument: int) -> Sequence[Trade]:
        return self.view.market(instrument).trades

    async def bars_since(self, instrument: int, interval: str, since_us: int) -> Sequence[Bar]:
        return []

    def candle_bounds(self, interval: str, time_us: int) -> tuple[int, int]:
        opened = open_of(interval, time_us)
        return opened, next_open(interval, opened)


class Listener:
    """A subscriber that decodes what it is sent."""

    def __init__(self, unit: int = 1_000, is_combined: bool = False) -> None:
        self.unit = unit
        self.is_combined = is_combined
        self.heard: list[Any] = []

    def send(self, frames: bytes) -> bool:
        size, start = frames[1], 2
        if size == 126:
            size, start = int.from_bytes(frames[2:4], "big"), 4
        assert len(frames) == start + size
        self.heard.append(json.loads(frames[start:]))
        return True


def listen(venue: Venue, name: str, **form: Any) -> Listener:
    listener, topic = Listener(**form), parse(name)
    assert topic is not None
    venue.hub.join(listener, name, topic)
    return listener


def test_depth_updates_join_without_a_gap_at_every_speed() -> None:
    venue = Venue()
    venue.order(Side.BUY, 50_000)
    snapshot = venue.update_id(BTCUSDT)
    fast, slow = listen(venue, "btcusdt@depth@100ms"), listen(venue, "btcusdt@depth")
    for number in range(25):
        venue.order(Side.BUY, 50_001 + number)
        venue.order(Side.SELL, 60_000 - number)
        venue.ticks(1)
    venue.ticks(TICKS_PER_SECOND)
    for heard in (fast.heard, slow.heard):
        next_update = snapshot + 1
        for event in heard:
            assert event["U"] == next_update
            next_update = event["u"] + 1
        assert next_update == venue.update_id(BTCUSDT) + 1
    assert len(slow.heard) < len(fast.heard)


async def test_who_comes_before_the_markets_are_loaded_hears_of_them_later() -> None:
    """Clients are back at once after a restart, and their streams stayed silent for as long as one of them listened."""
    venue = Venue()
    venue.order(Side.BUY, 50_000)
    listed, venue.view.listing = venue.view.listing, Listing()
    names = ("depth@100ms", "depth5@100ms", "miniTicker", "kline_1m")
    heard = [listen(venue, f"btcusdt@{name}").heard for name in names]
    venue.ticks(1)
    venue.view.listing = listed
    venue.order(Side.SELL, 50_000, account=1_001)
    venue.order(Side.SELL, 51_000)
    venue.ticks(TICKS_PER_SECOND)
    await asyncio.sleep(0)
    venue.ticks(2 * TICKS_PER_SECOND)
    assert [name for name, told in zip(names, heard, strict=True) if not told] == []
    # Nothing of the book is passed over by who took its picture when the markets were there.
    assert heard[0][0]["U"] <= 2 < heard[0][0]["u"] == venue.update_id(BTCUSDT)


def test_a_level_that_goes_is_sent_with_zero() -> None:
    venue = Venue()
    venue.order(Side.SELL, 50_000)
    listener = listen(venue, "btcusdt@depth@100ms")
    venue.order(Side.BUY, 50_000, account=1_001)
    venue.ticks(1)
    assert listener.heard[0]["a"] == [["50000.00000000", "0.00000000"]]


def test_an_aggregate_joins_fills_of_one_taker_at_one_price() -> None:
    venue = Venue()
    for _ in range(3):
        venue.order(Side.SELL, 50_000)
    trades, aggregates = listen(venue, "btcusdt@trade"), listen(venue, "btcusdt@aggTrade")
    venue.order(Side.BUY, 50_000, "3", account=1_001)
    assert [event["t"] for event in trades.heard] == [1, 2, 3]
    [event] = aggregates.heard
    assert (event["f"], event["l"], event["q"], event["m"]) == (1, 3, "3.00000000", False)


def test_the_best_of_the_book_is_sent_only_when_it_changes() -> None:
    venue = Venue()
    listener = listen(venue, "btcusdt@bookTicker")
    venue.order(Side.BUY, 50_000)
    venue.order(Side.BUY, 49_000)
    assert [event["b"] for event in listener.heard] == ["50000.00000000"]
    assert "e" not in listener.heard[0]


def test_each_subscriber_hears_its_own_form_and_unit() -> None:
    venue = Venue()
    venue.order(Side.SELL, 50_000)
    plain = listen(venue, "btcusdt@trade")
    wrapped = listen(venue, "btcusdt@trade", unit=1, is_combined=True)
    venue.order(Side.BUY, 50_000, account=1_001)
    [event], [envelope] = plain.heard, wrapped.heard
    assert envelope["stream"] == "btcusdt@trade"
    assert envelope["data"]["T"] // 1_000 == event["T"]


def test_who_left_hears_nothing_and_the_stream_is_forgotten() -> None:
    venue = Venue()
    listener = listen(venue, "btcusdt@bookTicker")
    venue.hub.leave(listener, "btcusdt@bookTicker")
    venue.order(Side.BUY, 50_000)
    assert listener.heard == []
    assert len(venue.hub) == 0


async def test_a_candle_closes_with_what_was_traded_in_it() -> None:
    venue = Venue()
    venue.now_us = (venue.now_us // (60 * SECOND_US) + 1) * 60 * SECOND_US
    for price in (50_000, 50_010):
        venue.order(Side.SELL, price)
    listener, finer = listen(venue, "btcusdt@kline_1m"), listen(venue, "btcusdt@kline_1m", unit=1)
    channel = venue.hub._channels["btcusdt@kline_1m"]
    assert channel.candle is not None
    channel.candle._begin(venue.now_us)
    await channel.candle.load()
    venue.order(Side.BUY, 50_010, "2", account=1_001)
    venue.now_us += 60 * SECOND_US
    venue.ticks(20)
    [closed] = [event["k"] for event in listener.heard if event["k"]["x"]]
    assert (closed["o"], closed["c"], closed["n"]) == ("50000.00000000", "50010.00000000", 2)
    assert (closed["v"], closed["V"]) == ("2.00000000", "2.00000000")
    assert closed["T"] - closed["t"] == 59_999
    [closed] = [event["k"] for event in finer.heard if event["k"]["x"]]
    assert closed["T"] - closed["t"] == 59_999_999, "as the history of candles shows it"
