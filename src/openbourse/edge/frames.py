"""Frames of a WebSocket: cut out of a stream of bytes, so that the usual one (a whole text message) costs next to nothing, and built.

Everything else goes to the proven parser one whole frame at a time, and so does whatever is wrong: it knows the rules.
"""

from struct import pack
from typing import Final

TEXT: Final = 0x1
TEXT_AND_LAST: Final = 0x81
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F


def cut(data: bytes, at: int, bytes_max: int) -> tuple[int, bytes | None]:
    """Return where the frame that begins at a place ends, 0 when it is not whole yet; and what it says if it is a whole text.

    A frame that says it is longer than allowed ends with what has come of it: the parser refuses it by its head.
    """
    left = len(data) - at
    if left < 2:
        return 0, None
    length, head = data[at + 1] & _LENGTH, 2
    if length >= 126:
        head = 4 if length == 126 else 10
        if left < head:
            return 0, None
        length = int.from_bytes(data[at + 2 : at + head], "big")
    if length > bytes_max:
        return len(data), None
    is_masked = data[at + 1] & _MASKED
    begin = at + head + (4 if is_masked else 0)
    end = begin + length
    if end > len(data):
        return 0, None
    if data[at] != TEXT_AND_LAST or not is_masked:
        return end, None
    return end, unmasked(data[begin:end], data[begin - 4 : begin])


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """Return a payload without its mask."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return a whole unmasked frame: built once, it can be sent to any number of sockets."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65_536:
        return pack("!BBH", 0x80 | opcode, 126, size) + payload
    return pack("!BBQ", 0x80 | opcode, 127, size) + payload
