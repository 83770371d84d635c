"""A day's candles as Binance publishes them: names, columns, checksum, and the same bytes whoever writes them."""

import hashlib
import io
import zipfile
from datetime import date

from openbourse.marketdata.candles import Candle
from openbourse.marketdata.files import candle_files

DAY = date(2026, 11, 24)
AT_MS = 1_795_478_400_000
ROW: Candle = [AT_MS, "5.0", "6.0", "4.0", "5.5", "7.0", AT_MS + 59_999, "35.0", 3, "1.0", "5.0", "0"]


def test_an_archive_of_one_table_and_its_checksum() -> None:
    files = candle_files("BTCUSDT", DAY, [ROW, ROW])
    archive, checksum = files
    assert archive == "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2026-11-24.zip"
    assert checksum == f"{archive}.CHECKSUM"
    digest = hashlib.sha256(files[archive]).hexdigest()
    assert files[checksum] == f"{digest}  BTCUSDT-1m-2026-11-24.zip\n".encode()
    with zipfile.ZipFile(io.BytesIO(files[archive])) as held:
        assert held.namelist() == ["BTCUSDT-1m-2026-11-24.csv"]
        text = held.read("BTCUSDT-1m-2026-11-24.csv").decode()
    line = "1795478400000000,5.0,6.0,4.0,5.5,7.0,1795478459999999,35.0,3,1.0,5.0,0"
    assert text == f"{line}\n{line}\n"


def test_nothing_of_the_moment_is_in_it() -> None:
    assert candle_files("BTCUSDT", DAY, [ROW]) == candle_files("BTCUSDT", DAY, [ROW])
    [body, _] = candle_files("BTCUSDT", DAY, [ROW]).values()
    # A number that holds for all zlibs: nothing is deflated, and the archive's own clock stands still.
    assert hashlib.sha256(body).hexdigest()[:16] == "11db76ea1181ce9b"
