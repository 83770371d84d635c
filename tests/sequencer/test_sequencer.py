"""Commands go in once, are durable before they are answered, and survive whoever ordered them."""

import asyncio
import contextlib
from dataclasses import replace

import asyncpg
import pytest
from redis.asyncio import Redis

from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.edge.intake import OrderRateExceeded, OutsideWindow
from openbourse.projection.feed import CommittedBatch
from openbourse.protocol import commands, events
from openbourse.protocol.intake import Ask, Tell, pack, prove
from openbourse.protocol.journal import AppendInDoubt, BatchRow, Deposed
from openbourse.sequencer.recovery import RECENT_BATCHES, recover
from tests.sequencer.shard import SECRET, SET_UP, Shard, buy, far


async def test_a_committed_command_is_answered_and_published(shard: Shard) -> None:
    replica = shard.start("a")
    async with shard.gateway() as gateway:
        answers = [await gateway.submit(command, far()) for command in SET_UP]
        assert [answer.sequence for answer in answers] == [1, 2, 3, 4, 5]
        answer = await gateway.submit(buy("one"), far())
        first = next(events.decode(answer.events))
        assert isinstance(first, events.OrderUpdated)
        assert (first.client_id, answer.counts.ten_seconds) == ("one", 1)
        assert await gateway.committed() == 6
    seen: list[CommittedBatch] = []
    async for batch in shard.feed().follow(0):
        seen.append(batch)
        if batch.last_sequence == 6:
            break
    assert seen[0].first_sequence == 1
    assert b"".join(batch.events for batch in seen).endswith(answer.events)
    await replica.end()


async def test_a_standby_takes_over_and_answers_a_resend_with_the_first_result(shard: Shard) -> None:
    first = shard.start("a")
    await asyncio.wait_for(first.ready.wait(), 10)
    standby = shard.start("b")
    async with shard.gateway() as gateway:
        for command in SET_UP:
            await gateway.submit(command, far())
        answer = await gateway.submit(buy("one"), far())
        await first.end()
        await asyncio.wait_for(standby.ready.wait(), 10)
        again = await asyncio.wait_for(gateway.submit(buy("two"), far()), 10)
        assert again.sequence == answer.sequence + 1
        journal = PostgresJournal(shard.settings.journal_url, 0)
        row = await journal.find(answer.sequence)
        assert row is not None
        frame = next(f for f in commands.split(row.commands) if b"one" in f)
        command, identity = commands.decode(frame)
        resent = commands.frame(command.kind, command.body(), identity)
        engine = (await recover(journal)).engine
        duplicate = next(events.decode(engine.apply(engine.sequence + 1, far(), resent)[0]))
        assert duplicate == events.CommandDuplicate(engine.sequence, 0, answer.sequence) or isinstance(
            duplicate, events.CommandRejected
        )
        await journal.close()
    await standby.end()


async def test_a_former_leader_cannot_append(shard: Shard) -> None:
    first = shard.start("a")
    async with shard.gateway() as gateway:
        await gateway.submit(SET_UP[0], far())
        connection = await asyncpg.connect(shard.settings.journal_url)
        await connection.execute("UPDATE journal.lease SET epoch = epoch + 1, holder = 'thief'")
        await connection.close()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(3):
                await gateway.submit(SET_UP[1], far())
        with pytest.raises(Deposed):
            await asyncio.wait_for(first.task, 5)
        journal = PostgresJournal(shard.settings.journal_url, 0)
        assert (await journal.head()).sequence == 1
        await journal.close()


async def test_a_restart_continues_from_snapshot_and_tail(shard: Shard) -> None:
    for turn in range(3):
        replica = shard.start(f"r{turn}")
        async with shard.gateway() as gateway:
            if turn == 0:
                for command in SET_UP:
                    await gateway.submit(command, far())
            for number in range(5):
                await gateway.submit(buy(f"t{turn}-{number}"), far())
        await replica.end()
    journal = PostgresJournal(shard.settings.journal_url, 0)
    assert len(await journal.snapshot_sequences()) == 3
    from_snapshot = await recover(journal)
    connection = await asyncpg.connect(shard.settings.journal_url)
    await connection.execute("DELETE FROM journal.snapshot")
    await connection.close()
    from_genesis = await recover(journal)
    assert from_snapshot.head == from_genesis.head
    assert from_snapshot.engine.snapshot() == from_genesis.engine.snapshot()
    await journal.close()


async def test_late_commands_and_too_many_orders_are_not_sequenced(shard: Shard) -> None:
    shard.settings = replace(shard.settings, venue=replace(shard.settings.venue, orders_per_10s=3))
    replica = shard.start("a")
    async with shard.gateway() as gateway:
        for command in SET_UP:
            await gateway.submit(command, far())
        with pytest.raises(OutsideWindow):
            await gateway.submit(buy("late"), 1)
        outcomes = [await asyncio.gather(gateway.submit(buy(f"n{n}"), far()), return_exceptions=True) for n in range(8)]
        refused = [result for (result,) in outcomes if isinstance(result, OrderRateExceeded)]
        assert refused, "a window admits three orders; eight were placed within at most two windows"
        assert refused[0].limit == 3
        assert 1 <= refused[0].retry_after_s <= 11
    await replica.end()


