"""Tables and logins are made once, and asking again changes nothing."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
import pytest
from typer.testing import CliRunner

import openbourse
from openbourse import wiring
from openbourse.cli.app import app
from openbourse.history.tables import LATER
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


def test_a_revision_that_somebody_has_applied_stays_as_it_is() -> None:
    """A changed one would be refused by every database that has it: write a new one, and add its line."""
    source = Path(openbourse.__file__).parent
    found = sorted(source.glob("*/revisions/*.sql"))
    lines = [f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(source)}" for path in found]
    assert lines == Path(__file__).with_name("revisions.sha256").read_text().splitlines()


async def test_an_index_that_came_later_is_made_beside_rows_once_and_whole(settings: ProcessSettings) -> None:
    """One that was missing, and one whose making was cut off, by two that migrate at once."""
    await migrate(settings)
    database = await asyncpg.connect(settings.database_url)
    await database.execute("DROP INDEX projection_history.fill_order")
    half = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'projection_history.prevented_taker'::regclass"
    await database.execute(half)
    reading = database.transaction()
    await reading.start()
    await database.execute("LOCK TABLE projection_history.fill IN ROW EXCLUSIVE MODE")  # as the projector does
    made = asyncio.gather(migrate(settings), migrate(settings))
    await asyncio.sleep(0.3)
    await database.execute("INSERT INTO projection_history.fill VALUES (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, true, true, 0)")
    await reading.commit()
    await made
    names = [f"projection_history.{name}" for name in LATER]
    valid = "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid = ANY($1::regclass[])"
    assert await database.fetchval(valid, names) == len(names)
    assert await database.fetchval("SELECT count(*) FROM projection_history.fill WHERE order_id = 1") == 1
    await database.close()


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
