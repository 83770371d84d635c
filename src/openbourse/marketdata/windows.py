"""What was traded in a window of minutes: the last day from memory, what is older from stored bars."""

import re
from collections.abc import Sequence
from typing import Final

from openbourse.edge.errors import ApiError
from openbourse.edge.params import Params
from openbourse.marketdata.bars import Bar, BarStore, spans
from openbourse.marketdata.view import DAY_MINUTES, MINUTE_US, Bucket, MarketView

SYMBOLS_MAX: Final = 100
SYMBOL_WEIGHT: Final = 4
WEIGHT_MAX: Final = 200
MINUTES: Final = {"m": 1, "h": 60, "d": DAY_MINUTES}
_SIZE: Final = re.compile(r"(?:[1-9]|[1-5][0-9])m|(?:[1-9]|1[0-9]|2[0-3])h|[1-7]d", re.ASCII)


def minutes_of(params: Params) -> int:
    """Return the length of `windowSize`: 1m to 59m, 1h to 23h, 1d to 7d; a day without one. -1130 for any other."""
    size = params.optional("windowSize") or "1d"
    if _SIZE.fullmatch(size) is None:
        raise ApiError(-1130, "Data sent for parameter 'windowSize' is not valid.")
    return int(size[:-1]) * MINUTES[size[-1]]


def require_symbols(params: Params) -> None:
    """Refuse what names no symbol, or too many. -1102, -1101."""
    names = params.symbols()
    if names is None and not params.get("symbol"):
        raise ApiError(-1102, "Param 'symbol' or 'symbols' must be sent, but both were empty/null!")
    if names is not None and len(names) > SYMBOLS_MAX:
        raise ApiError(-1101, f"Too many parameters; expected '{SYMBOLS_MAX}' and received '{len(names)}'.")


def weight(params: Params) -> int:
    """Return what a request costs: so much a symbol, up to a most."""
    return min(SYMBOL_WEIGHT * max(1, len(params.symbols() or ())), WEIGHT_MAX)


async def traded(
    view: MarketView, store: BarStore, instruments: Sequence[int], opened_us: int, now_us: int
) -> dict[int, list[Bucket | Bar]]:
    """Return what each instrument traded since a whole minute, oldest first."""
    held_us = (now_us // MINUTE_US - DAY_MINUTES) * MINUTE_US
    since = max(opened_us, held_us) // MINUTE_US
    # Before the database is asked: a minute that ends meanwhile pushes the oldest out of memory.
    found: dict[int, list[Bucket | Bar]] = {number: [*view.market(number).since(since)] for number in instruments}
    if opened_us < held_us:
        older = await store.joined(instruments, spans(opened_us, held_us))
        for number in instruments:
            found[number][:0] = older[number]
    return found
