"""The history role: one worker at a time projects the journal into rows."""

import asyncio
from collections.abc import Callable
from typing import Final

import asyncpg
import structlog

from openbourse.history.projector import HistoryProjector
from openbourse.history.store import Store
from openbourse.marketdata.projector import MarketProjector
from openbourse.projection.runner import run
from openbourse.wiring.stores import Stores

log: Final = structlog.get_logger()

LOCK: Final = 7_003
RETRY_S: Final = 1.0


async def run_history(stores: Stores, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Project until stopped; a second worker waits until the first is gone."""
    work = asyncio.create_task(_work(stores, ready))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    work.cancel()
    await asyncio.gather(work, stopped, return_exceptions=True)
    if not work.cancelled() and (fault := work.exception()) is not None:
        raise fault


async def _work(stores: Stores, ready: Callable[[], None]) -> None:
    while True:
        try:
            await _project(stores, ready)
        except* (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as faults:
            # What was not committed is read again from the cursor.
            log.warning("projection interrupted", why=[str(fault) for fault in faults.exceptions])
        await asyncio.sleep(RETRY_S)


async def _project(stores: Stores, ready: Callable[[], None]) -> None:
    pool = await stores.database()
    alone = await asyncpg.connect(stores.settings.database_url)
    try:
        while not await alone.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            ready()
            await asyncio.sleep(RETRY_S)
        cursor = await Store(pool).cursor()
        log.info("projecting", cursor=cursor)
        ready()

        async def committed(sequence: int) -> None:
            if alone.is_closed():
                raise ConnectionError("the lock of the one worker is lost")

        await run(stores.feed(), pool, [HistoryProjector(), MarketProjector()], cursor, committed)
    finally:
        alone.terminate()
