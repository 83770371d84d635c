"""Rolling figures from minutes of trades."""

from collections.abc import Sequence
from typing import Final

from openbourse.marketdata.bars import Bar
from openbourse.marketdata.view import MINUTE_US, Bucket, Market
from openbourse.protocol.amounts import UNIT, format_units

MILLISECOND_US: Final = 1_000
Shape = dict[str, object]


def figures(symbol: str, traded: Sequence[Bucket | Bar], opened: int, closed: int, is_full: bool) -> Shape:
    """Return the fields that every ticker has, of what was traded between two times as the client is to see them."""
    first, last = (traded[0].open, traded[-1].close) if traded else (0, 0)
    volume = sum(each.volume for each in traded)
    quote = sum(each.quote for each in traded)
    shown: Shape = {"symbol": symbol}
    if is_full:
        shown |= {
            "priceChange": format_units(last - first),
            "priceChangePercent": percent(last - first, first),
            "weightedAvgPrice": format_units(quote * UNIT // volume if volume else 0),
        }
    shown |= {
        "openPrice": format_units(first),
        "highPrice": format_units(max((each.high for each in traded), default=0)),
        "lowPrice": format_units(min((each.low for each in traded), default=0)),
        "lastPrice": format_units(last),
        "volume": format_units(volume),
        "quoteVolume": format_units(quote),
        "openTime": opened,
        "closeTime": closed,
        "firstId": traded[0].first if traded else -1,
        "lastId": traded[-1].last if traded else -1,
        "count": sum(each.count for each in traded),
    }
    return shown


def rolling(symbol: str, market: Market, minutes: int, now_us: int, is_full: bool, unit: int = MILLISECOND_US) -> Shape:
    """Return ticker fields over the last minutes, times in a unit of so many microseconds."""
    opened = (now_us - minutes * MINUTE_US) // unit
    return figures(symbol, market.last_minutes(minutes, now_us), opened, now_us // unit, is_full)


def best(market: Market) -> tuple[int, int, int, int]:
    """Return best bid price and quantity, best ask price and quantity; zeros where a side is empty."""
    bids, asks = market.depth(1)
    return (*(bids[0] if bids else (0, 0)), *(asks[0] if asks else (0, 0)))


def day(symbol: str, market: Market, now_us: int, unit: int = MILLISECOND_US) -> Shape:
    """Return the 24 h ticker in full."""
    bid, bid_quantity, ask, ask_quantity = best(market)
    last = market.trades[-1] if market.trades else None
    shown = rolling(symbol, market, 1_440, now_us, True, unit)
    return shown | {
        "prevClosePrice": shown["openPrice"],
        "lastQty": format_units(last.quantity if last else 0),
        "bidPrice": format_units(bid),
        "bidQty": format_units(bid_quantity),
        "askPrice": format_units(ask),
        "askQty": format_units(ask_quantity),
    }


def percent(change: int, base: int) -> str:
    """Return a change in percent of a base with three decimals."""
    if not base:
        return "0.000"
    thousandths = abs(change) * 100_000 // base
    return f"{'-' if change < 0 else ''}{thousandths // 1_000}.{thousandths % 1_000:03d}"


def average(buckets: list[Bucket]) -> int:
    """Return the volume-weighted price of some minutes, 0 without trades."""
    volume = sum(bucket.volume for bucket in buckets)
    return sum(bucket.quote for bucket in buckets) * UNIT // volume if volume else 0
