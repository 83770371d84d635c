"""Runs a command's coroutine on the fast event loop."""

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine to its end and return what it returns."""
    # Imported here: a command that only explains itself needs no loop.
    import uvloop

    return uvloop.run(work)
