"""`openbourse sequencer`: who leads, who stands by, and a planned change of leader."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.cli.reach import reach

app = typer.Typer(help="The sequencers of a running exchange.", no_args_is_help=True)

Data = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The exchange's data directory.  [default: ./var/openbourse]", file_okay=False),
]


@app.callback()
def sequencer() -> None:
    """The sequencers of a running exchange."""


@app.command()
def status(data: Data = None) -> None:
    """Show who leads and how those do who stand by; ends with 1 when nobody leads or could take over."""
    settings = reach(data, None)
    from openbourse.wiring import replicas

    try:
        found = finish(replicas.replicas(settings))
    except OSError as error:
        give_up(f"The sequencers were not found: {error}")
    _print(f"leader   {found.leader or 'none'}   epoch {found.epoch}   {found.address}")
    for each in found.standbys:
        _print(f"standby  {each.holder}   {each.state}   at {each.sequence}, {each.behind} behind")
    if not found.leader or not found.has_successor:
        raise typer.Exit(1)


@app.command()
def handover(
    data: Data = None,
    wait: Annotated[float, typer.Option(min=0.1, max=600, help="How many seconds the leader may take.")] = 15.0,
) -> None:
    """Have the leader finish what it has, hand over to a standby that follows, and come back as a standby.

    No request fails. Refused, with nothing changed, when no standby could take over at once.
    """
    settings = reach(data, None)
    from openbourse.wiring import replicas

    try:
        found = finish(replicas.hand_over(settings, wait))
    except (ValueError, OSError) as error:
        give_up(f"The leader was not changed: {error}")
    _print(f"leader   {found.leader}   epoch {found.epoch}   {found.address}")


def _print(text: str) -> None:
    Console().print(text, highlight=False, markup=False, soft_wrap=True)
