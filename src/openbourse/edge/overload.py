"""Whether this process can take more: measured by how long calls stand in it, not by how many they are.

As CoDel does it for packets: a queue is bad when it stands, that is when within a whole interval not even the luckiest call
came through quickly. A burst that drains within the interval is no overload, and neither is a leader that answers nothing
while it changes: without answers nothing is known, and a limit stays as it is.
"""

import asyncio
import math
import time
from collections.abc import Iterable
from typing import Final

INTERVAL_S: Final = 0.1
SAMPLE_S: Final = 0.01
STOOD_LEAST: Final = 3
"""Intervals on end that calls must stand in before fewer are let in: a disk that stalls once is no overload."""
CUT: Final = 0.7
GROWTH: Final = 1.15


class Window:
    """How many calls of a kind may be under way: cut while they stand, grown back while they flow."""

    __slots__ = (
        "_best_s", "_floor", "_lag_target_s", "_most", "_stood", "_target_s", "cap", "in_flight", "refused", "size", "starting",
    )  # fmt: skip

    def __init__(self, cap: int, floor: int, target_s: float, lag_target_s: float) -> None:
        """Between floor and cap. Calls stand when even the fastest answer of an interval took longer than the target, or
        even the most punctual turn of the event loop was later than the lag's.
        """
        self.cap = cap
        self.size = cap
        self.in_flight = 0
        self.starting = 0
        """Taken in and not yet looked at."""
        self.refused = 0
        self._floor = floor
        self._target_s = target_s
        self._lag_target_s = lag_target_s
        self._best_s = math.inf
        self._most = 0
        self._stood = 0

    @property
    def is_full(self) -> bool:
        """Tell whether one more is one too many."""
        return self.in_flight + self.starting >= self.size

    def enter(self) -> None:
        """Count a call as under way."""
        self.in_flight += 1
        self._most = max(self._most, self.in_flight)

    def leave(self) -> None:
        """Count a call as ended."""
        self.in_flight -= 1

    def note(self, seconds: float) -> None:
        """Note how long a call took that went the whole way."""
        self._best_s = min(self._best_s, seconds)

    def turn(self, lag_s: float) -> None:
        """End an interval in which the loop was never less late than so."""
        best_s, self._best_s = self._best_s, math.inf
        most, self._most = self._most, self.in_flight
        if lag_s > self._lag_target_s or self._target_s < best_s < math.inf:
            self._stood += 1
            if self._stood >= STOOD_LEAST:
                self.size = max(self._floor, int(min(self.size, most) * CUT))
        else:
            self._stood = 0
            self.size = min(self.cap, int(self.size * GROWTH) + 1)


async def watch(windows: Iterable[Window]) -> None:
    """Measure how late the event loop's turns are, and end an interval of every window with the least of it, for ever."""
    every = tuple(windows)
    while True:
        least_s, end = math.inf, time.monotonic() + INTERVAL_S
        while time.monotonic() < end:
            due = time.monotonic() + SAMPLE_S
            await asyncio.sleep(SAMPLE_S)
            least_s = min(least_s, time.monotonic() - due)
        for window in every:
            window.turn(least_s)
