"""The notifier role over real databases."""

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg

from openbourse.settings import ProcessSettings
from openbourse.wiring import migrate
from openbourse.wiring.notifier import LOCK, run_notifier
from openbourse.wiring.stores import Stores

INTERRUPTIONS = 3
_HOLDER = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND granted"
_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"


async def lock_taken(database: asyncpg.Connection, before: int) -> int:
    """Wait until somebody else than before holds the lock; return who."""
    async with asyncio.timeout(10):
        while (found := await database.fetchval(_HOLDER, LOCK)) in (None, before):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return int(found)


async def test_interruptions_leave_no_connections_behind(settings: ProcessSettings) -> None:
    """Each one left a connection to the journal and one to Valkey, until the databases took in no more."""
    await migrate(settings)
    database = await asyncpg.connect(settings.database_url)
    journal = urlsplit(settings.journal_url).path.lstrip("/")
    stop, holder, seen = asyncio.Event(), 0, list[int]()
    async with Stores(replace(settings, notify_url="log:")) as stores:
        running = asyncio.create_task(run_notifier(stores, lambda: None, stop))
        for _ in range(INTERRUPTIONS + 1):
            holder = await lock_taken(database, holder)
            await asyncio.sleep(0.3)
            seen.append(await database.fetchval(_SESSIONS, journal))
            await database.execute("SELECT pg_terminate_backend($1)", holder)
        stop.set()
        await running
    await database.close()
    assert seen == seen[:1] * len(seen)
