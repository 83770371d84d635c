"""Takes connections in from a listener that several processes share, so that none of them takes most of them.

Whoever is woken first would take all that wait, and be the one that is late when they ask. After a few it leaves the
listener to the others for a moment; one that is busy or frozen comes later, or never, and nobody waits for it.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

import structlog

log: Final = structlog.get_logger()

AT_ONCE: Final = 2
"""Connections that are taken before others have their turn, at most: one at first, and twice as many whenever more have waited
than were taken. So a few that come together are dealt out evenly, and a rush does not keep a process from those it serves."""
REST_S: Final = 0.005
"""How long the listener is left to others then."""
LAST_MAX: Final = 4_096
"""Connections that are taken at the end, at most: as many as wait."""
FAULT_S: Final = 1.0
"""The same when nothing can be taken, as when there are no descriptors left."""


class Acceptor:
    """Serves a listener until it is closed. Stands in for asyncio's own server."""

    def __init__(self, listener: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._at_once = 1
        self._rest: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Task[None]] = set()
        self._listen()

    def close(self) -> None:
        """Take nothing more."""
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._listener.fileno())

    async def close_last(self) -> None:
        """Take what waits, then nothing more; the kernel would reset it, whatever it has sent. Return when it is connected."""
        self.close()
        with contextlib.suppress(OSError):
            for _ in range(LAST_MAX):
                self._take_one()
        await self.wait_closed()

    async def wait_closed(self) -> None:
        """Return when those that were taken are connected."""
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _listen(self) -> None:
        self._loop.add_reader(self._listener.fileno(), self._take)

    def _take(self) -> None:
        rest_s, more = 0.0, min(2 * self._at_once, AT_ONCE)
        for _ in range(self._at_once):
            try:
                self._take_one()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                more = 1  # others were quicker
                break
            except OSError as fault:
                log.warning("no connection taken", why=str(fault))
                rest_s = FAULT_S
                break
            rest_s = REST_S
        self._at_once = more
        if rest_s:
            self._loop.remove_reader(self._listener.fileno())
            self._rest = self._loop.call_later(rest_s, self._listen)

    def _take_one(self) -> None:
        connection, _ = self._listener.accept()
        task = self._loop.create_task(self._open(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(self._make, connection)
        except OSError:
            connection.close()  # the peer is gone already
