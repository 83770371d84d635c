"""A standby says how it does, is taken out when it diverges or stays behind, and takes over when it is asked to."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.lease_postgres import PostgresLease
from openbourse.adapters.replicas_postgres import read_replicas
from openbourse.engine import Engine
from openbourse.protocol.commands import OpenAccount
from openbourse.protocol.journal import BEHIND, DIVERGED, FOLLOWING, BatchRow, JournalAway
from openbourse.sequencer import checkpoints, standby
from openbourse.sequencer.photograph import CHILD_GIVES_WAY, PIECE_BYTES, Forked, Photograph, PhotographLost, Taken
from openbourse.sequencer.recovery import ReplayDiverged
from openbourse.sequencer.standby import Lag
from openbourse.wiring.replicas import hand_over
from tests.sequencer.shard import SET_UP, Replica, Shard, buy, far

CHECKPOINT_EVERY = 8
OPEN_FILES = Path("/proc/self/fd")


async def state_of(shard: Shard, holder: str, wanted: str) -> None:
    """Wait until a standby says that it is in a state."""
    async with asyncio.timeout(15):
        while True:
            found = await read_replicas(shard.settings.journal_url, 0)
            if any(each.holder == holder and each.state == wanted for each in found.standbys):
                return
            await asyncio.sleep(0.05)


async def leads(replica: Replica) -> None:
    await asyncio.wait_for(replica.ready.wait(), 15)


async def test_a_planned_hand_over_goes_to_a_standby_that_follows_and_fails_nobody(shard: Shard) -> None:
    first = shard.start("a")
    async with shard.gateway() as gateway:
        for command in SET_UP:
            await gateway.submit(command, far())
        with pytest.raises(ValueError, match="there is none"):
            await hand_over(shard.settings, 1.0)
        second = shard.start("b")
        await state_of(shard, "b", FOLLOWING)
        orders = [asyncio.create_task(gateway.submit(buy(f"h{n}"), far())) for n in range(50)]
        after = await hand_over(shard.settings, 15.0)
        assert (after.epoch, after.leader) == (2, "b")
        answers = [answer.sequence for answer in await asyncio.gather(*orders)]
        assert sorted(answers) == list(range(6, 56))
        await asyncio.wait_for(first.task, 15)
        assert first.task.exception() is None
    await second.end()


class Wrong(Taken):
    """A state that is not what it should be."""

    async def state_hash(self) -> bytes:
        return bytes(32)


async def trade(shard: Shard, count: int) -> None:
    async with shard.gateway() as gateway:
        for number in range(count):
            await gateway.submit(buy(f"n{number}"), far())


async def test_equal_states_are_stored_by_the_standby_and_another_one_takes_it_out(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standby, "DIVERGED_S", 1.5)
    leader = shard.start("a", checkpoint_every=CHECKPOINT_EVERY)
    async with shard.gateway() as gateway:
        for command in SET_UP:
            await gateway.submit(command, far())
    good = shard.start("b", checkpoint_every=CHECKPOINT_EVERY)
    await state_of(shard, "b", FOLLOWING)
    await asyncio.sleep(2.5)  # until the leader has seen it: from then on it stores nothing itself
    await trade(shard, 5)
    journal = PostgresJournal(shard.settings.journal_url, 0)
    async with asyncio.timeout(15):
        while not await journal.snapshot_sequences():  # noqa: ASYNC110 - another replica writes it
            await asyncio.sleep(0.05)
    assert await journal.snapshot_sequences() == [8]
    found = await journal.snapshot(8)
    assert found is not None
    assert found.head.state_hash == await journal.left_hash(8)
    bad = shard.start("c", checkpoint_every=CHECKPOINT_EVERY, photograph=Wrong)
    await state_of(shard, "c", FOLLOWING)
    async with shard.gateway() as gateway:
        for number in range(8):
            await gateway.submit(buy(f"m{number}"), far())
    await state_of(shard, "c", DIVERGED)
    with pytest.raises(ReplayDiverged, match="not the leader's"):
        await asyncio.wait_for(bad.task, 15)
    assert not leader.task.done()
    await good.end()
    await leader.end()
    await journal.close()


class Astray(PostgresJournal):
    """Shows a standby other events than were committed, from a sequence on."""

    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]:
        rows = await super().read(after, rows_max)
        return [row if row.last_sequence < 7 else _changed(row) for row in rows]


def _changed(row: BatchRow) -> BatchRow:
    return BatchRow(
        row.shard,
        row.epoch,
        row.first_sequence,
        row.last_sequence,
        row.time_us + 1,
        row.commands,
        row.events,
        row.previous_hash,
        row.hash,
    )


async def test_a_standby_that_diverges_never_leads(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "DIVERGED_S", 4.0)
    leader = shard.start("a")
    async with shard.gateway() as gateway:
        for command in SET_UP:
            await gateway.submit(command, far())
        astray = shard.start("b", Astray(shard.settings.journal_url, 0))
        await state_of(shard, "b", FOLLOWING)
        for number in range(3):
            await gateway.submit(buy(f"d{number}"), far())
        await state_of(shard, "b", DIVERGED)
        with pytest.raises(ValueError, match="b is diverged"):
            await hand_over(shard.settings, 1.0)
        await leader.end()
        with pytest.raises(ReplayDiverged):
            await asyncio.wait_for(astray.task, 15)
    assert (await read_replicas(shard.settings.journal_url, 0)).leader == ""


class Away(PostgresJournal):
    """Cannot be read for once, when told so."""

    is_away = False

    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]:
        if self.is_away:
            self.is_away = False
            raise JournalAway("its host is silent")
        return await super().read(after, rows_max)


async def test_a_standby_that_lost_the_journal_does_not_ask_the_same_host_for_the_lease(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung_up = asyncio.Event()
    plain = PostgresLease.hang_up

    def noted(lease: PostgresLease) -> None:
        hung_up.set()
        plain(lease)

    leader = shard.start("a")
    await leads(leader)
    journal = Away(shard.settings.journal_url, 0)
    follower = shard.start("b", journal)
    await state_of(shard, "b", FOLLOWING)
    monkeypatch.setattr(PostgresLease, "hang_up", noted)
    journal.is_away = True
    await asyncio.wait_for(hung_up.wait(), 10)
    await leader.end()
    async with shard.gateway() as gateway:
        assert (await gateway.submit(SET_UP[0], far())).sequence == 1
    await follower.end()


def test_a_standby_is_behind_when_something_has_waited_too_long() -> None:
    lag = Lag()
    assert lag.standing(5, 5, 0.0).state == FOLLOWING
    assert lag.standing(5, 9, 100.0).state == FOLLOWING, "a quiet market is no lag"
    late = lag.standing(8, 12, 104.0)
    assert (late.state, late.behind, late.behind_us) == (BEHIND, 4, 4_000_000)
    assert not lag.is_hopeless(105.0)
    lag.standing(8, 20, 135.0)
    assert lag.is_hopeless(135.0)
    assert lag.standing(20, 20, 136.0).state == FOLLOWING
    assert not lag.is_hopeless(200.0)


async def read_whole(photograph: Photograph) -> tuple[bytes, bytes]:
    digest = await photograph.state_hash()
    return digest, b"".join([piece async for piece in photograph.pieces()])


async def test_a_photograph_shows_the_moment_at_which_it_was_taken() -> None:
    engine = Engine()
    for number in range(2_000):
        engine.apply(number + 1, number + 1, _open(number).encode())
    before, photograph = engine.snapshot(), Forked(engine)
    engine.apply(2_001, 3_000, _open(9_000).encode())
    taken = Taken(Engine.restore(before))
    assert await read_whole(photograph) == await read_whole(taken)
    photograph.close()
    assert engine.snapshot() != before
    assert PIECE_BYTES > 0


def _open(number: int) -> OpenAccount:
    return OpenAccount(5_000 + number)


async def test_who_writes_a_state_out_gives_way_to_who_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child takes a core only where nobody wants it, and leaves the database's log to the orders between its pieces."""
    photograph = Forked(Engine())
    await photograph.state_hash()
    assert os.getpriority(os.PRIO_PROCESS, photograph._pid) == CHILD_GIVES_WAY
    photograph.close()

    async def three() -> AsyncIterator[bytes]:
        for piece in (b"a", b"b", b"c"):
            yield piece

    paused, sleep = list[float](), asyncio.sleep

    async def pause(seconds: float) -> None:
        paused.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", pause)
    assert [piece async for piece in checkpoints._in_peace(three())] == [b"a", b"b", b"c"]
    assert paused == [checkpoints.PIECE_PAUSE_S] * 2


