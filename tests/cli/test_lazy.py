"""Commands are imported when they are called: what is said of each beforehand is true, and help waits for nothing."""

import subprocess
import sys

import pytest

from openbourse.cli.lazy import COMMANDS, load

HEAVY = ("asyncpg", "cryptography", "httpx", "openbourse.engine", "openbourse.wiring", "starlette", "uvicorn", "uvloop")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_first_line_of_each_command_is_its_own(name: str) -> None:
    assert load(name).help.splitlines()[0] == COMMANDS[name]


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["roles"], ["verify", "--help"], ["up", "--help"]])
def test_what_only_explains_imports_no_part_of_a_venue(words: list[str]) -> None:
    seen = f"import sys\nfrom openbourse.cli.app import app\ntry:\n    app({words})\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert not set(HEAVY) & set(done.stderr.split())


def test_a_command_that_is_misspelt_is_answered_with_the_right_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "openbourse", "verfy"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert "verify" in done.stderr
