"""Runs in bulk add up: each takes up where the last one's seeds ended, and says what it found."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from sim.fuzz import Run, fuzz, keep, next_seed, recorded, report


def test_a_run_compares_what_was_asked_for_and_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.json"
    assert recorded(path) == []
    run = fuzz(1_200, 41, 1, Console(quiet=True))
    assert (run["first_seed"], run["seeds"], run["differences"]) == (41, 1, 0)
    assert int(run["commands"]) >= 1_200
    assert keep(run, path) == recorded(path) == [run]
    assert next_seed(recorded(path)) == 42


def test_the_last_line_tells_commands_and_differences() -> None:
    told = StringIO()
    run: Run = {"commands": 500, "differences": 1, "seconds": 2.0}
    assert report(run, [run, {"commands": 100, "differences": 0}], Console(file=told)) == 1
    lines = told.getvalue().splitlines()
    assert lines[-1] == "500 commands, 1 differences"
    assert lines[-2] == "kept so far: 600 commands in 2 runs, 1 differences"
