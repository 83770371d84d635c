"""The way to the leader is looked for again whenever it leads nowhere."""

import asyncio

import pytest

from openbourse.adapters import intake_tcp
from openbourse.adapters.intake_tcp import TcpIntake


async def test_a_leader_that_takes_a_connection_and_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_tcp, "CHALLENGE_S", 0.05)
    came: list[asyncio.StreamWriter] = []
    second = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer)
        if len(came) == 2:
            second.set()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()

    async def find_leader() -> tuple[str, int]:
        return host, port

    intake = TcpIntake(find_leader, b"of the tests")
    await intake.start()
    await asyncio.wait_for(second.wait(), 5)
    assert not intake.is_connected
    await intake.close()
    for writer in came:
        writer.close()
    server.close()
