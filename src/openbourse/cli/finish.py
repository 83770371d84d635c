"""Runs a command's coroutine on the fast event loop."""

from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine to its end and return what it returns."""
    return uvloop.run(work)
