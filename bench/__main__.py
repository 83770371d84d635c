"""`make bench`: a first table of figures, printed and kept in bench/results/."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import engine, venue
from bench.machine import machine

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure the engine, then the venue; write what was seen."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--commands", type=int, default=500_000, help="commands for the engine (500000)")
    parser.add_argument("--rates", default="500,1000,2000", help="open-loop rates, requests a second (500,1000,2000)")
    parser.add_argument("--seconds", type=float, default=10, help="seconds at each rate (10)")
    parser.add_argument("--only", choices=("engine", "venue"), help="one part alone")
    options = parser.parse_args()
    console = Console()
    seen: dict[str, object] = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    if options.only != "venue":
        seen["engine"] = _engine(console, options.commands)
    if options.only != "engine":
        rates = [int(rate) for rate in options.rates.split(",")]
        seen["venue"], seen["memory_mib"] = _venue(console, rates, options.seconds)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
    path.write_text(json.dumps(seen, indent=2) + "\n")
    console.print(f"kept in {path.relative_to(Path.cwd())}", highlight=False)


def _engine(console: Console, count: int) -> dict[str, float]:
    figure = engine.measure(count)
    console.print(
        f"engine: {figure.per_second:,.0f} commands/s ({figure.commands:,} commands in batches of {engine.BATCH}, "
        f"{figure.seconds:.2f} s, {figure.events_bytes / 1e6:,.0f} MB of events, 60 % cancel-replace, 30 % resting, "
        "10 % crossing, one core)",
        highlight=False,
    )
    return {"commands": figure.commands, "seconds": figure.seconds, "commands_per_second": figure.per_second}


def _venue(console: Console, rates: list[int], seconds: float) -> tuple[list[dict[str, object]], dict[str, float]]:
    figures = venue.measure(rates, seconds)
    table = Table(title="order entry, open loop, durable (ms from the planned time)")
    for column in ("load", "asked/s", "answered/s", "p50", "p99", "p99.9", "good", "failed"):
        table.add_column(column, justify="left" if column == "load" else "right")
    rows: list[dict[str, object]] = []
    for name, outcome in figures.outcomes:
        row: dict[str, object] = {
            "load": name,
            "asked_per_second": outcome.rate,
            "answered_per_second": round(outcome.answered_per_second, 1),
            **{f"p{p:g}_ms": round(outcome.percentile(p), 3) for p in (50.0, 99.0, 99.9)},
            "good": outcome.good,
            "failed": dict(outcome.failures.most_common(3)),
        }
        rows.append(row)
        table.add_row(
            name,
            f"{outcome.rate:,.0f}",
            f"{outcome.answered_per_second:,.0f}",
            *(f"{outcome.percentile(p):,.2f}" for p in (50.0, 99.0, 99.9)),
            f"{outcome.good:,}",
            ", ".join(f"{count}x {why}" for why, count in outcome.failures.most_common(2)) or "0",
        )
    console.print(table)
    memory = Table(title="memory after the load (PSS, MiB)")
    memory.add_column("role")
    memory.add_column("MiB", justify="right")
    for role, mib in figures.memory_mib.items():
        memory.add_row(role, f"{mib:,.0f}")
    console.print(memory)
    return rows, {role: round(mib, 1) for role, mib in figures.memory_mib.items()}


if __name__ == "__main__":
    main()
