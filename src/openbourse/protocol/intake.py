"""What gateways and the sequencer say to each other: length-prefixed frames over one connection.

The sequencer begins with a challenge; until the gateway has proven that it knows the venue's secret, nothing else is taken.
Every frame: u32 length (of the whole frame), u8 kind, body. Little endian, as the codec's.
"""

import hashlib
import hmac
from enum import IntEnum
from struct import Struct
from typing import Final

FRAME_BYTES_MAX: Final = 65_536
HEADER: Final = Struct("<IB")
QUESTION: Final = Struct("<Q")
ANSWER: Final = Struct("<QQqII")
"""counter, sequence, time_us, orders in 10 s, orders in the day; the command's events follow."""
REFUSAL: Final = Struct("<QBII")
"""counter, why, limit, seconds to wait."""
COMMITTED: Final = Struct("<QQ")
"""question, sequence."""


class Ask(IntEnum):
    """What a gateway sends."""

    SUBMIT = 1
    COMMITTED = 2
    RESUBMIT = 3
    """A command that was sent before, to this leader or a former one: it may have been sequenced already."""
    PROOF = 4


class Tell(IntEnum):
    """What the sequencer sends."""

    ANSWER = 1
    REFUSAL = 2
    COMMITTED = 3
    CHALLENGE = 4


class Refusal(IntEnum):
    """Why a command was not sequenced."""

    OVERLOADED = 1
    OUTSIDE_WINDOW = 2
    ORDERS_10S = 3
    ORDERS_DAY = 4
    MALFORMED = 5


def prove(secret: bytes, nonce: bytes) -> bytes:
    """Return the answer to a challenge: HMAC-SHA256 of the nonce."""
    return hmac.new(secret, nonce, hashlib.sha256).digest()


def pack(kind: int, *parts: bytes) -> bytes:
    """Return a frame."""
    return HEADER.pack(HEADER.size + sum(map(len, parts)), kind) + b"".join(parts)


class FrameError(ValueError):
    """Bytes that are no frame: the connection cannot be trusted any more."""


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the whole frames that a piece of the stream completes, as kind and body. Raises FrameError."""
        data = self._rest + data
        at, found = 0, []
        while len(data) - at >= HEADER.size:
            length, kind = HEADER.unpack_from(data, at)
            if not HEADER.size <= length <= self._bytes_max:
                raise FrameError(f"a frame of {length} bytes")
            if len(data) - at < length:
                break
            found.append((kind, data[at + HEADER.size : at + length]))
            at += length
        self._rest = data[at:]
        return found
