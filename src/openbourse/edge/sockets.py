"""WebSocket connections: frames in by a proven parser, frames out built once, and every bound a connection has."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote

import structlog
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Protocol as Wire
from websockets.protocol import Side, State
from websockets.server import ServerProtocol

from openbourse.edge.addresses import Addresses
from openbourse.edge.errors import ApiError
from openbourse.edge.frames import cut, frame
from openbourse.edge.operations import TimeUnit
from openbourse.edge.ratelimit import RateLimiter

log: Final = structlog.get_logger()

MESSAGE_BYTES_MAX: Final = 65_536
UNREAD_BYTES_MAX: Final = 1_048_576
"""What a peer may leave unread before it is closed as a slow reader."""
TURN_BYTES_MAX: Final = 16_384
"""What is taken from one socket before the others have their turn."""
REST_S: Final = 0.01
"""For how long nothing is taken from a socket of which something was refused: what it pours meanwhile is read at once, not one by one."""
PING_EVERY_S: Final = 20
PONG_WITHIN_S: Final = 60
LIFE_S: Final = 24 * 3_600
CLOSE_S: Final = 5.0
"""How long a closing peer may take before the connection is cut."""
PARTING_S: Final = 0.5
"""Between the news that the server stops and the close."""
GOING_AWAY: Final = 1001
BAD_TEXT: Final = 1007
POLICY: Final = 1008
BROKEN: Final = 1011


class SocketHandler(Protocol):
    """What serves the sockets of some paths. Nothing here may wait: a handler starts tasks of its own."""

    def opened(self, socket: "Socket", path: str, query: str) -> None:
        """Take a socket whose handshake is done; path is decoded, query as sent. ApiError closes it."""
        ...

    def received(self, socket: "Socket", text: str) -> None:
        """Take a message."""
        ...

    def closed(self, socket: "Socket") -> None:
        """Forget a socket; nothing can be sent any more. Called exactly once for each one opened."""
        ...

    def stopping(self, socket: "Socket") -> None:
        """Tell the client that the server will close soon (the event serverShutdown)."""
        ...


class UserStreams(Protocol):
    """What the WebSocket API needs of user data streams."""

    def subscribe(self, socket: "Socket", account: int, emit: Callable[[bytes], None]) -> object:
        """Give every later event of an account, as JSON in the socket's time unit, to emit; return a handle."""
        ...

    def unsubscribe(self, handle: object) -> None:
        """End a subscription; harmless when it has ended."""
        ...


