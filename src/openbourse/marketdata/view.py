"""Markets in memory: loaded from the projection with its cursor, then kept current by the feed."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sortedcontainers import SortedDict

from openbourse.edge import listing
from openbourse.edge.listing import Listing
from openbourse.projection.feed import CommittedBatch, Feed
from openbourse.protocol import events
from openbourse.protocol.codec import EVENT_HEADER, VERSION
from openbourse.protocol.instruments import Side

MINUTE_US: Final = 60_000_000
DAY_MINUTES: Final = 1_440
TRADES_KEPT: Final = 1_000
WINDOWS_KEPT: Final = 8
LOAD_S: Final = 120
"""How long all markets may take to be read when a process starts."""
# Amounts as text: a driver makes whole numbers of it in a third of the time that its decimals take.
_MINUTES: Final = """
SELECT open_us, open, high, low, close, volume::text, quote::text, first_trade, last_trade, count
FROM projection_marketdata.candle WHERE instrument = $1 AND seconds = 60 AND open_us >= $2 ORDER BY open_us
"""
_TRADES: Final = """
SELECT trade, aggregate, price, quantity, quote::text, time_us, buyer_is_maker
FROM projection_marketdata.trade WHERE instrument = $1 ORDER BY trade DESC LIMIT $2
"""
POLL_S: Final = 0.01
KINDS: Final = listing.KINDS | {events.EventKind.TRADED, events.EventKind.LEVEL_CHANGED}


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A public trade."""

    trade: int
    aggregate: int
    price: int
    quantity: int
    quote: int
    time_us: int
    buyer_is_maker: bool


class Bucket(msgspec.Struct):
    """One minute of trades, for rolling figures."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    first: int
    last: int
    count: int

    def join(self, later: "Bucket") -> None:
        """Take in what followed."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.quote += later.quote
        self.last = later.last
        self.count += later.count


