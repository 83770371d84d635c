"""`openbourse report`: what a day traded."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.cli.reach import reach

app = typer.Typer(help="Reports of what was traded.", no_args_is_help=True)


@app.callback()
def report() -> None:
    """Reports of what was traded."""


@app.command("daily")
def daily(
    date: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day, in UTC.")],
    store: Annotated[bool, typer.Option(help="Write it to the place for reports, too.")] = True,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The exchange's data directory.", file_okay=False)
    ] = None,
) -> None:
    """Print the trade report of a day, and keep it where the worker keeps them.

    A day that is not over is printed and not kept.
    """
    settings = reach(data, None)
    from openbourse.adapters.objects import PlaceUnknown, open_objects
    from openbourse.history.reports import SUMMARY
    from openbourse.machine import THIS_MACHINE
    from openbourse.objects import ObjectDiffers
    from openbourse.protocol.journal import JournalFault
    from openbourse.wiring.reports import day_report, is_over, store_report

    async def work() -> tuple[str, list[str]]:
        made = await day_report(settings, date.date())
        shown = "\n".join(body.decode() for name, body in made.files.items() if name != SUMMARY)
        if not store or not is_over(date.date(), THIS_MACHINE.now_us()):
            return shown, []
        place = open_objects(settings.objects_url("reports"))
        return shown, await store_report(place, settings.venue.shard, made)

    if not is_over(date.date(), THIS_MACHINE.now_us()):
        typer.echo("The day is not over: what follows is not whole, and is not kept.", err=True)
    try:
        shown, keys = finish(work())
    except ObjectDiffers as fault:
        give_up(f"A report of that day is kept already and says something else: {fault}. It was left as it is.")
    except (OSError, JournalFault, PlaceUnknown) as fault:
        give_up(f"There is no report: {fault}")
    typer.echo(shown, nl=False)
    for key in keys:
        Console(stderr=True).print(f"kept: {settings.objects_url('reports')}/{key}", highlight=False, soft_wrap=True)
