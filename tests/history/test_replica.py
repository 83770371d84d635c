"""Pages of the past come from a streaming replica, and from the primary when the replica cannot answer rightly."""

import asyncio
import secrets
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from openbourse.adapters.connection_postgres import connect
from openbourse.adapters.pool_postgres import PostgresPool
from openbourse.adapters.replica_postgres import ReplicaPool
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Caller
from openbourse.edge.params import Params
from openbourse.history import replica
from openbourse.history.api import operations
from openbourse.history.barrier import ReadBarrier
from openbourse.history.store import Store
from openbourse.listings import INSTRUMENTS
from openbourse.marketdata.view import read_listing
from openbourse.sequencer.tables import create_schema
from openbourse.settings import ProcessSettings
from openbourse.wiring.history import run_history
from openbourse.wiring.reports import day_report
from openbourse.wiring.stores import Stores
from tests.projection.recorded import Recorded, frames, make_tables
from tests.replicated import STANDBY, Replicated

ORDERS = 120
PAGES = ("/api/v3/allOrders", "/api/v3/myTrades", "/api/v3/myPreventedMatches", "/api/v3/allOrderList")
REST_S, STATEMENT_S = 0.4, 0.5


@pytest.fixture
async def databases(server_dir: Path, cluster: Path) -> AsyncIterator[Replicated]:
    folder = server_dir / f"read-{secrets.token_hex(2)}"
    folder.mkdir()
    both = Replicated(folder, cluster)
    await asyncio.to_thread(both.start)
    yield both
    await asyncio.to_thread(both.stop)


class Venue:
    """Rows written to the primary by the history role, and the questions of account 1,000."""

    def __init__(self, databases: Replicated, pool: PostgresPool, near: ReplicaPool, listing: Listing) -> None:
        self.databases = databases
        self.feed = Recorded(1)
        self.base = len(frames()) - ORDERS
        self.feed.until = self.base

        async def committed() -> int:
            assert self.feed.until is not None
            return self.feed.until

        store = Store(pool)
        self.answers = replica.Answers()
        told = operations(store, listing, ReadBarrier(committed, store.cursor), near, self.answers)
        self._operations = {operation.rest[1]: operation for operation in told if operation.rest}

    def commit(self, number: int) -> None:
        """Have so many more orders be committed; their rows follow."""
        assert self.feed.until is not None
        self.feed.until += number

    @property
    def expected(self) -> int:
        """Orders of the account that are committed: every second one."""
        assert self.feed.until is not None
        return (self.feed.until - self.base + 1) // 2

    async def ask(self, path: str) -> Any:
        named = {"symbol": INSTRUMENTS[0].symbol, "limit": "1000"}
        if path == "/api/v3/myPreventedMatches":
            named["orderId"] = "1"
        if path == "/api/v3/allOrderList":
            del named["symbol"]
        call = Call(Params(named), Caller(1_000, 1, "key", frozenset({"READ"})), 1_800_000_000_000_000)
        return await self._operations[path].handler(call)

    async def answers_all(self) -> None:
        """Every order that is committed is told, at once."""
        assert len(await self.ask("/api/v3/allOrders")) == self.expected

    async def replica_answers(self) -> None:
        """With the primary frozen, every page is answered; what is asked of the primary is not."""
        await asyncio.sleep(REST_S)
        await self.caught_up()
        self.databases.primary.signal(signal.SIGSTOP)
        try:
            for path in PAGES:
                await asyncio.wait_for(self.ask(path), 1)
            await self.answers_all()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(self.ask("/api/v3/account"), 0.3)
        finally:
            self.databases.primary.signal(signal.SIGCONT)

    async def caught_up(self) -> None:
        cursor = "SELECT sequence FROM projection_history.cursor"
        async with asyncio.timeout(10):
            while await asyncio.to_thread(self.databases.standby.execute, cursor) != self.feed.until:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@pytest.fixture
