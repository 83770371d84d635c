"""What each market stream sends (binance-api.md section 5.2). Times are in the unit that the subscriber asked for."""

from collections.abc import Iterable, Mapping
from typing import Final

from openbourse.protocol.amounts import format_units
from openbourse.streams.markets import Levels, Shape

_MINI: Final = {
    "c": "lastPrice",
    "o": "openPrice",
    "h": "highPrice",
    "l": "lowPrice",
    "v": "volume",
    "q": "quoteVolume",
}
_WINDOW: Final = {
    "p": "priceChange", "P": "priceChangePercent", "o": "openPrice", "h": "highPrice", "l": "lowPrice",
    "c": "lastPrice", "w": "weightedAvgPrice", "v": "volume", "q": "quoteVolume",
}  # fmt: skip
_IDS: Final = {"F": "firstId", "L": "lastId", "n": "count"}
_DAY: Final = _WINDOW | {
    "x": "prevClosePrice", "Q": "lastQty", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty",
}  # fmt: skip


def levels(pairs: Levels | Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
    """Return price levels as text."""
    return [(format_units(price), format_units(quantity)) for price, quantity in pairs]


def trade(symbol: str, number: int, price: int, quantity: int, time_us: int, is_maker: bool, unit: int) -> Shape:
    """Return a trade."""
    return {
        "e": "trade",
        "E": time_us // unit,
        "s": symbol,
        "t": number,
        "p": format_units(price),
        "q": format_units(quantity),
        "T": time_us // unit,
        "m": is_maker,
        "M": True,
    }


def aggregate(
    symbol: str, number: int, first: int, last: int, price: int, quantity: int, time_us: int, is_maker: bool, unit: int
) -> Shape:
    """Return an aggregate of trades."""
    return {
        "e": "aggTrade",
        "E": time_us // unit,
        "s": symbol,
        "a": number,
        "p": format_units(price),
        "q": format_units(quantity),
        "f": first,
        "l": last,
        "T": time_us // unit,
        "m": is_maker,
        "M": True,
    }


def depth_update(
    symbol: str, first: int, last: int, bids: Mapping[int, int], asks: Mapping[int, int], now_us: int, unit: int
) -> Shape:
    """Return the levels that changed."""
    return {
        "e": "depthUpdate",
        "E": now_us // unit,
        "s": symbol,
        "U": first,
        "u": last,
        "b": levels(sorted(bids.items(), reverse=True)),
        "a": levels(sorted(asks.items())),
    }


def partial(update_id: int, bids: Levels, asks: Levels) -> Shape:
    """Return the best levels."""
    return {"lastUpdateId": update_id, "bids": levels(bids), "asks": levels(asks)}


def book_ticker(symbol: str, update_id: int, bids: Levels, asks: Levels) -> Shape:
    """Return the best of both sides."""
    bid, ask = bids[0] if bids else (0, 0), asks[0] if asks else (0, 0)
    return {
        "u": update_id,
        "s": symbol,
        "b": format_units(bid[0]),
        "B": format_units(bid[1]),
        "a": format_units(ask[0]),
        "A": format_units(ask[1]),
    }


def mini_ticker(symbol: str, figures: Mapping[str, object], now_us: int, unit: int) -> Shape:
    """Return the small 24 h ticker."""
    return {"e": "24hrMiniTicker", "E": now_us // unit, "s": symbol} | _pick(_MINI, figures)


def ticker(symbol: str, figures: Mapping[str, object], window: str, now_us: int, unit: int) -> Shape:
    """Return a ticker: of the day in full, or of a window."""
    shown: Shape = {"e": f"{window}Ticker" if window else "24hrTicker", "E": now_us // unit, "s": symbol}
    shown |= _pick(_WINDOW if window else _DAY, figures)
    for short, name in (("O", "openTime"), ("C", "closeTime")):
        moment = figures[name]
        assert isinstance(moment, int)
        shown[short] = moment * (1_000 // unit)
    return shown | _pick(_IDS, figures)


def average(symbol: str, price: int, last_us: int, now_us: int, unit: int) -> Shape:
    """Return the average price."""
    return {
        "e": "avgPrice",
        "E": now_us // unit,
        "s": symbol,
        "i": "5m",
        "w": format_units(price),
        "T": last_us // unit,
    }


def _pick(names: Mapping[str, str], figures: Mapping[str, object]) -> Shape:
    return {short: figures[name] for short, name in names.items()}