async def test_the_feed_bridges_what_the_stream_has_lost(shard: Shard) -> None:
    replica = shard.start("a")
    client = Redis.from_url(shard.settings.valkey_url)
    async with shard.gateway() as gateway:
        for command in SET_UP:
            await gateway.submit(command, far())
        await client.flushall()
        await gateway.submit(buy("one"), far())
        seen: list[int] = []
        async for batch in shard.feed().follow(0):
            seen.extend(range(batch.first_sequence, batch.last_sequence + 1))
            if batch.last_sequence == 6:
                break
        assert seen == [1, 2, 3, 4, 5, 6]
    await client.aclose()
    await replica.end()


async def test_a_stranger_who_does_not_know_the_secret_can_send_nothing(shard: Shard) -> None:
    replica = shard.start("a")
    await asyncio.wait_for(replica.ready.wait(), 10)
    async with shard.gateway() as gateway:
        await gateway.submit(SET_UP[0], far())
        connection = await asyncpg.connect(shard.settings.journal_url)
        host, _, port = (await connection.fetchval("SELECT address FROM journal.lease")).rpartition(":")
        await connection.close()
        for first in (
            pack(Ask.SUBMIT, SET_UP[1].encode()),
            pack(Ask.COMMITTED, bytes(8)),
            pack(Ask.PROOF, prove(b"a guess", bytes(32))),
        ):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(first)
            told = b""
            with contextlib.suppress(ConnectionResetError):
                told = await asyncio.wait_for(reader.read(), 5)
            assert len(told) <= len(pack(Tell.CHALLENGE, bytes(32))), "only the challenge is ever told"
            writer.close()
        assert await gateway.committed() == 1
    await replica.end()


class ForgetfulJournal(PostgresJournal):
    """Holds nothing of long ago any more."""

    async def find(self, sequence: int) -> BatchRow | None:
        return None


async def test_a_resend_whose_result_was_dropped_is_left_and_the_leader_goes_on(shard: Shard) -> None:
    replica = shard.start("a", ForgetfulJournal(shard.settings.journal_url, 0))
    await asyncio.wait_for(replica.ready.wait(), 10)
    async with shard.gateway() as gateway:
        for command in SET_UP:
            await gateway.submit(command, far())
        connection = await asyncpg.connect(shard.settings.journal_url)
        host, _, port = (await connection.fetchval("SELECT address FROM journal.lease")).rpartition(":")
        await connection.close()
        reader, writer = await asyncio.open_connection(host, int(port))
        challenge = await reader.readexactly(len(pack(Tell.CHALLENGE, bytes(32))))
        order = buy("one")
        frame = commands.frame(order.kind, order.body(), commands.Identity(77, 1, 1, far()))
        writer.write(pack(Ask.PROOF, prove(SECRET, challenge[-32:])) + pack(Ask.SUBMIT, frame))
        first = await asyncio.wait_for(reader.read(4_096), 5)
        assert b"one" in first
        # So many batches later the leader no longer has it at hand.
        for number in range(RECENT_BATCHES + 1):
            await gateway.submit(buy(f"n{number}"), far())
        writer.write(pack(Ask.RESUBMIT, frame))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(4_096), 0.5)
        assert (await gateway.submit(buy("after"), far())).sequence == 6 + RECENT_BATCHES + 3
        writer.close()
    await replica.end()


class DoubtfulJournal(PostgresJournal):
    """Loses its connection around one append: after the commit, or before anything was sent."""

    def __init__(self, url: str, commits_first: bool) -> None:
        super().__init__(url, 0)
        self.doubts = 0
        self._commits_first = commits_first

    async def append(self, row: BatchRow) -> None:
        if row.first_sequence == 6 and not self.doubts:
            self.doubts += 1
            if self._commits_first:
                await super().append(row)
            raise AppendInDoubt("the connection was lost")
        await super().append(row)


@pytest.mark.parametrize("commits_first", [True, False])
async def test_an_append_in_doubt_is_settled_before_anybody_is_answered(shard: Shard, commits_first: bool) -> None:
    journal = DoubtfulJournal(shard.settings.journal_url, commits_first)
    replica = shard.start("a", journal)
    async with shard.gateway() as gateway:
        for command in SET_UP:
            await gateway.submit(command, far())
        answer = await gateway.submit(buy("one"), far())
        assert (answer.sequence, journal.doubts) == (6, 1)
        assert (await gateway.submit(buy("two"), far())).sequence == 7
    await replica.end()
    reader = PostgresJournal(shard.settings.journal_url, 0)
    rows = await reader.read(0)
    assert [row.first_sequence for row in rows] == sorted({row.first_sequence for row in rows})
    assert (await recover(reader)).head.sequence == 7
    await reader.close()
