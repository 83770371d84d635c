"""The relay between zones: carries TCP streams on with a delay and with stalls as lost packets cause them.

Run as a process (`python -m chaos.relay`) it takes the router's streams transparently: whoever is dialled sees the
dialler's own address. On loopback it has an address for each pair of places instead. Its weather comes as lines of JSON on standard input; the end of the input ends it.
"""

import asyncio
import json
import random
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, cast

import uvloop

from chaos.places import (
    ALL,
    DATABASE_PORT,
    DATABASES,
    EDGE_PORT,
    EDGES,
    IS_LOOPBACK,
    PORTS,
    VALKEY,
    VALKEY_PORT,
    alias,
    zone_of,
)

IP_TRANSPARENT: Final = 19
STALL_S: Final = 0.2
"""What a lost packet costs a stream: about the kernel's least time to send it again."""
PENDING_BYTES_MAX: Final = 1 << 20
"""What one direction may hold; beyond this its source is not read."""
DIAL_S: Final = 10.0
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)

Address = tuple[str, int]


@dataclass(frozen=True)
class Weather:
    """How streams travel."""

    delay_s: float = 0.0
    loss: float = 0.0
    """Of a chunk, the chance that it is lost once and stalls what is behind it."""
    held: tuple[tuple[str, str], ...] = ()
    """From where to where (beginnings of addresses) nothing arrives until it is lifted."""
    moved: dict[str, str] = field(default_factory=dict)
    """Addresses that stand for others."""


