"""Attempts to guess what only one person knows, counted by name and cut off."""

from typing import Final, Protocol

from openbourse.edge.errors import ApiError

ATTEMPT_WINDOW_S: Final = 900
DAY_S: Final = 86_400


class Attempts(Protocol):
    """Counts of attempts by name."""

    async def count(self, name: str, window_s: int) -> int: ...
    async def forget(self, name: str, window_s: int) -> None: ...


async def allow(attempts: Attempts, name: str, limit: int, window_s: int = ATTEMPT_WINDOW_S) -> None:
    """Count one more attempt before it is looked at. Raises ApiError -1003 beyond the limit."""
    if await attempts.count(name, window_s) > limit:
        wait = "in some minutes" if window_s == ATTEMPT_WINDOW_S else "tomorrow"
        raise ApiError(-1003, f"Too many attempts; try again {wait}.", 429, headers={"Retry-After": str(window_s)})
