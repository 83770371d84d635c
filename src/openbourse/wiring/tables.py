"""Tables of every service, brought to this version."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
import structlog

from openbourse import identity, notifier, wallet
from openbourse.adapters.connection_postgres import connect
from openbourse.adapters.logins_postgres import make_logins
from openbourse.adapters.migrations_postgres import apply_revisions
from openbourse.history.tables import create_schema as create_history
from openbourse.marketdata import tables as market
from openbourse.sequencer.tables import create_schema as create_journal
from openbourse.settings import ProcessSettings
from openbourse.wiring.patience import await_database

log = structlog.get_logger()


async def make_program_logins(settings: ProcessSettings, master_url: str) -> list[str]:
    """Make the logins that the databases' URLs name, with one that may; return those that were not there."""
    found = (urlsplit(url) for url in (settings.journal_url, settings.database_url))
    logins = {unquote(each.username): unquote(each.password) for each in found if each.username and each.password}
    master = await await_database(lambda: connect(master_url))
    try:
        made = await make_logins(master, logins)
    finally:
        await master.close()
    log.info("logins are there", made=made)
    return made


async def migrate(settings: ProcessSettings) -> None:
    """Create or update the tables of the journal and of every service; harmless when they are."""
    journal = await await_database(lambda: connect(settings.journal_url))
    try:
        await create_journal(journal)
    finally:
        await journal.close()
    database = await await_database(lambda: connect(settings.database_url))
    try:
        folders = {part.__name__.rpartition(".")[2]: _revisions(part.__file__) for part in (identity, wallet, notifier)}
        applied = await apply_revisions(database, folders)
        await _create_projections(database)
    finally:
        await database.close()
    log.info("tables are up to date", applied=applied)


async def _create_projections(database: asyncpg.Connection) -> None:
    """Create what can be dropped and rebuilt from the journal at any time."""
    await create_history(database, market.SCHEMA, market.NAME)
    await database.execute(market.LATER)


def _revisions(package_file: str | None) -> Path:
    assert package_file is not None
    return Path(package_file).parent / "revisions"
