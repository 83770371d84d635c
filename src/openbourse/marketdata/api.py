"""Public questions about markets."""

import time
from collections.abc import Callable
from typing import Final

from openbourse.edge.errors import ApiError
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Handler, Operation
from openbourse.edge.params import Params
from openbourse.marketdata import tickers, windows
from openbourse.marketdata.bars import BarStore, length_for
from openbourse.marketdata.candles import INTERVALS, bars_for, fold, next_open, open_of
from openbourse.marketdata.trades import Aggregate, TradeStore, aggregated
from openbourse.marketdata.view import MINUTE_US, TRADES_KEPT, MarketView, Trade
from openbourse.marketdata.zones import east_of
from openbourse.protocol.amounts import format_units
from openbourse.protocol.instruments import Instrument, InstrumentStatus

Shape = dict[str, object]
Weight = int | Callable[[Params], int]
DEPTH_WEIGHTS: Final = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))


def operations(view: MarketView, store: TradeStore, bars: BarStore) -> list[Operation]:
    """Return the operations."""
    api = _Api(view, store, bars)
    one, many = frozenset({"symbol"}), frozenset({"symbol", "symbols", "symbolStatus"})
    aggregates = one | {"fromId", "startTime", "endTime", "limit"}
    candles = one | {"interval", "startTime", "endTime", "timeZone", "limit"}

    def get(path: str, socket: str, handler: Handler, names: frozenset[str], weight: Weight) -> Operation:
        return Operation(
            rest=("GET", f"/api/v3/{path}"), socket=socket, handler=handler, parameters=names, weight=weight
        )

    return [
        get("depth", "depth", api.depth, one | {"limit", "symbolStatus"}, _depth_weight),
        get("trades", "trades.recent", api.trades, one | {"limit"}, 25),
        get("historicalTrades", "trades.historical", api.historical, one | {"limit", "fromId"}, 25),
        get("aggTrades", "trades.aggregate", api.aggregates, aggregates, 4),
        get("klines", "klines", api.klines, candles, 2),
        get("uiKlines", "uiKlines", api.klines, candles, 2),
        get("avgPrice", "avgPrice", api.average, one, 2),
        get("ticker/24hr", "ticker.24hr", api.day, many | {"type"}, _day_weight),
        get("ticker/tradingDay", "ticker.tradingDay", api.trading_day, many | {"type", "timeZone"}, windows.weight),
        get("ticker", "ticker", api.window, many | {"type", "windowSize"}, windows.weight),
        get("ticker/price", "ticker.price", api.price, many, _pair_weight),
        get("ticker/bookTicker", "ticker.book", api.book, many, _pair_weight),
        get("referencePrice", "referencePrice", api.reference, one, 2),
        get("referencePrice/calculation", "referencePrice.calculation", api.reference, one | {"symbolStatus"}, 2),
        get("historicalBlockTrades", "blockTrades.historical", api.block_trades, one | {"fromId", "limit"}, 25),
    ]


