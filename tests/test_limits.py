"""docs/limits.md says what is in force, and names every file that makes a queue."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "docs" / "limits.md").read_text()
ROWS = re.findall(r"\| `(openbourse[\w.]+)` = ([\d,.]+) \|", TABLE)
QUEUE = re.compile(r"\b(?:deque|Queue|Semaphore)\(")


def found(path: str) -> Any:
    """Return what a dotted path names: a constant, an entry of a table, or a setting's default."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 1, -1):
        try:
            value: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            if isinstance(value, dict):
                value = next(entry for key, entry in value.items() if key.name == name)
            elif isinstance(value, type):
                value = value.__dataclass_fields__[name].default  # type: ignore[attr-defined]
            else:
                value = getattr(value, name)
        return value
    raise AssertionError(f"{path} names no module")


@pytest.mark.parametrize(("path", "shown"), ROWS)
def test_a_limit_is_the_one_in_force(path: str, shown: str) -> None:
    assert f"{found(path):,}" == shown


def test_every_file_that_makes_a_queue_is_in_the_table() -> None:
    assert len(ROWS) > 30
    source = ROOT / "src" / "openbourse"
    makers = [path.relative_to(source).as_posix() for path in source.rglob("*.py") if QUEUE.search(path.read_text())]
    assert makers, "there are queues"
    missing = [name for name in makers if f"`{name}`" not in TABLE]
    assert not missing, f"name the queue, its limit and what happens at it in docs/limits.md: {missing}"
