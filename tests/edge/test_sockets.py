"""Sockets: paths, bounds, pings and ends."""

import asyncio
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode

from bench.flows import text_frame
from openbourse.edge import ratelimit, sockets
from openbourse.edge.errors import ApiError
from openbourse.edge.frames import frame
from openbourse.edge.sockets import Socket
from tests.served import served


class Recorder:
    """A handler that notes what happens and echoes."""

    def __init__(self) -> None:
        self.opened_paths: list[tuple[str, str]] = []
        self.sockets: list[Socket] = []
        self.ended = 0
        self.rate = 0

    def opened(self, socket: Socket, path: str, query: str) -> None:
        if "refuse" in query:
            raise ApiError(-1003, "not now")
        self.opened_paths.append((path, query))
        self.sockets.append(socket)
        socket.messages_per_second_max = self.rate

    def received(self, socket: Socket, text: str) -> None:
        if text == "break":
            raise RuntimeError("broken handler")
        socket.send(frame(text.encode()))

    def closed(self, socket: Socket) -> None:
        self.ended += 1

    def stopping(self, socket: Socket) -> None:
        socket.send(frame(b"bye"))


@pytest.fixture
async def recorded() -> Any:
    handler = Recorder()
    async with served(handlers={"/ws": handler, "/stream": handler}) as venue:
        yield venue, handler


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
async def test_a_frame_built_once_is_read_by_clients(recorded: Any, size: int) -> None:
    venue, handler = recorded
    async with venue.connect("/ws") as connection:
        await connection.send("x")
        assert await connection.recv() == "x"
        handler.sockets[0].send(frame(b"y" * size))
        assert await connection.recv() == "y" * size


async def test_paths_reach_their_handler_decoded(recorded: Any) -> None:
    venue, handler = recorded
    for path in ("/ws", "/ws/btcusdt%40trade", "/ws/0", "/stream?streams=a/b&timeUnit=MICROSECOND"):
        async with venue.connect(path):
            pass
    assert handler.opened_paths == [
        ("/ws", ""),
        ("/ws/btcusdt@trade", ""),
        ("/ws/0", ""),
        ("/stream", "streams=a/b&timeUnit=MICROSECOND"),
    ]
    for path in ("/", "/wsx", "/streams", "/ws-api", "/ws-api/v4"):
        with pytest.raises(InvalidStatus) as refused:
            await venue.connect(path)
        assert refused.value.response.status_code == 404


async def test_a_handler_refuses_or_breaks_one_socket_only(recorded: Any) -> None:
    venue, handler = recorded
    async with venue.connect("/ws?refuse=1") as connection:
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert (connection.close_code, connection.close_reason) == (1008, "not now")
    async with venue.connect("/ws") as other, venue.connect("/ws") as connection:
        await connection.send("break")
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 1011
        await other.send("still here")
        assert await other.recv() == "still here"
    await asyncio.sleep(0.05)
    assert handler.ended == 3


async def test_messages_in_fragments_are_joined(recorded: Any) -> None:
    venue, _ = recorded
    async with venue.connect("/ws") as connection:
        await connection.send(["one ", "two ", "three"])
        assert await connection.recv() == "one two three"


@pytest.mark.parametrize(
    ("message", "code"), [("x" * 70_000, 1009), (b"\xff\xfe", 1007), (["x" * 40_000, "x" * 40_000], 1009)]
)
async def test_messages_beyond_the_limits_close_the_socket(recorded: Any, message: Any, code: int) -> None:
    venue, _ = recorded
    async with venue.connect("/ws") as connection:
        await connection.send(message)
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert connection.close_code == code


async def test_too_many_messages_in_a_second_close_the_socket(recorded: Any) -> None:
    venue, handler = recorded
    handler.rate = 5
    async with venue.connect("/ws") as connection:
        for _ in range(12):
            await connection.send("x")
        await asyncio.wait_for(connection.wait_closed(), 3)
        assert connection.close_code == 1008


async def test_a_slow_reader_is_closed_with_bounded_memory(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "CLOSE_S", 0.2)
    venue, handler = recorded
    reader, writer = await asyncio.open_connection("127.0.0.1", venue.port, limit=1_024)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)
    whole = frame(b"x" * 60_000)
    (socket,) = handler.sockets
    sent = 0
    while socket.send(whole) and sent < 10_000:
        sent += 1
        assert socket.buffered <= sockets.UNREAD_BYTES_MAX + len(whole)
        await asyncio.sleep(0)
    assert sent < 10_000
    assert not socket.is_open
    await asyncio.sleep(0.5)
    assert handler.ended == 1
    writer.close()