async def test_a_child_that_dies_is_noticed() -> None:
    photograph = Forked(Engine())
    await photograph.state_hash()
    photograph._length += 1
    with pytest.raises(PhotographLost):
        await read_whole_pieces(photograph)
    photograph.close()


async def test_a_child_that_cannot_be_made_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader without memory for it tries again at each checkpoint."""

    def refuse() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refuse)
    engine, before = Engine(), len(list(OPEN_FILES.iterdir()))
    with pytest.raises(BlockingIOError):
        Forked(engine)
    assert len(list(OPEN_FILES.iterdir())) == before


async def read_whole_pieces(photograph: Photograph) -> None:
    async for _ in photograph.pieces():
        pass


async def test_daily_counts_survive_a_new_leader_and_a_restart_from_a_snapshot(shard: Shard) -> None:
    shard.settings = replace(shard.settings, venue=replace(shard.settings.venue, orders_per_10s=1_000))
    counted = []
    for turn in range(3):
        replica = shard.start(f"r{turn}")
        async with shard.gateway() as gateway:
            if turn == 0:
                for command in SET_UP:
                    await gateway.submit(command, far())
            for number in range(3):
                answer = await gateway.submit(buy(f"t{turn}-{number}"), far())
            counted.append(answer.counts.day)
        if turn == 0:
            await replica.end()  # leaves a snapshot
        else:
            replica.task.cancel()  # dies: the tail alone tells
            with contextlib.suppress(asyncio.CancelledError):
                await replica.task
    assert counted == [3, 6, 9]