async def venue(databases: Replicated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Venue]:
    monkeypatch.setattr(replica, "REST_S", REST_S)
    url = databases.primary.url
    pool, near = await PostgresPool.open(url, 4, 15), await ReplicaPool.open(databases.standby.url, STATEMENT_S)
    await make_tables(cast(Any, pool))
    listing, stop = Listing(), asyncio.Event()
    made = Venue(databases, pool, near, listing)

    async def database() -> PostgresPool:
        return pool

    settings = ProcessSettings(data_dir=tmp_path, database_url=url)
    stores = SimpleNamespace(settings=settings, whole_feed=lambda: made.feed, database=database)
    running = asyncio.create_task(run_history(cast(Stores, stores), lambda: None, stop))
    async with asyncio.timeout(20):
        while await Store(pool).cursor() < made.base:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    listing.apply(await read_listing(pool))
    yield made
    stop.set()
    await running
    near.terminate()
    pool.terminate()


async def test_the_replica_answers_and_shows_every_committed_write(venue: Venue) -> None:
    for _ in range(20):
        venue.commit(3)
        await venue.answers_all()
    await venue.replica_answers()
    assert venue.expected == 30
    told = venue.answers.values()
    assert told["pages"] == 25
    assert told["pages_by_primary"] <= 20, "those that were asked with the primary frozen are the replica's"


async def test_a_paused_replica_hides_nothing(venue: Venue) -> None:
    venue.commit(10)
    await venue.replica_answers()
    await asyncio.to_thread(venue.databases.standby.execute, "SELECT pg_wal_replay_pause()")
    venue.commit(10)
    before = venue.answers.by_primary
    began = time.monotonic()
    await venue.answers_all()
    waited = time.monotonic() - began
    assert replica.BEHIND_S <= waited < replica.BEHIND_S + 2
    venue.commit(10)
    began = time.monotonic()
    await venue.answers_all()
    assert time.monotonic() - began < replica.BEHIND_S, "while the replica rests nobody waits for it"
    assert venue.answers.by_primary == before + 2, "one page that waited for the replica, one while it rested"
    await asyncio.to_thread(venue.databases.standby.execute, "SELECT pg_wal_replay_resume()")
    await venue.replica_answers()


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_lost_replica_costs_no_answer(venue: Venue, fault: signal.Signals) -> None:
    both = venue.databases
    venue.commit(10)
    await venue.replica_answers()
    # So that commits go on without their standby, as with a replica that only reads.
    for statement in ("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"):
        await asyncio.to_thread(both.primary.execute, statement)
    if fault == signal.SIGKILL:
        await asyncio.to_thread(both.standby.kill)
    else:
        both.standby.signal(fault)
    for _ in range(3):
        venue.commit(10)
        await asyncio.wait_for(venue.answers_all(), 3 * STATEMENT_S)
        await asyncio.sleep(REST_S)
    if fault == signal.SIGKILL:
        await asyncio.to_thread(both.standby.start, **STANDBY)
    else:
        both.standby.signal(signal.SIGCONT)
    await venue.replica_answers()


async def test_a_daily_report_is_read_from_the_replica_and_from_the_primary_without_one(
    venue: Venue, tmp_path: Path
) -> None:
    both, nowhere = venue.databases, "postgresql://nobody@/none?host=/nowhere"
    connection = await connect(both.primary.url)
    await create_schema(connection)
    await connection.close()
    venue.commit(ORDERS)
    await venue.caught_up()
    day = datetime.fromtimestamp(0, UTC).date()
    settings = ProcessSettings(
        data_dir=tmp_path, journal_url=both.primary.url, database_url=nowhere, reader_url=both.standby.url
    )
    told = await day_report(settings, day)
    assert str(told.summary["trades"]) not in ("0", "")
    assert told == await day_report(replace(settings, database_url=both.primary.url, reader_url=nowhere), day)
    assert told == await day_report(replace(settings, database_url=both.primary.url, reader_url=""), day)
