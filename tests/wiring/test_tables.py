"""Tables and logins are made once, and asking again changes nothing."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
import pytest
from typer.testing import CliRunner

from openbourse import wiring
from openbourse.cli.app import app
from openbourse.settings import ProcessSettings
from openbourse.wiring import migrate
from tests.conftest import PostgresServer
from tests.wiring.test_archive import running
from tests.wiring.test_process import PASSWORD, ask

LOGINS = {"openbourse_journal": "it's a %secret", "openbourse_rows": "another/one"}


async def test_migrating_twice_is_migrating_once(settings: ProcessSettings) -> None:
    await migrate(settings)
    await migrate(settings)
    database = await asyncpg.connect(settings.database_url)
    journal = await asyncpg.connect(settings.journal_url)
    assert await database.fetchval("SELECT sequence FROM projection_history.cursor") == 0
    assert await journal.fetchval("SELECT count(*) FROM journal.batch") == 0
    await database.close()
    await journal.close()


@pytest.fixture
def with_logins(settings: ProcessSettings, postgres: PostgresServer) -> Iterator[ProcessSettings]:
    """Settings as on AWS: one database, and two logins that are not there yet."""

    def url(login: str) -> str:
        found, password = urlsplit(settings.database_url), quote(LOGINS[login], safe="")
        return found._replace(netloc=f"{login}:{password}@{found.netloc.rpartition('@')[2]}").geturl()

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    yield replace(settings, journal_url=url("openbourse_journal"), database_url=url("openbourse_rows"), port=port)
    postgres.drop_database(settings.database_url)
    for login in LOGINS:
        postgres.execute(f"DROP ROLE IF EXISTS {login}")


async def test_the_master_login_makes_two_that_may_do_no_more_than_the_venue_needs(
    with_logins: ProcessSettings, settings: ProcessSettings
) -> None:
    environment = {**with_logins.environment(), "OPENBOURSE_MASTER_DATABASE_URL": settings.database_url}
    for _ in range(2):
        shown = await asyncio.to_thread(CliRunner().invoke, app, ["migrate"], env=environment)
        assert shown.exit_code == 0, shown.output
    master = await asyncpg.connect(settings.database_url)
    rights = await master.fetch(
        "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls FROM pg_roles"
        " WHERE rolname = ANY($1::text[])",
        list(LOGINS),
    )
    await master.close()
    assert [row[0] for row in rights] == [False, False]
    async with running(with_logins):
        account = await wiring.create_account(with_logins, "ann@example.com", PASSWORD, [("USDT", 10**11)])
        order: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        await ask(with_logins, account, "POST", "/api/v3/order", quantity="0.01", price="50000", **order)
        assert len(await ask(with_logins, account, "GET", "/api/v3/openOrders", symbol="BTCUSDT")) == 1
