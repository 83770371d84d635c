"""The table of planted defects: each must be found by the auditor within a few seeds."""

import os
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sim.cluster import defects_gateway, defects_sequencer, defects_stores
from sim.cluster.planting import DEFECTS as DEFECTS
from sim.cluster.play import play

SEEDS_MAX: Final = 25
MODULES: Final = (defects_gateway, defects_sequencer, defects_stores)
"""Where they are; each enters its own when it is imported."""
TABLE: Final = Path(__file__).parents[2] / "docs" / "planted-defects.md"
SHOWN: Final = 110
HEAD: Final = """# Planted defects

Mutations of our own logic, planted one at a time into a run of the simulated venue (`sim/cluster/defects_*.py`), and what
the auditor said first. Written by `make sim ARGS=--defects`; a test holds the names against the code and finds each one
again, beginning with the seed that is told here.

| defect | what is wrong | seed | found by |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Found:
    """How a defect was found."""

    name: str
    seed: int
    """0: it was not."""
    violation: str


def find(name: str, seeds: Iterable[int]) -> Found:
    """Run seeds with a defect until one finds it."""
    warnings.simplefilter("ignore", RuntimeWarning)
    for seed in seeds:
        verdict = play(seed, defect=DEFECTS[name])
        if verdict.violations:
            return Found(name, seed, verdict.violations[0])
    return Found(name, 0, "")


def _find_from(name: str, first: int) -> Found:
    return find(name, dict.fromkeys((first, *range(1, SEEDS_MAX + 1))))


def find_all(jobs: int = os.cpu_count() or 1) -> Iterator[Found]:
    """Find every defect of the table, each beginning with the seed that found it last."""
    known = recorded()
    names = sorted(DEFECTS)
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_find_from, names, [known.get(name, 1) for name in names])


def recorded(path: Path = TABLE) -> dict[str, int]:
    """Return the seeds of the table as it is."""
    if not path.exists():
        return {}
    rows = [line.split("|") for line in path.read_text().splitlines() if line.startswith("| ")]
    return {row[1].strip(): int(row[3]) for row in rows if row[3].strip().isdigit()}


def render(found: Iterable[Found]) -> str:
    """Return the table."""
    rows = []
    for each in found:
        said = each.violation if len(each.violation) <= SHOWN else each.violation[: SHOWN - 1] + "…"
        said = said.replace("|", "/")
        rows.append(f"| {each.name} | {DEFECTS[each.name].what} | {each.seed} | {said} |\n")
    return HEAD + "".join(rows)
