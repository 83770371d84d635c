"""The database fails over under load: the venue finds the new primary, and everything acknowledged is there once."""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from openbourse.adapters import journal_postgres, lease_postgres
from openbourse.adapters.connection_postgres import connect
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.lease_postgres import PostgresLease
from openbourse.adapters.pool_postgres import DatabaseAway, PostgresPool
from openbourse.edge.intake import Overloaded
from openbourse.protocol.journal import AppendInDoubt, JournalAway
from openbourse.sequencer import intake as sequencer_intake
from openbourse.sequencer.tables import create_schema
from openbourse.settings import ProcessSettings
from tests.conftest import OwnPostgres
from tests.contracts.test_journal import LedPostgresJournal, batch
from tests.replicated import Replicated
from tests.sequencer.shard import Shard, buy, far, migrate
from tests.sequencer.test_kill import Load, check, prepare


@pytest.fixture
async def databases(server_dir: Path, cluster: Path) -> AsyncIterator[Replicated]:
    folder = server_dir / f"two-{secrets.token_hex(2)}"
    folder.mkdir()
    both = Replicated(folder, cluster)
    await asyncio.to_thread(both.start)
    yield both
    await asyncio.to_thread(both.stop)


@pytest.fixture
async def replicated_shard(settings: ProcessSettings, databases: Replicated) -> Shard:
    """A shard whose journal is on two hosts."""
    shard = Shard(replace(settings, journal_url=databases.url))
    await migrate(shard.settings)
    return shard


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_lost_primary_costs_nothing_that_was_acknowledged(
    replicated_shard: Shard, databases: Replicated, fault: signal.Signals
) -> None:
    shard = replicated_shard
    leader = shard.start("a")
    async with shard.gateway() as gateway:
        await asyncio.wait_for(leader.ready.wait(), 20)
        await prepare(gateway)
        load = Load(gateway)
        async with load.running():
            await asyncio.sleep(0.5)
            before = len(load.acknowledged)
            await asyncio.to_thread(databases.lose_primary, fault)
            await asyncio.to_thread(databases.promote)
            await load.reaches(before + 100)
        assert not load.faults, load.faults[:3]
    assert not leader.task.done(), "the leader rides it out"
    await leader.end()
    await check(shard, load)


async def test_a_thawed_former_primary_is_not_taken_for_one(databases: Replicated) -> None:
    await asyncio.to_thread(databases.lose_primary, signal.SIGSTOP)
    await asyncio.to_thread(databases.promote)
    connection = await connect(databases.url)
    await connection.execute("CREATE TABLE promoted()")
    await connection.close()
    databases.standby.signal(signal.SIGCONT)
    for _ in range(5):
        connection = await connect(databases.url)
        assert await connection.fetchval("SELECT to_regclass('promoted') IS NOT NULL")
        await connection.close()


async def test_a_commit_that_waits_for_its_standby_is_in_doubt_until_it_has_it(
    replicated_shard: Shard, databases: Replicated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_postgres, "APPEND_SECONDS_MAX", 0.5)
    journal = LedPostgresJournal(databases.url, 0)
    await journal.lead(1)
    first = batch(await journal.head())
    databases.standby.signal(signal.SIGSTOP)
    with pytest.raises(AppendInDoubt):
        await journal.append(first)
    for _ in range(2):
        with pytest.raises(JournalAway):
            await journal.settled(1)
    # A restart makes it visible on this host, and still nobody else has it.
    await asyncio.to_thread(databases.primary.kill)
    await asyncio.to_thread(databases.primary.start)
    assert (await journal.head()).hash == first.hash
    with pytest.raises(JournalAway):
        await journal.settled(1)
    databases.standby.signal(signal.SIGCONT)
    await again_until(lambda: journal.settled(1))
    assert (await journal.settled(1)).hash == first.hash
    await journal.close()


async def test_a_proof_of_leading_waits_for_the_standby(databases: Replicated, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = await connect(databases.url)
    await create_schema(connection)
    await connection.close()
    lease = PostgresLease(databases.url, 0, "a", 60.0)
    assert await lease.take("127.0.0.1:1")
    await lease.prove()
    monkeypatch.setattr(lease_postgres, "STATEMENT_SECONDS_MAX", 0.5)
    # A primary that was cut off with its leader could say "yes" while its standby is promoted.
    databases.standby.signal(signal.SIGSTOP)
    with pytest.raises(JournalAway):
        await lease.prove()
    databases.standby.signal(signal.SIGCONT)
    await again_until(lease.prove)
    await lease.close()


async def again_until(work: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await work()
                return
            except JournalAway:
                await asyncio.sleep(0.1)


async def again_and_again(ask: Callable[[], Awaitable[object]]) -> None:
    for _ in range(500):
        await ask()
        await asyncio.sleep(0.02)


async def test_a_demoted_host_is_dropped(databases: Replicated) -> None:
    journal = PostgresJournal(databases.primary.url, 0)
    pool = await PostgresPool.open(databases.primary.url, 2, 5.0)
    await create_schema(await journal.connect())
    await asyncio.to_thread(databases.primary.execute, "ALTER SYSTEM SET default_transaction_read_only = on")
    await asyncio.to_thread(databases.primary.execute, "SELECT pg_reload_conf()")
    asks: list[Callable[[], Awaitable[object]]] = [journal.head, lambda: pool.fetchval("SELECT 1")]
    for ask in asks:
        with pytest.raises((JournalAway, DatabaseAway)):
            await again_and_again(ask)
    await journal.close()
    pool.terminate()


async def test_a_long_outage_sheds_and_ends_by_itself(
    settings: ProcessSettings, own_postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer_intake, "QUEUE_NEW_ORDERS_MAX", 8)
    own_postgres.start()
    shard = Shard(replace(settings, journal_url=own_postgres.url))
    await migrate(shard.settings)
    leader = shard.start("a")
    async with shard.gateway() as gateway:
        await asyncio.wait_for(leader.ready.wait(), 20)
        await prepare(gateway)
        await asyncio.to_thread(own_postgres.kill)
        orders = [asyncio.create_task(gateway.submit(buy("first"), far()))]
        await asyncio.sleep(0.3)
        orders += [asyncio.create_task(gateway.submit(buy(f"o{n}"), far())) for n in range(30)]
        done, _ = await asyncio.wait(orders, timeout=2.0)
        assert len(done) == 22
        assert all(isinstance(task.exception(), Overloaded) for task in done), "what finds no room is refused at once"
        await asyncio.to_thread(own_postgres.start)
        await asyncio.wait(orders, timeout=20)
        results = [task.exception() for task in orders]
        assert results.count(None) == len(orders) - len(done), "what had room is answered"
    await leader.end()
