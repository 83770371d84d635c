"""`python -m sim.cluster --seeds N`, `--seed K`: many seeds on every processor, counts kept; or one, with its timeline."""

import argparse
import json
import os
import subprocess
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sim.cluster.defects import TABLE, find_all, render
from sim.cluster.play import Verdict, play

RECORD: Final = Path(__file__).parents[2] / "bench" / "results" / "sim.json"
SHOWN_MAX: Final = 5


def quietly(seed: int) -> Verdict:
    """Run a seed in a worker; what is dropped in the middle of its work says nothing."""
    warnings.simplefilter("ignore", RuntimeWarning)
    return play(seed)


def verdicts(first: int, seeds: int, jobs: int) -> Iterator[Verdict]:
    """Give the seeds' verdicts as they come, never more under way than twice the processes."""
    under_way: set[Future[Verdict]] = set()
    asked = 0
    with ProcessPoolExecutor(jobs) as pool:
        while asked < seeds or under_way:
            while asked < seeds and len(under_way) < 2 * jobs:
                under_way.add(pool.submit(quietly, first + asked))
                asked += 1
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def recorded(path: Path = RECORD) -> list[dict[str, Any]]:
    """Return the runs kept so far."""
    if not path.exists():
        return []
    runs: list[dict[str, Any]] = json.loads(path.read_text())
    return runs


def keep(run: dict[str, Any], path: Path = RECORD) -> None:
    """Add a run to those kept."""
    path.write_text(json.dumps([*recorded(path), run], indent=1) + "\n")


def tell(verdict: Verdict, console: Console) -> None:
    """Print what was wrong with a seed."""
    console.print(f"seed {verdict.seed}, faults {verdict.faults}", markup=False, highlight=False, soft_wrap=True)
    for violation in verdict.violations[:SHOWN_MAX]:
        console.print(f"  {violation}", markup=False, highlight=False, soft_wrap=True)


def many(first: int, seeds: int, jobs: int, console: Console) -> dict[str, Any]:
    """Run seeds; return the counts."""
    failures = commands = acknowledged = reads = 0
    faults: Counter[str] = Counter()
    failed: list[int] = []
    started = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"from seed {first}", total=seeds)
        for verdict in verdicts(first, seeds, jobs):
            progress.advance(task)
            commands += verdict.commands
            acknowledged += verdict.statuses.get("acknowledged", 0)
            reads += verdict.reads
            faults.update(verdict.faults)
            if not verdict.is_clean:
                failures += 1
                failed.append(verdict.seed)
                tell(verdict, console)
    commit = subprocess.run(("git", "rev-parse", "--short", "HEAD"), capture_output=True, text=True, check=False)
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "first_seed": first,
        "seeds": seeds,
        "failures": failures,
        "failed_seeds": sorted(failed),
        "commands": commands,
        "acknowledged": acknowledged,
        "reads": reads,
        "faults": dict(sorted(faults.items())),
        "seconds": round(time.monotonic() - started, 1),
    }


def one(seed: int, console: Console) -> int:
    """Replay a seed and print its timeline."""
    warnings.simplefilter("ignore", RuntimeWarning)
    verdict = play(seed, keep_lines=True)
    for line in verdict.lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    tell(verdict, console)
    console.print(f"trace {verdict.trace}", highlight=False, soft_wrap=True)
    failures = 0 if verdict.is_clean else 1
    console.print(f"1 seeds, {failures} failures", highlight=False)
    return failures


def defects(console: Console) -> int:
    """Find every planted defect and write the table; return how many were not found."""
    found = []
    for each in find_all():
        found.append(each)
        console.print(f"{each.name}: seed {each.seed}, {each.violation}", markup=False, highlight=False, soft_wrap=True)
    TABLE.write_text(render(found))
    missed = sum(not each.seed for each in found)
    console.print(f"{len(found)} defects, {missed} not found", highlight=False)
    return missed


def main(arguments: Sequence[str]) -> int:
    """Read the command line and run what it asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sim.cluster")
    parser.add_argument("--seed", type=int, help="replay one seed and print its timeline")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds (default %(default)s)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default %(default)s)")
    parser.add_argument("--defects", action="store_true", help="find every planted defect and write the table")
    parser.add_argument("--keep", action="store_true", help="add the counts to bench/results/sim.json")
    options = parser.parse_args(arguments)
    console = Console()
    if options.defects:
        return 1 if defects(console) else 0
    if options.seed is not None:
        return 1 if one(options.seed, console) else 0
    run = many(options.first, options.seeds, options.jobs, console)
    if options.keep:
        keep(run)
    faults = ", ".join(f"{count} {kind}" for kind, count in run["faults"].items())
    console.print(
        f"{run['commands']} commands, {run['reads']} reads; faults: {faults}", highlight=False, soft_wrap=True
    )
    console.print(f"{run['seconds']} s", highlight=False)
    console.print(f"{run['seeds']} seeds, {run['failures']} failures", highlight=False)
    return 1 if run["failures"] else 0
