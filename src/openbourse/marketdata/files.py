"""A day's candles as files that anyone may have, named and written as Binance publishes its own."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from openbourse.edge.listing import Listing
from openbourse.marketdata.bars import BarStore
from openbourse.marketdata.candles import Candle, fold

FOLDER: Final = "data/spot/daily/klines"
INTERVAL: Final = "1m"
SECONDS: Final = 60
CANDLES_MAX: Final = 1_440
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


async def day_files(connection: Any, listing: Listing, day: date, bounds_us: tuple[int, int]) -> dict[str, bytes]:
    """Return the files of a day by key, for every instrument that has ever traded by its end."""
    store, since, until = BarStore(connection), bounds_us[0], bounds_us[1] - 1
    found: dict[str, bytes] = {}
    for number, image in sorted(listing.instruments.items()):
        bars = await store.between(number, SECONDS, since, until, CANDLES_MAX)
        candles = fold(INTERVAL, bars, since, until, CANDLES_MAX, await store.close_before(number, SECONDS, since))
        if candles:
            found |= candle_files(image.symbol, day, candles)
    return found


def candle_files(symbol: str, day: date, candles: Sequence[Candle]) -> dict[str, bytes]:
    """Return an instrument's archive of one table, times in µs and no heading, and the archive's checksum."""
    rows: Sequence[Any] = candles
    lines = (",".join(map(str, (row[0] * 1_000, *row[1:6], row[6] * 1_000 + 999, *row[7:]))) for row in rows)
    name = f"{symbol}-{INTERVAL}-{day.isoformat()}"
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        # Stored as it is: two machines' compressions differ in bytes, and what is there already must be the same.
        archive.writestr(zipfile.ZipInfo(f"{name}.csv", _EPOCH), "".join(f"{line}\n" for line in lines))
    body, key = held.getvalue(), f"{FOLDER}/{symbol}/{INTERVAL}/{name}.zip"
    return {key: body, f"{key}.CHECKSUM": f"{hashlib.sha256(body).hexdigest()}  {name}.zip\n".encode()}
