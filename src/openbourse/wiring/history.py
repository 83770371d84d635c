"""The history role: one worker at a time projects the journal into rows."""

import asyncio
from collections.abc import Callable
from typing import Final

import asyncpg
import structlog

from openbourse.adapters.connection_postgres import LOST
from openbourse.history.projector import HistoryProjector
from openbourse.history.store import Store
from openbourse.marketdata.projector import MarketProjector
from openbourse.projection.feed import Feed
from openbourse.projection.runner import CursorMoved, run
from openbourse.wiring.alone import LockWatch, await_lock, connect_for_lock
from openbourse.wiring.stores import Stores

log: Final = structlog.get_logger()

LOCK: Final = 7_003
RETRY_S: Final = 0.5
CANCEL_AGAIN_S: Final = 0.2


async def run_history(stores: Stores, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Project until stopped; a second worker waits until the first is gone."""
    work = asyncio.create_task(_work(stores, ready))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    while not work.done():
        # Again and again: a fault of the driver that meets the cancellation would be taken for one to go on after.
        work.cancel()
        await asyncio.wait({work}, timeout=CANCEL_AGAIN_S)
    if not work.cancelled() and (fault := work.exception()) is not None:
        raise fault


async def _work(stores: Stores, ready: Callable[[], None]) -> None:
    feed = stores.whole_feed()
    while True:
        try:
            await _project(stores, feed, ready)
        except* asyncpg.InvalidAuthorizationSpecificationError:
            raise  # a password that was rotated: only a fresh start reads it anew
        except* (CursorMoved, asyncpg.PostgresError, *LOST) as faults:
            # What was not committed, or was forgotten by a database that was killed, is read again from the cursor.
            log.warning("projection interrupted", why=[str(fault) for fault in faults.exceptions])
        await asyncio.sleep(RETRY_S)


async def _project(stores: Stores, feed: Feed, ready: Callable[[], None]) -> None:
    pool = await stores.database()
    alone = await connect_for_lock(stores.settings.database_url)
    watch = LockWatch(alone)
    try:
        await await_lock(alone, LOCK, ready)
        cursor = await Store(pool).cursor()
        log.info("projecting", cursor=cursor)
        ready()

        async def committed(sequence: int) -> None:
            """Nobody waits for it."""

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watch.run())
            tasks.create_task(run(feed, pool, [HistoryProjector(), MarketProjector()], cursor, committed))
    finally:
        watch.close()
