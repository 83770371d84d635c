"""The way to the leader is looked for again whenever it leads nowhere."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import structlog
from structlog.testing import LogCapture

from openbourse.adapters import intake_tcp
from openbourse.adapters.intake_tcp import ANSWERS_AT_ONCE, TcpIntake
from openbourse.edge.intake import Overloaded
from openbourse.protocol import commands
from openbourse.protocol.codec import COMMAND_HEADER
from openbourse.protocol.intake import ANSWER, FRAME_BYTES_MAX, Ask, Frames, Tell, pack
from tests.sequencer.test_finality import SetClock


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


async def test_what_keeps_the_leader_from_being_found_for_good_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the look-up went by as a database that is away, five times a second, for ever."""
    faults: list[Exception] = [ConnectionError("away"), AttributeError("no such thing")]
    looked = asyncio.Event()

    async def find_leader() -> None:
        if len(faults) == 1:
            looked.set()
        raise faults[0] if len(faults) == 1 else faults.pop(0)

    said = LogCapture()
    # A logger that has spoken once keeps its outlet, so it is this module's own that is exchanged.
    monkeypatch.setattr(intake_tcp, "log", structlog.wrap_logger(None, processors=[said]))
    intake = TcpIntake(find_leader, b"of the tests")
    await intake.start()
    await looked.wait()
    await asyncio.sleep(0)
    await intake.close()
    assert [(each["log_level"], each["why"]) for each in said.entries[:2]] == [
        ("info", "away"),
        ("error", "AttributeError: no such thing"),
    ]


class Leader:
    """Answers every command at once, stamped with the true time."""

    def __init__(self) -> None:
        self.took = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = Frames(FRAME_BYTES_MAX)
        writer.write(pack(Tell.CHALLENGE, bytes(32)))
        while data := await reader.read(65_536):
            for kind, body in frames.feed(data):
                if kind == Ask.SUBMIT:
                    self.took += 1
                    counter = COMMAND_HEADER.unpack_from(body)[4]
                    writer.write(pack(Tell.ANSWER, ANSWER.pack(counter, 1, time.time_ns() // 1_000, 0, 0)))
        writer.close()


@pytest.fixture
async def leader() -> AsyncIterator[tuple[Leader, tuple[str, int]]]:
    leader = Leader()
    server = await asyncio.start_server(leader.serve, "127.0.0.1", 0)
    yield leader, server.sockets[0].getsockname()
    server.close()


async def test_a_batch_of_answers_wakes_few_at_a_time_and_cancels_first() -> None:
    """Each of a batch's answers woke its call in the same turn of the loop, and a cancel stood among them."""
    asked, all_asked = list[int](), asyncio.Event()

    async def answer_all_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = Frames(FRAME_BYTES_MAX)
        writer.write(pack(Tell.CHALLENGE, bytes(32)))
        while data := await reader.read(65_536):
            asked.extend(COMMAND_HEADER.unpack_from(body)[4] for kind, body in frames.feed(data) if kind == Ask.SUBMIT)
            if len(asked) == 11:
                all_asked.set()
                stamp = time.time_ns() // 1_000
                writer.write(b"".join(pack(Tell.ANSWER, ANSWER.pack(each, each, stamp, 0, 0)) for each in asked))
        writer.close()

    server = await asyncio.start_server(answer_all_at_once, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()

    async def find_leader() -> tuple[str, int]:
        host, port = address
        return host, port

    intake, ended = TcpIntake(find_leader, b"of the tests"), list[str]()

    async def submit(command: commands.Command, name: str) -> None:
        await intake.submit(command, time.time_ns() // 1_000 + 5_000_000)
        ended.append(name)

    await intake.start()
    async with asyncio.timeout(5):
        while not intake.is_connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        async with asyncio.TaskGroup() as calls:
            for number in range(1, 11):
                calls.create_task(submit(commands.OpenAccount(number), "other"))
            calls.create_task(submit(commands.CancelAll(1, 0, ""), "cancel"))
            while not ended:  # noqa: ASYNC110 - turns of the loop are what is counted
                await asyncio.sleep(0)
            by_turn = [len(ended)]
            while sum(by_turn) < 11:
                await asyncio.sleep(0)
                by_turn.append(len(ended) - sum(by_turn))
    assert ended[0] == "cancel"
    assert max(by_turn) <= ANSWERS_AT_ONCE + 1
    await intake.close()
    server.close()


async def test_a_clock_ahead_of_the_leader_s_takes_in_nothing_until_it_is_right(
    leader: tuple[Leader, tuple[str, int]],
) -> None:
    """Its patience would end before the leader refuses the command, and what is looked up then would not be final."""
    clock, (found, address) = SetClock(), leader

    async def find_leader() -> tuple[str, int]:
        return address

    intake = TcpIntake(find_leader, b"of the tests", clock)
    await intake.start()
    async with asyncio.timeout(5):
        while not intake.is_connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await intake.submit(commands.OpenAccount(1), clock.now_us() + 5_000_000)
    clock.ahead_us = 900_000
    await intake.submit(commands.OpenAccount(2), clock.now_us() + 5_000_000)
    clock.ahead_us = 3_000_000
    for _ in range(2):
        with pytest.raises(Overloaded, match="clock"):
            await intake.submit(commands.OpenAccount(3), clock.now_us() + 5_000_000)
    assert not intake.is_connected
    clock.ahead_us = 0
    await intake.submit(commands.OpenAccount(4), clock.now_us() + 5_000_000)
    assert found.took == 3
    await intake.close()


async def test_a_clock_that_was_wrong_from_the_beginning_is_seen_at_the_first_answer(
    leader: tuple[Leader, tuple[str, int]],
) -> None:
    clock, (_, address) = SetClock(), leader
    clock.ahead_us = 3_000_000

    async def find_leader() -> tuple[str, int]:
        return address

    intake = TcpIntake(find_leader, b"of the tests", clock)
    await intake.start()
    await intake.submit(commands.OpenAccount(1), clock.now_us() + 5_000_000)
    with pytest.raises(Overloaded, match="clock"):
        await intake.submit(commands.OpenAccount(2), clock.now_us() + 5_000_000)
    await intake.close()
