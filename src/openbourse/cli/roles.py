"""`openbourse roles`: what can be run."""

from rich.console import Console
from rich.table import Table

from openbourse.roles import ROLES


def roles() -> None:
    """List the roles, how they scale and what they need."""
    table = Table(box=None, pad_edge=False)
    for heading in ("role", "what it does", "scales", "needs", "paths"):
        table.add_column(heading, no_wrap=heading == "role")
    for role in ROLES:
        needs = ", ".join(need.value for need in role.needs)
        table.add_row(role.name, role.summary, role.scaling.value, needs, " ".join(role.paths))
    Console().print(table)
