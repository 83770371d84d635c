"""`openbourse sequencer`: who leads, who stands by, and a planned change of leader."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.cli.reach import reach
from openbourse.protocol.journal import JournalFault
from openbourse.settings import ProcessSettings, SettingsError, read_settings
from openbourse.supervisor.layout import DataDirectoryInUse
from openbourse.supervisor.processes import StartFault
from openbourse.supervisor.stores import open_stores

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


@app.command("accept-loss")
def accept_loss(data: Data = None) -> None:
    """Go on, after a restore to a point in time, without commands that were acknowledged since.

    Until then no sequencer leads. What is lost is printed, and kept in the journal's database.
    """
    try:
        settings = read_settings()
        lost = finish(_accept_loss(settings, data))
    except FileNotFoundError as error:
        give_up(str(error), code=2)
    except (SettingsError, DataDirectoryInUse, StartFault, JournalFault, OSError) as error:
        give_up(f"Nothing was accepted: {error}")
    _print(f"accepted: {lost}" if lost else "nothing is lost")


@app.command("take-back")
def take_back(data: Data = None) -> None:
    """Let this Region trade again after it had been told that the other one does, and gave its journal up.

    Only where the other Region's database was never promoted: of two journals that went on apart one is lost.
    """
    settings = reach(data, None)
    from openbourse.wiring import replicas

    try:
        had = finish(replicas.take_back(settings))
    except (JournalFault, OSError) as error:
        give_up(f"Nothing was taken back: {error}")
    _print("taken back" if had else "it was not given up")


async def _accept_loss(settings: ProcessSettings, data: Path | None) -> str:
    from openbourse.wiring import replicas

    if data is None and settings.journal_url:
        return await replicas.accept_loss(settings)
    async with open_stores(settings.data_dir if data is None else data.expanduser()) as found:
        return await replicas.accept_loss(found)


def _print(text: str) -> None:
    Console().print(text, highlight=False, markup=False, soft_wrap=True)
