"""A transport that sends what is written in one go, although it is written in pieces.

A response is written as head and body, and uvloop sends each at once: two calls of the system, two packets, and on a busy
machine two times that the one who reads is woken and takes the core from the one who writes.
"""

import asyncio
from typing import Any, Final

HELD_BYTES_MAX: Final = 65_536
"""What is held is sent when it becomes more, so that whoever writes much learns in time that the reader is slow."""


class Joined:
    """Holds what is written until it is flushed, closed, or the loop's turn ends. Stands in for an asyncio.Transport."""

    __slots__ = ("_held", "_size", "raw")

    def __init__(self, raw: asyncio.Transport) -> None:
        self.raw = raw
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Hold bytes for a moment."""
        if not self._held:
            # For those who write a head and have the body later only.
            asyncio.get_running_loop().call_soon(self.flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > HELD_BYTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Send what is held."""
        if not self._held:
            return
        held, self._held, self._size = self._held, [], 0
        if not self.raw.is_closing():
            self.raw.write(b"".join(held))

    def write_eof(self) -> None:
        """Send what is held, then the end."""
        self.flush()
        self.raw.write_eof()

    def close(self) -> None:
        """Send what is held, then close."""
        self.flush()
        self.raw.close()

    def abort(self) -> None:
        """Close at once; what is held is lost."""
        self._held, self._size = [], 0
        self.raw.abort()

    def is_closing(self) -> bool:
        """Tell whether nothing can be written any more."""
        return self.raw.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport knows about its connection."""
        return self.raw.get_extra_info(name, default)
