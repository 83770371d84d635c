"""Connections of a shared listener: taken a few at a time, so that those who share it have their part."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from openbourse.edge import acceptor
from openbourse.edge.acceptor import AT_ONCE, Acceptor


class Greeter(asyncio.Protocol):
    """Says who has taken the connection."""

    def __init__(self, name: bytes) -> None:
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._name)
        transport.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as found:
        yield found


async def greeting(listener: socket.socket, within_s: float = 4.0) -> bytes:
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    try:
        return await asyncio.wait_for(reader.read(), within_s)
    finally:
        writer.close()


async def test_two_that_share_a_listener_both_have_connections(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "REST_S", 5.0)
    with listener.dup() as same:
        serving = [Acceptor(listener, lambda: Greeter(b"a")), Acceptor(same, lambda: Greeter(b"b"))]
        # One after the other, while whoever took the first one rests.
        assert {await greeting(listener), await greeting(listener)} == {b"a", b"b"}
        for one in serving:
            one.close()
            await one.wait_closed()


async def test_a_rush_is_taken_a_few_at_a_time_and_all_of_it(listener: socket.socket) -> None:
    taken = 0

    def make() -> asyncio.Protocol:
        nonlocal taken
        taken += 1
        return Greeter(b"x")

    loop = asyncio.get_running_loop()
    waiting = [socket.create_connection(listener.getsockname(), timeout=5) for _ in range(3 * AT_ONCE)]
    serving = Acceptor(listener, make)
    loop.call_soon(serving._take)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(serving._opening) <= AT_ONCE
    said = await asyncio.gather(*(asyncio.to_thread(connection.recv, 1) for connection in waiting))
    assert (said, taken) == ([b"x"] * 3 * AT_ONCE, 3 * AT_ONCE)
    serving.close()
    for connection in waiting:
        connection.close()


async def test_a_few_that_come_together_are_dealt_out_one_by_one(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "REST_S", 60.0)
    waiting = [socket.create_connection(listener.getsockname(), timeout=5) for _ in range(4)]
    taken = []
    for _ in range(2):
        serving = Acceptor(listener, lambda: Greeter(b"x"))
        serving._take()
        taken.append(len(serving._opening))
        serving._take()
        taken.append(len(serving._opening))
        serving.close()
        await serving.wait_closed()
    assert taken == [1, 3, 1, 1]
    for connection in waiting:
        connection.close()


async def test_who_cannot_take_any_tries_again_and_who_is_closed_does_not(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "FAULT_S", 0.05)

    class Exhausted:
        """Has no descriptors left, twice."""

        faults = 2

        def setblocking(self, flag: bool) -> None:
            listener.setblocking(flag)

        def fileno(self) -> int:
            return listener.fileno()

        def accept(self) -> object:
            if self.faults:
                self.faults -= 1
                raise OSError(24, "too many open files")
            return listener.accept()

    exhausted = Exhausted()
    serving = Acceptor(exhausted, lambda: Greeter(b"late"))  # type: ignore[arg-type]
    assert await greeting(listener) == b"late"
    assert exhausted.faults == 0
    serving.close()
    with pytest.raises(TimeoutError):
        await greeting(listener, within_s=0.3)
