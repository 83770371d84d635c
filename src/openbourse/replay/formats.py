"""Readers of recorded markets: each turns a file into steps in 1e-8 units, in the order recorded."""

import bz2
import csv
import gzip
import lzma
import zipfile
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO

import msgspec

from openbourse.protocol.amounts import UNIT, AmountError, parse_units
from openbourse.protocol.instruments import Side

LOBSTER_PRICE: Final = UNIT // 10_000
"""LOBSTER writes prices times 10,000."""


class RecordError(ValueError):
    """A file that is not a recorded market of a known form; the message says where and what to do."""


class Place(msgspec.Struct, frozen=True):
    """A limit order that came in, under the record's own key."""

    time_us: int
    key: str
    side: Side
    price: int
    quantity: int


class Reduce(msgspec.Struct, frozen=True):
    """A resting order lost quantity by its owner's will."""

    time_us: int
    key: str
    quantity: int
    side: Side
    price: int


class Remove(msgspec.Struct, frozen=True):
    """An order left the book: what was left of it is canceled."""

    time_us: int
    key: str
    side: Side
    price: int
    quantity: int
    """What the record says was left; 0: it was filled, cancel only if it still rests."""


class Execute(msgspec.Struct, frozen=True):
    """A resting order (side: its side) was hit for a quantity."""

    time_us: int
    key: str
    side: Side
    price: int
    quantity: int


class Print(msgspec.Struct, frozen=True):
    """A trade of which only the print is known; side: the taker's."""

    time_us: int
    key: str
    side: Side
    price: int
    quantity: int


Step = Place | Reduce | Remove | Execute | Print
Levels = tuple[tuple[int, int], ...]


class Record(msgspec.Struct, frozen=True):
    """A recorded market: its form, how many steps about, and the steps."""

    form: str
    base: str
    quote: str
    rows: int
    steps: Callable[[], Iterator[Step]]


def fitted(steps: Iterator[Step], lot: int) -> Iterator[Step]:
    """Yield the steps with quantities cut down to whole lots; an order of less than one lot is left out."""
    for step in steps:
        if step.quantity % lot == 0:
            yield step
        elif step.quantity >= lot or isinstance(step, Remove):
            yield msgspec.structs.replace(step, quantity=step.quantity // lot * lot)


def open_text(path: Path) -> TextIO:
    """Open a plain or compressed (gz, xz, bz2, zip with one member) text file."""
    match path.suffix:
        case ".gz":
            return gzip.open(path, "rt", newline="")
        case ".xz":
            return lzma.open(path, "rt", newline="")
        case ".bz2":
            return bz2.open(path, "rt", newline="")
        case ".zip":
            archive = zipfile.ZipFile(path)
            names = archive.namelist()
            if len(names) != 1:
                raise RecordError(f"{path.name}: a zip with exactly one file is needed, this one has {len(names)}")
            return TextIOWrapper(archive.open(names[0]), newline="")
        case _:
            return path.open(newline="")


def read_record(path: Path) -> Record:
    """Recognise a file by its first line and return its record. Raises RecordError."""
    try:
        with open_text(path) as lines:
            first = lines.readline().strip()
            rows = sum(1 for _ in lines) + 1
    except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError, zipfile.BadZipFile) as fault:
        raise RecordError(f"{path}: cannot be read as text: {fault}") from fault
    columns = first.split(",")
    if columns[:4] == ["id", "timestamp", "exchange.timestamp", "price"]:
        return Record("Bitstamp order events", "BTC", "USD", rows - 1, lambda: bitstamp(path))
    if len(columns) == 6 and columns[1] in set("1234567") and columns[5] in ("1", "-1"):
        base = path.name.split("_", 1)[0].upper()
        return Record("LOBSTER messages", base if base.isalnum() else "STOCK", "USD", rows, lambda: lobster(path))
    if len(columns) in (6, 7) and columns[-1] in ("True", "False", "true", "false", "isBestMatch", "best_match"):
        header = not columns[0].isdigit()
        base, quote = pair_of(path.name)
        return Record("Binance trades", base, quote, rows - header, lambda: binance_trades(path))
    raise RecordError(
        f"{path}: not a LOBSTER message file, a Bitstamp order-event file or a Binance trades CSV (first line: {first[:80]!r})"
    )


