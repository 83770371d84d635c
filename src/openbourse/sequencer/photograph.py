"""The state as it is at one moment, written out by a process of its own while this one goes on.

A forked child shares the engine's memory and is not disturbed by what changes in it: taking the picture costs the time
of the fork, some tens of milliseconds with a million resting orders, where a copy would cost half a second.
"""

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator
from struct import Struct
from typing import Final, NoReturn, Protocol

from openbourse.engine import Engine

PIECE_BYTES: Final = 1024 * 1024
READ_SECONDS_MAX: Final = 120.0
CHILD_GIVES_WAY: Final = 19
_HEAD: Final = Struct("<32sQ")
_WRITE_BYTES: Final = 256 * 1024


class PhotographLost(Exception):
    """The child ended before it had told everything: out of memory, most likely."""


class Photograph(Protocol):
    """A state as it was, to be read once."""

    async def state_hash(self) -> bytes:
        """Return SHA-256 of the state. Raises PhotographLost."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the state's bytes, at most PIECE_BYTES at a time. Raises PhotographLost."""
        ...

    def close(self) -> None:
        """Let go of the rest."""
        ...


class Taken:
    """A photograph of a state that does not change: no child is needed."""

    def __init__(self, engine: Engine) -> None:
        self._state = engine.snapshot()

    async def state_hash(self) -> bytes:
        """Return SHA-256 of the state."""
        return hashlib.sha256(self._state).digest()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the state's bytes."""
        for start in range(0, len(self._state), PIECE_BYTES):
            yield self._state[start : start + PIECE_BYTES]

    def close(self) -> None:
        """Hold nothing else."""


class Forked:
    """A photograph in a child of this process."""

    def __init__(self, engine: Engine) -> None:
        read, write = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            # No memory for a child now. It passes, but files left open at each try would not.
            os.close(read)
            os.close(write)
            raise
        if self._pid == 0:
            _develop(engine, write)
        os.close(write)
        self._file = os.fdopen(read, "rb", buffering=0)
        self._reader: asyncio.StreamReader | None = None
        self._transport: asyncio.BaseTransport | None = None
        self._length = 0

    async def state_hash(self) -> bytes:
        """Return SHA-256 of the state. Raises PhotographLost."""
        self._reader = asyncio.StreamReader(limit=PIECE_BYTES)
        reader = self._reader
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._file
        )
        digest, self._length = _HEAD.unpack(await self._read(_HEAD.size))
        return bytes(digest)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the state's bytes. Raises PhotographLost."""
        remaining = self._length
        while remaining:
            piece = await self._read(min(remaining, PIECE_BYTES))
            remaining -= len(piece)
            yield piece

    async def _read(self, count: int) -> bytes:
        assert self._reader is not None, "the hash comes first"
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                return await self._reader.readexactly(count)
        except (asyncio.IncompleteReadError, TimeoutError) as fault:
            raise PhotographLost(str(fault)) from fault

    def close(self) -> None:
        """End the child."""
        if self._transport is not None:
            self._transport.close()
        else:
            self._file.close()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _develop(engine: Engine, write: int) -> NoReturn:
    """In the child: write out hash, length and state, then end without touching anything else of the parent's."""
    code = 1
    try:
        # Whoever trades goes first; nobody waits for this.
        os.nice(CHILD_GIVES_WAY)
        # Above all the database's sockets: while a child holds one, the server does not see that the parent has died.
        os.closerange(3, write)
        os.closerange(write + 1, os.sysconf("SC_OPEN_MAX"))
        state = engine.snapshot()
        rest = memoryview(_HEAD.pack(hashlib.sha256(state).digest(), len(state)) + state)
        while rest:
            rest = rest[os.write(write, rest[:_WRITE_BYTES]) :]
        code = 0
    finally:
        os._exit(code)
