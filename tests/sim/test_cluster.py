"""The simulated venue: a seed repeats itself bit for bit, a slice of seeds is clean, the twins keep the ports' promises."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from sim.cluster.run import keep, many, one, quietly, recorded, verdicts

ROOT = Path(__file__).parents[2]
SLICE = 12
TRACED = (
    "import sys, warnings; warnings.simplefilter('ignore'); from sim.cluster.play import play; print(play(7).trace)"
)


@pytest.fixture
def workers() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        yield pool


def trace_in(hash_seed: str) -> str:
    """Return the trace of a seed, run by a fresh interpreter."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PYTHONHASHSEED": hash_seed}
    ran = subprocess.run(
        [sys.executable, "-c", TRACED],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return ran.stdout.strip()


@pytest.mark.timeout(300)
def test_a_seed_gives_the_same_run_bit_for_bit() -> None:
    traces = [trace_in("0"), trace_in("1"), trace_in("random")]
    assert len(set(traces)) == 1
    assert len(traces[0]) == 64


@pytest.mark.timeout(300)
def test_a_slice_of_seeds_is_clean_and_something_happens_in_it() -> None:
    told = StringIO()
    run = many(1, SLICE, os.cpu_count() or 1, Console(file=told, width=200))
    assert run["failures"] == 0, told.getvalue()
    assert run["seeds"] == SLICE
    assert run["acknowledged"] > 50 * SLICE
    assert sum(run["faults"].values()) > SLICE


@pytest.mark.parametrize("seed", [338, 357])
def test_a_cut_off_leader_whose_session_was_ended_tells_nothing_that_is_behind(seed: int) -> None:
    """It trusted its lease once, while another one had taken it: docs/decisions/0010."""
    verdict = quietly(seed)
    assert {"split", "lost sessions"} <= verdict.faults.keys()
    assert not verdict.violations


def test_a_leader_that_is_just_appending_is_waited_for_before_states_are_compared() -> None:
    """Its engine had applied a batch that was not committed yet, and was taken for a replica that differs."""
    assert not quietly(308).violations


def test_a_replay_ends_with_the_trace_and_the_verdict() -> None:
    told = StringIO()
    assert one(3, Console(file=told, width=200)) == 0
    lines = told.getvalue().splitlines()
    assert lines[-1] == "1 seeds, 0 failures"
    assert lines[-2].startswith("trace ")
    assert any("has taken the lease, epoch 1" in line for line in lines)
    (again,) = verdicts(3, 1, 1)
    assert lines[-2] == f"trace {again.trace}"


def test_runs_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "sim.json"
    keep({"seeds": 1}, path)
    keep({"seeds": 2}, path)
    assert [run["seeds"] for run in recorded(path)] == [1, 2]