def pair_of(name: str) -> tuple[str, str]:
    """Return base and quote of a Binance file name such as BTCUSDT-trades-2024-01-01.csv."""
    symbol = name.split("-", 1)[0].upper()
    for quote in ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB"):
        if symbol.endswith(quote) and symbol != quote:
            return symbol[: -len(quote)], quote
    return "BTC", "USDT"


def lobster(path: Path) -> Iterator[Step]:
    """Yield the steps of a LOBSTER message file: sizes are whole shares, hidden executions and halts are passed over."""
    with open_text(path) as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            try:
                seconds, kind, key, size, price, direction = row
                whole, _, fraction = seconds.partition(".")
                time_us = int(whole) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
                side = Side.BUY if direction == "1" else Side.SELL
                units, quantity = int(price) * LOBSTER_PRICE, int(size) * UNIT
            except (ValueError, AmountError) as fault:
                raise RecordError(f"{path.name}, line {number}: not a LOBSTER message") from fault
            match kind:
                case "1":
                    yield Place(time_us, key, side, units, quantity)
                case "2":
                    yield Reduce(time_us, key, quantity, side, units)
                case "3":
                    yield Remove(time_us, key, side, units, quantity)
                case "4":
                    yield Execute(time_us, key, side, units, quantity)
                case "5" | "6" | "7":
                    continue
                case _:
                    raise RecordError(f"{path.name}, line {number}: unknown LOBSTER message type {kind!r}")


def lobster_book(path: Path) -> Iterator[tuple[Levels, Levels]]:
    """Yield (asks, bids) after each message of the order-book file beside a message file; levels are (price, quantity)."""
    with open_text(path) as lines:
        for row in csv.reader(lines):
            numbers = [int(value) for value in row]
            asks = tuple(zip(numbers[0::4], numbers[1::4], strict=True))
            bids = tuple(zip(numbers[2::4], numbers[3::4], strict=True))
            yield tuple(map(_level, asks)), tuple(map(_level, bids))


def _level(level: tuple[int, int]) -> tuple[int, int]:
    return level[0] * LOBSTER_PRICE, level[1] * UNIT


def bitstamp(path: Path) -> Iterator[Step]:
    """Yield the steps of a Bitstamp order-event file.

    A change of volume is the trace of a fill, which the venue's own matching makes again, so changes are passed over.
    """
    with open_text(path) as lines:
        rows = csv.reader(lines)
        next(rows)
        for number, row in enumerate(rows, 2):
            try:
                key, local_ms, _, price, volume, action, direction = row
                time_us, units, quantity = int(local_ms) * 1_000, parse_units(price), int(volume)
            except (ValueError, AmountError) as fault:
                raise RecordError(f"{path.name}, line {number}: not a Bitstamp order event") from fault
            side = Side.BUY if direction == "bid" else Side.SELL
            if action == "created":
                yield Place(time_us, key, side, units, quantity)
            elif action == "deleted":
                yield Remove(time_us, key, side, units, quantity)


def binance_trades(path: Path) -> Iterator[Step]:
    """Yield a print for each row of Binance's public trades CSV (id, price, qty, quoteQty, time, isBuyerMaker[, isBestMatch])."""
    with open_text(path) as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            if number == 1 and not row[0].isdigit():
                continue
            try:
                key, price, quantity, _, stamp, buyer_is_maker = row[:6]
                # Files since 2025 carry microseconds, older ones milliseconds.
                time_us = int(stamp) if len(stamp) > 13 else int(stamp) * 1_000
                side = Side.SELL if buyer_is_maker.lower() == "true" else Side.BUY
                yield Print(time_us, key, side, parse_units(price), parse_units(quantity))
            except (ValueError, AmountError) as fault:
                raise RecordError(f"{path.name}, line {number}: not a Binance trade") from fault
