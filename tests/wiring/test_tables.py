"""Tables are made once, and asking again changes nothing."""

import asyncpg

from openbourse.settings import ProcessSettings
from openbourse.wiring import migrate


async def test_migrating_twice_is_migrating_once(settings: ProcessSettings) -> None:
    await migrate(settings)
    await migrate(settings)
    database = await asyncpg.connect(settings.database_url)
    journal = await asyncpg.connect(settings.journal_url)
    assert await database.fetchval("SELECT sequence FROM projection_history.cursor") == 0
    assert await journal.fetchval("SELECT count(*) FROM journal.batch") == 0
    await database.close()
    await journal.close()
