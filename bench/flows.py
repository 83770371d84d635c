"""Several kinds of requests on one open-loop plan, made and signed before the run, so that the generator costs little.

The generator shares the machine with what it measures: requests are bytes that lie ready, answers are told apart by a few
bytes, latencies are kept raw and counted after the run.
"""

import asyncio
import base64
import os
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final, cast

from hdrh.histogram import HdrHistogram

HOST: Final = "127.0.0.1"
FIRST: Final = 16
"""Connections of a REST flow that are opened before the run."""
TICK_S: Final = 0.001
SETTLE_S: Final = 10.0
WHY_BYTES: Final = 90


def steady(rate: float, begin: float, seconds: float) -> list[float]:
    """Return the moments of a steady rate, in seconds from the start of the run."""
    return [begin + number / rate for number in range(int(rate * seconds))]


class Flow:
    """Requests of one kind with the moment each is to leave; what came back, and when."""

    def __init__(self, name: str, plan: list[float], requests: Iterable[bytes]) -> None:
        self.name = name
        self.plan = plan
        self.requests = list(requests)
        assert len(self.requests) == len(plan), "a request for each moment"
        self.next = 0
        self.planned = array("d")
        self.waited = array("d")
        self.good = 0
        self.refused = 0
        self.others: Counter[str] = Counter()
        self.is_good = array("b")

    def note(self, number: int, began: float, outcome: int, why: bytes = b"") -> None:
        """Count one answer: 1 done, 0 refused as overloaded, -1 anything else."""
        planned = self.plan[number]
        self.planned.append(planned)
        self.waited.append(time.perf_counter() - began - planned)
        self.is_good.append(outcome)
        if outcome > 0:
            self.good += 1
        elif outcome == 0:
            self.refused += 1
        else:
            self.others[why[:WHY_BYTES].decode(errors="replace")] += 1

    @property
    def answered(self) -> int:
        """Return how many were answered in any way."""
        return len(self.planned)

    def histogram(self, begin: float, end: float, outcome: int | None = None) -> HdrHistogram:
        """Return the latencies (µs) of requests planned in a part of the run, all or those with one outcome."""
        found = HdrHistogram(1, 60_000_000, 3)
        for planned, waited, is_good in zip(self.planned, self.waited, self.is_good, strict=True):
            if begin <= planned < end and (outcome is None or is_good == outcome):
                found.record_value(max(1, int(waited * 1e6)))
        return found

    def count(self, begin: float, end: float, outcome: int) -> int:
        """Return how many requests planned in a part of the run had an outcome."""
        return sum(begin <= at < end and good == outcome for at, good in zip(self.planned, self.is_good, strict=True))


