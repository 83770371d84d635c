"""One leader at a time: by an orphaned or an expired lease, never by impatience."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from openbourse.adapters import lease_postgres
from openbourse.adapters.journal_postgres import PostgresJournal, open_connection
from openbourse.adapters.lease_postgres import LeaderLookup, PostgresLease
from openbourse.protocol.journal import Deposed
from openbourse.sequencer.tables import create_schema


@pytest.fixture
async def url(journal_url: str) -> str:
    connection = await asyncpg.connect(journal_url)
    await create_schema(connection)
    await connection.close()
    return journal_url


async def test_a_lease_that_is_kept_cannot_be_taken(url: str) -> None:
    first, second = PostgresLease(url, 0, "a", 5.0), PostgresLease(url, 0, "b", 5.0)
    assert await first.take("127.0.0.1:1")
    assert not await second.take("127.0.0.1:2")
    find_leader = LeaderLookup(url, 0)
    assert await find_leader() == ("127.0.0.1", 1)
    find_leader.close()
    await first.close()
    await second.close()


@contextlib.asynccontextmanager
async def silence(url: str, table: str) -> AsyncIterator[None]:
    """Let no statement on a table end meanwhile."""
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {table}")
        yield
    await connection.close()


async def test_a_look_up_that_was_given_up_spoils_none_that_follow(url: str) -> None:
    lease, find_leader = PostgresLease(url, 0, "a", 60.0), LeaderLookup(url, 0)
    assert await lease.take("127.0.0.1:1")
    assert await find_leader() == ("127.0.0.1", 1)
    async with silence(url, "journal.lease"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await find_leader()
    assert await find_leader() == ("127.0.0.1", 1)
    find_leader.close()
    await lease.close()


async def test_a_question_that_was_given_up_spoils_none_that_follow(url: str) -> None:
    journal, lease = PostgresJournal(url, 0), PostgresLease(url, 0, "a", 60.0)
    assert await lease.take("127.0.0.1:1")
    head = await journal.head()
    async with silence(url, "journal.batch, journal.lease"):
        for ask in (journal.head, lease.renew):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await ask()
    assert await journal.head() == head
    await lease.renew()
    await journal.close()
    await lease.close()


async def test_of_two_that_take_at_once_one_leads(url: str) -> None:
    leases = [PostgresLease(url, 0, name, 5.0) for name in "abcd"]
    took = await asyncio.gather(*(lease.take("127.0.0.1:1") for lease in leases), return_exceptions=True)
    assert took.count(True) == 1
    for lease in leases:
        await lease.close()


@pytest.mark.parametrize("ttl_s", [0.3, 60.0])
async def test_a_lease_is_taken_when_it_expires_or_its_holder_is_gone(url: str, ttl_s: float) -> None:
    first, second = PostgresLease(url, 0, "a", ttl_s), PostgresLease(url, 0, "b", 5.0)
    assert await first.take("127.0.0.1:1")
    if ttl_s < 1:
        await asyncio.sleep(0.4)
    else:
        await first.close()
        await asyncio.sleep(0.2)
    assert await second.take("127.0.0.1:2")
    assert second.epoch == first.epoch + 1
    with pytest.raises(Deposed):
        await first.renew()
    await second.renew()
    await first.close()
    await second.close()


async def test_a_leader_whose_session_was_ended_proves_nothing_once_another_has_the_lease(url: str) -> None:
    first, second = PostgresLease(url, 0, "a", 60.0), PostgresLease(url, 0, "b", 60.0)
    assert await first.take("127.0.0.1:1")
    await first.prove()
    connection = await asyncpg.connect(url)
    ended = "SELECT pg_terminate_backend(backend_pid) FROM journal.lease"
    assert await connection.fetchval(ended)
    await connection.close()
    await asyncio.sleep(0.2)
    assert await second.take("127.0.0.1:2")
    with pytest.raises(Deposed):
        await first.prove()
    await second.prove()
    await first.close()
    await second.close()


async def test_proofs_wait_for_no_append_and_appends_for_no_proof(url: str) -> None:
    lease, append = PostgresLease(url, 0, "a", 60.0), await asyncpg.connect(url)
    assert await lease.take("127.0.0.1:1")
    async with append.transaction():
        await append.execute("SELECT 1 FROM journal.lease WHERE shard = 0 FOR SHARE")
        await asyncio.wait_for(lease.prove(), 2)
    await append.close()
    await lease.close()


async def test_a_connection_that_takes_its_time_is_no_clock_that_is_off(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slowly(url: str) -> asyncpg.Connection:
        await asyncio.sleep(0.6)
        return await open_connection(url)

    monkeypatch.setattr(lease_postgres, "open_connection", slowly)
    lease = PostgresLease(url, 0, "a", 5.0)
    assert abs(await lease.clock_skew_s(time.time())) < 0.3
    assert abs(await lease.clock_skew_s(time.time() + 2.0) - 2.0) < 0.3
    await lease.close()


async def test_a_lease_given_up_is_free_at_once(url: str) -> None:
    first, second = PostgresLease(url, 0, "a", 60.0), PostgresLease(url, 0, "b", 60.0)
    assert await first.take("127.0.0.1:1")
    assert abs(await first.clock_skew_s(time.time())) < 0.5
    await first.give_up()
    assert await second.take("127.0.0.1:2")
    await second.close()