class Way:
    """One direction of a stream: chunks in order, each when it is due."""

    def __init__(self, relay: "Relay", source: str, target: str) -> None:
        self._relay = relay
        self.ends = (source, target)
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._pending = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_paused = False
        self._last_due = 0.0
        self.reader: asyncio.Transport | None = None
        self.writer: asyncio.Transport | None = None

    def put(self, data: bytes) -> None:
        """Take a chunk on its way; no data means that the source has ended."""
        weather, loop = self._relay.weather, asyncio.get_running_loop()
        stall = STALL_S if data and weather.loss and self._relay.chance.random() < weather.loss else 0.0
        self._last_due = max(self._last_due, loop.time() + weather.delay_s + stall)
        self._chunks.append((self._last_due, data))
        self._pending += len(data)
        if self._pending > PENDING_BYTES_MAX and self.reader is not None and not self._is_paused:
            self._is_paused = True
            self.reader.pause_reading()
        self.move()

    def move(self) -> None:
        """Deliver what is due, unless the direction is held; come back for the rest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.writer is None or self._is_held():
            return
        loop = asyncio.get_running_loop()
        while self._chunks and self._chunks[0][0] <= loop.time():
            _, data = self._chunks.popleft()
            self._pending -= len(data)
            if data:
                self.writer.write(data)
            else:
                self.writer.close()
        if self._is_paused and self._pending <= PENDING_BYTES_MAX and self.reader is not None:
            self._is_paused = False
            self.reader.resume_reading()
        if self._chunks:
            self._timer = loop.call_at(self._chunks[0][0], self.move)

    def end(self) -> None:
        """Forget the direction once nobody is at its end."""
        if self.writer is None and self._timer is not None:
            self._timer.cancel()
        self._relay.ways.discard(self)

    def _is_held(self) -> bool:
        source, target = self.ends
        return any(source.startswith(begin) and target.startswith(end) for begin, end in self._relay.weather.held)


class _End(asyncio.Protocol):
    """One of a stream's two connections."""

    def __init__(self, way: Way, back: Way, is_made: Callable[[asyncio.Transport], None]) -> None:
        self._way = way
        self._back = back
        self._is_made = is_made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        transport = cast(asyncio.Transport, transport)
        self._way.reader = self._back.writer = transport
        self._is_made(transport)
        self._back.move()

    def data_received(self, data: bytes) -> None:
        self._way.put(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._way.reader = self._back.writer = None
        if exc is not None and self._way.writer is not None:
            _reset(self._way.writer)
        else:
            self._way.put(b"")
        self._back.end()


def _reset(transport: asyncio.Transport) -> None:
    """End a connection as a machine does that knows nothing of it."""
    plain: socket.socket | None = transport.get_extra_info("socket")
    if plain is not None and not transport.is_closing():
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


class Relay:
    """All streams of one process."""

    def __init__(self, seed: int = 0, is_transparent: bool = False) -> None:
        self.weather = Weather()
        self.chance = random.Random(seed)
        self._is_transparent = is_transparent
        self.ways: set[Way] = set()
        self._dials: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []

    def change(self, weather: Weather) -> None:
        """Have streams travel otherwise from now on."""
        self.weather = weather
        for way in list(self.ways):
            way.move()

    async def listen(self, address: Address, target: Address | None = None, source: str = "") -> Address:
        """Take connections at an address, for a target, or for whatever was dialled; return the address.

        A source stands for whoever dials, where that cannot be told by the dialler's own address.
        """
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._is_transparent:
            listener.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
        listener.bind(address)
        listener.listen(512)
        listener.setblocking(False)
        server = await asyncio.get_running_loop().create_server(lambda: self._accept(target, source), sock=listener)
        self._servers.append(server)
        host, port = listener.getsockname()[:2]
        return str(host), int(port)

    async def close(self) -> None:
        """Take no more connections and end those that are."""
        for server in self._servers:
            server.close()
        for way in list(self.ways):
            if way.writer is not None:
                way.writer.abort()
        for dial in list(self._dials):
            dial.cancel()

    def _accept(self, fixed: Address | None, named: str) -> asyncio.Protocol:
        # The ends' addresses are known once the connection is made; until then the ways have none.
        there, back = Way(self, "", ""), Way(self, "", "")

        def made(transport: asyncio.Transport) -> None:
            source, dialled = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
            if source is None or dialled is None:
                transport.abort()  # who dialled has left already
                return
            target: Address = fixed or dialled[:2]
            target = (self.weather.moved.get(target[0], target[0]), target[1])
            name = named or source[0]
            there.ends, back.ends = (name, target[0]), (target[0], name)
            self.ways |= {there, back}
            dial = asyncio.create_task(self._dial(there, back, transport, source[0], target))
            self._dials.add(dial)
            dial.add_done_callback(self._dials.discard)

        return _End(there, back, made)

    async def _dial(self, there: Way, back: Way, dialler: asyncio.Transport, source: str, target: Address) -> None:
        loop = asyncio.get_running_loop()
        plain = socket.socket()
        plain.setblocking(False)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            # Within a zone answers would go past the router, to a dialler that knows nothing of this connection: there
            # only the address that moves is dialled here, and whoever is dialled sees the router.
            if self._is_transparent and zone_of(source) != zone_of(target[0]):
                plain.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
                plain.bind((source, 0))
            async with asyncio.timeout(DIAL_S):
                await loop.sock_connect(plain, target)
        except (OSError, TimeoutError):
            plain.close()
            _reset(dialler)
            return
        try:
            await loop.create_connection(lambda: _End(back, there, lambda _: None), sock=plain)
        except OSError:
            # The socket is the loop's now: closing it here would give its number to another stream while it is in use.
            _reset(dialler)


def weather_of(line: str, before: Weather) -> Weather:
    """Return the weather that a line of JSON tells; what it does not name stays."""
    told = json.loads(line)
    if "held" in told:
        told["held"] = tuple((begin, end) for begin, end in told["held"])
    return replace(before, **told)


async def serve() -> None:
    """Relay what the router hands over until standard input ends."""
    relay = Relay(is_transparent=not IS_LOOPBACK)
    if IS_LOOPBACK:
        targets = [*((place, DATABASE_PORT) for place in DATABASES), (VALKEY, VALKEY_PORT)]
        targets += [(place, EDGE_PORT) for place in EDGES]
        for source in ALL:
            for target, port in targets:
                await relay.listen((alias(source, target), port), (target.address, port), source.address)
    else:
        for port in PORTS:
            await relay.listen(("0.0.0.0", port))
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while line := await reader.readline():
        relay.change(weather_of(line.decode(), relay.weather))
    await relay.close()


if __name__ == "__main__":
    uvloop.run(serve())
