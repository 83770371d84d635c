"""Work that one process at a time does ends when its lock is lost, or its process does."""

import asyncio
from typing import Any, cast

import asyncpg
import pytest

from openbourse.wiring import alone
from openbourse.wiring.alone import LockWatch


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
