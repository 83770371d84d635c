"""Seed after seed of one comparison, told as it goes."""

import time
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
