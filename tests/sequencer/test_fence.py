"""Of two Regions one trades: who is told that the other does stops, who hears nothing stops in time, and it stays so."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from openbourse.adapters.region_postgres import PostgresGivenUp
from openbourse.machine import THIS_MACHINE, ThisMachine
from openbourse.protocol.journal import Deposed, JournalAway
from openbourse.roles import TURN_ADDRESSES, Turn
from openbourse.sequencer.fence import ANSWER_LASTS_S, BELIEVED_AFTER_S, Fence
from openbourse.wiring.replicas import take_back
from tests.sequencer.shard import SET_UP, Shard, buy, far

FIRST, SECOND = (TURN_ADDRESSES[turn] for turn in (Turn.FIRST, Turn.SECOND))
SILENCE = ""


class Clock(ThisMachine):
    """A machine whose time a test sets."""

    now = 1_000.0

    def monotonic_s(self) -> float:
        """Return the test's time."""
        return self.now


class Row:
    """The journal's word, in memory."""

    is_written = False
    is_away = False
    forgotten = 0

    async def read(self) -> bool:
        """Tell whether it was written."""
        if self.is_away:
            raise JournalAway("planted")
        return self.is_written

    async def write(self) -> None:
        """Write."""
        self.is_written = True

    async def forget_others(self) -> None:
        """Count."""
        self.forgotten += 1


class Told:
    """A fence, and what it is told next."""

    def __init__(self, own: Turn) -> None:
        self.clock, self.row, self.answer = Clock(), Row(), SILENCE
        self.fence = Fence(own, self.ask, self.row, self.clock)

    async def ask(self) -> str:
        """Answer as the test says."""
        return self.answer

    async def after(self, seconds: float, answer: str) -> str:
        """Return why not, when this is the answer after so many seconds."""
        self.clock.now += seconds
        self.answer = answer
        await self.fence.look()
        return self.fence.why_not()


async def test_nobody_leads_before_it_was_told_that_its_region_trades() -> None:
    told = Told(Turn.FIRST)
    assert told.fence.why_not()
    assert "nobody says" in await told.after(1, SILENCE)
    assert "nobody says" in await told.after(1, "198.51.100.7")
    assert not await told.after(1, FIRST)


async def test_silence_is_borne_for_a_while_and_no_longer() -> None:
    told = Told(Turn.FIRST)
    await told.after(1, FIRST)
    assert not await told.after(ANSWER_LASTS_S, SILENCE)
    assert "nobody says" in await told.after(1, SILENCE)
    assert not await told.after(1, FIRST)


async def test_the_first_region_stops_at_the_word_and_gives_up_for_good_after_a_while() -> None:
    told = Told(Turn.FIRST)
    await told.after(1, FIRST)
    assert "other Region" in await told.after(1, SECOND)
    assert "other Region" in await told.after(BELIEVED_AFTER_S / 2, SILENCE)
    assert not told.row.is_written
    assert not await told.after(1, FIRST)  # it was said by mistake, and for a moment only
    await told.after(1, SECOND)
    assert "given up" in await told.after(BELIEVED_AFTER_S + 1, SECOND)
    assert "given up" in await told.after(1, FIRST)  # what it is told when the other one's front is away


async def test_the_second_region_waits_while_it_is_told_that_the_first_trades_and_gives_nothing_up() -> None:
    told = Told(Turn.SECOND)
    assert "other Region" in await told.after(1, FIRST)
    assert "other Region" in await told.after(10 * BELIEVED_AFTER_S, FIRST)
    assert told.row.forgotten == 0
    assert not await told.after(1, SECOND)
    assert told.row.forgotten == 1


async def test_what_the_first_region_gave_up_does_not_bind_the_second_that_has_its_copy(
    shard: Shard, given_up: PostgresGivenUp
) -> None:
    """The first one may have written it before the promotion, and then it is in the copy; and it must not go back."""
    await given_up.write()

    async def ask() -> str:
        return SECOND

    there = PostgresGivenUp(shard.settings.journal_url, 0, Turn.SECOND)
    fence = Fence(Turn.SECOND, ask, there, THIS_MACHINE)
    await fence.look()
    assert not fence.why_not()
    assert not await given_up.read()
    there.close()


async def test_a_journal_that_cannot_be_read_lets_nobody_new_lead_and_ends_nobody() -> None:
    told = Told(Turn.FIRST)
    told.row.is_away = True
    assert "does not say yet" in await told.after(1, FIRST)
    told.row.is_away = False
    assert not await told.after(1, FIRST)
    told.row.is_away = True
    assert not await told.after(1, FIRST)


@pytest.fixture
async def given_up(shard: Shard) -> AsyncIterator[PostgresGivenUp]:
    found = PostgresGivenUp(shard.settings.journal_url, 0, Turn.FIRST)
    yield found
    found.close()


async def test_a_leader_ends_and_no_other_leads_until_the_journal_is_taken_back(
    shard: Shard, given_up: PostgresGivenUp
) -> None:
    answer = FIRST

    async def ask() -> str:
        return answer

    fence = Fence(Turn.FIRST, ask, given_up, THIS_MACHINE)
    await fence.look()
    first = shard.start("a", fence=fence)
    async with shard.gateway() as gateway:
        for command in (*SET_UP, buy("before")):
            await gateway.submit(command, far())
    answer = SECOND
    await fence.look()
    with pytest.raises(Deposed, match="the other Region trades"):
        await asyncio.wait_for(first.task, 5)

    await given_up.write()
    answer = FIRST
    await fence.look()
    second = shard.start("b", fence=fence)
    await asyncio.wait_for(second.ready.wait(), 10)  # it stands by
    async with shard.gateway() as gateway:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gateway.submit(buy("meanwhile"), far()), 2)
    assert await take_back(shard.settings)
    assert not await take_back(shard.settings)
    await fence.look()
    async with shard.gateway() as gateway:
        await gateway.submit(buy("after"), far())
    await second.end()


async def test_a_journal_that_is_away_is_told(shard: Shard) -> None:
    away = PostgresGivenUp("postgresql://127.0.0.1:1/journal", 0, Turn.FIRST)
    with pytest.raises(JournalAway):
        await away.read()
