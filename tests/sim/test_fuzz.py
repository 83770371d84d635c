"""Runs in bulk add up: each takes up where the last one's seeds ended, and says what it found."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from sim import fuzz as module
from sim.fuzz import Interrupted, Run, fuzz, fuzz_in_pieces, keep, next_seed, recorded, report


def test_a_run_compares_what_was_asked_for_and_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.json"
    assert recorded(path) == []
    run = fuzz(1_200, 41, 1, Console(quiet=True))
    assert (run["first_seed"], run["seeds"], run["differences"]) == (41, 1, 0)
    assert int(run["commands"]) >= 1_200
    assert keep(run, path) == recorded(path) == [run]
    assert next_seed(recorded(path)) == 42


def test_a_run_may_come_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.json"
    first: Run = {"commit": "c", "first_seed": 7, "seeds": 3, "commands": 30, "differences": 0, "seconds": 1.5}
    keep(first, path)
    keep({**first, "first_seed": 10, "seeds": 2, "commands": 20}, path)
    keep({**first, "first_seed": 12, "seeds": 1, "commands": 10}, path)
    assert recorded(path) == [{**first, "seeds": 6, "commands": 60, "seconds": 4.5, "pieces": 3}]
    for other in ({"commit": "d"}, {"differences": 1}, {"first_seed": 99}):
        assert len(keep({**first, "first_seed": 13, "seeds": 1, **other}, path)) > 1
        path.write_text("[]")
        keep({**first, "first_seed": 7, "seeds": 6}, path)


def test_pieces_of_code_that_was_changed_since_its_commit_stand_alone(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.json"
    changed: Run = {"commit": "c", "code": "trees+", "first_seed": 7, "seeds": 3, "commands": 30}
    changed.update(differences=0, seconds=1.5)
    keep(changed, path)
    assert len(keep({**changed, "first_seed": 10}, path)) == 2


def test_what_was_compared_before_an_interruption_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, pieces = tmp_path / "fuzz.json", list[int]()

    def compared(commands: int, seed: int, _jobs: int, _console: Console) -> Run:
        pieces.append(commands)
        if len(pieces) == 3:
            raise KeyboardInterrupt
        run: Run = {"commit": f"c{seed}", "code": "trees", "first_seed": seed, "seeds": 25}
        run.update(commands=commands, differences=0, seconds=1.0)
        return run

    monkeypatch.setattr(module, "fuzz", compared)
    with pytest.raises(KeyboardInterrupt):
        fuzz_in_pieces(600_000, 7, 1, Console(quiet=True), path)
    assert pieces == [250_000, 250_000, 100_000]
    # Another commit that changed neither engine nor reference does not end a run.
    assert [(run["first_seed"], run["seeds"], run["commands"], run["pieces"]) for run in recorded(path)] == [
        (7, 50, 500_000, 2)
    ]
    assert next_seed(recorded(path)) == 57


def test_a_piece_that_is_interrupted_keeps_the_seeds_that_follow_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def results(_commands: int, seed: int, _jobs: int) -> Iterator[tuple[int, int, str]]:
        yield seed + 1, 11, ""
        yield seed, 10, ""
        yield seed + 3, 13, ""
        raise KeyboardInterrupt

    path = tmp_path / "fuzz.json"
    monkeypatch.setattr(module, "_results", results)
    with pytest.raises(Interrupted, match="21 commands"):
        fuzz_in_pieces(1_000, 7, 2, Console(quiet=True), path)
    assert [(run["first_seed"], run["seeds"], run["commands"]) for run in recorded(path)] == [(7, 2, 21)]
    assert next_seed(recorded(path)) == 9


def test_a_run_is_of_the_code_that_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    code = ["begun with"]

    def results(_commands: int, seed: int, _jobs: int) -> Iterator[tuple[int, int, str]]:
        code[0] = "edited meanwhile"
        yield seed, 10, ""

    monkeypatch.setattr(module, "code_compared", lambda: code[0])
    monkeypatch.setattr(module, "_results", results)
    assert fuzz(10, 7, 1, Console(quiet=True))["code"] == "begun with"


def test_an_interruption_before_anything_was_compared_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def results(_commands: int, _seed: int, _jobs: int) -> Iterator[tuple[int, int, str]]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(module, "_results", results)
    with pytest.raises(Interrupted):
        fuzz_in_pieces(1_000, 7, 2, Console(quiet=True), tmp_path / "fuzz.json")
    assert recorded(tmp_path / "fuzz.json") == []


def test_the_last_line_tells_commands_and_differences() -> None:
    told = StringIO()
    run: Run = {"commands": 500, "differences": 1, "seconds": 2.0}
    assert report(run, [run, {"commands": 100, "differences": 0}], Console(file=told)) == 1
    lines = told.getvalue().splitlines()
    assert lines[-1] == "500 commands, 1 differences"
    assert lines[-2] == "kept so far: 600 commands in 2 runs, 1 differences"
