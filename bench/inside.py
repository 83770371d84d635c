"""`make bench-engine`: the engine measured from inside (bench/core), in tables, kept in bench/results/."""

import argparse
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import engine
from bench.machine import machine
from openbourse.supervisor.venue import HUGE_PAGES

HERE = Path(__file__).parent
RESULTS = HERE / "results"
_CRATE = HERE / "core"
_PROGRAM = _CRATE / "target" / "release" / "openbourse-bench"

Row = dict[str, object]


def build() -> None:
    """Build the measuring program with the engine as it ships."""
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--locked", "--target-dir", str(_CRATE / "target")],
        cwd=_CRATE,
        check=True,
    )


def measure(*words: str) -> Iterator[Row]:
    """Run one measurement; give its figures as they come."""
    environment = {**HUGE_PAGES, **os.environ}
    with subprocess.Popen([str(_PROGRAM), *words], stdout=subprocess.PIPE, text=True, env=environment) as program:
        assert program.stdout is not None
        for line in program.stdout:
            yield json.loads(line)
    if program.returncode != 0:
        raise subprocess.CalledProcessError(program.returncode, program.args)


def table(console: Console, title: str, rows: Sequence[Row], columns: dict[str, str]) -> None:
    """Print rows under the headings that columns gives each field."""
    drawn = Table(title=title, title_justify="left")
    for heading in columns.values():
        drawn.add_column(heading, justify="right")
    for row in rows:
        cells = []
        for field in columns:
            value = row.get(field, "")
            cells.append(f"{value:,}" if isinstance(value, int) else str(value))
        drawn.add_row(*cells)
    console.print(drawn)


def _machine(console: Console, _options: argparse.Namespace) -> list[Row]:
    rows = list(measure("machine"))
    columns = {
        "operations_per_ns": "operations a ns, one after another",
        "chased_bytes": "bytes",
        "load_ns": "ns a load",
    }
    table(console, "what the machine gives now", rows, columns)
    return rows


def _throughput(console: Console, options: argparse.Namespace) -> list[Row]:
    rows = []
    for accounts in (1_000, options.accounts):
        rows += list(measure("mix", str(options.commands), "100", str(accounts)))
    figure = engine.measure(options.commands // 5)
    through_python: Row = {"measure": "through Python", "commands": figure.commands, "instruments": engine.INSTRUMENTS}
    through_python |= {"accounts": engine.ACCOUNTS, "open": figure.open_orders, "per_second": int(figure.per_second)}
    rows.append(through_python)
    columns = {"measure": "", "commands": "commands", "instruments": "instruments", "accounts": "accounts"}
    columns |= {"open": "open orders", "per_second": "commands/s", "per_core_second": "commands a second on the core"}
    columns |= {"copy_floor_seconds": "bytes alone, s"}
    columns |= {"seconds": "s"}
    table(console, "60 % cancel or replace, 30 % resting, 10 % crossing; batches of 1,024; one core", rows, columns)
    return rows


def _flat(console: Console, options: argparse.Namespace) -> list[Row]:
    rows = list(measure("flat", str(options.commands // 5), str(options.resting)))
    columns = {"book": "book", "instruments": "instruments", "resting": "resting", "per_second": "commands/s"}
    columns |= {"per_core_second": "commands a second on the core"}
    table(console, "cost over sizes and shapes of books", rows, columns)
    return rows


def _state(console: Console, options: argparse.Namespace) -> list[Row]:
    rows = list(measure("state", str(options.orders), str(options.accounts)))
    columns = {"orders": "orders", "accounts": "accounts", "bytes_per_order": "bytes an order"}
    columns |= {"bytes_per_account": "bytes an account", "snapshot_bytes": "snapshot, bytes"}
    columns |= {"write_seconds": "write, s", "load_seconds": "load, s", "load_core_seconds": "on the core, s"}
    columns |= {"replay_per_second": "replay, commands/s", "replay_per_core_second": "a second on the core"}
    table(console, "state", rows, columns)
    return rows


def _pauses(console: Console, options: argparse.Namespace) -> list[Row]:
    rows = list(measure("pauses", str(int(options.minutes * 60)), str(options.accounts)))
    columns = {"of": "", "count": "calls", "p50_ns": "p50 ns", "p99_ns": "p99 ns", "p999_ns": "p99.9 ns"}
    columns |= {"p9999_ns": "p99.99 ns", "max_ns": "max ns", "over_1ms": "over 1 ms"}
    columns |= {"over_1ms_on_core": "with its core", "over_5us_a_second": "over 5 µs, a second"}
    table(console, f"one command a call for {options.minutes:g} min, tables growing", rows, columns)
    return rows


def _calls(console: Console, options: argparse.Namespace) -> list[Row]:
    rows = []
    for accounts in (1_000, options.accounts):
        for batch, calls in ((1, options.commands // 4), (256, options.commands // 1_024)):
            rows += list(measure("calls", str(calls), str(options.rounds), str(accounts), str(batch)))
    columns = {"of": "", "accounts": "accounts", "commands_a_call": "commands a call", "count": "calls"}
    columns |= {"per_second": "commands/s", "p50_ns": "p50 ns", "p99_ns": "p99 ns", "p999_ns": "p99.9 ns"}
    columns |= {"p9999_ns": "p99.99 ns", "max_ns": "max ns"}
    table(console, f"the same calls {options.rounds} times from the same state, and the least of each", rows, columns)
    return rows


def _stops(console: Console, options: argparse.Namespace) -> list[Row]:
    rows = [row for triggers in (1_000, options.triggers) for row in measure("stops", str(triggers))]
    columns = {"triggers": "triggers", "seconds": "s", "triggers_per_second": "triggers/s"}
    table(console, "one order fires a chain of stops", rows, columns)
    return rows


PARTS = {
    "machine": _machine,
    "throughput": _throughput,
    "flat": _flat,
    "state": _state,
    "calls": _calls,
    "pauses": _pauses,
    "stops": _stops,
}


def main() -> None:
    """Measure every part, or one; write what was seen."""
    parser = argparse.ArgumentParser(prog="make bench-engine", description=__doc__)
    parser.add_argument("--commands", type=int, default=2_000_000, help="commands of the mix (%(default)s)")
    parser.add_argument("--accounts", type=int, default=100_000, help="accounts (%(default)s)")
    parser.add_argument("--orders", type=int, default=1_000_000, help="resting orders of the state (%(default)s)")
    parser.add_argument("--resting", type=int, default=10_000_000, help="most resting orders (%(default)s)")
    parser.add_argument("--triggers", type=int, default=10_000, help="stops in the chain (%(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="runs of the same calls (%(default)s)")
    parser.add_argument("--minutes", type=float, default=1, help="how long single calls run (%(default)s)")
    parser.add_argument("--only", choices=tuple(PARTS), help="one part alone")
    options = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    with console.status("building the measuring program"):
        build()
    seen: Row = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    seen["options"] = vars(options)
    for name, part in PARTS.items():
        if options.only in (None, name):
            seen[name] = part(console, options)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"engine-{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
    path.write_text(json.dumps(seen, indent=2) + "\n")
    console.print(f"kept in {path.relative_to(Path.cwd())}", highlight=False)


if __name__ == "__main__":
    main()
