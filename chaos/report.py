"""What is kept of a run, and of all runs together."""

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.machine import machine
from chaos.checker import SHOWN_MAX, Verdict
from chaos.measure import Felt, KindFigures, by_kind

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "bench" / "results"
KEPT: Final = RESULTS / "chaos.json"


class Run(msgspec.Struct, kw_only=True):
    """One run, as it is counted."""

    when: str
    commit: str
    seed: int
    faults: int
    lost: int
    doubled: int
    breaks: int
    kinds: dict[str, int]
    felt: list[Felt]


def commit() -> str:
    """Return which source this is."""
    done = subprocess.run(("git", "rev-parse", "--short", "HEAD"), capture_output=True, text=True, check=False)
    return done.stdout.strip()


def recorded(path: Path = KEPT) -> list[Run]:
    """Return the runs kept so far."""
    return msgspec.json.decode(path.read_bytes(), type=list[Run]) if path.exists() else []


def keep(run: Run, path: Path = KEPT) -> list[Run]:
    """Add a run to those kept; return all of them."""
    runs = [*recorded(path), run]
    # A line a run, so that a change shows what was added.
    path.write_text("[\n" + ",\n".join(msgspec.json.encode(kept).decode() for kept in runs) + "\n]\n")
    return runs


def whole(run: Run, verdict: Verdict, how: dict[str, Any], notes: Sequence[tuple[float, str]]) -> dict[str, Any]:
    """Return a run's report."""
    return {
        "when": run.when,
        "commit": run.commit,
        "machine": machine(),
        "seed": run.seed,
        **how,
        "faults": run.faults,
        "lost": verdict.lost[:SHOWN_MAX],
        "doubled": verdict.doubled[:SHOWN_MAX],
        "breaks": verdict.breaks[:SHOWN_MAX],
        "held against each other": verdict.counted,
        "by kind": [msgspec.to_builtins(figures) for figures in by_kind(run.felt)],
        "each fault": [msgspec.to_builtins(fault) for fault in run.felt],
        # What a command of the database's says names files: where this checkout lies is nobody's business.
        "notes": [f"{at:9.2f} {text.replace(f'{ROOT}/', '')}" for at, text in notes],
    }


def write(report: dict[str, Any], picture: str, directory: Path = RESULTS) -> Path:
    """Write report and picture; return the report's path without its ending."""
    stem = directory / f"chaos-{datetime.now(UTC):%Y-%m-%d-%H%M%S}-seed{report['seed']}"
    stem.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    stem.with_suffix(".svg").write_text(picture)
    return stem


def now() -> str:
    """Return the moment as reports write it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def table(figures: Sequence[KindFigures]) -> list[str]:
    """Return the figures of each kind as lines of text; seconds."""
    head = ("", "faults", "ack med", "ack p99", "after db", "clients", "longest", "failed", "doubt", "asked", "whole")
    rows: list[tuple[str, ...]] = [head]
    for its in figures:
        seconds = (its.next_ack_median, its.next_ack_p99, its.beyond_failover_p99, its.every_client_p99, its.longest)
        counts = (its.failed, its.in_doubt, its.requests)
        rows.append(
            (
                its.kind,
                str(its.faults),
                *("-" if value is None else f"{value:.2f}" for value in seconds),
                *(str(count) for count in counts),
                "-" if its.whole_again_p99 is None else f"{its.whole_again_p99:.1f}",
            )
        )
    return [f"{row[0]:<24}" + "".join(f"{cell:>10}" for cell in row[1:]) for row in rows]
