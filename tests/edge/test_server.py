"""What a connection may take, and how the server ends."""

import asyncio
import json
from collections.abc import Awaitable

import pytest

from openbourse.edge import acceptor, server
from openbourse.edge.operations import Call, Operation
from openbourse.edge.server import Limits
from tests.served import Venue, served

PING = b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET /ws-api/v3 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def dial(venue: Venue) -> Awaitable[Streams]:
    return asyncio.open_connection("127.0.0.1", venue.port)


async def rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(65_536), 3)
    except OSError:
        return b""


async def test_connections_are_limited_and_given_back() -> None:
    limits = Limits(3, 1_000)
    async with served(limits=limits) as venue:
        held = [await dial(venue) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert limits.count == 3
        reader, _ = await dial(venue)
        assert await rest(reader) == b""
        assert limits.refused == 1
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.05)
        assert limits.count == 0
        assert not limits.by_address
        assert (await venue.http.get("/api/v3/ping")).status_code == 200


async def test_one_address_cannot_take_every_place() -> None:
    limits = Limits(100, 2)
    async with served(limits=limits) as venue:
        held = [await dial(venue) for _ in range(2)]
        reader, _ = await dial(venue)
        assert await rest(reader) == b""
        for _, writer in held:
            writer.close()
    assert Limits(100, 2, lambda address: True).admit("10.0.0.1")


async def test_sockets_are_counted_and_given_back_too() -> None:
    limits = Limits(2, 1_000)
    async with served(limits=limits) as venue:
        async with venue.connect():
            await asyncio.sleep(0.05)
            assert limits.count == 1
            assert len(venue.sockets) == 1
        await asyncio.sleep(0.05)
        assert limits.count == 0
        assert len(venue.sockets) == 0


@pytest.mark.parametrize("begin", [b"", b"GET /api", b"GET /api/v3/ping HTTP/1.1\r\nX-Slow: ", PING + b"GET /"])
async def test_a_request_that_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    monkeypatch.setattr(server, "REQUEST_S", 0.2)
    async with served() as venue:
        reader, writer = await dial(venue)
        writer.write(begin)
        if begin.startswith(PING):
            assert (await rest(reader)).startswith(b"HTTP/1.1 200")
            writer.write(b"a")
        assert await rest(reader) == b""


@pytest.mark.parametrize(
    "head",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /api/v3/ping HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"GET /api/v3/ping?a=" + b"x" * 33_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /api/v3/ping HTTP/1.1\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /api/v3/ping HTTP/1.1\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /api/v3/ping HTTP/1.1\r\n" + b"X-Many: 1\r\n" * 2_000 + b"\r\n",
    ],
)
async def test_what_cannot_be_read_or_is_too_long_is_refused_like_anything_else(venue: Venue, head: bytes) -> None:
    reader, writer = await dial(venue)
    writer.write(head)
    answer = await rest(reader)
    fields, _, body = answer.partition(b"\r\n\r\n")
    assert fields.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/json" in fields
    assert json.loads(body).keys() == {"code", "msg"}
    writer.close()


async def test_nonsense_behind_a_call_under_way_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def slow(call: Call) -> object:
        await asyncio.sleep(0.2)
        return {}

    async with served(operations=[Operation(rest=("GET", "/api/v3/slow"), handler=slow)]) as venue:
        reader, writer = await dial(venue)
        writer.write(PING.replace(b"ping", b"slow") + b"no such thing\r\n\r\n")
        assert (await rest(reader)).startswith(b"HTTP/1.1 400")
        await asyncio.sleep(0.4)
        writer.close()
    assert caplog.records == []


async def test_a_refused_connection_is_read_from_for_a_moment_only(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LINGER_S", 0.1)
    reader, writer = await dial(venue)
    writer.write(b"no such thing\r\n\r\n")
    assert (await rest(reader)).startswith(b"HTTP/1.1 400")
    assert venue.limits.count == 1
    await asyncio.sleep(0.3)
    assert venue.limits.count == 0
    writer.close()


async def test_a_head_that_grows_without_end_is_cut(venue: Venue) -> None:
    reader, writer = await dial(venue)
    writer.write(b"GET /api/v3/ping HTTP/1.1\r\nX-Long: ")
    for _ in range(40):
        if writer.is_closing():
            break
        writer.write(b"x" * 1_000)
        await asyncio.sleep(0.002)
    assert (await rest(reader))[:12] in (b"", b"HTTP/1.1 400")


async def test_requests_behind_each_other_are_answered_in_order(venue: Venue) -> None:
    reader, writer = await dial(venue)
    writer.write(PING + PING.replace(b"ping", b"none") + PING)
    answers = b""
    while answers.count(b"HTTP/1.1 ") < 3 or not answers.endswith(b"{}"):
        answers += await asyncio.wait_for(reader.read(65_536), 3)
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200"]
    writer.close()


async def test_a_call_under_way_is_answered_before_the_server_ends() -> None:
    async def slow(call: Call) -> object:
        await asyncio.sleep(0.4)
        return {"done": True}

    async with served(operations=[Operation(rest=("GET", "/api/v3/slow"), handler=slow)]) as venue:
        asked = asyncio.create_task(venue.http.get("/api/v3/slow"))
        await asyncio.sleep(0.1)
        venue.stop.set()
        assert (await asked).json() == {"done": True}


async def test_a_balancer_keeps_its_idle_connections_longer_than_clients_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "KEEP_ALIVE_S", 1)
    for is_balancer in (False, True):
        told = {"127.0.0.1"} if is_balancer else set()
        async with served(limits=Limits(100, 100, told.__contains__)) as venue:
            reader, writer = await dial(venue)
            writer.write(PING)
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2)
            if is_balancer:
                await asyncio.sleep(1.6)
                writer.write(PING)
                assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            else:
                assert await rest(reader) == b""
            writer.close()


async def keep_asking(venue: Venue) -> None:
    """Ask again and again on one connection until an answer says that it is the last one."""
    reader, writer = await dial(venue)
    while True:
        writer.write(PING)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        await reader.readexactly(2)
        if b"connection: close" in head:
            assert await reader.read() == b""
            return
        await asyncio.sleep(0.02)


async def test_who_keeps_asking_is_told_which_answer_is_the_last() -> None:
    async with served() as venue:
        asking = [asyncio.create_task(keep_asking(venue)) for _ in range(50)]
        await asyncio.sleep(0.2)
        assert not any(task.done() for task in asking)
        venue.stop.set()
        await asyncio.wait_for(asyncio.gather(*asking), 3)


async def test_who_asks_nothing_is_not_waited_for_long() -> None:
    async with served() as venue:
        kept = [await dial(venue) for _ in range(3)]
        kept[0][1].write(PING)
        assert await kept[0][0].readuntil(b"{}")
        venue.stop.set()
        for reader, _ in kept:
            assert await rest(reader) == b""


async def test_who_waits_to_be_taken_is_served_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "REST_S", 5.0)
    async with served() as venue:
        waiting = [await dial(venue) for _ in range(20)]
        for _, writer in waiting:
            writer.write(PING)
        await asyncio.sleep(0.1)
        venue.stop.set()
        for reader, _ in waiting:
            assert (await rest(reader)).startswith(b"HTTP/1.1 200")


async def test_no_socket_is_opened_at_the_end() -> None:
    async with served() as venue:
        reader, writer = await dial(venue)
        writer.write(PING)
        assert await reader.readuntil(b"{}")
        venue.stop.set()
        await asyncio.sleep(0.1)
        writer.write(UPGRADE)
        assert (await rest(reader)).startswith(b"HTTP/1.1 503")
