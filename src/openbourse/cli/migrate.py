"""`openbourse migrate`: bring the databases' tables to this version."""

from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.settings import SettingsError, read_settings


def migrate() -> None:
    """Create or update the tables in OPENBOURSE_JOURNAL_URL and OPENBOURSE_DATABASE_URL."""
    try:
        settings = read_settings()
    except SettingsError as error:
        give_up(str(error), code=2)
    if not settings.journal_url or not settings.database_url:
        give_up(
            "Set OPENBOURSE_JOURNAL_URL and OPENBOURSE_DATABASE_URL to the databases. "
            "`openbourse up` migrates its own by itself.",
            code=2,
        )
    from openbourse import wiring

    finish(wiring.migrate(settings))
