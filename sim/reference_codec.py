"""The bytes of docs/engine.md: each layout is written here as the specification writes it, and read by one small class.

A field is a type and a name; `1-3` after an integer's name is the range it must lie in, `0-4|255` several ranges,
and after a text's name the lengths it may have. Nothing here is shared with src/openbourse/protocol on purpose.
"""

from collections.abc import Mapping
from struct import Struct
from types import SimpleNamespace
from typing import Any, Final

_SIZES: Final = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i32": "i", "i64": "q", "i128": "16s", "bytes32": "32s"}
PRINTABLE: Final = frozenset(range(0x21, 0x7F))


class Malformed(ValueError):
    """Bytes that do not follow their layout."""


class Record(SimpleNamespace):
    """The named fields of one layout."""


def numbers(text: str) -> frozenset[int]:
    """Return the numbers that `0-4|255` names."""
    allowed: set[int] = set()
    for part in text.split("|"):
        low, _, high = part.partition("-")
        allowed.update(range(int(low), int(high or low) + 1))
    return frozenset(allowed)


class Run:
    """Fields of fixed size, one after the other."""

    def __init__(self, fields: list[list[str]]) -> None:
        self.names = [field[1] for field in fields]
        self.struct = Struct("<" + "".join(_SIZES[field[0]] for field in fields))
        self.wide = [place for place, field in enumerate(fields) if field[0] == "i128"]
        self.allowed = [(field[1], numbers(field[2])) for field in fields if len(field) > 2]

    def read(self, data: bytes, at: int, into: dict[str, Any]) -> int:
        if at + self.struct.size > len(data):
            raise Malformed("too short")
        values = list(self.struct.unpack_from(data, at))
        for place in self.wide:
            values[place] = int.from_bytes(values[place], "little", signed=True)
        into.update(zip(self.names, values, strict=True))
        for name, allowed in self.allowed:
            if into[name] not in allowed:
                raise Malformed(name)
        return at + self.struct.size

    def write(self, values: Mapping[str, Any]) -> bytes:
        row = list(map(values.__getitem__, self.names))
        for place in self.wide:
            row[place] = row[place].to_bytes(16, "little", signed=True)
        return self.struct.pack(*row)


class Text:
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


class Layout:
    """Fields in order, read from and written to bytes."""

    def __init__(self, text: str) -> None:
        self.parts: list[Run | Text] = []
        run: list[list[str]] = []
        for field in [field.split() for field in text.split(",") if field.strip()]:
            if field[0] == "str":
                self.parts += [Run(run), Text(field[1], field[2])] if run else [Text(field[1], field[2])]
                run = []
            else:
                run.append(field)
        if run:
            self.parts.append(Run(run))
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


COMMAND_HEADER: Final = Layout(
    "u32 length, u16 kind, u16 version, u64 session, u64 counter, u64 low_water, i64 not_after_us"
)
COMMAND_HEADER_SIZE: Final = 40

_ORDER_REQUEST: Final = """
u64 account, u32 instrument, u8 side 1-2, u8 type 1-7, u8 time_in_force 1-3, u8 stp 0-4|255, u8 flags 0-7,
i64 price, i64 quantity, i128 quote_quantity, i64 strategy_id, i32 strategy_type, str client_id 1-36"""

_IMAGE: Final = """
u32 instrument, str symbol 1-32, u32 base, u32 quote, u8 status 1-4, i64 price_min, i64 price_max, i64 tick,
i64 quantity_min, i64 quantity_max, i64 step, i64 market_quantity_min, i64 market_quantity_max, i64 market_step,
i128 notional_min, i128 notional_max, u8 notional_flags 0-3, i64 bid_up, i64 bid_down, i64 ask_up, i64 ask_down,
u32 average_minutes, u32 orders_max, i64 maker_rate, i64 taker_rate, u8 stp_default 0-4, u8 stp_allowed,
u16 types_allowed"""
INSTRUMENT_IMAGE: Final = Layout(_IMAGE)

COMMANDS: Final = {
    1: Layout("u32 asset, str code 1-16"),
    2: INSTRUMENT_IMAGE,
    3: INSTRUMENT_IMAGE,
    4: Layout("u32 instrument, u8 status 1-4"),
    5: Layout("u64 account, i64 trade_group"),
    6: Layout("u64 account, u8 permissions 0-7"),
    7: Layout("u64 account, u32 instrument, i64 maker, i64 taker"),
    8: Layout("u64 account, u32 asset, i128 amount, bytes32 identity"),
    9: Layout("u64 account, u32 asset, i128 amount, u64 withdrawal"),
    10: Layout("u64 withdrawal"),
    11: Layout("u64 withdrawal"),
    12: Layout(_ORDER_REQUEST),
    13: Layout("u64 account, u32 instrument, u64 order, u8 restriction 0-2, str client_id 0-36, str request_id 0-36"),
    14: Layout("u64 account, u32 instrument, str request_id 0-36"),
    15: Layout(
        "u8 mode 1-2, u64 cancel_order, u8 restriction 0-2, str cancel_client_id 0-36, str cancel_request_id 0-36,"
        + _ORDER_REQUEST.replace("flags 0-7", "flags 0|2|4|6")
    ),
    16: Layout(""),
    17: Layout("u32 version"),
}

