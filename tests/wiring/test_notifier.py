"""The notifier role over real databases."""

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest

from openbourse.identity.outbox import Outbox
from openbourse.settings import ProcessSettings
from openbourse.wiring import migrate, second_factors
from openbourse.wiring.notifier import LOCK, run_notifier
from openbourse.wiring.stores import Stores
from tests.contracts.test_outlets import MailServer

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


async def test_an_owner_hears_by_mail_of_what_was_done_while_nobody_told_and_of_nothing_twice(
    settings: ProcessSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(settings)
    database = await asyncpg.connect(settings.database_url)
    await database.execute(
        "INSERT INTO identity.users (email, second_factor_secret, second_factor_at) VALUES ('ann@example.com', 'x', now())"
    )
    await second_factors.remove_second_factor(settings, "ann@example.com", "Olga, ticket 4711")
    forget, died = Outbox.forget, asyncio.Event()

    async def die(outbox: Outbox, number: int) -> None:
        if not died.is_set():
            died.set()
            raise ConnectionError("the database went away after the mail")
        await forget(outbox, number)

    monkeypatch.setattr(Outbox, "forget", die)
    stop, mail_server = asyncio.Event(), MailServer()
    mail_server.start()
    mailed = replace(
        settings,
        notify_url=f"smtp://127.0.0.1:{mail_server.port}",
        notify_from="x@example.org",
        notify_topics=("fill",),
    )
    async with Stores(mailed) as stores:
        running = asyncio.create_task(run_notifier(stores, lambda: None, stop))
        async with asyncio.timeout(15):
            while await database.fetchval("SELECT count(*) FROM identity.notices"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        stop.set()
        await running
    await database.close()
    mail_server.close()
    first, again = mail_server.mails
    for mail in (first, again):
        assert "To: ann@example.com" in mail
        assert "Your second factor was removed by the operator" in mail
        assert "Olga" not in mail
        assert "Message-ID: <security-1@example.org>" in mail, "the same for both: a mailbox may show one"
