"""Work that one process at a time does: whoever has the lock works, the others wait for it to go."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
import structlog

from openbourse.adapters.connection_postgres import LOST, connect, is_lost, within

log: Final = structlog.get_logger()

RETRY_S: Final = 0.5
LOOK_SECONDS_MAX: Final = 3.0
"""A database that does not say within it whether a lock is free is left: it may be frozen, and another one lead by now."""
WATCH_EVERY_S: Final = 0.1
CANCEL_AGAIN_S: Final = 0.2
BEAT_S: Final = 2.0
BEAT_SECONDS_MAX: Final = 10.0
SILENT_SECONDS_MAX: Final = 15
"""After so long without a word from its holder the database takes a lock away: a process that is frozen keeps its connections,
and nobody else may work."""
END_SECONDS_MAX: Final = 20
"""How long work may take to end once its lock is lost: more than any statement of its own."""
EXIT_STUCK: Final = 70
Work = Callable[[], Awaitable[None]]


def _end_process() -> None:
    log.error("work does not end, the process does", seconds=END_SECONDS_MAX)
    os._exit(EXIT_STUCK)


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
    connection = await connect_for_lock(url)
    watch = LockWatch(connection)
    try:
        await await_lock(connection, lock, ready)
        ready()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch.run())
            await work()
            watching.cancel()
    finally:
        watch.close()


async def connect_for_lock(url: str) -> asyncpg.Connection:
    """Return a connection whose session, and lock, end when nothing is heard of it for SILENT_SECONDS_MAX."""
    return await connect(url, idle_session_timeout=f"{SILENT_SECONDS_MAX}s")


async def await_lock(connection: asyncpg.Connection, lock: int, waiting: Callable[[], None]) -> None:
    """Return once a lock is this connection's. Raises what a database does that is lost, TimeoutError where it is frozen."""
    asking = "SELECT pg_try_advisory_lock($1)"
    while not await within(connection, LOOK_SECONDS_MAX, connection.fetchval(asking, lock)):
        waiting()
        await asyncio.sleep(RETRY_S)


class LockWatch:
    """Watches the connection that holds a lock of one worker. Work that does not end after it takes the process along.

    Whoever waits for work to end that something has lost the cancellation of waits for ever, and no other process may
    work; a supervisor starts this one again within a second.
    """

    def __init__(self, connection: asyncpg.Connection, give_up: Callable[[], None] = _end_process) -> None:
        self._connection = connection
        self._give_up = give_up
        self._limit: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Raise ConnectionError when the lock is lost: rows may be too, even if no batch comes to notice it."""
        with contextlib.suppress(*LOST):
            await self._keep()
        self._limit = asyncio.get_running_loop().call_later(END_SECONDS_MAX, self._give_up)
        raise ConnectionError("the lock of the one worker is lost")

    async def _keep(self) -> None:
        """Return, or raise what a database does that is lost, when the lock is."""
        lock, clock = self._connection, asyncio.get_running_loop().time
        beat_at = clock() + BEAT_S
        while not is_lost(lock):
            await asyncio.sleep(WATCH_EVERY_S)
            if clock() >= beat_at:
                await within(lock, BEAT_SECONDS_MAX, lock.execute("SELECT 1"))
                beat_at = clock() + BEAT_S

    def close(self) -> None:
        """Say that the work has ended; the connection is hung up on."""
        if self._limit is not None:
            self._limit.cancel()
        self._connection.terminate()
