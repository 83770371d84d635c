"""How long things took: counts by geometric bounds, so that any number of measurements takes the same little room."""

from bisect import bisect_left
from typing import Final

STEPS_PER_TENFOLD: Final = 10
"""A quarter from bound to bound: what is told of a measurement is at most that much too long, never too short."""
BOUNDS_US: Final = tuple(round(50 * 10 ** (step / STEPS_PER_TENFOLD)) for step in range(6 * STEPS_PER_TENFOLD + 1))
"""From 50 µs to 50 s."""


class Distribution:
    """Measurements in microseconds since the process began; what is beyond the last bound counts as the last bound."""

    __slots__ = ("counts", "sum_us")

    def __init__(self) -> None:
        self.counts = [0] * len(BOUNDS_US)
        self.sum_us = 0

    def note(self, us: int) -> None:
        """Count one measurement."""
        self.counts[min(bisect_left(BOUNDS_US, us), len(BOUNDS_US) - 1)] += 1
        self.sum_us += us

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def percentile_us(self, percent: float) -> int:
        """Return the bound that so many percent did not pass; 0 without any measurement."""
        wanted, seen = self.total * percent / 100, 0
        for bound, count in zip(BOUNDS_US, self.counts, strict=True):
            seen += count
            if count and seen >= wanted:
                return bound
        return 0
