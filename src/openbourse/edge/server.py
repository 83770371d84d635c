"""One edge process on the public socket: uvicorn with limits on what a connection may take."""

import asyncio
import contextlib
import logging
import resource
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from openbourse.edge.acceptor import Acceptor
from openbourse.edge.admission import overloaded
from openbourse.edge.errors import encode_error
from openbourse.edge.joined import Joined
from openbourse.edge.sockets import Socket, Sockets

log: Final = structlog.get_logger()

REQUEST_S: Final = 10.0
"""A connection whose request is not whole by then is cut, and so is a fresh one that asks nothing."""
HEAD_BYTES_MAX: Final = 16_384
KEEP_ALIVE_S: Final = 60
PROXY_KEEP_ALIVE_S: Final = 330
"""Longer than any balancer of ours keeps an idle connection (300 s): it must never send on one that closes just then."""
DRAIN_S: Final = 5
PARTING_S: Final = 0.5
"""How long an idle connection may ask once more when the server ends: who asks often learns from the answer that it was the last,
and nobody sends into a connection that closes just then (nginx's `keepalive_min_timeout` is the same)."""
LINGER_S: Final = 1.0
"""How long a refused connection is still read from, so that the client comes to read the refusal."""
_UNREADABLE_BODY: Final = (
    b'{"code":-1000,"msg":"This is no HTTP request that can be read, or its head is longer than %d bytes."}'
    % (HEAD_BYTES_MAX)
)
UNREADABLE: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json;charset=UTF-8\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n%b"
) % (len(_UNREADABLE_BODY), _UNREADABLE_BODY)
_SHED_BODY: Final = encode_error(overloaded())
SHED: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json;charset=UTF-8\r\ncontent-length: %d\r\n"
) % len(_SHED_BODY)
"""The beginning of the answer to what is shed; date, connection and body follow."""
_PLAIN: Final = {b"content-length": b"0", b"connection": b"keep-alive"}
_UNUSUAL: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
"""Headers that tell that a request has a body, or that its connection is for something else, unless they say nothing but this."""
DESCRIPTORS_SPARE: Final = 256
"""Open files that are kept for everything but clients' connections."""


Sheds = Callable[[bytes, bytes], bool]
"""Tells from method and target whether a request is refused as it stands, because there is too much to do."""
Expects = Callable[[dict[str, Any]], None]
"""Notes a request, as the application will see it, that was taken in and begins with the event loop's next turn."""


class Limits:
    """Connections of this process, in all and by address."""

    def __init__(
        self, connections_max: int, per_address_max: int, is_exempt: Callable[[str], bool] = lambda address: False
    ) -> None:
        """Addresses that are exempt (our own proxies, behind which everybody is) count in all only."""
        self.connections_max = min(connections_max, _descriptors(connections_max) - DESCRIPTORS_SPARE)
        self.per_address_max = per_address_max
        self.count = 0
        self.refused = 0
        self.by_address: Counter[str] = Counter()
        self.is_exempt = is_exempt
        self.is_ending = False
        """From here on every answer is the last one on its connection."""

    def admit(self, address: str) -> bool:
        """Count a connection, or return False when there is no room."""
        is_crowded = self.by_address[address] >= self.per_address_max and not self.is_exempt(address)
        if self.count >= self.connections_max or is_crowded:
            self.refused += 1
            if not self.by_address[address]:
                del self.by_address[address]
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


