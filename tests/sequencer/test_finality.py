"""What a leader says is final, whatever the journal and its clock do meanwhile."""

import asyncio
import socket

import pytest

from openbourse.machine import THIS_MACHINE
from openbourse.protocol import commands
from openbourse.protocol.intake import COMMITTED, QUESTION, Ask, Tell, pack
from openbourse.protocol.journal import BatchRow
from openbourse.sequencer import intake as bounds
from openbourse.sequencer.sequencer import ClockSet
from tests.sequencer.shard import SET_UP
from tests.sequencer.test_due import Leading


class SetClock:
    """This machine, with a clock that somebody sets."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def now_us(self) -> int:
        return THIS_MACHINE.now_us() + self.ahead_us

    def monotonic_s(self) -> float:
        return THIS_MACHINE.monotonic_s()

    def random_bytes(self, count: int) -> bytes:
        return THIS_MACHINE.random_bytes(count)

    def listen(self, host: str, port: int) -> socket.socket:
        return THIS_MACHINE.listen(host, port)


def told(leading: Leading) -> list[tuple[int, int]]:
    """Return question and sequence of each answer about how far the journal goes."""
    return [COMMITTED.unpack(body) for kind, body in leading.gateway.told() if kind == Tell.COMMITTED]


async def test_a_batch_that_is_long_on_its_way_holds_what_is_said_of_the_journal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "HELD_AFTER_S", 0.02)
    leading, may_append = Leading(), asyncio.Event()
    intake, append = leading.sequencer.intake, leading.journal.append
    intake.renewed(THIS_MACHINE.monotonic_s() + 60)

    async def slow(row: BatchRow) -> None:
        await may_append.wait()
        await append(row)

    monkeypatch.setattr(leading.journal, "append", slow)
    leading.send(*SET_UP)
    await asyncio.sleep(0)
    leading.gateway.connection.data_received(pack(Ask.COMMITTED, QUESTION.pack(1)))
    assert told(leading) == [(1, 0)], "a batch that has only just left holds nobody up"
    await asyncio.sleep(0.05)
    leading.gateway.connection.data_received(pack(Ask.COMMITTED, QUESTION.pack(2)))
    intake.renewed(THIS_MACHINE.monotonic_s() + 60)
    assert told(leading) == [], "its commands' time may be over; whether they happened is not known"
    may_append.set()
    await leading.until(lambda: leading.sequencer.committed.sequence == 5)
    assert told(leading) == [(2, 5)]
    await leading.end()


@pytest.mark.parametrize("ahead_us", [-20_000_000, 20_000_000])
async def test_a_clock_that_is_set_while_leading_ends_the_leader(ahead_us: int) -> None:
    clock = SetClock()
    leading = Leading(clock)
    leading.send(*SET_UP)
    await leading.until(lambda: leading.sequencer.committed.sequence == 5)
    clock.ahead_us = ahead_us
    leading.send(commands.OpenAccount(2))
    with pytest.raises(ClockSet):
        await asyncio.wait_for(leading.task, 5)
    assert leading.journal.rows[-1].last_sequence == 5, "nothing bears the wrong time"


async def test_a_leader_asked_to_stop_while_commands_wait_commits_them_and_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leading, may_append = Leading(), asyncio.Event()
    append = leading.journal.append

    async def slow(row: BatchRow) -> None:
        await may_append.wait()
        await append(row)

    monkeypatch.setattr(leading.journal, "append", slow)
    leading.send(*SET_UP)
    await asyncio.sleep(0.01)
    leading.send(commands.OpenAccount(2))
    leading.gateway.connection.connection_lost(None)
    leading.sequencer.stop()
    may_append.set()
    await asyncio.wait_for(leading.task, 5)
    assert leading.journal.rows[-1].last_sequence == 6
