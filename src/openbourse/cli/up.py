"""`openbourse up`: everything on one machine."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import openbourse
from openbourse.cli.faults import give_up
from openbourse.settings import ProcessSettings, SettingsError, read_settings
from openbourse.supervisor.binaries import BinaryMissing
from openbourse.supervisor.layout import DataDirectoryInUse, DataDirectoryUnusable
from openbourse.supervisor.processes import StartFault
from openbourse.supervisor.progress import Progress
from openbourse.supervisor.venue import Options, PortInUse, Venue

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The data directory.  [default: ./var/openbourse]", file_okay=False),
]


def up(
    data: DataOption = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="The public port.  [default: 8000]")] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.  [default: 127.0.0.1]")] = None,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="With or without the demo market makers.")] = True,
    edges: Annotated[int, typer.Option(min=1, max=64, help="How many edge processes serve the port.")] = 2,
    standbys: Annotated[
        int, typer.Option(min=0, max=8, help="How many sequencers stand by, to take over when the leader dies.")
    ] = 1,
) -> None:
    """Start the whole exchange on this machine; Ctrl-C stops it.

    PostgreSQL and Valkey are started from the package's own wheels; all data stays in the data directory.
    """
    try:
        settings = up_settings(read_settings(), data, host, port)
        options = Options(settings, has_demo=demo, edge_processes=edges, standbys=standbys)
        asyncio.run(Venue(options, Progress(Console())).run())
    except (
        SettingsError,
        DataDirectoryInUse,
        DataDirectoryUnusable,
        PortInUse,
        BinaryMissing,
        StartFault,
        PermissionError,
    ) as error:
        give_up(str(error))


def up_settings(settings: ProcessSettings, data: Path | None, host: str | None, port: int | None) -> ProcessSettings:
    """Return the settings of a laptop's exchange: the environment's, then the command's, test funds given out."""
    page = Path(openbourse.__file__).parents[2] / "web" / "dist"
    # An explicit OPENBOURSE_TEST_FUNDS=0 is obeyed; otherwise whoever signs up on a laptop may take test funds.
    gives_test_funds = settings.venue.test_funds or "OPENBOURSE_TEST_FUNDS" not in os.environ
    return replace(
        settings,
        data_dir=settings.data_dir if data is None else data.expanduser().absolute(),
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        web_dir=settings.web_dir or (page if page.is_dir() else None),
        venue=replace(settings.venue, test_funds=gives_test_funds),
    )
