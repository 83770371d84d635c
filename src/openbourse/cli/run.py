"""`openbourse run ROLE…`: one process with one or more roles."""

import os
from typing import Annotated

import typer

from openbourse.adapters.secrets_references import forget
from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.roles import ROLES, role_named
from openbourse.settings import SettingsError, read_settings


def run(
    roles: Annotated[list[str], typer.Argument(metavar="ROLE...", help="What to run; `openbourse roles` lists them.")],
) -> None:
    """Run one or more roles in this process, with the addresses of the stores in OPENBOURSE_* variables."""
    unknown = [name for name in roles if role_named(name) is None]
    if unknown:
        known = ", ".join(role.name for role in ROLES)
        give_up(f"There is no role {unknown[0]!r}. The roles are: {known}.", code=2)
    try:
        settings = read_settings()
    except SettingsError as error:
        give_up(str(error), code=2)
    from asyncpg import InvalidAuthorizationSpecificationError

    from openbourse import wiring  # sees every part: imported only by the commands that need it

    try:
        finish(wiring.run_roles(tuple(roles), settings))
    except* InvalidAuthorizationSpecificationError:
        # The password was rotated, perhaps: the next start must not take the one that was kept.
        forget(os.environ)
        raise
