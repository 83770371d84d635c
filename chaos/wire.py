"""The clients' connections: REST with keep-alive and the WebSocket API, each saying whether a request may have arrived."""

import asyncio
import base64
import json
import os
from collections import defaultdict
from typing import Any, Final, cast

import httptools

CONNECT_S: Final = 1.0
ANSWER_S: Final = 6.5
"""A client that has no answer by then is in doubt: a little more than an edge itself may take (receive window, grace)."""
IDLE_MAX: Final = 64

Address = tuple[str, int]
Answer = tuple[int, dict[str, Any]]


class NotSent(Exception):
    """Nothing has left this client."""


class NoAnswer(Exception):
    """It may have arrived; no answer came."""


class _Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._future: asyncio.Future[Answer] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self.transport = cast(asyncio.Transport, transport)

    @property
    def is_open(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    async def ask(self, request: bytes) -> Answer:
        assert self.transport is not None
        self._body = b""
        self._future = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._future
        except TimeoutError:
            self.transport.abort()
            raise NoAnswer("no answer in time") from None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("what came back is no HTTP")
            if self.transport is not None:
                self.transport.abort()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive() and self.transport is not None:
            self.transport.close()
        if self._future is not None and not self._future.done():
            self._future.set_result((self._parser.get_status_code(), _json(self._body)))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the connection was lost")

    def _fail(self, why: str) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_exception(NoAnswer(why))


class Rest:
    """Keep-alive connections to every edge that is asked."""

    def __init__(self) -> None:
        self._idle: dict[Address, list[_Connection]] = defaultdict(list)

    async def ask(self, edge: Address, head: bytes) -> Answer:
        """Send a request (its whole bytes) and return status and body. Raises NotSent, NoAnswer."""
        connection = self._take(edge) or await self._open(edge)
        answer = await connection.ask(head)
        if connection.is_open and len(self._idle[edge]) < IDLE_MAX:
            self._idle[edge].append(connection)
        return answer

    def leave(self, edge: Address) -> None:
        """Forget the idle connections to an edge: what is behind them may be gone."""
        for connection in self._idle.pop(edge, []):
            if connection.transport is not None:
                connection.transport.abort()

    def _take(self, edge: Address) -> _Connection | None:
        idle = self._idle[edge]
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _open(self, edge: Address) -> _Connection:
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await asyncio.get_running_loop().create_connection(_Connection, *edge)
        except (OSError, TimeoutError) as fault:
            raise NotSent(str(fault) or "no connection in time") from fault
        return connection


class ApiSocket(asyncio.Protocol):
    """One connection to the WebSocket API, many requests under way."""

    def __init__(self) -> None:
        self._buffer = b""
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._transport: asyncio.Transport | None = None
        self._is_open = False

    @classmethod
    async def open(cls, edge: Address, path: str = "/ws-api/v3") -> "ApiSocket":
        """Return an open connection. Raises NotSent."""
        socket: ApiSocket | None = None
        try:
            async with asyncio.timeout(CONNECT_S):
                _, socket = await asyncio.get_running_loop().create_connection(cls, *edge)
                socket._upgrade(path, edge[0])
                await socket._opened
        except (OSError, TimeoutError) as fault:
            if socket is not None:
                socket.close()
            raise NotSent(str(fault) or "no connection in time") from fault
        return socket

    @property
    def is_open(self) -> bool:
        """Tell whether requests can be sent."""
        return self._is_open and self._transport is not None and not self._transport.is_closing()

    async def ask(self, name: str, method: str, params: dict[str, object]) -> Answer:
        """Send a request and return status and result or error. Raises NotSent, NoAnswer."""
        if not self.is_open or self._transport is None:
            raise NotSent("the socket is closed")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[name] = future
        payload = json.dumps({"id": name, "method": method, "params": params}).encode()
        self._transport.write(_frame(payload))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await future
        except TimeoutError:
            self.close()
            raise NoAnswer("no answer in time") from None
        finally:
            self._waiting.pop(name, None)

    def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_open = False
        if not self._opened.done():
            self._opened.set_exception(ConnectionResetError("closed before it was open"))
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(NoAnswer("the connection was lost"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_open and not self._take_head():
            return
        for opcode, payload in self._frames():
            if opcode == 1:
                self._answer(payload)
            elif opcode == 9 and self._transport is not None:
                self._transport.write(_frame(payload, 0x8A))

    def _upgrade(self, path: str, host: str) -> None:
        assert self._transport is not None
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def _take_head(self) -> bool:
        head, mark, rest = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return False
        self._buffer = rest
        self._is_open = b" 101 " in head.split(b"\r\n", 1)[0]
        if not self._opened.done():
            if self._is_open:
                self._opened.set_result(None)
            else:
                self._opened.set_exception(ConnectionRefusedError(head[:60].decode(errors="replace")))
        return self._is_open

    def _frames(self) -> list[tuple[int, bytes]]:
        found, at, buffer = [], 0, self._buffer
        while len(buffer) - at >= 2:
            length, head = buffer[at + 1] & 0x7F, 2
            if length == 126:
                length, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            elif length == 127:
                length, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
            if len(buffer) - at < head + length:
                break
            found.append((buffer[at] & 0x0F, buffer[at + head : at + head + length]))
            at += head + length
        self._buffer = buffer[at:]
        return found

    def _answer(self, payload: bytes) -> None:
        told = _json(payload)
        future = self._waiting.get(str(told.get("id")))
        if future is not None and not future.done():
            status = told.get("status")
            body = told.get("result", told.get("error", {}))
            future.set_result((status if isinstance(status, int) else 0, body if isinstance(body, dict) else {}))


def _frame(payload: bytes, first: int = 0x81) -> bytes:
    # A mask of zeros is a mask: the payload goes out as it is.
    length = len(payload)
    head = bytes((first, 0x80 | length)) if length < 126 else bytes((first, 0xFE)) + length.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


def _json(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
