"""Recorded files are recognised, read exactly, and refused by name when they are something else."""

import gzip
from pathlib import Path

import pytest

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import Side
from openbourse.replay.formats import Execute, Place, Print, RecordError, Reduce, Remove, fitted, read_record

LOBSTER = "34200.013994120,1,11,18,5853300,1\n34200.2,2,11,8,5853300,1\n34200.3,4,11,4,5853300,1\n34200.4,5,0,4,5853300,1\n34200.5,3,11,6,5853300,1\n"
BITSTAMP = (
    "id,timestamp,exchange.timestamp,price,volume,action,direction\n"
    "7,1430438404518,1430438404000,236.47,200000000,created,bid\n"
    "7,1430438404635,1430438404000,236.47,178855669,changed,bid\n"
    "7,1430438404900,1430438404000,236.47,0,deleted,bid\n"
)
BINANCE = "1,60000.01,0.00100,60.00001,1700000000123,True,True\n2,60000.02,0.5,30000.01,1735689600000123,False,True\n"


def write(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.write_text(text)
    return path


def test_lobster_messages(tmp_path: Path) -> None:
    record = read_record(write(tmp_path, "MSFT_message_5.csv", LOBSTER))
    assert (record.form, record.base, record.rows) == ("LOBSTER messages", "MSFT", 5)
    time_us, price = 34_200_013_994, 585_33 * UNIT // 100
    assert list(record.steps()) == [
        Place(time_us, "11", Side.BUY, price, 18 * UNIT),
        Reduce(34_200_200_000, "11", 8 * UNIT, Side.BUY, price),
        Execute(34_200_300_000, "11", Side.BUY, price, 4 * UNIT),
        Remove(34_200_500_000, "11", Side.BUY, price, 6 * UNIT),
    ]


def test_bitstamp_events(tmp_path: Path) -> None:
    record = read_record(write(tmp_path, "day.csv", BITSTAMP))
    assert (record.form, record.rows) == ("Bitstamp order events", 3)
    price = 236_47 * UNIT // 100
    assert list(record.steps()) == [
        Place(1_430_438_404_518_000, "7", Side.BUY, price, 2 * UNIT),
        Remove(1_430_438_404_900_000, "7", Side.BUY, price, 0),
    ]


def test_binance_trades_in_both_time_units(tmp_path: Path) -> None:
    record = read_record(write(tmp_path, "BTCUSDT-trades-2025-01-01.csv", BINANCE))
    assert (record.base, record.quote, record.rows) == ("BTC", "USDT", 2)
    assert list(record.steps()) == [
        Print(1_700_000_000_123_000, "1", Side.SELL, 60_000_01 * UNIT // 100, UNIT // 1_000),
        Print(1_735_689_600_000_123, "2", Side.BUY, 60_000_02 * UNIT // 100, UNIT // 2),
    ]


def test_a_compressed_file_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "day.csv.gz"
    path.write_bytes(gzip.compress(BITSTAMP.encode()))
    assert len(list(read_record(path).steps())) == 2


@pytest.mark.parametrize("text", ["", "hello,world\n", "1,2,3,4,5,6\n", "a\n" * 5])
def test_something_else_is_refused_with_the_forms_that_are_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordError, match=r"LOBSTER|Bitstamp|Binance"):
        list(read_record(write(tmp_path, "x.csv", text)).steps())


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="line 6"):
        list(read_record(write(tmp_path, "MSFT_message_5.csv", LOBSTER + "x,1,1,1,1,1\n")).steps())


def test_quantities_are_cut_to_whole_lots_and_removals_are_kept(tmp_path: Path) -> None:
    lines = (
        BITSTAMP
        + "8,1430438404950,1430438404000,236.47,123456789,created,ask\n9,1430438404960,1,236.47,7,created,ask\n"
    )
    steps = list(fitted(read_record(write(tmp_path, "day.csv", lines)).steps(), 100))
    assert [step.quantity for step in steps] == [200_000_000, 0, 123_456_700]
