"""`python -m sim differential --commands N --seed S`, `python -m sim fuzz --commands N`: compare core and reference.

Even seeds have streams of rules 1, odd ones of rules 2, unless `--rules` says which. `--statistics` tells what the streams brought about.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sim.differential import Difference, EngineKind, run_seed
from sim.reference import Engine as Reference
from sim.statistics import Statistics

_COMMANDS_A_SEED: Final = 10_000


def differential(
    commands: int, seed: int, other: EngineKind, console: Console, statistics: Statistics, rules: int | None = None
) -> int:
    """Run seeds until that many commands were compared; stop a seed at its first difference. Return how many differ."""
    differences: list[Difference] = []
    done = seeds = 0
    started = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"seed {seed}", total=commands)
        while done < commands and len(differences) < 3:
            progress.update(task, description=f"seed {seed + seeds}")
            count, difference = run_seed(
                seed + seeds,
                min(_COMMANDS_A_SEED, commands - done),
                (Reference, other),
                lambda count: progress.advance(task, count),
                statistics.count,
                rules,
            )
            done += count
            seeds += 1
            if difference is not None:
                differences.append(difference)
                console.print(str(difference), markup=False, highlight=False, soft_wrap=True)
    rate = int(done // max(time.monotonic() - started, 0.001))
    console.print(f"{rate} commands/s, both engines, generator and comparison together", highlight=False)
    console.print(f"{done} commands, {seeds} seeds, {len(differences)} differences", highlight=False)
    return len(differences)


def _fuzz(commands: int, seed: int | None, jobs: int, console: Console) -> int:
    """Compare in bulk and keep the counts."""
    from sim.fuzz import fuzz_in_pieces, next_seed, recorded, report

    first = next_seed(recorded()) if seed is None else seed
    return report(*fuzz_in_pieces(commands, first, jobs, console), console)


def main(arguments: Sequence[str]) -> int:
    """Read the command line and run what it asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sim")
    commands = parser.add_subparsers(dest="command", required=True)
    part = commands.add_parser("differential", help="compare the native core with the reference, byte for byte")
    part.add_argument("--commands", type=int, default=200_000, help="how many commands (default %(default)s)")
    part.add_argument("--seed", type=int, default=1, help="the first seed (default %(default)s)")
    part.add_argument("--self", action="store_true", help="compare the reference with itself: tries the runner alone")
    part.add_argument("--rules", type=int, choices=(1, 2), help="the rules of all streams, whatever their seeds")
    part.add_argument("--statistics", action="store_true", help="tell what the streams brought about")
    bulk = commands.add_parser("fuzz", help="the same over many seeds on every processor, counts kept")
    bulk.add_argument("--commands", type=int, default=10_000_000, help="how many commands (default %(default)s)")
    bulk.add_argument("--seed", type=int, help="the first seed (default: the first that no kept run has used)")
    bulk.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default %(default)s)")
    options = parser.parse_args(arguments)
    console = Console()
    if options.command == "fuzz":
        return _fuzz(options.commands, options.seed, options.jobs, console)
    other: EngineKind = Reference
    if not options.self:
        from openbourse.engine import Engine as Native

        other = Native
    statistics = Statistics()
    differences = differential(options.commands, options.seed, other, console, statistics, options.rules)
    for line in statistics.lines() if options.statistics else ():
        console.print(line, highlight=False, soft_wrap=True)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