class _Api:
    def __init__(self, view: MarketView, store: TradeStore, bars: BarStore) -> None:
        self._bars = bars
        self._view = view
        self._store = store

    @property
    def _listing(self) -> Listing:
        return self._view.listing

    async def depth(self, call: Call) -> object:
        image = self._asked(call.params)
        market = self._view.market(image.instrument)
        bids, asks = market.depth(call.params.limit(100, 5_000))
        return {
            "lastUpdateId": market.update,
            "bids": [(format_units(p), format_units(q)) for p, q in bids],
            "asks": [(format_units(p), format_units(q)) for p, q in asks],
        }

    async def trades(self, call: Call) -> object:
        image = self._listing.find(call.params.symbol())
        limit = call.params.limit(500, 1_000)
        return [_trade(trade, call) for trade in list(self._view.market(image.instrument).trades)[-limit:]]

    async def historical(self, call: Call) -> object:
        if "fromId" not in call.params:
            return await self.trades(call)
        image = self._listing.find(call.params.symbol())
        from_id, limit = call.params.integer("fromId"), call.params.limit(500, 1_000)
        rows = await self._store.by_id(image.instrument, from_id, limit)
        return [_trade(trade, call) for trade in rows]

    async def aggregates(self, call: Call) -> object:
        params = call.params
        image = self._listing.find(params.symbol())
        limit = params.limit(500, 1_000)
        number = image.instrument
        if "fromId" in params:
            found = await self._store.aggregates_by_id(number, params.integer("fromId"), limit)
        elif "startTime" in params or "endTime" in params:
            until = params.moment("endTime") or time.time_ns() // 1_000
            since = params.moment("startTime")
            found = await self._store.aggregates_between(number, since or 0, until, limit, is_newest=since is None)
        else:
            found = (await self._newest(number))[-limit:]
        return [_aggregate(each, call) for each in found]

    async def _newest(self, instrument: int) -> list[Aggregate]:
        """Return the aggregates whose trades are remembered, whole."""
        trades = list(self._view.market(instrument).trades)
        found = aggregated(trades)
        if len(trades) < TRADES_KEPT:
            return found
        # Of the oldest some trades may be forgotten.
        return found[1:] or [await self._store.aggregate(instrument, found[0].aggregate) or found[0]]

    async def klines(self, call: Call) -> object:
        params = call.params
        image = self._listing.find(params.symbol())
        interval = params.text("interval")
        if interval not in INTERVALS:
            raise ApiError(-1120, "Invalid interval.")
        east = east_of(params)
        limit = params.limit(500, 1_000)
        now = time.time_ns() // 1_000
        until = min(params.moment("endTime") or now, now)
        since = params.moment("startTime")
        is_newest = since is None
        if since is None:
            length = (INTERVALS[interval] or 31 * 86_400) * 1_000_000
            since = max(0, open_of(interval, until, east) - (limit - 1) * length)
        kept = length_for(INTERVALS[interval], east)
        # By when they open: who asks on from a millisecond after the last one's must not get that one again.
        opened = open_of(interval, since, east)
        since = opened if is_newest or opened == since else next_open(interval, opened, east)
        close = await self._bars.close_before(image.instrument, kept, since)
        if not close:
            # Candles begin with the first trade: what lies before it is no reason to look far.
            since = open_of(interval, await self._bars.first_open(image.instrument, kept, since) or now, east)
        bars = await bars_for(self._bars, image.instrument, interval, since, until, limit + 1, east)
        rows = fold(interval, bars, since, until, 1_000, close, call.time_unit, east)
        return rows[-limit:] if is_newest else rows[:limit]

    async def average(self, call: Call) -> object:
        image = self._listing.find(call.params.symbol())
        market = self._view.market(image.instrument)
        minutes = image.average_minutes or 5
        last = market.trades[-1] if market.trades else None
        price = tickers.average(market.last_minutes(minutes, time.time_ns() // 1_000)) or (last.price if last else 0)
        shown = call.time(last.time_us if last else 0)
        return {"mins": minutes, "price": format_units(price), "closeTime": shown}

    async def day(self, call: Call) -> object:
        is_full = _is_full(call.params)
        now = time.time_ns() // 1_000

        def show(image: Instrument) -> Shape:
            market = self._view.market(image.instrument)
            if is_full:
                return tickers.day(image.symbol, market, now, call.time_unit)
            return tickers.rolling(image.symbol, market, 1_440, now, False, call.time_unit)

        return _shown(call.params, [show(image) for image in self._several(call.params)])

    async def trading_day(self, call: Call) -> object:
        now = time.time_ns() // 1_000
        opened = open_of("1d", now, east_of(call.params))
        return await self._window(call, now, opened, call.time(next_open("1d", opened)) - 1)

    async def window(self, call: Call) -> object:
        now = time.time_ns() // 1_000
        opened = (now // MINUTE_US - windows.minutes_of(call.params)) * MINUTE_US
        return await self._window(call, now, opened, call.time(now))

    async def _window(self, call: Call, now: int, opened: int, closed: int) -> object:
        windows.require_symbols(call.params)
        is_full, images = _is_full(call.params), self._several(call.params)
        found = await windows.traded(self._view, self._bars, [image.instrument for image in images], opened, now)
        times = call.time(opened), closed
        shapes = [tickers.figures(image.symbol, found[image.instrument], *times, is_full) for image in images]
        return _shown(call.params, shapes)

    async def reference(self, call: Call) -> object:
        self._asked(call.params)
        raise ApiError(-2043, "This symbol doesn't have a reference price.")

    async def block_trades(self, call: Call) -> object:
        self._listing.find(call.params.symbol())
        call.params.integer("fromId")
        call.params.limit(500, 1_000)
        # Every trade of this venue is one of its book: of the others there are none.
        return []

    async def price(self, call: Call) -> object:
        def show(image: Instrument) -> Shape:
            trades = self._view.market(image.instrument).trades
            return {"symbol": image.symbol, "price": format_units(trades[-1].price if trades else 0)}

        return _shown(call.params, [show(image) for image in self._several(call.params)])

    async def book(self, call: Call) -> object:
        def show(image: Instrument) -> Shape:
            bid, bid_quantity, ask, ask_quantity = tickers.best(self._view.market(image.instrument))
            return {
                "symbol": image.symbol,
                "bidPrice": format_units(bid),
                "bidQty": format_units(bid_quantity),
                "askPrice": format_units(ask),
                "askQty": format_units(ask_quantity),
            }

        return _shown(call.params, [show(image) for image in self._several(call.params)])

    def _asked(self, params: Params) -> Instrument:
        """Return the instrument of `symbol`. -1220 when its status is not the one asked for."""
        status = _status(params)
        image = self._listing.find(params.symbol())
        if status is not None and image.status != status:
            raise ApiError(-1220, "The symbol's status does not match the requested symbolStatus.")
        return image

    def _several(self, params: Params) -> list[Instrument]:
        """Return the instruments of `symbol`, of `symbols`, or all of them."""
        if "symbol" in params and "symbols" in params:
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        if "symbol" in params:
            return [self._asked(params)]
        status, names = _status(params), params.symbols()
        images = self._listing.every() if names is None else [self._listing.find(name) for name in names]
        return [image for image in images if status is None or image.status == status]


def _shown(params: Params, shapes: list[Shape]) -> object:
    """Return what one symbol asked for alone, or a list."""
    return shapes[0] if "symbol" in params else shapes


def _is_full(params: Params) -> bool:
    kind = params.get("type", "FULL")
    if kind not in ("FULL", "MINI"):
        raise ApiError(-1139, "Invalid ticker type.")
    return kind == "FULL"


def _status(params: Params) -> InstrumentStatus | None:
    return params.choice("symbolStatus", InstrumentStatus, -1122, "Invalid symbolStatus.")


def _trade(trade: Trade, call: Call) -> Shape:
    return {
        "id": trade.trade,
        "price": format_units(trade.price),
        "qty": format_units(trade.quantity),
        "quoteQty": format_units(trade.quote),
        "time": call.time(trade.time_us),
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def _aggregate(each: Aggregate, call: Call) -> Shape:
    return {
        "a": each.aggregate,
        "p": format_units(each.price),
        "q": format_units(each.quantity),
        "f": each.first,
        "l": each.last,
        "T": call.time(each.time_us),
        "m": each.buyer_is_maker,
        "M": True,
    }


def _depth_weight(params: Params) -> int:
    limit = params.limit(100, 5_000)
    return next(weight for most, weight in DEPTH_WEIGHTS if limit <= most)


def _day_weight(params: Params) -> int:
    if "symbol" in params:
        return 2
    names = params.symbols()
    return 80 if names is None or len(names) > 100 else 40 if len(names) > 20 else 2


def _pair_weight(params: Params) -> int:
    return 2 if "symbol" in params else 4