class LimitedHttp(HttpToolsProtocol):
    """uvicorn's HTTP protocol with the limits in force; upgrades go to sockets."""

    limits: Limits
    sockets: Sockets | None
    sheds: Sheds
    expects: Expects
    transport: Any
    _address: str | None = None
    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = _chunk_bytes = 0
    _is_in_head = _is_in_message = _is_refused = _is_shed = False

    def connection_made(self, transport: Any) -> None:
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if not self.limits.admit(address):
            transport.abort()
            return
        self._address = address
        super().connection_made(transport)
        self.transport = Joined(transport)
        if self.limits.is_exempt(address):
            self.timeout_keep_alive = PROXY_KEEP_ALIVE_S
        self._arm()
        if self.limits.is_ending:
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._address is not None:
            super().connection_lost(exc)
        self._end()

    def data_received(self, data: bytes) -> None:
        if self._is_over() or self._shed_whole(data):
            return
        was_in_head = self._is_in_head
        super().data_received(data)
        if self._is_over():
            return
        if was_in_head and self._is_in_head:
            # A line without an end is in no callback yet.
            self._chunk_bytes += len(data)
            if self._chunk_bytes > HEAD_BYTES_MAX:
                self.send_400_response("")
                return
        if self._is_idle() and self._deadline is None and self.timeout_keep_alive_task is None:
            self._arm()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read as a request, in the form of every other refusal."""
        self._is_refused = True
        self._disarm()
        self._unset_keepalive_if_required()
        if self.cycle is not None:
            # Whatever is still under way on this connection can be answered no more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(UNREADABLE)
        # Closed a little later: data that comes meanwhile would turn a close at once into a reset, and the answer be lost.
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.abort)

    def on_message_begin(self) -> None:
        self._is_in_head = self._is_in_message = True
        self._head_bytes = self._chunk_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        # What stands behind a call under way has its turn when that is answered; a body not sent yet may be a long one.
        is_free = self._is_idle() and not self.expect_100_continue and not self.parser.should_upgrade()
        if is_free and self.sheds(self.parser.get_method(), self.url):
            # The deadline stays: it is now the body's.
            self._is_shed = True
            return
        self._disarm()
        super().on_headers_complete()
        if self.limits.is_ending and self.cycle is not None:
            self.cycle.keep_alive = False
        if is_free:
            self.expects(cast(dict[str, Any], self.scope))

    def on_body(self, body: bytes) -> None:
        if not self._is_shed:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_message = False
        if not self._is_shed:
            super().on_message_complete()
            return
        self._is_shed = False
        self._shed(self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive())

    def _shed_whole(self, data: bytes) -> bool:
        """Refuse what is one whole request and no more, if it is to be shed, before anything parses it."""
        if self._is_in_message or not self._is_idle():
            return False
        line = first_line(data)
        if line is None or not self.sheds(*line):
            return False
        self._unset_keepalive_if_required()
        self._shed(is_kept=True)
        return True

    def _shed(self, is_kept: bool) -> None:
        """Refuse a request without starting anything for it."""
        self._disarm()
        fields = [SHED, *(b"%b: %b\r\n" % field for field in self.server_state.default_headers)]
        is_kept = is_kept and not self.limits.is_ending
        end = b"\r\n" if is_kept else b"connection: close\r\n\r\n"
        self.transport.raw.write(b"".join((*fields, end, _SHED_BODY)))
        if is_kept:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        self.transport.flush()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Let the call under way be the last one; while there is none, wait for one a little."""
        if self._is_idle():
            self.loop.call_later(PARTING_S, self._part)
        else:
            super().shutdown()

    def _part(self) -> None:
        if self._is_idle() and not self._is_in_message:
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def handle_websocket_upgrade(self) -> None:
        self._disarm()
        self._unset_keepalive_if_required()
        address, self._address = self._address, None
        assert self.sockets is not None, "no upgrade is taken without sockets"
        assert address is not None, "only an admitted connection is upgraded"
        self.connections.discard(self)
        if (
            self.sockets.accept(
                self.transport.raw, self.url.decode("latin-1"), self.headers, lambda: self.limits.leave(address)
            )
            is None
        ):
            # Refused: this protocol stays in charge until the connection is gone.
            self._address = address

    def _is_over(self) -> bool:
        return self._is_refused or self._address is None or self.transport.is_closing()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            # Raised through the parser: answered with 400 and closed.
            raise ValueError("the request's head is too long")

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_S, self._cut)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut(self) -> None:
        self._deadline = None
        self.transport.abort()

    def _end(self) -> None:
        self._disarm()
        if self._address is not None:
            self.limits.leave(self._address)
            self._address = None


def first_line(data: bytes) -> tuple[bytes, bytes] | None:
    """Return method and target of a whole request without a body whose connection lives on; None for anything else."""
    if data[-4:] != b"\r\n\r\n" or len(data) > HEAD_BYTES_MAX:
        return None
    first, *fields = data[:-4].split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3 or words[2] != b"HTTP/1.1" or data.count(b"\n") != len(fields) + 2:
        return None
    for field in fields:
        name, colon, value = field.partition(b":")
        name = name.lower()
        if not colon or name in _UNUSUAL or (name in _PLAIN and value.strip().lower() != _PLAIN[name]):
            return None
        if not name.replace(b"-", b"").isalnum():
            return None
    return words[0], words[1]


def limited(limits: Limits, sockets: Sockets | None, sheds: Sheds, expects: Expects) -> type[LimitedHttp]:
    """Return the protocol of one server."""
    fields = {"limits": limits, "sockets": sockets, "sheds": staticmethod(sheds), "expects": staticmethod(expects)}
    return type("LimitedHttp", (LimitedHttp,), fields)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals belong to the process's wiring, which drains every role.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        config = self.config

        def make() -> asyncio.Protocol:
            protocol: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return protocol

        self._acceptors = [Acceptor(listener, make) for listener in sockets or ()]
        self.servers = self._acceptors  # type: ignore[assignment]
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for acceptor in self._acceptors:
            await acceptor.close_last()
        await super().shutdown(sockets)


async def serve(
    app: Any,
    listener: socket.socket,
    limits: Limits,
    sockets: Sockets | None,
    stop: asyncio.Event,
    sheds: Sheds = lambda method, target: False,
    expects: Expects = lambda scope: None,
) -> None:
    """Serve until the event is set, then announce the end to sockets and let calls under way finish."""
    # What clients get wrong is answered, not logged: a log that anybody can fill is no log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        app,
        http=limited(limits, sockets, sheds, expects),
        ws="none" if sockets is None else Socket,
        loop="none",
        lifespan="off",
        # Who may speak for others is said in our settings alone; uvicorn would believe every local peer.
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        backlog=4_096,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    pinging = asyncio.create_task(sockets.run()) if sockets is not None else None
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        limits.is_ending = server.should_exit = True
        if sockets is not None:
            await sockets.stop()
        await serving
    finally:
        for task in (stopping, pinging):
            if task is not None:
                task.cancel()


def _descriptors(wanted: int) -> int:
    """Raise the limit of open files as far as needed and allowed; return what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted + 2 * DESCRIPTORS_SPARE
    if hard != resource.RLIM_INFINITY:
        target = min(target, hard)
    if soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        soft = target
    return soft
