"""One edge process on the public socket: uvicorn with limits on what a connection may take."""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log: Final = structlog.get_logger()

FIRST_REQUEST_S: Final = 10.0
"""A fresh connection that has asked nothing by then is closed."""
HEAD_BYTES_MAX: Final = 16_384
KEEP_ALIVE_S: Final = 60
DRAIN_S: Final = 5


class Limits:
    """Connections of this process, in all and by address."""

    def __init__(self, connections_max: int, per_address_max: int) -> None:
        self.connections_max = connections_max
        self.per_address_max = per_address_max
        self.count = 0
        self.by_address: Counter[str] = Counter()

    def admit(self, address: str) -> bool:
        """Count a connection, or return False when there is no room."""
        if self.count >= self.connections_max or self.by_address[address] >= self.per_address_max:
            return False
        self.count += 1
        self.by_address[address] += 1
        return True

    def leave(self, address: str) -> None:
        """Forget a connection that was admitted."""
        self.count -= 1
        self.by_address[address] -= 1
        if self.by_address[address] <= 0:
            del self.by_address[address]


def limited(limits: Limits) -> type[HttpToolsProtocol]:
    """Return uvicorn's HTTP protocol with the limits in force."""

    class LimitedHttp(HttpToolsProtocol):
        _address: str | None = None
        _patience: asyncio.TimerHandle | None = None
        _head_bytes = 0

        def connection_made(self, transport: Any) -> None:
            peer = transport.get_extra_info("peername")
            address = str(peer[0]) if peer else ""
            if not limits.admit(address):
                transport.abort()
                return
            self._address = address
            self._patience = asyncio.get_running_loop().call_later(FIRST_REQUEST_S, transport.abort)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            self._end()
            if getattr(self, "transport", None) is not None:
                super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._address is None:
                return
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and self.cycle is None:
                self.transport.abort()
                return
            super().data_received(data)

        def on_headers_complete(self) -> None:
            self._head_bytes = 0
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None
            super().on_headers_complete()

        def _end(self) -> None:
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None
            if self._address is not None:
                limits.leave(self._address)
                self._address = None

    return LimitedHttp


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals belong to the process's wiring, which drains every role.
        yield


async def serve(app: Any, listener: socket.socket, limits: Limits, sockets: Any, stop: asyncio.Event) -> None:
    """Serve until the event is set, then let calls under way finish."""
    config = uvicorn.Config(
        app,
        http=limited(limits),
        ws=sockets,
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        backlog=4_096,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    waiting.cancel()
    await task
