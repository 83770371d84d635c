"""The hub: which sockets hear which streams, and what goes out when."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import msgspec
import structlog

from openbourse.edge.frames import frame
from openbourse.protocol.events import Event, LevelChanged, Traded
from openbourse.protocol.instruments import Side
from openbourse.streams import payloads
from openbourse.streams.candles import OpenCandle
from openbourse.streams.markets import Markets, Shape
from openbourse.streams.names import WINDOWS, Topic

log: Final = structlog.get_logger()

TICK_S: Final = 0.1
TICKS_PER_SECOND: Final = 10
CANDLE_TICKS: Final = 20
EAST_US: Final = 8 * 3_600 * 1_000_000
UNITS: Final = (1, 1_000)
_ENCODE: Final = msgspec.json.Encoder().encode
Build = Callable[[int], object]
"""Makes a payload in a time unit."""


class Subscriber(Protocol):
    """A socket as the hub knows it."""

    unit: int
    is_combined: bool

    def send(self, frames: bytes) -> bool: ...


class Channel:
    """One stream name with its subscribers; a payload is encoded once a form that somebody hears."""

    def __init__(self, name: str, topic: Topic) -> None:
        self.name = name
        self.topic = topic
        self.subscribers: set[Subscriber] = set()
        self.update_first = 0
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.sent: object = None
        """What a conflated stream showed last, to send only what is new."""
        self.candle: OpenCandle | None = None
        self.instrument = 0

    def publish(self, build: Build) -> None:
        """Send a payload to every subscriber."""
        forms: dict[tuple[int, bool], bytes] = {}
        for subscriber in tuple(self.subscribers):
            form = (subscriber.unit, subscriber.is_combined)
            frames = forms.get(form)
            if frames is None:
                body = _ENCODE(build(subscriber.unit))
                if subscriber.is_combined:
                    body = b'{"stream":"' + self.name.encode() + b'","data":' + body + b"}"
                frames = forms[form] = frame(body)
            subscriber.send(frames)


class Hub:
    """Every market stream of this process."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        self._channels: dict[str, Channel] = {}
        self._real_time: dict[tuple[str, str], list[Channel]] = {}
        self._loading: set[asyncio.Task[None]] = set()
        self.published = 0

    def __len__(self) -> int:
        return len(self._channels)

    def join(self, subscriber: Subscriber, name: str, topic: Topic) -> None:
        """Let a subscriber hear a stream from now on."""
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name, topic)
            self._real_time.setdefault((topic.kind, topic.symbol), []).append(channel)
            self._find(channel)
        channel.subscribers.add(subscriber)

    def _find(self, channel: Channel) -> None:
        """Learn which instrument a stream is of, if that is listed: subscribers may have come before the markets were loaded."""
        image = self._markets.listing.by_symbol.get(channel.topic.symbol)
        if image is None:
            return
        channel.instrument = image.instrument
        if channel.topic.kind == "depth":
            channel.update_first = channel.update_first or self._markets.update_id(channel.instrument) + 1
        if channel.topic.kind == "kline":
            self._open_candle(channel)

    def leave(self, subscriber: Subscriber, name: str) -> None:
        """End a subscription."""
        channel = self._channels.get(name)
        if channel is None:
            return
        channel.subscribers.discard(subscriber)
        if not channel.subscribers:
            del self._channels[name]
            siblings = self._real_time[channel.topic.kind, channel.topic.symbol]
            siblings.remove(channel)
            if not siblings:
                del self._real_time[channel.topic.kind, channel.topic.symbol]

    def take(self, seen: Iterable[Event], time_us: int) -> None:
        """Send what is sent in real time, after the markets took the batch in; note what waits for a tick."""
        trades: list[Traded] = []
        touched: set[int] = set()
        for event in seen:
            if isinstance(event, Traded):
                trades.append(event)
            elif isinstance(event, LevelChanged):
                touched.add(event.instrument)
                self._note_level(event)
        if trades:
            self._send_trades(trades, time_us)
        for instrument in touched:
            self._send_best(instrument)

    async def run(self) -> None:
        """Send what is conflated, at its pace, for ever."""
        tick = 0
        began = time.monotonic()
        while True:
            tick += 1
            await asyncio.sleep(max(0.0, began + tick * TICK_S - time.monotonic()))
            now_us = time.time_ns() // 1_000
            for channel in tuple(self._channels.values()):
                self._tick(channel, tick, now_us)

    def _tick(self, channel: Channel, tick: int, now_us: int) -> None:
        topic = channel.topic
        on_second = tick % TICKS_PER_SECOND == 0
        if topic.symbol and not channel.instrument:
            self._find(channel)
            if not channel.instrument:
                return
        match topic.kind:
            case "depth" if topic.fast or on_second:
                self._flush_depth(channel, now_us)
            case "partial" if topic.fast or on_second:
                self._send_partial(channel)
            case "kline" if tick % (TICKS_PER_SECOND if topic.detail.startswith("1s") else CANDLE_TICKS) == 0:
                self._send_candle(channel, now_us)
            case "miniTicker" | "ticker" if on_second:
                self._send_tickers(channel, now_us)
            case "avgPrice" if on_second:
                self._send_average(channel, now_us)

    def _channels_of(self, kind: str, symbol: str) -> list[Channel]:
        return self._real_time.get((kind, symbol), [])

    def _symbol(self, instrument: int) -> str:
        return self._markets.listing.instruments[instrument].symbol

    def _note_level(self, event: LevelChanged) -> None:
        for channel in self._channels_of("depth", self._symbol(event.instrument)):
            side = channel.bids if event.side == Side.BUY else channel.asks
            side[event.price] = event.quantity
            channel.update_first = channel.update_first or event.update

    def _flush_depth(self, channel: Channel, now_us: int) -> None:
        if not channel.bids and not channel.asks:
            return
        first, last = channel.update_first, self._markets.update_id(channel.instrument)
        bids, asks = channel.bids, channel.asks
        channel.update_first, channel.bids, channel.asks = last + 1, {}, {}
        symbol = channel.topic.symbol
        channel.publish(lambda unit: payloads.depth_update(symbol, first, last, bids, asks, now_us, unit))

    def _send_partial(self, channel: Channel) -> None:
        update = self._markets.update_id(channel.instrument)
        if channel.sent == update:
            return
        channel.sent = update
        bids, asks = self._markets.depth(channel.instrument, int(channel.topic.detail))
        channel.publish(lambda unit: payloads.partial(update, bids, asks))

    def _send_trades(self, trades: list[Traded], time_us: int) -> None:
        groups: list[list[Traded]] = []
        for trade in trades:
            symbol = self._symbol(trade.instrument)
            for channel in self._channels_of("trade", symbol):
                channel.publish(lambda unit, trade=trade, symbol=symbol: _trade(symbol, trade, time_us, unit))  # type: ignore[misc]
            for channel in self._channels_of("kline", symbol):
                self._feed_candle(channel, trade, time_us)
            newest = groups[-1][-1] if groups else None
            if newest and (newest.instrument, newest.aggregate) == (trade.instrument, trade.aggregate):
                groups[-1].append(trade)
            else:
                groups.append([trade])
        for group in groups:
            symbol = self._symbol(group[0].instrument)
            for channel in self._channels_of("aggTrade", symbol):
                channel.publish(lambda unit, group=group, symbol=symbol: _aggregate(symbol, group, time_us, unit))  # type: ignore[misc]

    def _send_best(self, instrument: int) -> None:
        symbol = self._symbol(instrument)
        channels = [*self._channels_of("bookTicker", symbol), *self._channels_of("bookTicker", "")]
        if not channels:
            return
        bids, asks = self._markets.depth(instrument, 1)
        shown = payloads.book_ticker(symbol, self._markets.update_id(instrument), bids, asks)
        best = (symbol, tuple(bids), tuple(asks))
        for channel in channels:
            if channel.sent != best:
                channel.sent = best
                channel.publish(lambda unit: shown)

    def _send_tickers(self, channel: Channel, now_us: int) -> None:
        """Send figures that differ from those sent last; an array holds only symbols whose figures do."""
        window = channel.topic.detail
        minutes = WINDOWS[window or "1d"]
        known: dict[int, tuple[object, ...]] = channel.sent if isinstance(channel.sent, dict) else {}
        changed = {}
        for instrument in [channel.instrument] if channel.instrument else list(self._markets.listing.instruments):
            figures = self._markets.figures(instrument, minutes, now_us)
            facts = tuple(value for name, value in figures.items() if name not in ("openTime", "closeTime"))
            if known.get(instrument) != facts:
                known[instrument] = facts
                changed[self._symbol(instrument)] = figures
        channel.sent = known
        if not changed:
            return
        if channel.topic.kind == "miniTicker":
            one = payloads.mini_ticker
        else:

            def one(symbol: str, figures: object, now_us: int, unit: int) -> Shape:
                return payloads.ticker(symbol, figures, window, now_us, unit)  # type: ignore[arg-type]

        if channel.instrument:
            [(symbol, figures)] = changed.items()
            channel.publish(lambda unit: one(symbol, figures, now_us, unit))
        else:
            channel.publish(lambda unit: [one(symbol, each, now_us, unit) for symbol, each in changed.items()])

    def _send_average(self, channel: Channel, now_us: int) -> None:
        price, last_us = self._markets.average(channel.instrument, 5, now_us)
        if price and channel.sent != (price, last_us):
            channel.sent = (price, last_us)
            channel.publish(lambda unit: payloads.average(channel.topic.symbol, price, last_us, now_us, unit))

    def _open_candle(self, channel: Channel) -> None:
        interval, _, east = channel.topic.detail.partition("@")
        shift = EAST_US if east else 0
        candle = OpenCandle(self._markets, channel.instrument, interval, shift, time.time_ns() // 1_000)
        channel.candle = candle
        task = asyncio.create_task(_load(candle))
        self._loading.add(task)
        task.add_done_callback(self._loading.discard)

    def _feed_candle(self, channel: Channel, event: Traded, time_us: int) -> None:
        if channel.candle is None or not self._markets.recent(event.instrument):
            return
        # The markets have the batch already: the candle takes the trade in the shape they give it.
        trade = next(
            (each for each in reversed(self._markets.recent(event.instrument)) if each.trade == event.trade), None
        )
        closed = None if trade is None else channel.candle.take(trade)
        if closed is not None:
            channel.publish(lambda unit: _candle(closed, time_us, unit))

    def _send_candle(self, channel: Channel, now_us: int) -> None:
        candle = channel.candle
        if candle is None or not candle.has_shape:
            return
        closed = candle.roll(now_us)
        if closed is not None:
            channel.publish(lambda unit: _candle(closed, now_us, unit))
        if candle.is_changed:
            candle.is_changed = False
            shown = candle.shape(is_closed=False)
            channel.publish(lambda unit: _candle(shown, now_us, unit))


async def _load(candle: OpenCandle) -> None:
    try:
        await candle.load()
    except (OSError, TimeoutError, RuntimeError) as fault:
        log.warning("a candle begins without its past", why=str(fault))
        candle.is_loaded = True


def _trade(symbol: str, event: Traded, time_us: int, unit: int) -> Shape:
    is_maker = event.taker_side == Side.SELL
    return payloads.trade(symbol, event.trade, event.price, event.quantity, time_us, is_maker, unit)


def _aggregate(symbol: str, group: list[Traded], time_us: int, unit: int) -> Shape:
    first, last = group[0], group[-1]
    return payloads.aggregate(
        symbol,
        first.aggregate,
        first.trade,
        last.trade,
        first.price,
        sum(each.quantity for each in group),
        time_us,
        first.taker_side == Side.SELL,
        unit,
    )


def _candle(shape: Shape, now_us: int, unit: int) -> Shape:
    opened, end = shape["t"], shape["T"]
    assert isinstance(opened, int)
    assert isinstance(end, int)
    return {
        "e": "kline",
        "E": now_us // unit,
        "s": shape["s"],
        "k": shape | {"t": opened // unit, "T": end // unit},
    }
