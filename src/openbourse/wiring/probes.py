"""Health and metrics of a process that serves no public port: for the probes of an orchestrator and for a scraper."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

from openbourse.monitor.api import Monitor

REQUEST_S: Final = 5.0
REQUEST_BYTES_MAX: Final = 8_192
CONNECTIONS_MAX: Final = 32
_REASONS: Final = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}
Answer = tuple[int, str, bytes]


@contextlib.asynccontextmanager
async def answering(monitor: Monitor, host: str, port: int) -> AsyncIterator[int]:
    """Answer /health/live, /health/ready and /metrics meanwhile; give the port."""
    probes = _Probes(monitor)
    server = await asyncio.start_server(probes.serve, host, port, limit=REQUEST_BYTES_MAX)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


class _Probes:
    """One request a connection: probes ask seldom, and keep nothing open."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._open += 1
        try:
            async with asyncio.timeout(REQUEST_S):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                status, media, body = await self._answer(head, writer.get_extra_info("peername")[0])
                shown = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: {media}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
                writer.write(shown.encode() + body)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, head: str, peer: str) -> Answer:
        first, *lines = head.split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        match first.split(" ")[:2]:
            case ["GET", "/health/live"]:
                return await self._monitor.live()
            case ["GET", "/health/ready"]:
                return await self._monitor.ready()
            case ["GET", "/metrics"]:
                return await self._monitor.metrics(peer, fields.get("authorization", ""), _is_forwarded(fields))
        return 404, "application/json", b"{}"


def _is_forwarded(fields: Mapping[str, str]) -> bool:
    return "x-forwarded-for" in fields or "forwarded" in fields
