"""`openbourse cost`: what a venue on AWS costs by the month, from a table of prices; nothing is asked of AWS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from openbourse.cli.faults import give_up
from openbourse.cost import nines, page
from openbourse.cost.model import Commitment, Edge, Workload, bill, dollars
from openbourse.cost.prices import PRICES, REGIONS

if TYPE_CHECKING:
    from openbourse.cost.model import Bill

BAR_CELLS = 46
BESIDE_BAR = 60
"""Columns that the figures left of a bar take."""


def cost(
    rps: Annotated[int, typer.Option(min=1, max=1_000_000, help="Requests a second, as a mean over the month.")] = 500,
    region: Annotated[str, typer.Option(help="The region; all but us-east-1 by an unverified factor.")] = "us-east-1",
    commit: Annotated[Commitment, typer.Option(help="For how long instances are paid in any case.")] = Commitment.NONE,
    chart: Annotated[Path | None, typer.Option(help="Write the picture as SVG.", dir_okay=False)] = None,
    page_file: Annotated[
        Path | None, typer.Option("--page", help="Write the page, and its picture beside it.", dir_okay=False)
    ] = None,
) -> None:
    """Say what a venue on AWS costs by the month, line by line, beside the same with API Gateway for everything."""
    if region not in REGIONS:
        give_up(f"There are no prices of {region!r}. The regions are: {', '.join(REGIONS)}.", code=2)
    for file in (chart, page_file):
        if file is not None and not file.parent.is_dir():
            give_up(f"There is no directory {file.parent} for {file.name}. Make it, or name another.", code=2)
    if page_file is not None:
        page_file.write_text(page.markdown())
        page_file.with_suffix(".svg").write_text(page.svg())
        return
    console = Console()
    mine = page.ours(rps, commit, region)
    _lines(console, mine, rps, region, commit)
    _scales(console, rps, region, commit)
    _nines(console, rps, region, commit)
    if chart is not None:
        chart.write_text(page.svg(commit))
        console.print(f"picture: {chart}", highlight=False)
    unverified = [price.name for price in PRICES if not price.is_verified]
    console.print(f"Not verified, so look before you sign: {', '.join(unverified)}.", style="yellow", highlight=False)
    if not REGIONS[region][1]:
        console.print(
            f"{region} is US East times {REGIONS[region][0]}, for orientation only.", style="yellow", highlight=False
        )


def _lines(console: Console, found: Bill, rps: int, region: str, commit: Commitment) -> None:
    table = Table(title=f"{rps:,} requests/s in {region}, committed: {commit}", title_justify="left")
    for heading, justify in (("service", "left"), ("what", "left"), ("$/month", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for line in found.lines:
        table.add_row(
            line.service, line.what, f"({dollars(line.dollars)})" if line.is_optional else dollars(line.dollars)
        )
    table.add_section()
    table.add_row("sum", "what is in brackets is optional and not in it", dollars(found.total()), style="bold")
    console.print(table)


def _scales(console: Console, rps: int, region: str, commit: Commitment) -> None:
    """Print bars of what a million requests cost."""
    rows = [
        (scale, kind, found, found.total() / Workload(scale).millions)
        for scale in sorted({rps, *page.SCALES})
        for kind, found in (
            ("ours", page.ours(scale, commit, region)),
            ("API Gateway for all", page.naive(scale, commit, region)),
        )
    ]
    most, cells = max(row[3] for row in rows), max(8, min(BAR_CELLS, console.width - BESIDE_BAR))
    table = Table(title="What a million requests cost", title_justify="left", box=None)
    for heading, justify in (
        ("requests/s", "right"),
        ("", "left"),
        ("$/month", "right"),
        ("$/million", "right"),
        ("", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for scale, kind, found, each in rows:
        bar = "█" * max(1, int(each / most * cells))
        colour = "cyan" if kind == "ours" else "red"
        table.add_row(f"{scale:,}", kind, dollars(found.total()), f"{each:.2f}", f"[{colour}]{bar}[/{colour}]")
    console.print(table)


def _nines(console: Console, rps: int, region: str, commit: Commitment) -> None:
    table = Table(title="What each nine costs", title_justify="left")
    for heading in ("layout", "goal", "hours away a year", "orders are back after", "$/month"):
        table.add_column(heading)
    for nine in nines.NINES:
        total = page.regional(bill(Workload(rps), commit, nine.layout, Edge.SPLIT), region).total()
        table.add_row(
            nine.layout.value, f"{nine.share * 100:.2f} %", f"{nine.hours_away:.1f}", nine.away, dollars(total)
        )
    console.print(table)
