"""The house rules that a program can check. A rule's message says what to do instead.

Begun small; a rule that was broken twice is added here.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from openbourse.protocol.rejects import RejectReason

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "openbourse"
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400

# A ratchet: what was longer when the rule came may stay that long, never grow; take a line out when it is shorter.
LONG_FUNCTIONS: dict[str, int] = {}
LONG_FILES: dict[str, int] = {}

EXACT_ARITHMETIC = ("src/openbourse/engine", "src/openbourse/protocol", "sim/reference")
VAGUE_FILES = {"utils.py", "common.py", "helpers.py", "base.py", "manager.py", "misc.py"}
BANNED_NAME = re.compile(r"(?i)(?:^|_)(?:deal|deals|frozen|member|members|recharge|slave)(?:_|$)|Manager$|Helper$")
PACKAGE_LINES = ("In:", "Out:", "Never:")


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{node.name}", node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")


def defined_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=20)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return listed.stdout.splitlines()


def test_money_is_never_a_float() -> None:
    wrong = []
    for path in python_files("src", "sim"):
        if not name_of(path).startswith(EXACT_ARITHMETIC):
            continue
        for node in ast.walk(parsed(path)):
            is_division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
            if is_division or (isinstance(node, ast.Constant) and isinstance(node.value, float)):
                wrong.append(f"{name_of(path)}:{getattr(node, 'lineno', 0)}")
    assert not wrong, f"use integers in 1e-8 units and `//` with its rounding named, not floats or `/`: {wrong}"


def test_only_the_sequencer_runs_the_engine() -> None:
    wrong = []
    for path in python_files("src"):
        if name_of(path).startswith(("src/openbourse/sequencer/", "src/openbourse/engine/")):
            continue
        for node in ast.walk(parsed(path)):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(module == "openbourse.engine" or module.startswith("openbourse.engine.") for module in modules):
                wrong.append(f"{name_of(path)}:{getattr(node, 'lineno', 0)}")
    assert not wrong, f"ask sequencer/replay.py through wiring for state at a sequence: {wrong}"


def test_functions_fit_a_screen() -> None:
    wrong = []
    for path in python_files("src", "sim", "tests", "bench", "chaos", "infra"):
        for name, node in functions(parsed(path)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            key = f"{name_of(path)}:{name}"
            if lines > LONG_FUNCTIONS.get(key, FUNCTION_LINES_MAX):
                wrong.append(f"{key} has {lines} lines")
    assert not wrong, f"find the noun hiding in it and split it (at most {FUNCTION_LINES_MAX} lines): {wrong}"


def test_files_are_short() -> None:
    wrong = []
    for path in python_files("src", "sim", "tests", "bench", "chaos", "infra"):
        lines = len(path.read_text().splitlines())
        if lines > LONG_FILES.get(name_of(path), FILE_LINES_MAX):
            wrong.append(f"{name_of(path)} has {lines} lines")
    assert not wrong, f"split it by noun (at most {FILE_LINES_MAX} lines): {wrong}"


def test_packages_say_what_comes_in_and_out_and_what_they_never_do() -> None:
    wrong = []
    for path in [SOURCE / "__init__.py", *SOURCE.glob("*/__init__.py")]:
        text = ast.get_docstring(parsed(path)) or ""
        if not all(any(line.startswith(word) for line in text.splitlines()) for word in PACKAGE_LINES):
            wrong.append(name_of(path))
    assert not wrong, f"begin the package with a docstring that has In:, Out: and Never: lines: {wrong}"


def test_every_package_has_its_tests() -> None:
    packages = [path.parent.name for path in SOURCE.glob("*/__init__.py")]
    wrong = [name for name in packages if not list((ROOT / "tests" / name).glob("test_*.py"))]
    assert not wrong, f"put tests in tests/<package>/test_*.py: {wrong}"


def test_names_are_those_of_the_glossary() -> None:
    wrong = [name_of(path) for path in python_files("src", "sim", "chaos", "infra") if path.name in VAGUE_FILES]
    for path in python_files("src", "sim", "chaos", "infra"):
        wrong += [f"{name_of(path)}: {name}" for name in defined_names(parsed(path)) if BANNED_NAME.search(name)]
    assert not wrong, f"use the glossary's word (docs/glossary.md); name a file after the noun in it: {wrong}"


def test_nothing_is_left_to_fix() -> None:
    marker = re.compile(r"\b(?:FIXME|XXX|TODO|HACK)\b")
    wrong = []
    for path in python_files("src", "sim", "bench", "chaos", "infra"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if marker.search(line):
                wrong.append(f"{name_of(path)}:{number}")
    assert not wrong, f"do it now, or file an issue and say in the text what is true today: {wrong}"


def test_every_reject_has_a_row_at_the_edge() -> None:
    table = (SOURCE / "edge" / "errors.py").read_text()
    wrong = [reason.name for reason in RejectReason if not re.search(rf"\b{reason.name}\b", table)]
    assert not wrong, f"give the reason its HTTP status, code and message in edge/errors.py: {wrong}"


def test_rows_that_are_records_are_named_by_their_owner_alone() -> None:
    wrong = []
    for owner in ("identity", "notifier", "wallet"):
        named = re.compile(rf"\b(?:FROM|INTO|UPDATE|JOIN|TABLE|ON) {owner}\.\w")
        for path in python_files("src"):
            if SOURCE / owner not in path.parents and named.search(path.read_text()):
                wrong.append(f"{name_of(path)}: {owner}")
    assert not wrong, f"ask the owner's store, handed in by wiring under a Protocol of your own: {wrong}"


def test_lock_files_hold_no_address() -> None:
    wrong = [name_of(path) for path in (ROOT / "requirements").rglob("*.lock") if "://" in path.read_text()]
    for directory in ("web", "tests/bots/suites/node"):
        npm_lock = ROOT / directory / "package-lock.json"
        if '"resolved"' in npm_lock.read_text():
            wrong.append(name_of(npm_lock))
    assert not wrong, f"write them with `make lock`; for npm's, keep omit-lockfile-registry-resolved in .npmrc: {wrong}"


def test_what_a_build_makes_is_not_committed() -> None:
    built = re.compile(r"(?:^|/)(?:uv\.lock|pylock\.toml|node_modules/.*|target/.*)$|\.(?:so|pyc)$|^(?:var/|\.venv)")
    wrong = [name for name in tracked_files() if built.search(name)]
    assert not wrong, f"take it out of git and name it in .gitignore: {wrong}"


def test_make_help_lists_every_target_that_says_what_it_does() -> None:
    said = re.findall(r"^([\w-]+):.*?## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20
    ).stdout
    assert [line.split()[1] for line in shown.splitlines()] == said