EVENT_HEADER: Final = Layout("u32 length, u16 kind, u16 version, u32 index, u64 sequence")
EVENT_HEADER_SIZE: Final = 20

_WITHDRAWAL: Final = Layout("u64 withdrawal, u64 account, u32 asset, i128 amount")

EVENTS: Final = {
    1: Layout("u16 command, u16 reason, u64 account, u32 instrument, str client_id 0-36"),
    2: Layout("u64 original"),
    3: Layout("u32 asset, str code 1-16"),
    4: INSTRUMENT_IMAGE,
    5: Layout("u32 instrument, u8 status"),
    6: Layout("u64 account, i64 trade_group, u8 permissions"),
    7: Layout("u64 account, u32 instrument, i64 maker, i64 taker"),
    8: Layout("u64 account, u32 asset, i128 amount, bytes32 identity"),
    9: _WITHDRAWAL,
    10: _WITHDRAWAL,
    11: _WITHDRAWAL,
    12: Layout(
        """u64 account, u32 instrument, u64 order, u8 side, u8 type, u8 time_in_force, u8 stp, u8 status, u8 execution,
        u8 expiry, u8 flags, i64 price, i64 quantity, i64 executed, i128 cumulative_quote, i128 quote_quantity,
        i64 prevented, i64 last_price, i64 last_quantity, i128 last_quote, i128 commission, u32 commission_asset,
        u64 trade, u64 prevented_match, i64 last_prevented, u64 counter_order, u64 execution_id, i64 created_us,
        i64 working_us, i64 strategy_id, i32 strategy_type, i128 held, str client_id 0-36, str request_id 0-36"""
    ),
    13: Layout(
        """u32 instrument, u64 trade, u64 aggregate, i64 price, i64 quantity, i128 quote, u64 maker_order,
        u64 taker_order, u64 maker_account, u64 taker_account, u8 taker_side"""
    ),
    14: Layout("u64 account, u32 instrument, str client_id 0-36"),
    15: Layout("u8 cancel_result, u16 cancel_reason, u8 new_result, u16 new_reason, u64 canceled_order, u64 new_order"),
    16: Layout("u32 instrument, u64 update, u8 side, i64 price, i128 quantity"),
    17: Layout("u64 account, u32 asset, i128 available, i128 held, i128 available_delta, i128 held_delta"),
    18: Layout(""),
    19: Layout("u32 version"),
}


def split(frames: bytes) -> list[bytes]:
    """Cut a batch into its commands; what has no good length is one malformed command up to the end."""
    commands = []
    at = 0
    while at < len(frames):
        left = len(frames) - at
        length = int.from_bytes(frames[at : at + 4], "little")
        if left < COMMAND_HEADER_SIZE or not COMMAND_HEADER_SIZE <= length <= left:
            length = left
        commands.append(frames[at : at + length])
        at += length
    return commands


def read_header(frame: bytes) -> Record | None:
    """Return the header of a command, or None when the frame has no good length."""
    if len(frame) < COMMAND_HEADER_SIZE or int.from_bytes(frame[:4], "little") != len(frame):
        return None
    return COMMAND_HEADER.read(frame)[0]


def read_command(header: Record, frame: bytes) -> Record:
    """Return a command's body. Raises Malformed."""
    if header.version != 1 or header.kind not in COMMANDS:
        raise Malformed("unknown kind or version")
    body, end = COMMANDS[header.kind].read(frame, COMMAND_HEADER_SIZE)
    if end != len(frame):
        raise Malformed("too long")
    return body


def write_event(kind: int, index: int, sequence: int, values: Mapping[str, Any]) -> bytes:
    """Return an event frame."""
    body = EVENTS[kind].write(values)
    length = EVENT_HEADER_SIZE + len(body)
    return (
        EVENT_HEADER.write({"length": length, "kind": kind, "version": 1, "index": index, "sequence": sequence}) + body
    )


def read_events(events: bytes) -> list[tuple[int, Record]]:
    """Return (kind, fields) of each event frame; the fields include the header's. Raises Malformed."""
    result = []
    at = 0
    while at < len(events):
        header, start = EVENT_HEADER.read(events, at)
        if header.kind not in EVENTS or header.version != 1:
            raise Malformed("unknown event")
        body, end = EVENTS[header.kind].read(events, start)
        if end != at + header.length:
            raise Malformed("an event's length")
        result.append((header.kind, Record(index=header.index, sequence=header.sequence, **vars(body))))
        at = end
    return result
