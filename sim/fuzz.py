"""Many seeds at once, as many as there are processors: the comparison in bulk, its counts kept.

Runs that follow each other take up where the seeds of the last one ended, so that their commands add up.
"""

import hashlib
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from openbourse.engine import Engine as Native
from sim.differential import run_seed
from sim.reference import Engine as Reference

COMMANDS_A_SEED: Final = 10_000
PIECE_COMMANDS: Final = 250_000
"""A run is kept in pieces of so many: what was compared before it was killed counts."""
DIFFERENCES_MAX: Final = 3
COMPARED: Final = ("native", "sim", "src/openbourse/protocol")
"""What a comparison is of: pieces join while none of it changes, whatever else a commit brings."""
ROOT: Final = Path(__file__).parents[1]
RECORD: Final = ROOT / "bench" / "results" / "fuzz.json"

Run = dict[str, int | float | str]


class Interrupted(KeyboardInterrupt):
    """A run was ended by hand."""

    def __init__(self, run: Run) -> None:
        super().__init__(f"{run['commands']} commands of a piece kept")
        self.run = run


def compare(seed: int, commands: int) -> tuple[int, int, str]:
    """Drive core and reference with one seed. Return the seed, how many commands ran, and what differs, if anything."""
    size, difference = run_seed(seed, commands, (Reference, Native))
    return seed, size, "" if difference is None else str(difference)


def recorded(path: Path = RECORD) -> list[Run]:
    """Return the runs kept so far."""
    if not path.exists():
        return []
    runs: list[Run] = json.loads(path.read_text())
    return runs


def next_seed(runs: list[Run]) -> int:
    """Return the first seed that no kept run has used."""
    return max((int(run["first_seed"]) + int(run["seeds"]) for run in runs), default=1)


def joined(last: Run, run: Run) -> Run | None:
    """Return two runs as one, when the second took up the seeds of the first with the same code, and nothing differed."""
    follows = int(last["first_seed"]) + int(last["seeds"]) == run["first_seed"]
    if not follows or _code(last) != _code(run) or last["differences"] or run["differences"]:
        return None
    if str(_code(run)).endswith("+"):
        return None  # changed since its commit: nobody can say that the other one was changed alike
    return {**_sum(last, run), "pieces": int(last.get("pieces", 1)) + 1}


def _sum(one: Run, other: Run) -> Run:
    sums = {name: int(one[name]) + int(other[name]) for name in ("seeds", "commands", "differences")}
    return {**one, **sums, "seconds": round(float(one["seconds"]) + float(other["seconds"]), 1)}


def _code(run: Run) -> int | float | str:
    return run.get("code", run["commit"])


def keep(run: Run, path: Path = RECORD) -> list[Run]:
    """Add a run to those kept, as a piece of the last one if it belongs to it; return all of them."""
    runs = recorded(path)
    whole = joined(runs[-1], run) if runs else None
    runs = [*runs, run] if whole is None else [*runs[:-1], whole]
    path.write_text(json.dumps(runs, indent=1) + "\n")
    return runs


def _results(commands: int, seed: int, jobs: int) -> Iterator[tuple[int, int, str]]:
    """Give the seeds' results as they come, never more under way than twice the processes."""
    under_way: set[Future[tuple[int, int, str]]] = set()
    with ProcessPoolExecutor(jobs) as pool:
        asked = 0
        while asked < commands or under_way:
            while asked < commands and len(under_way) < 2 * jobs:
                size = min(COMMANDS_A_SEED, commands - asked)
                under_way.add(pool.submit(compare, seed + asked // COMMANDS_A_SEED, size))
                asked += size
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def _git(*words: str) -> str:
    return subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def code_compared() -> str:
    """Return what names the engine, the reference and the streams as they are; with a plus when they are changed here."""
    trees = _git("rev-parse", *(f"HEAD:{path}" for path in COMPARED))
    return hashlib.sha256(trees.encode()).hexdigest()[:12] + ("+" if _git("status", "--porcelain", *COMPARED) else "")


def fuzz(commands: int, seed: int, jobs: int, console: Console) -> Run:
    """Compare until that many commands ran, or enough differences were found; return the run.

    Raises Interrupted with what was compared until then.
    """
    # Asked first: what is edited meanwhile is not what is compared.
    run: Run = {"commit": _git("rev-parse", "--short", "HEAD"), "code": code_compared(), "first_seed": seed}
    counts: dict[int, int] = {}
    differences, is_interrupted, started = 0, False, time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(f"from seed {seed}", total=commands)
            for one, size, text in _results(commands, seed, jobs):
                counts[one] = size
                progress.advance(task, size)
                if text:
                    differences += 1
                    console.print(text, markup=False, highlight=False, soft_wrap=True)
                    if differences >= DIFFERENCES_MAX:
                        break
    except KeyboardInterrupt:
        is_interrupted = True
        counts = without_gaps(counts, seed)
    run |= {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "seeds": len(counts),
        "commands": sum(counts.values()),
        "differences": differences,
        "seconds": round(time.monotonic() - started, 1),
    }
    if is_interrupted:
        raise Interrupted(run)
    return run


def without_gaps(counts: Mapping[int, int], seed: int) -> dict[int, int]:
    """Return the seeds that follow each other from the first one on: the next run takes up after the last of them."""
    end = next(place for place in count(seed) if place not in counts)
    return {place: counts[place] for place in range(seed, end)}


def fuzz_in_pieces(commands: int, seed: int, jobs: int, console: Console, path: Path = RECORD) -> tuple[Run, list[Run]]:
    """Compare until that many commands ran or something differed, keeping each piece; return the run and all kept."""
    runs, whole = recorded(path), None
    while whole is None or (int(whole["commands"]) < commands and not whole["differences"]):
        done = 0 if whole is None else int(whole["commands"])
        first = seed if whole is None else seed + int(whole["seeds"])
        try:
            piece = fuzz(min(PIECE_COMMANDS, commands - done), first, jobs, console)
        except Interrupted as fault:
            if fault.run["commands"] or fault.run["differences"]:
                keep(fault.run, path)
            raise
        runs = keep(piece, path)
        whole = piece if whole is None else _sum(whole, piece)
    return whole, runs


def report(run: Run, runs: list[Run], console: Console) -> int:
    """Tell a run and the sum of all; return the exit code."""
    total, found = (sum(int(kept[field]) for kept in runs) for field in ("commands", "differences"))
    rate = int(int(run["commands"]) // max(float(run["seconds"]), 0.001))
    console.print(f"{rate} commands/s, both engines, generator and comparison together", highlight=False)
    console.print(f"kept so far: {total} commands in {len(runs)} runs, {found} differences", highlight=False)
    console.print(f"{run['commands']} commands, {run['differences']} differences", highlight=False)
    return 1 if run["differences"] else 0