async def test_a_silent_peer_is_pinged_and_closed(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    venue, handler = recorded
    async with venue.connect("/ws") as connection:
        await asyncio.sleep(0.05)
        (socket,) = handler.sockets
        heard = socket._heard
        socket.beat(heard + 30, b"123", frame(b"123", Opcode.PING))
        await connection.send("x")
        await connection.recv()
        await asyncio.sleep(0.05)
        assert socket._heard > heard, "the client echoed the ping"
        heard = socket._heard
        await connection.pong(b"unasked")
        await asyncio.sleep(0.05)
        assert socket._heard == heard, "an unasked pong proves nothing"
        socket.beat(heard + sockets.PONG_WITHIN_S + 1, b"124", frame(b"124", Opcode.PING))
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert connection.close_reason == "no pong in time"


async def test_a_socket_lives_a_day_at_most(recorded: Any) -> None:
    venue, handler = recorded
    async with venue.connect("/ws") as connection:
        await asyncio.sleep(0.05)
        (socket,) = handler.sockets
        socket._heard = socket._born + sockets.LIFE_S
        socket.beat(socket._born + sockets.LIFE_S + 1, b"1", frame(b"1", Opcode.PING))
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 1000


async def test_an_address_may_connect_so_many_times(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratelimit, "CONNECTIONS_MAX", 3)
    venue, _ = recorded
    for _ in range(3):
        async with venue.connect("/ws"):
            pass
    with pytest.raises(InvalidStatus) as refused:
        await venue.connect("/ws")
    assert refused.value.response.status_code == 429
    assert int(refused.value.response.headers["Retry-After"]) > 0


async def test_a_handshake_that_is_none_is_refused(recorded: Any) -> None:
    venue, handler = recorded
    reader, writer = await asyncio.open_connection("127.0.0.1", venue.port)
    writer.write(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), 3)).startswith(b"HTTP/1.1 400")
    writer.close()
    assert handler.sockets == []
    await asyncio.sleep(0.05)
    assert venue.limits.count == 0


async def test_the_end_is_announced_to_every_socket(recorded: Any) -> None:
    venue, _ = recorded
    async with venue.connect("/ws") as first, connect(f"ws://127.0.0.1:{venue.port}/stream") as second:
        await asyncio.sleep(0.05)
        venue.stop.set()
        for connection in (first, second):
            assert await asyncio.wait_for(connection.recv(), 3) == "bye"
            await asyncio.wait_for(connection.wait_closed(), 3)
            assert connection.close_code == 1001


async def test_a_socket_that_pours_lets_others_have_their_turns(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "TURN_BYTES_MAX", 64)
    venue, handler = recorded
    heard: list[str] = []
    handler.received = lambda socket, text: heard.append(text)
    async with venue.connect("/ws") as pouring, venue.connect("/ws") as quiet:
        first, second = handler.sockets
        whole = b"".join(text_frame(b"many") for _ in range(500))
        # Both have data in the same turn of the loop; the second has not to wait for all of the first.
        first.data_received(whole)
        asyncio.get_running_loop().call_soon(second.data_received, text_frame(b"one"))
        await asyncio.sleep(0.3)
        assert heard.count("many") == 500
        assert heard.index("one") < 50
        await pouring.send("more")
        await quiet.send("more")
        await asyncio.sleep(0.1)
        assert heard[-2:] == ["more", "more"], "both are read again"


async def test_an_upgrade_may_name_the_client_in_several_lines() -> None:
    handler = Recorder()
    async with served(handlers={"/ws": handler}, trusted_proxies=("127.0.0.1/32",)) as venue:
        headers = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "198.51.100.7")]
        async with connect(f"ws://127.0.0.1:{venue.port}/ws", additional_headers=headers) as connection:
            await connection.send("x")
            assert await connection.recv() == "x"
        assert handler.sockets[0].address == "198.51.100.7"


async def test_what_is_refused_as_it_stands_reaches_no_handler_and_nothing_is_lost_while_its_socket_rests(
    recorded: Any,
) -> None:
    venue, handler = recorded
    async with venue.connect("/ws") as connection:
        await connection.send("first")
        assert await connection.recv() == "first"
        (socket,) = handler.sockets
        socket.sheds = lambda message: frame(b"no: " + message) if message.startswith(b"order") else None
        said = [f"order {number}" if number % 3 else f"cancel {number}" for number in range(200)]
        for text in said:
            await connection.send(text)
        heard = [str(await asyncio.wait_for(connection.recv(), 3)) for _ in said]
    assert sorted(heard) == sorted(f"no: {text}" if text.startswith("order") else text for text in said)
    assert [text for text in heard if text.startswith("cancel")] == said[::3], "in the order they came"


async def test_a_socket_that_was_refused_is_not_read_for_a_moment(
    recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "REST_S", 1.0)
    venue, handler = recorded
    async with venue.connect("/ws") as connection:
        await connection.send("first")
        await connection.recv()
        handler.sockets[0].sheds = lambda message: frame(b"no") if message == b"order" else None
        for text in ("order", "cancel"):
            await connection.send(text)
            await asyncio.sleep(0.02)
        assert await connection.recv() == "no"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.recv(), 0.05)
        assert await asyncio.wait_for(connection.recv(), 3) == "cancel"


async def test_a_socket_that_ends_while_it_rests_is_forgotten(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "REST_S", 0.1)
    venue, handler = recorded
    async with venue.connect("/ws") as connection:
        await connection.send("first")
        await connection.recv()
        handler.sockets[0].sheds = lambda message: frame(b"no")
        await connection.send("order")
        assert await connection.recv() == "no"
    await asyncio.sleep(0.3)
    assert (handler.ended, len(venue.sockets)) == (1, 0)
