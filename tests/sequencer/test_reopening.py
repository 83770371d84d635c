"""After a long outage instruments come back in steps, whoever leads meanwhile; a short one changes nothing."""

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import Any, Final, cast

import msgspec
import pytest

from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.protocol import commands, events
from openbourse.protocol.events import EventKind
from openbourse.protocol.instruments import InstrumentStatus
from openbourse.sequencer import reopening
from openbourse.sequencer.reopening import Reopening
from openbourse.settings import ProcessSettings, VenueSettings
from tests.conftest import OwnPostgres
from tests.sequencer.shard import PAIR, SET_UP, Replica, Shard, buy, far, migrate

WAIT_S = 1
LOOK_EVERY_S: Final = 0.02


def patient(shard: Shard, after_s: int) -> None:
    """Have a shard reopen after an outage of so many seconds, in steps of one."""
    venue = replace(shard.settings.venue, reopen_after_s=after_s, reopen_cancel_only_s=WAIT_S, reopen_auction_s=WAIT_S)
    shard.settings = replace(shard.settings, venue=venue)


async def statuses(shard: Shard) -> list[tuple[int, int]]:
    """Return instruments and statuses in the order in which the journal tells of changes."""
    journal = PostgresJournal(shard.settings.journal_url, 0)
    found = []
    for row in await journal.read(0):
        for event in events.decode(row.events, {EventKind.INSTRUMENT_STATUS_CHANGED}):
            assert isinstance(event, events.InstrumentStatusChanged)
            found.append((event.instrument, event.status))
    await journal.close()
    return found


async def eventually(shard: Shard, wanted: list[tuple[int, int]]) -> None:
    async with asyncio.timeout(20):
        while await statuses(shard) != wanted:  # noqa: ASYNC110 - a leader writes it
            await asyncio.sleep(0.1)


async def die(replica: Replica) -> None:
    replica.task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await replica.task


SECOND = commands.ListInstrument(msgspec.structs.replace(PAIR, instrument=2, symbol="HALTED"))
STEPS = [
    (1, int(status)) for status in (InstrumentStatus.CANCEL_ONLY, InstrumentStatus.AUCTION, InstrumentStatus.TRADING)
]
HALT = (2, int(InstrumentStatus.HALT))


async def set_up(shard: Shard) -> None:
    async with shard.gateway() as gateway:
        for command in (*SET_UP, commands.SetRules(2), SECOND, commands.SetInstrumentStatus(*HALT)):
            await gateway.submit(command, far())


async def test_after_a_long_outage_what_traded_comes_back_in_steps_and_a_new_leader_goes_on(shard: Shard) -> None:
    patient(shard, 1)
    first = shard.start("a")
    await set_up(shard)
    await first.end()
    await asyncio.sleep(1.5)
    second = shard.start("b")
    async with shard.gateway() as gateway:
        answer = await gateway.submit(buy("early"), far())
        assert isinstance(next(events.decode(answer.events)), events.CommandRejected), (
            "cancel-only from the first batch on"
        )
    assert await statuses(shard) == [HALT, STEPS[0]]
    await die(second)
    third = shard.start("c")
    await eventually(shard, [HALT, *STEPS])
    async with shard.gateway() as gateway:
        answer = await gateway.submit(buy("late"), far())
        assert not isinstance(next(events.decode(answer.events)), events.CommandRejected)
    await third.end()


async def test_a_short_outage_and_a_setting_of_zero_change_nothing(shard: Shard) -> None:
    for after_s in (30, 0):
        patient(shard, after_s)
        replica = shard.start(f"r{after_s}")
        if after_s:
            await set_up(shard)
        async with shard.gateway() as gateway:
            await gateway.submit(buy(f"o{after_s}"), far())
        await replica.end()
        await asyncio.sleep(0.5)
    assert await statuses(shard) == [HALT]


async def test_a_database_that_was_away_for_long_makes_its_leader_reopen_in_steps(
    settings: ProcessSettings, own_postgres: OwnPostgres
) -> None:
    own_postgres.start()
    shard = Shard(replace(settings, journal_url=own_postgres.url))
    await migrate(shard.settings)
    patient(shard, 1)
    leader = shard.start("a")
    await set_up(shard)
    async with shard.gateway() as gateway:
        await gateway.committed()
        await asyncio.to_thread(own_postgres.kill)
        under_way = asyncio.create_task(gateway.submit(buy("meanwhile"), far()))
        await asyncio.sleep(1.5)
        await asyncio.to_thread(own_postgres.start)
        await asyncio.wait_for(under_way, 20)
        answer = await gateway.submit(buy("after"), far())
        assert isinstance(next(events.decode(answer.events)), events.CommandRejected)
    await eventually(shard, [HALT, *STEPS])
    await leader.end()


class Slow:
    """What a leader has: instrument 1 trades, plans are kept slowly, its own commands are committed when a test says so."""

    def __init__(self) -> None:
        self.snapshots = self.machine = self.settings = self
        self.venue = VenueSettings(reopen_after_s=1, reopen_cancel_only_s=0, reopen_auction_s=0)
        self.statuses = {1: int(InstrumentStatus.TRADING)}
        self.ordered: list[int] = []
        self.committed = 0

    async def keep_reopening(self, _plan: bytes) -> None:
        await asyncio.sleep(5 * LOOK_EVERY_S)

    def now_us(self) -> int:
        return time.time_ns() // 1_000

    def order(self, frames: list[bytes]) -> None:
        for frame in frames:
            command, _ = commands.decode(frame)
            assert isinstance(command, commands.SetInstrumentStatus)
            self.ordered.append(command.status)

    @property
    def has_orders(self) -> bool:
        return self.committed < len(self.ordered)

    def commit(self) -> None:
        self.committed = len(self.ordered)
        self.statuses[1] = self.ordered[-1]


async def test_a_step_waits_until_the_one_before_is_planned_and_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reopening, "LOOK_EVERY_S", LOOK_EVERY_S)
    leader = Slow()
    subject = Reopening(cast(Any, leader), cast(Any, leader), cast(Any, leader))
    running = asyncio.create_task(subject.run())
    for step in STEPS:
        if leader.committed == 0:
            await subject.after(2.0)
        await asyncio.sleep(20 * LOOK_EVERY_S)
        assert leader.ordered[leader.committed :] == [step[1]], "one step, and none until it is committed"
        leader.commit()
    running.cancel()