@dataclass
class Market:
    """One instrument's book, newest trades and last day by the minute."""

    bids: SortedDict = field(default_factory=SortedDict)
    asks: SortedDict = field(default_factory=SortedDict)
    update: int = 0
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=TRADES_KEPT))
    minutes: deque[Bucket] = field(default_factory=lambda: deque(maxlen=DAY_MINUTES + 1))
    windows: dict[int, tuple[int, Bucket | None]] = field(default_factory=dict)
    """By the minute that a window begins with: the newest minute, and all before it as one."""

    def note_level(self, side: int, price: int, quantity: int) -> None:
        """Set a level's quantity; 0 removes it."""
        levels = self.bids if side == Side.BUY else self.asks
        if quantity:
            levels[price] = quantity
        else:
            levels.pop(price, None)

    def note_trade(self, trade: Trade) -> None:
        """Take a trade into the newest trades and its minute."""
        self.trades.append(trade)
        minute = trade.time_us // MINUTE_US
        if not self.minutes or self.minutes[-1].minute != minute:
            p = trade.price
            self.minutes.append(Bucket(minute, p, p, p, p, 0, 0, trade.trade, trade.trade, 0))
        bucket = self.minutes[-1]
        bucket.high = max(bucket.high, trade.price)
        bucket.low = min(bucket.low, trade.price)
        bucket.close = trade.price
        bucket.volume += trade.quantity
        bucket.quote += trade.quote
        bucket.last = trade.trade
        bucket.count += 1

    def depth(self, limit: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the best bids and asks, best first, as price and quantity."""
        bids = [(p, self.bids[p]) for p in self.bids.islice(max(0, len(self.bids) - limit), reverse=True)]
        asks = [(p, self.asks[p]) for p in self.asks.islice(0, limit)]
        return bids, asks

    def last_minutes(self, count: int, now_us: int) -> list[Bucket]:
        """Return what was traded in the last minutes, oldest first, in as few buckets as `since`."""
        return self.since(now_us // MINUTE_US - count + 1)

    def since(self, minute: int) -> list[Bucket]:
        """Return what was traded from a minute on, oldest first: all that is over as one bucket, and the newest minute.

        What is over changes no more: a day is joined once a minute, and not for everybody who asks for it.
        """
        if not self.minutes or self.minutes[-1].minute < minute:
            return []
        newest = self.minutes[-1]
        known = self.windows.get(minute)
        if known is None or known[0] != newest.minute:
            joined: Bucket | None = None
            for bucket in self.minutes:
                if minute <= bucket.minute < newest.minute:
                    if joined is None:
                        joined = msgspec.structs.replace(bucket)
                    else:
                        joined.join(bucket)
            if len(self.windows) >= WINDOWS_KEPT:
                self.windows.clear()
            known = self.windows[minute] = newest.minute, joined
        return [newest] if known[1] is None else [known[1], newest]


Listener = Callable[[events.Event, int], None]


class MarketView:
    """Every market of the venue, and what is listed."""

    def __init__(self, listed: Listing) -> None:
        self.listing = listed
        self.markets: dict[int, Market] = {}
        self.cursor = 0
        self.is_loaded = False
        self.seen_at = 0.0

    def market(self, instrument: int) -> Market:
        """Return an instrument's market, empty when nothing has happened there."""
        market = self.markets.get(instrument)
        if market is None:
            market = self.markets[instrument] = Market()
        return market

    async def load(self, pool: Any) -> None:
        """Read the projection and its cursor as of one moment; what was read when it fails is forgotten."""
        listed, markets = Listing(), defaultdict[int, Market](Market)
        reading = {"isolation": "repeatable_read", "readonly": True}
        async with pool.acquire(LOAD_S) as connection, connection.transaction(**reading):
            cursor = await connection.fetchval("SELECT sequence FROM projection_history.cursor")
            seen = await read_listing(connection)
            listed.apply(seen)
            for row in await connection.fetch("SELECT * FROM projection_marketdata.book"):
                markets[row["instrument"]].update = row["update_id"]
            for row in await connection.fetch("SELECT * FROM projection_marketdata.level"):
                markets[row["instrument"]].note_level(row["side"], row["price"], int(row["quantity"]))
            since = (time.time_ns() // 1_000 // MINUTE_US - DAY_MINUTES) * MINUTE_US
            # One market at a time: all of thousands at once would fill the memory, and hold up what else this process does.
            for instrument in listed.instruments:
                market = markets[instrument]
                market.minutes.extend(bucket_of(row) for row in await connection.fetch(_MINUTES, instrument, since))
                trades = await connection.fetch(_TRADES, instrument, TRADES_KEPT)
                market.trades.extend(trade_of(row) for row in reversed(trades))
        # At once: nobody sees a book without its levels, and levels that go before the next try would never be told of.
        self.listing.apply(seen)
        self.markets, self.cursor, self.is_loaded = dict(markets), cursor, True

    async def follow(
        self,
        feed: Feed,
        listener: Callable[[CommittedBatch, list[events.Event]], None],
        heard: Callable[[], Set[int]] = lambda: KINDS,
    ) -> None:
        """Keep current until cancelled; each batch goes to the listener after it was taken in, with the events of the
        kinds that are heard now: most of a batch are orders and balances, which matter only while somebody listens.
        """
        async for batch in feed.follow(self.cursor):
            seen = list(events.decode(batch.events, KINDS | heard()))
            self.take(seen, batch.time_us)
            self.cursor = batch.last_sequence
            self.seen_at = time.monotonic()
            listener(batch, seen)

    async def wait(self, sequence: int) -> None:
        """Return once the view has seen a sequence."""
        while self.cursor < sequence:  # noqa: ASYNC110 - callers are few and bound the wait
            await asyncio.sleep(POLL_S)

    def take(self, seen: list[events.Event], time_us: int) -> None:
        """Fold events in."""
        for event in seen:
            match event:
                case events.LevelChanged():
                    market = self.market(event.instrument)
                    market.note_level(event.side, event.price, event.quantity)
                    market.update = event.update
                case events.Traded():
                    self.market(event.instrument).note_trade(
                        Trade(
                            event.trade,
                            event.aggregate,
                            event.price,
                            event.quantity,
                            event.quote,
                            time_us,
                            event.taker_side == Side.SELL,
                        )
                    )
                case _:
                    if event.kind in KINDS:
                        self.listing.apply((event,))


async def read_listing(connection: Any) -> list[events.Event]:
    """Return the events that make what is listed."""
    # Kinds ascend so that assets come before instruments, and definitions before their status.
    rows = await connection.fetch("SELECT kind, event FROM projection_marketdata.listing ORDER BY kind, key")
    return [event_of(row["kind"], row["event"]) for row in rows]


def event_of(kind: int, body: bytes) -> events.Event:
    """Return the event that a stored body makes, without a place in the journal."""
    return next(events.decode(EVENT_HEADER.pack(EVENT_HEADER.size + len(body), kind, VERSION, 0, 0) + body))


def bucket_of(row: Any) -> Bucket:
    """Return the minute in a row of candles."""
    return Bucket(
        row["open_us"] // MINUTE_US,
        row["open"],
        row["high"],
        row["low"],
        row["close"],
        int(row["volume"]),
        int(row["quote"]),
        row["first_trade"],
        row["last_trade"],
        row["count"],
    )


def trade_of(row: Any) -> Trade:
    """Return the trade in a row."""
    return Trade(
        row["trade"],
        row["aggregate"],
        row["price"],
        row["quantity"],
        int(row["quote"]),
        row["time_us"],
        row["buyer_is_maker"],
    )
