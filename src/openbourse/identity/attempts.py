"""Attempts to guess what only one person knows, counted by name and cut off."""

from typing import Final, NamedTuple, Protocol

from openbourse.edge.errors import ApiError

ATTEMPT_WINDOW_S: Final = 900
DAY_S: Final = 86_400
HOUR_S: Final = 3_600


class Attempts(Protocol):
    """Counts of attempts by name in windows, told with the seconds until the present one ends."""

    async def count(self, name: str, window_s: int) -> tuple[int, int]: ...
    async def counted(self, name: str, window_s: int) -> tuple[int, int]: ...
    async def forget(self, name: str, window_s: int) -> None: ...


class Limit(NamedTuple):
    """So many attempts of a name in a window."""

    name: str
    most: int
    window_s: int = ATTEMPT_WINDOW_S


async def allow(attempts: Attempts, *limits: Limit) -> None:
    """Count one more attempt before it is looked at, by one limit after the other. Raises ApiError -1003 beyond one.

    Those behind it do not count what it refused, and yet have their part in when an attempt is taken again.
    """
    for at, limit in enumerate(limits):
        count, wait_s = await attempts.count(limit.name, limit.window_s)
        if count > limit.most:
            for other in limits[at + 1 :]:
                count, left_s = await attempts.counted(other.name, other.window_s)
                wait_s = max(wait_s, left_s) if count >= other.most else wait_s
            raise ApiError(
                -1003, f"Too many attempts; try again in {_words(wait_s)}.", 429, headers={"Retry-After": str(wait_s)}
            )


def _words(seconds: int) -> str:
    """Return a time as people say it, rounded up."""
    unit_s, unit = (60, "minute") if seconds <= HOUR_S else (HOUR_S, "hour")
    count = -(-seconds // unit_s)
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
