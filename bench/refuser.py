"""A server that answers nothing but 503: what the machine, the protocol classes and the generator take without a venue."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any, Final

import uvloop

from openbourse.edge.addresses import Addresses
from openbourse.edge.admission import overloaded
from openbourse.edge.app import JSON, reply
from openbourse.edge.errors import encode_error
from openbourse.edge.frames import frame
from openbourse.edge.ratelimit import RateLimiter
from openbourse.edge.server import Limits, serve
from openbourse.edge.sockets import Socket, Sockets

BODY: Final = encode_error(overloaded())
CONNECTIONS_MAX: Final = 2_000


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """Answer 503."""
    await reply(send, 503, JSON, BODY, [])


class Refusing:
    """Answers every message with its id and 503. Fits edge.sockets.SocketHandler."""

    def opened(self, socket: Socket, path: str, query: str) -> None:
        """Nothing to do."""

    def received(self, socket: Socket, text: str) -> None:
        """Refuse."""
        number = text[6 : text.index('"', 7) + 1]
        socket.send(frame(b'{"id":%b,"status":503,"error":%b}' % (number.encode(), BODY)))

    def closed(self, socket: Socket) -> None:
        """Nothing to do."""

    def stopping(self, socket: Socket) -> None:
        """Nothing to do."""


async def _serve(listener: socket.socket) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    limiter = RateLimiter(10**9, None)
    sockets = Sockets({"/ws-api/v3": Refusing()}, limiter, Addresses(()))
    await serve(refuse, listener, Limits(CONNECTIONS_MAX, CONNECTIONS_MAX), sockets, stop)


@contextlib.contextmanager
def refusing_server(processes: int) -> Iterator[tuple[int, list[int]]]:
    """Serve in processes of its own on one socket; yield the port and their ids."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    listener.setblocking(False)
    pids: list[int] = []
    for _ in range(processes):
        pid = os.fork()
        if pid == 0:
            try:
                uvloop.run(_serve(listener))
            finally:
                sys.stdout.flush()
                os._exit(0)
        pids.append(pid)
    try:
        yield int(listener.getsockname()[1]), pids
    finally:
        listener.close()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
