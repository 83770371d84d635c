"""`openbourse verify`: the journal's promises, checked on the journal itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.protocol.journal import JournalFault
from openbourse.settings import ProcessSettings, SettingsError, read_settings
from openbourse.supervisor.layout import DataDirectoryInUse
from openbourse.supervisor.processes import StartFault
from openbourse.supervisor.stores import open_stores

if TYPE_CHECKING:
    from openbourse.sequencer.replay import Report


def verify(
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The exchange's data directory.  [default: ./var/openbourse]", file_okay=False
        ),
    ] = None,
) -> None:
    """Check the journal from its first batch: replay every command, compare every event, count every coin.

    Works beside a running exchange, up to what is committed at the start, and on a stopped one. Ends with 1 if any
    promise is broken.
    """
    try:
        settings = read_settings()
        report = finish(_verify(settings, data))
    except FileNotFoundError as error:
        give_up(str(error), code=2)
    except (SettingsError, DataDirectoryInUse, StartFault, JournalFault, OSError) as error:
        give_up(f"The journal was not verified: {error}")
    if not report.is_sound:
        raise typer.Exit(1)


async def _verify(settings: ProcessSettings, data: Path | None) -> Report:
    if data is None and settings.journal_url:
        return await _check(settings)
    async with open_stores(settings.data_dir if data is None else data.expanduser()) as found:
        return await _check(found)


async def _check(settings: ProcessSettings) -> Report:
    # Imported here: the engine is not needed by any other command, and no command's help needs these.
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from openbourse.adapters.journal_postgres import PostgresJournal
    from openbourse.adapters.objects import open_objects
    from openbourse.adapters.projection_postgres import read_projected
    from openbourse.archive.whole import WholeJournal
    from openbourse.sequencer.figures import Figures
    from openbourse.sequencer.replay import Projected, verify

    async def projected() -> Projected | None:
        found = await read_projected(settings.database_url) if settings.database_url else None
        if found is None:
            return None
        cursor, balances, figures = found
        return Projected(cursor, balances, {key: Figures(*sums) for key, sums in figures.items()})

    journal = PostgresJournal(settings.journal_url, settings.venue.shard)
    # What was dropped from the database is in the archive, and held to the same promises.
    whole = WholeJournal(journal, open_objects(settings.objects_url("archive")), settings.venue.shard)
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("commands", total=None)
            report = await verify(whole, lambda done, of: bar.update(task, completed=done, total=of), projected)
    finally:
        await journal.close()
    show(report)
    return report


def show(report: Report) -> None:
    """Print the checks as a table, faults below."""
    table = Table(title=f"Journal up to sequence {report.sequence:,}", title_justify="left")
    table.add_column("promise")
    table.add_column("checked", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column()
    for check in report.checks:
        verdict = "[green]kept[/green]" if check.is_kept else "[red]BROKEN[/red]"
        table.add_row(check.promise, f"{check.counted:,} {check.unit}", f"{check.seconds:.2f}", verdict)
    console = Console()
    console.print(table)
    for check in report.checks:
        for fault in check.faults:
            console.print(f"BROKEN: {fault}", style="red", highlight=False, markup=False, soft_wrap=True)
