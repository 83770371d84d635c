"""Names of streams: `btcusdt@depth@100ms` and what it stands for."""

import re
from typing import Final

import msgspec

INTERVALS: Final = frozenset(
    ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"]
)
WINDOWS: Final = {"1h": 60, "4h": 240, "1d": 1_440}
_NAME: Final = re.compile(r"([a-z0-9\-_.]{1,20})@([A-Za-z]+)(?:_?(\w+))?(?:@([+\w:\-]+))?")


class Topic(msgspec.Struct, frozen=True):
    """What a stream carries."""

    kind: str
    symbol: str = ""
    """In capitals; empty: every symbol."""
    detail: str = ""
    """An interval, a window or a number of levels."""
    fast: bool = False
    """Every 100 ms instead of every second."""


def parse(name: str) -> Topic | None:
    """Return what a name stands for; None for one that no stream has."""
    if name.startswith("!"):
        return _of_all(name)
    matched = _NAME.fullmatch(name)
    if matched is None:
        return None
    symbol, kind, detail, suffix = matched[1].upper(), matched[2], matched[3] or "", matched[4]
    match kind:
        case "trade" | "aggTrade" | "bookTicker" | "miniTicker" | "avgPrice" | "blockTrade" | "referencePrice":
            return Topic(kind, symbol) if not detail and suffix is None else None
        case "ticker":
            if suffix is not None or (detail and detail not in WINDOWS):
                return None
            return Topic("ticker", symbol, detail)
        case "kline":
            if detail not in INTERVALS or suffix not in (None, "+08:00"):
                return None
            return Topic("kline", symbol, detail + ("@+08:00" if suffix else ""))
        case "depth":
            if detail not in ("", "5", "10", "20") or suffix not in (None, "100ms", "1000ms"):
                return None
            return Topic("partial" if detail else "depth", symbol, detail, suffix == "100ms")
    return None


def _of_all(name: str) -> Topic | None:
    if name == "!bookTicker":
        return Topic("bookTicker")
    matched = re.fullmatch(r"!(miniTicker|ticker)(?:_(1h|4h|1d))?@arr(?:@[0-9]{1,5}ms)?", name)
    if matched is None or (matched[1] == "miniTicker" and matched[2]):
        return None
    return Topic(matched[1], "", matched[2] or "")
