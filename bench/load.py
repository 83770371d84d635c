"""Open-loop load: requests leave on a schedule whatever the answers do; latency counts from the planned time."""

import asyncio
import base64
import os
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import httptools
from hdrh.histogram import HdrHistogram

Make = Callable[[int], bytes]
"""Returns the bytes of the n-th request (an HTTP request, or a text frame's payload)."""


@dataclass
class Outcome:
    """What a run saw; latencies in µs."""

    rate: float
    seconds: float
    sent: int = 0
    good: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    latency: HdrHistogram = field(default_factory=lambda: HdrHistogram(1, 60_000_000, 3))
    first: float = 0.0
    last: float = 0.0

    @property
    def answered_per_second(self) -> float:
        """Good answers over the time from the first sending to the last answer."""
        return self.good / max(self.last - self.first, 1e-9)

    def percentile(self, p: float) -> float:
        """Return a percentile in ms."""
        return float(self.latency.get_value_at_percentile(p)) / 1_000

    def note(self, planned: float, is_good: bool, why: str) -> None:
        """Count one answer."""
        now = time.perf_counter()
        self.last = now
        self.latency.record_value(max(1, int((now - planned) * 1e6)))
        if is_good:
            self.good += 1
        else:
            self.failures[why] += 1


class RestConnection(asyncio.Protocol):
    """One keep-alive connection with one request under way at a time."""

    def __init__(self, pool: "RestPool") -> None:
        self._pool = pool
        self._planned = 0.0
        self._body = b""
        self._parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        transport = cast(asyncio.Transport, transport)
        self.transport = transport

    def send(self, request: bytes, planned: float) -> None:
        assert self.transport is not None
        self._planned = planned
        self._body = b""
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self._pool.outcome.note(self._planned, status == 200, f"{status} {self._body[:80].decode(errors='replace')}")
        self._pool.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.lost += 1


class RestPool:
    """Connections that share one queue of planned requests."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.lost = 0
        self._idle: list[RestConnection] = []
        self._queue: deque[tuple[bytes, float]] = deque()
        self.connections: list[RestConnection] = []

    async def open(self, host: str, port: int, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, connection = await loop.create_connection(lambda: RestConnection(self), host, port)
            self.connections.append(connection)
        self._idle = list(self.connections)

    def send(self, request: bytes, planned: float) -> None:
        if self._idle:
            self._idle.pop().send(request, planned)
        else:
            self._queue.append((request, planned))

    def free(self, connection: RestConnection) -> None:
        if self._queue:
            connection.send(*self._queue.popleft())
        else:
            self._idle.append(connection)

    def close(self) -> None:
        for connection in self.connections:
            if connection.transport is not None:
                connection.transport.close()


class SocketConnection(asyncio.Protocol):
    """One WebSocket that sends text frames and matches answers by the order-free id at their beginning."""

    def __init__(self, outcome: Outcome, path: str, host: str, is_good: Callable[[bytes], bool]) -> None:
        self._outcome = outcome
        self._path, self._host = path, host
        self._is_good = is_good
        self._buffer = b""
        self._open = asyncio.get_running_loop().create_future()
        self.waiting: dict[bytes, float] = {}
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        transport = cast(asyncio.Transport, transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    async def opened(self) -> None:
        async with asyncio.timeout(10):
            await self._open

    def send(self, name: bytes, payload: bytes, planned: float) -> None:
        assert self.transport is not None
        self.waiting[name] = planned
        # A mask of zeros is a mask: the payload goes out as it is.
        length = len(payload)
        head = b"\x81" + (bytes((0x80 | length,)) if length < 126 else b"\xfe" + length.to_bytes(2, "big"))
        self.transport.write(head + b"\0\0\0\0" + payload)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open.done():
            head, mark, rest = self._buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            if b" 101 " in head.split(b"\r\n", 1)[0]:
                self._open.set_result(None)
            else:
                self._open.set_exception(ConnectionError(head.decode(errors="replace")))
            self._buffer = rest
        self._take_frames()

    def _take_frames(self) -> None:
        at, buffer = 0, self._buffer
        while len(buffer) - at >= 2:
            length, head = buffer[at + 1] & 0x7F, 2
            if length == 126:
                length, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            elif length == 127:
                length, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
            if len(buffer) - at < head + length:
                break
            if buffer[at] & 0x0F == 1:
                self._answer(buffer[at + head : at + head + length])
            at += head + length
        self._buffer = buffer[at:]

    def _answer(self, payload: bytes) -> None:
        name = payload[7 : payload.index(b'"', 7)] if payload.startswith(b'{"id":"') else b""
        planned = self.waiting.pop(name, None)
        if planned is not None:
            self._outcome.note(planned, self._is_good(payload), payload[:120].decode(errors="replace"))


async def rest_load(
    host: str, port: int, make: Make, rate: float, seconds: float, connections: int, kept: Outcome | None = None
) -> Outcome:
    """Send requests at a rate for a time over REST, then wait for the answers still out (10 s at most)."""
    outcome = kept or Outcome(rate, seconds)
    pool = RestPool(outcome)
    await pool.open(host, port, connections)
    await _on_schedule(outcome, rate, seconds, lambda number, planned: pool.send(make(number), planned))
    await _settle(outcome)
    pool.close()
    return outcome


async def socket_load(
    host: str,
    port: int,
    path: str,
    make: Make,
    is_good: Callable[[bytes], bool],
    rate: float,
    seconds: float,
    connections: int,
) -> Outcome:
    """Send requests at a rate for a time over WebSockets; a request's id is its number as text."""
    outcome = Outcome(rate, seconds)
    loop = asyncio.get_running_loop()
    sockets: list[SocketConnection] = []
    for _ in range(connections):
        _, socket = await loop.create_connection(lambda: SocketConnection(outcome, path, host, is_good), host, port)
        await socket.opened()
        sockets.append(socket)

    def send(number: int, planned: float) -> None:
        sockets[number % connections].send(str(number).encode(), make(number), planned)

    await _on_schedule(outcome, rate, seconds, send)
    await _settle(outcome)
    for socket in sockets:
        if socket.transport is not None:
            socket.transport.close()
    return outcome


async def _on_schedule(outcome: Outcome, rate: float, seconds: float, send: Callable[[int, float], None]) -> None:
    outcome.first = began = time.perf_counter()
    total = int(rate * seconds)
    while outcome.sent < total:
        due = min(total, int((time.perf_counter() - began) * rate) + 1)
        while outcome.sent < due:
            send(outcome.sent, began + outcome.sent / rate)
            outcome.sent += 1
        await asyncio.sleep(max(0.0, began + outcome.sent / rate - time.perf_counter()))


async def _settle(outcome: Outcome) -> None:
    for _ in range(500):
        if outcome.good + sum(outcome.failures.values()) >= outcome.sent:
            break
        await asyncio.sleep(0.02)
    missing = outcome.sent - outcome.good - sum(outcome.failures.values())
    if missing:
        outcome.failures["no answer within 10 s"] += missing