class Socket(asyncio.Protocol):
    """One open connection."""

    __slots__ = (
        "_born", "_cut", "_fragments", "_handler", "_has_more", "_heard", "_is_held", "_leave", "_pings", "_rest", "_second", "_sockets",
        "_this_second", "_transport", "_untaken", "_wire", "address", "messages_per_second_max", "query", "sheds", "state", "time_unit",
    )  # fmt: skip

    def __init__(
        self,
        sockets: "Sockets",
        handler: SocketHandler,
        transport: asyncio.Transport,
        address: str,
        query: str,
        time_unit: TimeUnit,
        leave: Callable[[], None],
    ) -> None:
        self.address = address
        self.query = query
        self.time_unit = time_unit
        self.state: Any = None
        """The handler's own."""
        self.messages_per_second_max = 0
        """Set by a handler: more messages, pings and pongs in a second close the socket; 0: any number."""
        self.sheds: Callable[[bytes], bytes | None] | None = None
        """Set by a handler: returns the frame that refuses a message as it stands, None for one that is to be taken."""
        self._sockets = sockets
        self._handler = handler
        self._transport = transport
        self._wire = Wire(Side.SERVER, state=State.OPEN, max_size=MESSAGE_BYTES_MAX)
        self._leave = leave
        self._fragments: list[bytes] = []
        self._untaken = b""
        self._has_more = False
        self._is_held = False
        self._rest: asyncio.TimerHandle | None = None
        self._pings: tuple[bytes, ...] = ()
        self._born = self._heard = time.monotonic()
        self._second = self._this_second = 0
        self._cut: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether messages can still be sent."""
        return self._wire.state is State.OPEN and not self._transport.is_closing()

    @property
    def buffered(self) -> int:
        """Return the bytes that wait for the peer to read them."""
        return self._transport.get_write_buffer_size()

    def send(self, frames: bytes) -> bool:
        """Send frames as they are; False when the socket is closed or its peer has left too much unread."""
        if not self.is_open:
            return False
        self._transport.write(frames)
        if self._transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self.close(POLICY, "slow reader")
            return False
        return True

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin to close; a peer that does not answer is cut off after CLOSE_S."""
        if self._wire.state is State.OPEN:
            self._wire.send_close(code, reason[:120])
            self._flush()

    def pause(self) -> None:
        """Take in no more until `resume`."""
        self._is_held = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Take in more."""
        self._is_held = False
        asyncio.get_running_loop().call_soon(self._go_on)

    def data_received(self, data: bytes) -> None:
        """Take in what the peer sent: while it pours, the others are served between its turns."""
        self._untaken = self._untaken + data if self._untaken else data
        self._turn()

    def _turn(self) -> None:
        data, at = self._untaken, 0
        refusals: list[bytes] = []
        self._has_more = False
        while end := self._take_next(data, at, refusals):
            at = end
            if at >= TURN_BYTES_MAX or self._is_held:
                self._has_more = at < len(data)
                break
        self._untaken = data[at:]
        if refusals:
            self.send(b"".join(refusals))
        if (refusals or self._has_more) and not self._transport.is_closing():
            self._transport.pause_reading()
            loop = asyncio.get_running_loop()
            if refusals:
                self._rest = loop.call_later(REST_S, self._end_rest)
            else:
                loop.call_soon(self._go_on)
        self._flush()

    def _take_next(self, data: bytes, at: int, refusals: list[bytes]) -> int:
        """Take the frame that begins at a place, or put down its refusal; return where it ends, 0 when it is not whole yet."""
        end, message = cut(data, at, MESSAGE_BYTES_MAX)
        if message is not None and not self._fragments and self._wire.state is State.OPEN:
            refusal = None if self.sheds is None else self.sheds(message)
            if refusal is None:
                self._take(Frame(Opcode.TEXT, message))
            else:
                refusals.append(refusal)
        elif end:
            self._wire.receive_data(data[at:end])
            for event in self._wire.events_received():
                if isinstance(event, Frame):
                    self._take(event)
        return end

    def _end_rest(self) -> None:
        self._rest = None
        self._go_on()

    def _go_on(self) -> None:
        if self._is_held or self._rest is not None or self._transport.is_closing():
            return
        if self._has_more:
            self._turn()
        if not self._has_more and not self._is_held and self._rest is None and not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        """Close when the peer does."""
        self._wire.receive_eof()
        self._flush()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the handler, once."""
        for timer in (self._cut, self._rest):
            if timer is not None:
                timer.cancel()
        self._wire.receive_eof()
        self._sockets.lost(self)
        self._leave()
        self._guarded(self._handler.closed, self)

    def beat(self, now: float, ping: bytes, ping_frame: bytes) -> None:
        """Ping, and close what is silent or too old."""
        if now - self._heard > PONG_WITHIN_S:
            self.close(POLICY, "no pong in time")
        elif now - self._born > LIFE_S:
            self.close(1000, "a connection lives 24 hours")
        else:
            self._pings = (*self._pings[-2:], ping)
            self.send(ping_frame)

    def shutdown(self) -> None:
        """Close because the server stops."""
        self.close(GOING_AWAY, "the server is stopping")

    def stopping(self) -> None:
        """Have the handler announce the close."""
        if self.is_open:
            self._guarded(self._handler.stopping, self)

    def _take(self, event: Frame) -> None:
        if self.messages_per_second_max and not self._is_within_rate():
            self.close(POLICY, "too many messages in a second")
        if self._wire.state is not State.OPEN:
            return
        if event.opcode is Opcode.PONG:
            # Only an echo of our own ping proves that the peer is alive.
            if bytes(event.data) in self._pings:
                self._heard = time.monotonic()
        elif event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._gather(event)

    def _gather(self, event: Frame) -> None:
        data = bytes(event.data)
        if not event.fin or self._fragments:
            self._fragments.append(data)
            if not event.fin:
                return
            data = b"".join(self._fragments)
            self._fragments.clear()
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.close(BAD_TEXT, "not UTF-8")
            return
        self._guarded(self._handler.received, self, text)

    def _is_within_rate(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._this_second = second, 0
        self._this_second += 1
        return self._this_second <= self.messages_per_second_max

    def _guarded(self, act: Callable[..., None], *given: object) -> None:
        try:
            act(*given)
        except ApiError as refusal:
            self.close(POLICY, refusal.message)
        except Exception:
            # A handler's mistake must cost one socket, not the loop that serves all of them.
            log.exception("socket handler failed")
            self.close(BROKEN)

    def _flush(self) -> None:
        for data in self._wire.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
        if self._transport.get_write_buffer_size() > 2 * UNREAD_BYTES_MAX:
            self._transport.abort()
        elif self._wire.state is not State.OPEN and self._cut is None:
            self._cut = asyncio.get_running_loop().call_later(CLOSE_S, self._transport.abort)

    def open(self, path: str) -> None:
        """Give the socket to its handler."""
        self._guarded(self._handler.opened, self, path, self.query)


class Sockets:
    """Every socket of this process: the handshake, who serves which path, pings, and the end."""

    def __init__(self, handlers: Mapping[str, SocketHandler], limiter: RateLimiter, addresses: Addresses) -> None:
        """Serve paths equal to or below those named; the longest match wins."""
        self._handlers = sorted(handlers.items(), key=lambda item: -len(item[0]))
        self._limiter = limiter
        self._addresses = addresses
        # A socket is pinged in the second of its slot: the load of ten thousand pings is spread evenly.
        self._slots: list[set[Socket]] = [set() for _ in range(PING_EVERY_S)]
        self._slot_of: dict[Socket, int] = {}
        self._tick = 0
        self._is_ending = False

    def __len__(self) -> int:
        return len(self._slot_of)

    def accept(
        self,
        transport: asyncio.Transport,
        target: str,
        headers: list[tuple[bytes, bytes]],
        leave: Callable[[], None],
    ) -> Socket | None:
        """Answer an upgrade request; return the open socket, or None when it was refused and the connection closes."""
        request = Request(
            target, Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
        )
        path, _, query = target.partition("?")
        path = unquote(path)
        handshake = ServerProtocol()
        handler = self._handler(path)
        peer = transport.get_extra_info("peername")
        # In as many lines as clients and balancers like; the last one is the balancer's.
        forwarded = ",".join(request.headers.get_all("X-Forwarded-For"))
        address = self._addresses.client(str(peer[0]) if peer else "", forwarded)
        asked = [(name, value.upper()) for name, value in parse_qsl(query)]
        unit = TimeUnit.__members__.get(dict(asked).get("timeUnit", "MILLISECOND"))
        if self._is_ending:
            response = handshake.reject(503, "The server is stopping.\n")
        elif handler is None:
            response = handshake.reject(404, "There is no such path.\n")
        elif unit is None:
            response = handshake.reject(
                400, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.\n"
            )
        elif ("responseFormat", "SBE") in asked:
            response = handshake.reject(400, '{"code":-1155,"msg":"SBE is not enabled."}')
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = "application/json;charset=UTF-8"
        elif (wait_s := self._limiter.connection_wait_s(address)) > 0:
            response = handshake.reject(429, "Too many connections; try again later.\n")
            response.headers["Retry-After"] = str(wait_s)
        else:
            response = handshake.accept(request)
        transport.write(response.serialize())
        if response.status_code != 101 or handler is None or unit is None:
            transport.close()
            return None
        socket = Socket(self, handler, transport, address, query, unit, leave)
        slot = min(range(PING_EVERY_S), key=lambda number: len(self._slots[number]))
        self._slots[slot].add(socket)
        self._slot_of[socket] = slot
        transport.set_protocol(socket)
        socket.open(path)
        return socket

    def lost(self, socket: Socket) -> None:
        """Forget a socket."""
        self._slots[self._slot_of.pop(socket)].discard(socket)

    async def run(self) -> None:
        """Ping until cancelled."""
        while True:
            await asyncio.sleep(1)
            self._tick += 1
            now = time.monotonic()
            ping = str(time.time_ns() // 1_000_000).encode()
            ping_frame = frame(ping, Opcode.PING)
            for socket in list(self._slots[self._tick % PING_EVERY_S]):
                socket.beat(now, ping, ping_frame)

    async def stop(self) -> None:
        """Announce the end to every socket, then close them; open no more."""
        self._is_ending = True
        for socket in list(self._slot_of):
            socket.stopping()
        await asyncio.sleep(PARTING_S if self._slot_of else 0)
        for socket in list(self._slot_of):
            socket.shutdown()

    def _handler(self, path: str) -> SocketHandler | None:
        for prefix, handler in self._handlers:
            if path == prefix or path.startswith(prefix + "/"):
                return handler
        return None
