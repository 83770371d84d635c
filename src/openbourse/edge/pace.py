"""How far apart new orders begin while far more come than are let in.

Where all processes share a machine's cores, a few orders under way at a time are as much as the cores can do: whoever ends
one begins the next, no core is ever free, and a cancel stands in line for one at every step of its way. So in a rush new
orders begin evenly spread, and only so many a second as leave this process a part of its time.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from openbourse.edge.overload import INTERVAL_S

BUSY_MOST: Final = 0.75
"""Of its time a process may run, or stand ready for a core, in a rush. Where cores are short this nears 1 as orders begin
more often, and what else a core is needed for waits several times as long; below three quarters it hardly waits."""
RUSH_SHARE: Final = 0.02
"""When calls stand in a queue, and more than this part of those let in are refused, it is a rush."""
FIRST_SHARE: Final = 0.8
"""Of what began in the interval before a rush, so much begins in its first."""
CUT_MOST: Final = 0.8
"""To so much of it a rate is cut at a time, at most."""
RATE_STEP: Final = 10.0
"""New orders a second by which a rate grows in an interval, or by the share of time that is left, where that is more: a burst
is over at once. A step for all, and a cut in proportion: processes that share a machine come to equal shares of it."""
RATE_LEAST: Final = 40.0
"""New orders a second of a process, however little of the machine is left."""
SMOOTH: Final = 0.5
"""The part that the newest interval has of a figure."""
SCHEDSTAT: Final = Path("/proc/thread-self/schedstat")


class Busy:
    """Tells what share of time its thread ran, or stood ready behind others. Made and asked by that thread."""

    def __init__(self, source: Path = SCHEDSTAT) -> None:
        self._source: Path | None = source
        try:
            is_kept = self._read() > 0
        except OSError:
            is_kept = False
        if not is_kept:
            # Another system than Linux, or a kernel that keeps no such figures: at least what it ran is known.
            self._source = None
        self._spent_s, self._at = self._read(), time.monotonic()

    def share(self) -> float:
        """Return the share since it was asked before."""
        spent_s, at = self._read(), time.monotonic()
        share = (spent_s - self._spent_s) / max(at - self._at, 1e-9)
        self._spent_s, self._at = spent_s, at
        return share

    def _read(self) -> float:
        if self._source is None:
            return time.thread_time()
        ran, stood, *_ = self._source.read_bytes().split()
        return (int(ran) + int(stood)) / 1e9


class Pace:
    """The gap between two beginnings, fitted once an interval; none but in a rush."""

    __slots__ = ("_begun", "_busy", "_let_in", "_next_at", "_rate", "_refused", "_share", "gap_s")

    def __init__(self, share: Callable[[], float]) -> None:
        """Fit it by the share of time that this process is busy, since it was asked before."""
        self.gap_s = 0.0
        self._share = share
        self._busy = self._rate = self._next_at = 0.0
        self._let_in = self._refused = 0.0
        self._begun = 0

    def wait_s(self, now: float) -> float:
        """Return for how long nobody may begin; 0 when one may, who then counts as begun."""
        if now < self._next_at:
            return self._next_at - now
        if self.gap_s:
            # Whoever comes late by less than a gap does not delay the next.
            self._next_at = max(self._next_at, now - self.gap_s) + self.gap_s
        self._begun += 1
        return 0.0

    def turn(self, is_standing: bool, refused: int) -> None:
        """End an interval in which calls stood in a queue or did not, and so many were refused."""
        self._busy += (self._share() - self._busy) * SMOOTH
        begun, self._begun = self._begun, 0
        self._let_in += (begun - self._let_in) * SMOOTH
        self._refused += (refused - self._refused) * SMOOTH
        if not is_standing or self._refused <= RUSH_SHARE * self._let_in:
            self.gap_s = self._rate = self._next_at = 0.0
        elif begun:
            # Without any beginning nothing is known: a leader that changes is waited for.
            self._fit(begun)

    def _fit(self, begun: int) -> None:
        rate = self._rate or FIRST_SHARE * begun / INTERVAL_S
        if self._busy > BUSY_MOST:
            rate *= max(CUT_MOST, BUSY_MOST / self._busy)
        else:
            rate += max(RATE_STEP, rate * (BUSY_MOST - self._busy))
        self._rate = max(rate, RATE_LEAST)
        self.gap_s = 1 / self._rate
