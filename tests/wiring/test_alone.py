"""Work that one process at a time does ends when its lock is lost, or its process does."""

import asyncio
import os
import signal
from datetime import UTC, datetime
from typing import Any, cast

import asyncpg
import pytest

from openbourse.history.tables import create_schema
from openbourse.marketdata import tables as marketdata
from openbourse.wiring import alone, reports
from openbourse.wiring.alone import LockWatch, run_alone


class Gone:
    """A connection that the server has closed."""

    def __init__(self) -> None:
        self.is_hung_up_on = False

    def is_closed(self) -> bool:
        return True

    def terminate(self) -> None:
        self.is_hung_up_on = True


async def _deaf(until: asyncio.Event) -> None:
    """Go on whatever is cancelled, as a task does whose driver lost the cancellation."""
    while not until.is_set():
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            continue


async def _work_beside(watch: LockWatch, work: Any) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watch.run())
            tasks.create_task(work)
    finally:
        watch.close()


async def test_work_that_does_not_end_takes_its_process_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alone, "END_SECONDS_MAX", 0.05)
    gone, ended = Gone(), asyncio.Event()
    watch = LockWatch(cast(asyncpg.Connection, gone), ended.set)
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(_work_beside(watch, _deaf(ended)), 10)
    assert caught.group_contains(ConnectionError, match="the lock of the one worker is lost")
    assert ended.is_set()
    assert gone.is_hung_up_on


async def test_work_that_ends_keeps_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alone, "END_SECONDS_MAX", 0.05)
    gone, ended = Gone(), asyncio.Event()
    watch = LockWatch(cast(asyncpg.Connection, gone), ended.set)
    with pytest.raises(ExceptionGroup):
        await _work_beside(watch, asyncio.sleep(60))
    await asyncio.sleep(0.15)
    assert not ended.is_set()


LOCK = 7
_WAITING = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()"


async def test_who_waits_for_the_lock_does_not_wait_for_a_frozen_database(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another database may lead by now, and nobody work there."""
    monkeypatch.setattr(alone, "LOOK_SECONDS_MAX", 0.3)
    monkeypatch.setattr(alone, "RETRY_S", 0.05)
    other = await asyncpg.connect(database_url)
    assert await other.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)
    works, waits, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        works.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(run_alone(database_url, LOCK, work, waits.set, stop))
    await waits.wait()
    frozen = await other.fetchval(_WAITING)
    os.kill(frozen, signal.SIGSTOP)
    try:
        await asyncio.sleep(0.1)
        await other.close()
        await asyncio.wait_for(works.wait(), 5)
    finally:
        os.kill(frozen, signal.SIGCONT)
        stop.set()
        await running


async def test_the_lock_of_a_frozen_worker_goes(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its machine goes on to answer for its connections, so nothing but silence tells."""
    monkeypatch.setattr(alone, "SILENT_SECONDS_MAX", 1)
    frozen = await alone.connect_for_lock(database_url)
    await alone.await_lock(frozen, LOCK, lambda: None)
    other = await asyncpg.connect(database_url)
    asking = "SELECT pg_try_advisory_lock($1)"
    assert not await other.fetchval(asking, LOCK)
    async with asyncio.timeout(10):
        while not await other.fetchval(asking, LOCK):  # noqa: ASYNC110 - the database tells it by no event
            await asyncio.sleep(0.05)
    await other.close()
    frozen.terminate()


async def test_the_lock_of_a_worker_that_is_watched_stays(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alone, "SILENT_SECONDS_MAX", 1)
    monkeypatch.setattr(alone, "BEAT_S", 0.2)
    held = await alone.connect_for_lock(database_url)
    await alone.await_lock(held, LOCK, lambda: None)
    watch = LockWatch(held, lambda: None)
    watching = asyncio.create_task(watch.run())
    await asyncio.sleep(2.5)
    other = await asyncpg.connect(database_url)
    assert not await other.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)
    assert not watching.done()
    watching.cancel()
    watch.close()
    await other.close()


async def test_a_report_does_not_wait_for_a_frozen_replica(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker that writes them would write none any more, for as long as that stands still."""
    monkeypatch.setattr(reports, "CURSOR_SECONDS_MAX", 0.3)
    connection = await asyncpg.connect(database_url)
    await create_schema(connection, marketdata.SCHEMA, marketdata.NAME)
    frozen = connection.get_server_pid()
    os.kill(frozen, signal.SIGSTOP)
    try:
        with pytest.raises(reports.ReportNotReady):
            await asyncio.wait_for(reports._day_report(connection, datetime.now(UTC).date(), 0, 5.0), 5)
    finally:
        os.kill(frozen, signal.SIGCONT)
