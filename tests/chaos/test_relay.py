"""The relay between zones: what goes in comes out in order, late, stalled, held, and reset as the other end was."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chaos.relay import STALL_S, Relay, Weather, weather_of


@asynccontextmanager
async def echoed(relay: Relay) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Give a connection through the relay to a server that sends back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    target = server.sockets[0].getsockname()
    address = await relay.listen(("127.0.0.1", 0), target)
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader, writer
    finally:
        writer.close()
        await relay.close()
        server.close()


async def test_a_stream_comes_through_whole_and_in_order() -> None:
    sent = bytes(range(256)) * 20_000
    async with echoed(Relay()) as (reader, writer):
        writer.write(sent)
        assert await asyncio.wait_for(reader.readexactly(len(sent)), 10) == sent


async def test_a_question_and_its_answer_take_the_delay_twice() -> None:
    relay = Relay()
    async with echoed(relay) as (reader, writer):
        writer.write(b"a")
        await reader.readexactly(1)
        relay.change(Weather(delay_s=0.05))
        began = time.monotonic()
        writer.write(b"b")
        await asyncio.wait_for(reader.readexactly(1), 5)
        assert 0.1 <= time.monotonic() - began < 1


async def test_what_is_lost_stalls_what_is_behind_it() -> None:
    relay = Relay()
    async with echoed(relay) as (reader, writer):
        writer.write(b"a")
        await reader.readexactly(1)
        relay.change(Weather(loss=1.0))
        began = time.monotonic()
        writer.write(b"b")
        await asyncio.sleep(0.01)
        relay.change(Weather())
        writer.write(b"c")
        assert await asyncio.wait_for(reader.readexactly(2), 5) == b"bc"
        assert time.monotonic() - began >= STALL_S


async def test_a_direction_that_is_held_delivers_when_it_is_let_go_and_the_other_one_goes_on() -> None:
    relay, arrived = Relay(), asyncio.Event()
    there: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.set_result(writer)
        await reader.readexactly(1)
        arrived.set()

    server = await asyncio.start_server(listen, "127.0.0.2", 0)
    address = await relay.listen(("127.0.0.1", 0), server.sockets[0].getsockname())
    reader, writer = await asyncio.open_connection(*address)
    other = await asyncio.wait_for(there, 5)
    relay.change(Weather(held=(("127.0.0.1", "127.0.0.2"),)))
    writer.write(b"q")
    other.write(b"x")
    assert await asyncio.wait_for(reader.readexactly(1), 5) == b"x"
    await asyncio.sleep(0.1)
    assert not arrived.is_set()
    relay.change(Weather())
    await asyncio.wait_for(arrived.wait(), 5)
    writer.close()
    await relay.close()
    server.close()


async def test_who_dials_what_nobody_serves_is_reset() -> None:
    relay = Relay()
    probe = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    dead = probe.sockets[0].getsockname()
    probe.close()
    await probe.wait_closed()
    address = await relay.listen(("127.0.0.1", 0), dead)
    reader, writer = await asyncio.open_connection(*address)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.readexactly(1), 5)
    writer.close()
    await relay.close()


async def test_an_address_can_stand_for_another_one_and_move() -> None:
    async def serve(name: bytes, host: str, port: int = 0) -> asyncio.Server:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(name)
            writer.close()

        return await asyncio.start_server(answer, host, port)

    first = await serve(b"a", "127.0.0.2")
    port = first.sockets[0].getsockname()[1]
    second = await serve(b"b", "127.0.0.3", port)
    relay = Relay()
    address = await relay.listen(("127.0.0.1", 0), ("127.0.0.9", port))
    for host, name in (("127.0.0.2", b"a"), ("127.0.0.3", b"b")):
        relay.change(Weather(moved={"127.0.0.9": host}))
        reader, writer = await asyncio.open_connection(*address)
        assert await asyncio.wait_for(reader.read(), 5) == name
        writer.close()
    await relay.close()
    first.close()
    second.close()


def test_a_line_changes_what_it_names_and_nothing_else() -> None:
    weather = weather_of('{"loss": 0.5, "held": [["10.77.1.", "10.77.2."]]}', Weather(delay_s=0.001))
    assert weather == Weather(delay_s=0.001, loss=0.5, held=(("10.77.1.", "10.77.2."),))
