"""A client knows whether a request may have arrived: never sent, no answer, or answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chaos import wire
from chaos.wire import ApiSocket, NoAnswer, NotSent, Rest
from tests.served import served

PING = b"GET /api/v3/ping HTTP/1.1\r\nHost: venue\r\n\r\n"


@asynccontextmanager
async def deaf(closes: bool) -> AsyncIterator[tuple[str, int]]:
    """Give the address of a server that reads and never answers; it hangs up if it should."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        if closes:
            writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield host, port
    finally:
        server.close()


async def test_an_answer_comes_over_both_and_connections_are_used_again() -> None:
    async with served() as venue:
        edge = ("127.0.0.1", venue.port)
        rest = Rest()
        assert [await rest.ask(edge, PING) for _ in range(3)] == [(200, {})] * 3
        assert venue.limits.count == 1
        socket = await ApiSocket.open(edge)
        assert await socket.ask("one", "ping", {}) == (200, {})
        status, error = await socket.ask("two", "order.place", {})
        assert (status, error["code"]) == (400, -1102)
        socket.close()
        rest.leave(edge)


async def test_nothing_was_sent_where_nobody_listens() -> None:
    async with deaf(closes=True) as edge:
        pass
    with pytest.raises(NotSent):
        await Rest().ask(edge, PING)
    with pytest.raises(NotSent):
        await ApiSocket.open(edge)


async def test_a_request_whose_connection_is_lost_may_have_arrived() -> None:
    async with deaf(closes=True) as edge:
        with pytest.raises(NoAnswer):
            await Rest().ask(edge, PING)


async def test_a_request_that_is_never_answered_may_have_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "ANSWER_S", 0.1)
    async with deaf(closes=False) as edge:
        with pytest.raises(NoAnswer):
            await Rest().ask(edge, PING)


async def test_a_socket_that_is_lost_fails_what_is_under_way() -> None:
    async with served() as venue:
        socket = await ApiSocket.open(("127.0.0.1", venue.port))
        venue.intake.delay_s = 5
        question = asyncio.create_task(socket.ask("one", "ping", {}))
        await asyncio.sleep(0)
        socket.close()
        with pytest.raises(NoAnswer):
            await question
        assert not socket.is_open
        with pytest.raises(NotSent):
            await socket.ask("two", "ping", {})