class _Caller(asyncio.Protocol):
    """One keep-alive connection of a REST flow."""

    def __init__(self, flow: Flow, run: "Run") -> None:
        self._flow, self._run = flow, run
        self._data = b""
        self.number = -1
        """Of the request under way; -1: none."""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self.transport = cast(asyncio.Transport, transport)

    def send(self, number: int) -> None:
        assert self.transport is not None
        self.number = number
        self.transport.write(self._flow.requests[number])

    def data_received(self, data: bytes) -> None:
        self._data = data = self._data + data if self._data else data
        head = data.find(b"\r\n\r\n")
        if head < 0:
            return
        at = data.find(b"content-length: ")
        length = int(data[at + 16 : data.find(b"\r\n", at)]) if 0 <= at < head else 0
        if len(data) < head + 4 + length:
            return
        self._data = b""
        status = data[9:12]
        body = data[head + 4 :]
        outcome = 1 if status == b"200" else 0 if status == b"503" and b"-1008" in body else -1
        number, self.number = self.number, -1
        self._flow.note(number, self._run.began, outcome, status + b" " + body)
        self._run.free(self._flow, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.gone(self._flow, self)


class _Speaker(asyncio.Protocol):
    """One WebSocket; several flows may share it. An answer's id is the flow's name, a dash and a number."""

    def __init__(self, flows: dict[bytes, Flow], run: "Run", path: str) -> None:
        self._flows, self._run, self._path = flows, run, path
        self._data = b""
        self.opened = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        data = self._data + data if self._data else data
        if not self.opened.done():
            head, mark, data = data.partition(b"\r\n\r\n")
            if not mark:
                self._data = head
                return
            self.opened.set_result(head.startswith(b"HTTP/1.1 101"))
        at, end = 0, len(data)
        while end - at >= 2:
            length, head_bytes = data[at + 1] & 0x7F, 2
            if length == 126:
                length, head_bytes = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif length == 127:
                length, head_bytes = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if end - at < head_bytes + length:
                break
            if data[at] & 0x0F == 1:
                self._answer(data[at + head_bytes : at + head_bytes + length])
            at += head_bytes + length
        self._data = data[at:]

    def _answer(self, payload: bytes) -> None:
        if not payload.startswith(b'{"id":"'):
            return
        name, _, number = payload[7 : payload.index(b'"', 7)].partition(b"-")
        outcome = 1 if b'"status":200' in payload[:64] else 0 if b"-1008" in payload[:128] else -1
        self._flows[name].note(int(number), self._run.began, outcome, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost += 1


class Run:
    """Sends every flow's requests when they are due, whatever the answers do."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: dict[str, list[_Caller]] = {}
        self._due: dict[str, deque[int]] = {}
        self._open: dict[str, int] = {}
        self._dialing: set[asyncio.Task[None]] = set()
        self._senders: list[tuple[Flow, Callable[[range], None]]] = []
        self._transports: list[asyncio.Transport] = []
        self.began = 0.0
        self.lost = 0
        self.late = array("d")
        """By how much the generator's own turns came late: a request's sending and an answer's reading wait so long."""
        self.turns = array("d")
        """When each of them came, in seconds from the start of the run."""

    async def add_rest(self, flow: Flow, connections: int) -> None:
        """Give a flow keep-alive connections of its own, opened as they are needed, one request under way on each."""
        self._idle[flow.name], self._due[flow.name] = [], deque()
        self._open[flow.name] = 0
        for _ in range(min(connections, FIRST)):
            await self._dial(flow, None)

        def send(numbers: range) -> None:
            idle = self._idle[flow.name]
            for number in numbers:
                if idle:
                    idle.pop().send(number)
                elif self._open[flow.name] < connections:
                    task = asyncio.get_running_loop().create_task(self._dial(flow, number))
                    self._dialing.add(task)
                    task.add_done_callback(self._dialing.discard)
                else:
                    self._due[flow.name].append(number)

        self._senders.append((flow, send))

    async def _dial(self, flow: Flow, number: int | None) -> None:
        self._open[flow.name] += 1
        loop = asyncio.get_running_loop()
        try:
            _, caller = await loop.create_connection(lambda: _Caller(flow, self), HOST, self._port)
        except OSError as fault:
            self._open[flow.name] -= 1
            if number is not None:
                flow.note(number, self.began, -1, str(fault).encode())
            return
        self._keep(caller.transport)
        if number is None:
            self._idle[flow.name].append(caller)
        else:
            caller.send(number)

    def gone(self, flow: Flow, caller: _Caller) -> None:
        """Forget a connection that the server has closed."""
        self._open[flow.name] -= 1
        if caller.number >= 0:
            self.lost += 1
            flow.note(caller.number, self.began, -1, b"connection lost")
        elif caller in self._idle[flow.name]:
            self._idle[flow.name].remove(caller)

    async def add_sockets(self, flows: list[Flow], sockets: int, path: str = "/ws-api/v3") -> None:
        """Let flows share WebSockets; their requests are whole frames."""
        loop, named = asyncio.get_running_loop(), {flow.name.encode(): flow for flow in flows}
        transports: list[asyncio.Transport] = []
        for _ in range(sockets):
            _, speaker = await loop.create_connection(lambda: _Speaker(named, self, path), HOST, self._port)
            async with asyncio.timeout(10):
                assert await speaker.opened, "the handshake was refused"
            assert speaker.transport is not None
            transports.append(speaker.transport)
            self._keep(speaker.transport)
        for flow in flows:
            self._senders.append((flow, lambda numbers, flow=flow: _spread(flow, transports, numbers)))  # type: ignore[misc]

    def free(self, flow: Flow, caller: _Caller) -> None:
        """Take back a connection whose answer has come."""
        waiting = self._due[flow.name]
        if waiting:
            caller.send(waiting.popleft())
        else:
            self._idle[flow.name].append(caller)

    def lateness(self, begin: float, end: float) -> HdrHistogram:
        """Return how late the generator itself was (µs) in a part of the run."""
        found = HdrHistogram(1, 60_000_000, 3)
        for at, late in zip(self.turns, self.late, strict=True):
            if begin <= at < end:
                found.record_value(max(1, int(late * 1e6)))
        return found

    async def play(self) -> None:
        """Send everything on its plan, then wait a bounded time for what is still out."""
        self.began = time.perf_counter() + 0.05
        while True:
            now, is_done = time.perf_counter() - self.began, True
            for flow, send in self._senders:
                first, plan = flow.next, flow.plan
                while flow.next < len(plan) and plan[flow.next] <= now:
                    flow.next += 1
                if flow.next > first:
                    send(range(first, flow.next))
                is_done = is_done and flow.next == len(plan)
            if is_done:
                break
            await asyncio.sleep(TICK_S)
            self.turns.append(now)
            self.late.append(max(0.0, time.perf_counter() - self.began - now - TICK_S))
        limit = time.perf_counter() + SETTLE_S
        flows = [flow for flow, _ in self._senders]
        while any(flow.answered < len(flow.plan) for flow in flows) and time.perf_counter() < limit:  # noqa: ASYNC110 - by callbacks
            await asyncio.sleep(0.02)
        for flow in flows:
            if flow.answered < len(flow.plan):
                flow.others[f"no answer within {SETTLE_S:g} s"] += len(flow.plan) - flow.answered
        for transport in self._transports:
            transport.abort()

    def _keep(self, transport: asyncio.Transport | None) -> None:
        assert transport is not None
        self._transports.append(transport)


def _spread(flow: Flow, transports: list[asyncio.Transport], numbers: range) -> None:
    count = len(transports)
    for place in range(min(count, len(numbers))):
        share = numbers[place::count]
        transports[share[0] % count].write(b"".join([flow.requests[number] for number in share]))


def text_frame(payload: bytes) -> bytes:
    """Return a client's text frame; a mask of zeros is a mask, and the payload goes out as it is."""
    length = len(payload)
    head = bytes((0x80 | length,)) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    return b"\x81" + head + b"\0\0\0\0" + payload
