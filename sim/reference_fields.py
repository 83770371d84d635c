"""Fields of fixed layouts: each layout is written as docs/engine.md writes it, and read by one small class.

A field is a type and a name; `1-3` after an integer's name is the range it must lie in, `0-4|255` several ranges,
and after a text's name the lengths it may have. Nothing here is shared with src/openbourse/protocol on purpose.
"""

from collections.abc import Mapping
from operator import itemgetter
from struct import Struct
from typing import Any, Final

from sim.reference_record import Record

_SIZES: Final = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i32": "i", "i64": "q", "i128": "16s", "bytes32": "32s"}
PRINTABLE: Final = frozenset(range(0x21, 0x7F))


class Malformed(ValueError):
    """Bytes that do not follow their layout."""


def numbers(text: str) -> frozenset[int]:
    """Return the numbers that `0-4|255` names."""
    allowed: set[int] = set()
    for part in text.split("|"):
        low, _, high = part.partition("-")
        allowed.update(range(int(low), int(high or low) + 1))
    return frozenset(allowed)


class Part:
    """Some fields of a layout."""

    names: list[str]

    def read(self, data: bytes, at: int, into: dict[str, Any]) -> int:
        """Add the fields that begin at an offset; return the offset after them. Raises Malformed."""
        raise NotImplementedError

    def write(self, values: Mapping[str, Any]) -> bytes:
        """Return the bytes of the fields."""
        raise NotImplementedError


class Run(Part):
    """Fields of fixed size, one after the other."""

    def __init__(self, fields: list[list[str]]) -> None:
        self.names = [field[1] for field in fields]
        self.pick = itemgetter(*self.names)
        self.struct = Struct("<" + "".join(_SIZES[field[0]] for field in fields))
        self.size = self.struct.size
        self.wide = [place for place, field in enumerate(fields) if field[0] == "i128"]
        self.allowed = [(field[1], numbers(field[2])) for field in fields if len(field) > 2]

    def read(self, data: bytes, at: int, into: dict[str, Any]) -> int:
        if at + self.size > len(data):
            raise Malformed("too short")
        values = list(self.struct.unpack_from(data, at))
        for place in self.wide:
            values[place] = int.from_bytes(values[place], "little", signed=True)
        for place, name in enumerate(self.names):
            into[name] = values[place]
        for name, allowed in self.allowed:
            if into[name] not in allowed:
                raise Malformed(name)
        return at + self.size

    def write(self, values: Mapping[str, Any]) -> bytes:
        # One name alone gives its bare value.
        row = list(self.pick(values)) if len(self.names) > 1 else [self.pick(values)]
        for place in self.wide:
            row[place] = row[place].to_bytes(16, "little", signed=True)
        return self.struct.pack(*row)


class Text(Part):
    """A length byte and that many bytes of printable ASCII."""

    def __init__(self, name: str, lengths: str) -> None:
        self.name = name
        self.names = [name]
        self.lengths = numbers(lengths)

    def read(self, data: bytes, at: int, into: dict[str, Any]) -> int:
        if at >= len(data):
            raise Malformed("too short")
        end = at + 1 + data[at]
        text = data[at + 1 : end]
        if end > len(data) or len(text) not in self.lengths or not PRINTABLE.issuperset(text):
            raise Malformed(self.name)
        into[self.name] = text
        return end

    def write(self, values: Mapping[str, Any]) -> bytes:
        text: bytes = values[self.name]
        return bytes([len(text)]) + text


def parts_of(text: str) -> list[Part]:
    """Return the parts that a layout's text names."""
    parts: list[Part] = []
    run: list[list[str]] = []
    for field in [field.split() for field in text.split(",") if field.strip()]:
        if field[0] == "str":
            parts += [Run(run), Text(field[1], field[2])] if run else [Text(field[1], field[2])]
            run = []
        else:
            run.append(field)
    if run:
        parts.append(Run(run))
    return parts


class Layout:
    """Fields in order, read from and written to bytes: given as text, and what text cannot say as parts."""

    def __init__(self, *given: str | Part) -> None:
        self.parts: list[Part] = []
        for one in given:
            self.parts += parts_of(one) if isinstance(one, str) else [one]
        self.names = [name for part in self.parts for name in part.names]

    def read(self, data: bytes, at: int = 0) -> tuple[Record, int]:
        """Return the fields that begin at an offset, and the offset after them. Raises Malformed."""
        values: dict[str, Any] = {}
        for part in self.parts:
            at = part.read(data, at, values)
        return Record(**values), at

    def write(self, values: Mapping[str, Any]) -> bytes:
        """Return the bytes of the fields."""
        if len(self.parts) == 1:
            return self.parts[0].write(values)
        return b"".join([part.write(values) for part in self.parts])


class Repeated(Part):
    """A u8 count and that many rows of one layout."""

    def __init__(self, name: str, row: Layout) -> None:
        self.name = name
        self.names = [name]
        self.row = row

    def read(self, data: bytes, at: int, into: dict[str, Any]) -> int:
        if at >= len(data):
            raise Malformed("too short")
        count, at = data[at], at + 1
        rows = []
        for _ in range(count):
            row, at = self.row.read(data, at)
            rows.append(row)
        into[self.name] = rows
        return at

    def write(self, values: Mapping[str, Any]) -> bytes:
        rows: list[Record] = values[self.name]
        return bytes([len(rows)]) + b"".join([self.row.write(vars(row)) for row in rows])


class Optional(Part):
    """A u8 of bits, and for each set bit, lowest first, the fields it stands for; the others are 0."""

    def __init__(self, name: str, *texts: str) -> None:
        self.name = name
        self.runs = [Run([field.split() for field in text.split(",")]) for text in texts]
        self.names = [name, *(field for run in self.runs for field in run.names)]

    def read(self, data: bytes, at: int, into: dict[str, Any]) -> int:
        if at >= len(data) or data[at] >> len(self.runs):
            raise Malformed(self.name)
        bits, at = data[at], at + 1
        into |= dict.fromkeys(self.names, 0)
        into[self.name] = bits
        for place, run in enumerate(self.runs):
            if bits >> place & 1:
                at = run.read(data, at, into)
        return at

    def write(self, values: Mapping[str, Any]) -> bytes:
        bits: int = values[self.name]
        present = [run.write(values) for place, run in enumerate(self.runs) if bits >> place & 1]
        return bytes([bits]) + b"".join(present)


class Absent(Part):
    """What another version of the layout has and this one has not: every field is 0, no bytes."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def read(self, _data: bytes, at: int, into: dict[str, Any]) -> int:
        into |= dict.fromkeys(self.names, 0)
        return at

    def write(self, _values: Mapping[str, Any]) -> bytes:
        return b""
