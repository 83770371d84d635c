"""Work that one process at a time does: whoever has the lock works, the others wait for it to go."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
import structlog

from openbourse.adapters.connection_postgres import LOST, connect, is_demoted

log: Final = structlog.get_logger()

RETRY_S: Final = 0.5
WATCH_EVERY_S: Final = 0.1
CANCEL_AGAIN_S: Final = 0.2
Work = Callable[[], Awaitable[None]]


async def run_alone(url: str, lock: int, work: Work, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Work until stopped, under a lock of the database; begin anew after the database was away or the work ended."""
    running = asyncio.create_task(_again(url, lock, work, ready))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    while not running.done():
        # Again and again: a fault of the driver that meets the cancellation would be taken for one to go on after.
        running.cancel()
        await asyncio.wait({running}, timeout=CANCEL_AGAIN_S)
    if not running.cancelled() and (fault := running.exception()) is not None:
        raise fault


async def _again(url: str, lock: int, work: Work, ready: Callable[[], None]) -> None:
    while True:
        try:
            await _once(url, lock, work, ready)
        except* asyncpg.InvalidAuthorizationSpecificationError:
            raise  # a password that was rotated: only a fresh start reads it anew
        except* (asyncpg.PostgresError, *LOST) as faults:
            log.warning("work interrupted", why=[str(fault) for fault in faults.exceptions])
        await asyncio.sleep(RETRY_S)


async def _once(url: str, lock: int, work: Work, ready: Callable[[], None]) -> None:
    connection = await connect(url)
    try:
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock):
            ready()
            await asyncio.sleep(RETRY_S)
        ready()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(_watch(connection))
            await work()
            watching.cancel()
    finally:
        connection.terminate()


async def _watch(connection: asyncpg.Connection) -> None:
    """Raise ConnectionError when the lock's connection is gone."""
    while not connection.is_closed() and not is_demoted(connection):  # noqa: ASYNC110 - the driver tells it by no event
        await asyncio.sleep(WATCH_EVERY_S)
    raise ConnectionError("the lock of the one worker is lost")
