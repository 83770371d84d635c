"""`openbourse archive`: the journal's archive looked at, checked, fetched, and made a journal again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.protocol.journal import JournalFault
from openbourse.settings import ProcessSettings, SettingsError, read_settings
from openbourse.supervisor.layout import DataDirectoryInUse
from openbourse.supervisor.processes import StartFault
from openbourse.supervisor.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from openbourse.archive.check import Report

app = typer.Typer(help="The journal's archive: segments in a directory or in S3.", no_args_is_help=True)
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The exchange's data directory.", file_okay=False),
]


@app.callback()
def archive() -> None:
    """The journal's archive: segments in a directory or in S3."""


@app.command("status")
def status(data: DataOption = None) -> None:
    """Say how far the archive goes, what it takes, and how far the journal is ahead of it."""
    _work(data, _status)


@app.command("verify")
def verify(
    data: DataOption = None,
    journal: Annotated[bool, typer.Option(help="Compare with the journal, where it can be reached.")] = True,
) -> None:
    """Read every segment again: checksums, every batch's hash, the chain, and the journal's own hashes.

    Ends with 1 if anything is wrong.
    """

    async def work(settings: ProcessSettings) -> bool:
        from openbourse.wiring.archive import check_archive

        with Progress(TextColumn("reading"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True)) as bar:
            task = bar.add_task("segments", total=None)
            report = await check_archive(settings, journal, lambda done, of: bar.update(task, completed=done, total=of))
        _show(report)
        return report.is_sound

    if not _work(data, work):
        raise typer.Exit(1)


@app.command("fetch")
def fetch(
    folder: Annotated[Path, typer.Argument(help="Where to put the segments.", file_okay=False)],
    first: Annotated[int, typer.Option("--from", min=1, help="The first sequence wanted.")] = 1,
    last: Annotated[
        int | None, typer.Option("--to", min=1, help="The last sequence wanted.  [default: the end]")
    ] = None,
    data: DataOption = None,
) -> None:
    """Copy the segments that hold a range of sequences into a folder, each checked on the way."""

    if last is not None and last < first:
        give_up(f"--to {last} is before --from {first}: there is nothing between them.", code=2)

    async def work(settings: ProcessSettings) -> bool:
        from openbourse.wiring.archive import fetch_segments

        is_any = False
        async for path in fetch_segments(settings, folder, first, last):
            typer.echo(path)
            is_any = True
        return is_any

    if not _work(data, work):
        give_up("The archive holds none of it. `openbourse archive status` says how far it goes.")


@app.command("restore")
def restore(
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    recent: Annotated[
        bool, typer.Option("--recent", help="Only the newest archived snapshot and what came after it.")
    ] = False,
    data: DataOption = None,
) -> None:
    """Fill an empty journal from the archive: every batch as it was, checked on the way.

    `openbourse verify` replays it afterwards. A journal with a single batch in it is left as it is.
    """
    if not yes:
        give_up("This writes the whole archive into the journal's database, which must be empty. Say --yes.", code=2)

    async def work(settings: ProcessSettings) -> None:
        from openbourse.wiring.archive import restore_journal

        batches, last = await restore_journal(settings, recent)
        typer.echo(f"{batches} batches restored, up to sequence {last}")

    _work(data, work)


def _work(data: Path | None, work: Callable[[ProcessSettings], Awaitable[Any]]) -> Any:
    from openbourse.adapters.objects import PlaceUnknown
    from openbourse.archive.segments import SegmentFault

    async def run() -> Any:
        settings = read_settings()
        if data is None and settings.journal_url:
            return await work(settings)
        async with open_stores(settings.data_dir if data is None else data.expanduser()) as found:
            return await work(found)

    try:
        return finish(run())
    except FileNotFoundError as error:
        give_up(str(error), code=2)
    except (SettingsError, PlaceUnknown) as error:
        give_up(str(error), code=2)
    except (DataDirectoryInUse, StartFault, JournalFault, SegmentFault, OSError) as error:
        give_up(f"It was not done: {error}")


async def _status(settings: ProcessSettings) -> None:
    from openbourse.wiring.archive import read_standing

    standing = await read_standing(settings)
    table = Table(title=f"Archive at {settings.objects_url('archive')}", title_justify="left", show_header=False)
    table.add_row("segments", f"{standing.segments:,}")
    if standing.superseded:
        table.add_row("superseded", f"{standing.superseded:,} segments that a longer one or a newer branch replaced")
    table.add_row("bytes", f"{standing.size:,}")
    table.add_row("up to sequence", f"{standing.archived:,}")
    table.add_row("journal", "cannot be reached" if standing.head is None else f"{standing.head:,}")
    table.add_row("behind", "" if standing.head is None else f"{max(0, standing.head - standing.archived):,} commands")
    if standing.dropped:
        table.add_row("dropped", f"up to sequence {standing.dropped:,} the archive alone holds the journal")
    table.add_row("missing", "nothing" if standing.missing is None else f"[red]sequence {standing.missing:,}[/red]")
    Console().print(table)


def _show(report: Report) -> None:
    console = Console()
    moment = datetime.fromtimestamp(report.last_us / 1e6, UTC).isoformat(timespec="seconds") if report.last_us else "-"
    console.print(
        f"{report.segments:,} segments, {report.batches:,} batches, up to sequence {report.last_sequence:,} ({moment})\n"
        f"{report.compared:,} ends are the journal's own, {report.not_in_journal:,} the journal no longer holds",
        highlight=False,
    )
    for fault in report.faults:
        console.print(f"WRONG: {fault}", style="red", highlight=False, markup=False, soft_wrap=True)
    console.print("[green]sound[/green]" if report.is_sound else "[red]not sound[/red]")
