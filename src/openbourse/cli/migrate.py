"""`openbourse migrate`: bring the databases' tables to this version, and make the logins where there are none."""

import os

from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.settings import SettingsError, read_settings


def migrate() -> None:
    """Create or update the tables in OPENBOURSE_JOURNAL_URL and OPENBOURSE_DATABASE_URL.

    With OPENBOURSE_MASTER_DATABASE_URL it first makes, with that login, those of the two URLs that are missing.
    """
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
    from openbourse.wiring.tables import make_program_logins

    if master_url := os.environ.get("OPENBOURSE_MASTER_DATABASE_URL"):
        finish(make_program_logins(settings, master_url))
    finish(wiring.migrate(settings))
