"""Frames of commands and events, by the tables of reference_layouts."""

from collections.abc import Mapping
from typing import Any, Final

from sim.reference_fields import Layout, Malformed
from sim.reference_layouts import COMMANDS_OF_RULES, EVENTS
from sim.reference_record import Record

COMMAND_HEADER: Final = Layout(
    "u32 length, u16 kind, u16 version, u64 session, u64 counter, u64 low_water, i64 not_after_us"
)
COMMAND_HEADER_SIZE: Final = 40
EVENT_HEADER: Final = Layout("u32 length, u16 kind, u16 version, u32 index, u64 sequence")
EVENT_HEADER_SIZE: Final = 20


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


def read_command(header: Record, frame: bytes, rules: int) -> Record:
    """Return a command's body as the rules in force understand it. Raises Malformed."""
    layout = COMMANDS_OF_RULES[rules].get((header.kind, header.version))
    if layout is None:
        raise Malformed("unknown kind or version")
    body, end = layout.read(frame, COMMAND_HEADER_SIZE)
    if end != len(frame):
        raise Malformed("too long")
    return body


def write_event(kind: int, version: int, index: int, sequence: int, values: Mapping[str, Any]) -> bytes:
    """Return an event frame."""
    body = EVENTS[kind, version].write(values)
    length = EVENT_HEADER_SIZE + len(body)
    header = {"length": length, "kind": kind, "version": version, "index": index, "sequence": sequence}
    return EVENT_HEADER.write(header) + body


def read_events(events: bytes) -> list[tuple[int, Record]]:
    """Return (kind, fields) of each event frame; the fields include the header's. Raises Malformed."""
    result = []
    at = 0
    while at < len(events):
        header, start = EVENT_HEADER.read(events, at)
        if (header.kind, header.version) not in EVENTS:
            raise Malformed("unknown event")
        body, end = EVENTS[header.kind, header.version].read(events, start)
        if end != at + header.length:
            raise Malformed("an event's length")
        result.append((header.kind, Record(index=header.index, sequence=header.sequence, **vars(body))))
        at = end
    return result
