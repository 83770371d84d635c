"""`openbourse replay`: a recorded market, traded again through the public API."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.cli.reach import reach
from openbourse.protocol.amounts import UNIT
from openbourse.replay.driver import IN_FLIGHT_DEFAULT, Credentials, Driver, ReplayFault, Report
from openbourse.replay.formats import Levels, Record, RecordError, fitted, lobster_book, read_record
from openbourse.replay.tape import Tape
from openbourse.settings import ProcessSettings

TICK = UNIT // 100
STEP = 100
"""One cent times a millionth of the base is 1e-8: the finest exact pair with that tick."""
ORDERS_MAX = 1_000
FUND_UNITS = 10**9 * UNIT
ACCOUNTS_DEFAULT = 64


def replay(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="LOBSTER messages, Bitstamp order events or Binance trades (csv, gz, xz)."
        ),
    ],
    speed: Annotated[
        float | None, typer.Option(min=0.001, help="Times the recorded pace; absent: as fast as answers come.")
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="Symbol to list and trade on.  [default: the record's pair]")
    ] = None,
    accounts: Annotated[
        int, typer.Option(min=1, max=1_000, help="How many accounts share the orders.")
    ] = ACCOUNTS_DEFAULT,
    in_flight: Annotated[int, typer.Option(min=1, max=1_000, help="Requests under way at once.")] = IN_FLIGHT_DEFAULT,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The exchange's data directory.  [default: ./var/openbourse]", file_okay=False
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Check that it serves this port.")] = None,
) -> None:
    """Trade a recorded market again on a running exchange, through the public API, and report.

    Lists the record's pair as an instrument of its own (one cent tick) and makes funded accounts for it, so that no
    other market is disturbed.
    """
    try:
        record = read_record(file)
    except RecordError as error:
        give_up(str(error), code=2)
    settings = reach(data, port)
    name = symbol or f"{record.base}{record.quote}"
    Console().print(f"{record.form}: {record.rows:,} rows, as {name} on port {settings.port}", highlight=False)
    try:
        report = finish(_replay(file, record, name, settings, accounts, in_flight, speed))
    except (ReplayFault, RecordError, OSError, ValueError) as error:
        give_up(str(error))
    _show(report)


async def _replay(
    file: Path, record: Record, symbol: str, settings: ProcessSettings, count: int, in_flight: int, speed: float | None
) -> Report:
    from openbourse import wiring

    await wiring.list_symbol(settings, symbol, record.base, record.quote, TICK, STEP, ORDERS_MAX, 0)
    funds = [(record.base, FUND_UNITS), (record.quote, FUND_UNITS)]
    made: list[Credentials] = list(await wiring.create_accounts(settings, count, funds, f"replay-{symbol.lower()}"))
    driver = Driver(f"ws://127.0.0.1:{settings.port}/ws-api/v3", symbol, made, ORDERS_MAX, in_flight)
    tape = Tape(whole_removals=record.form.startswith("Bitstamp"))
    steps = fitted(record.steps(), STEP)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task(symbol, total=record.rows)
        return await driver.run(tape, _opening(file, record), steps, speed, lambda: progress.advance(task))


def _opening(file: Path, record: Record) -> tuple[Levels, Levels] | None:
    """Return the book after the first LOBSTER message from the order-book file beside it, if there is one."""
    beside = file.with_name(file.name.replace("_message_", "_orderbook_"))
    if not record.form.startswith("LOBSTER") or beside == file or not beside.exists():
        return None
    return next(lobster_book(beside), None)


def _show(report: Report) -> None:
    table = Table(title="Replay", show_header=False)
    rows = [
        ("steps of the record", f"{report.steps:,}"),
        ("orders placed", f"{report.placed:,}"),
        ("accepted", f"{report.accepted:,}"),
        ("fills (of takers)", f"{report.fills:,}"),
        ("cancels", f"{report.canceled:,}"),
        ("cancels of orders already gone", f"{report.already_gone:,}"),
        ("steps naming an unknown order", f"{report.unknown_steps:,}"),
        ("seconds", f"{report.seconds:,.1f}"),
        ("requests per second", f"{report.requests / max(report.seconds, 1e-9):,.0f}"),
    ]
    for percentile in (50.0, 99.0, 99.9):
        value = report.latency.get_value_at_percentile(percentile)
        rows.append((f"latency p{percentile:g}", f"{value / 1_000:,.2f} ms"))
    for row in rows:
        table.add_row(*row)
    for refusal, count in report.refusals.most_common(8):
        table.add_row(f"[red]refused: {refusal}[/red]", f"{count:,}")
    Console().print(table)
