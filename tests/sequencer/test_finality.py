"""What a leader says is final, whatever the journal and its clock do meanwhile."""

import asyncio
import socket

import pytest

from openbourse.machine import THIS_MACHINE
from openbourse.protocol import commands
from openbourse.protocol.intake import COMMITTED, QUESTION, Ask, Tell, pack
from openbourse.protocol.journal import BatchRow
from openbourse.sequencer.sequencer import ClockSet
from tests.sequencer.shard import SET_UP
from tests.sequencer.test_due import Leading
from tests.sequencer.test_intake import Gateway


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


def ask(leading: Leading, question: int) -> None:
    leading.gateway.connection.data_received(pack(Ask.COMMITTED, QUESTION.pack(question)))


async def test_nobody_is_told_how_far_the_journal_goes_before_a_proof_that_began_after_the_question() -> None:
    leading = Leading()
    intake = leading.sequencer.intake
    ask(leading, 1)
    assert intake.unproven.is_set()
    began = intake.asked
    ask(leading, 2)
    other = Gateway(intake)
    other.connection.data_received(pack(Ask.COMMITTED, QUESTION.pack(7)))
    intake.proven(began)
    assert told(leading) == [], "asked again since: the proof is older than the question"
    assert intake.unproven.is_set()
    intake.proven(intake.asked)
    assert told(leading) == [(2, 0)], "one question of a gateway is enough"
    assert [COMMITTED.unpack(body) for _, body in other.told()] == [(7, 0)]
    assert not intake.unproven.is_set()
    other.connection.connection_lost(None)
    await leading.end()


async def test_a_batch_on_its_way_holds_what_is_said_of_the_journal_and_the_next_one_proves_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leading, may_append = Leading(), asyncio.Semaphore(0)
    intake, append = leading.sequencer.intake, leading.journal.append

    async def slow(row: BatchRow) -> None:
        await may_append.acquire()
        await append(row)

    monkeypatch.setattr(leading.journal, "append", slow)
    ask(leading, 1)
    leading.send(*SET_UP)
    await asyncio.sleep(0.01)
    assert not intake.unproven.is_set(), "the append is a proof, too"
    may_append.release()
    await leading.until(lambda: leading.sequencer.committed.sequence == 5)
    assert told(leading) == [(1, 5)]
    leading.send(commands.OpenAccount(2))
    await asyncio.sleep(0.01)
    ask(leading, 2)
    assert not intake.unproven.is_set(), "its commands' time may be over; whether they happened is not known"
    leading.send(commands.OpenAccount(3))
    may_append.release()
    await leading.until(lambda: leading.sequencer.committed.sequence == 6)
    assert told(leading) == [], "this append began before the question"
    may_append.release()
    await leading.until(lambda: leading.sequencer.committed.sequence == 7)
    assert told(leading) == [(2, 7)]
    await leading.end()


async def test_a_question_behind_the_last_batch_asks_for_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    leading, may_append = Leading(), asyncio.Event()
    append = leading.journal.append

    async def slow(row: BatchRow) -> None:
        await may_append.wait()
        await append(row)

    monkeypatch.setattr(leading.journal, "append", slow)
    leading.send(*SET_UP)
    await asyncio.sleep(0.01)
    ask(leading, 1)
    may_append.set()
    await asyncio.wait_for(leading.sequencer.intake.unproven.wait(), 5)
    assert told(leading) == []
    leading.gateway.connection.connection_lost(None)
    leading.sequencer.intake.proven(leading.sequencer.intake.asked)
    assert told(leading) == [], "who is gone is told nothing"
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


async def test_a_clock_that_was_set_since_it_was_held_against_the_database_s_stamps_nothing() -> None:
    """A standby looks once a second; its clock may jump just before it takes the lease."""
    clock = SetClock()
    leading = Leading(clock, clock.now_us() - int(clock.monotonic_s() * 1e6) - 20_000_000)
    leading.send(*SET_UP)
    with pytest.raises(ClockSet):
        await asyncio.wait_for(leading.task, 5)
    assert not leading.journal.rows


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
