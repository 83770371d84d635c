"""Whether this process can take more: measured by how long calls stand in it, not by how many they are.

As CoDel does it for packets: a queue is bad when it stands, that is when within a whole interval not even the luckiest call
came through quickly. A burst that drains within the interval is no overload, and neither is a leader that answers nothing
while it changes: without answers nothing is known, and a limit stays as it is. What is quick is learnt, as BBR learns it: the
quickest answer of the last seconds, looked for anew with next to nothing under way whenever it has not shown itself by itself.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

INTERVAL_S: Final = 0.1
SAMPLE_S: Final = 0.01
STOOD_LEAST: Final = 3
"""Intervals on end that calls must stand in before fewer are let in: a disk that stalls once is no overload."""
CUT: Final = 0.7
GROWTH: Final = 1.15
LEARNT_FROM: Final = 100
"""Intervals of which the quickest answer says what is quick."""
PROBE_EVERY: Final = 50
"""Intervals on end that a limit is in use after which what is quick is looked for."""
PROBE_INTERVALS: Final = 2
"""For how long next to nothing is let in to see how quick answers are without a queue."""
FLOOD_TIMES: Final = 1.5
"""When so many times more are refused than let in, this is no crowd but a flood."""
UNUSED_SHARE: Final = 2
"""A limit that is this many times what was under way has not been earned, and is taken back."""


class Target:
    """How long the luckiest answer of an interval may take: some times what it takes without a queue."""

    __slots__ = ("_bests", "least_s", "most_s", "times")

    def __init__(self, times: float, least_s: float, most_s: float) -> None:
        """Never less than the least, nor more than the most, whatever is learnt."""
        self.times = times
        self.least_s = least_s
        self.most_s = most_s
        self._bests: deque[float] = deque(maxlen=LEARNT_FROM)

    def learn(self, best_s: float) -> None:
        """Note the quickest answer of an interval."""
        self._bests.append(best_s)

    @property
    def seconds(self) -> float:
        """Return the target; the most while nothing is known."""
        return min(max(self.times * min(self._bests, default=math.inf), self.least_s), self.most_s)


class Window:
    """How many calls of a kind may be under way: cut while they stand, grown back while they flow."""

    __slots__ = (
        "_best_s", "_entered", "_first", "_floor", "_in_flood", "_lag_target_s", "_most", "_probing", "_refused", "_resume_at",
        "_stood", "_used_for", "cap", "in_flight", "is_flooded", "refused", "size", "starting", "target",
    )  # fmt: skip

    def __init__(
        self,
        cap: int,
        floor: int,
        target: Target | None,
        lag_target_s: float,
        first: int | None = None,
        in_flood: int | None = None,
    ) -> None:
        """Between floor and cap. Calls stand when even the fastest answer of an interval took longer than the target, or
        even the most punctual turn of the event loop was later than the lag's. What is beyond `first` is earned: it is
        given while that many are under way, and taken back when they are not. In a flood fewer than the floor may be under
        way, where that is given: most is refused anyhow, and what goes before it finds the way free.
        """
        self.cap = cap
        self.size = cap if first is None else first
        self.in_flight = 0
        self.starting = 0
        """Taken in and not yet looked at."""
        self.refused = 0
        self.is_flooded = False
        self.target = target
        self._first = self.size
        self._floor = floor
        self._in_flood = in_flood
        self._lag_target_s = lag_target_s
        self._entered = self._refused = 0
        self._best_s = math.inf
        self._most = 0
        self._stood = 0
        self._used_for = 0
        self._probing = 0
        self._resume_at = self.size

    @property
    def is_full(self) -> bool:
        """Tell whether one more is one too many."""
        return self.in_flight + self.starting >= self.size

    def enter(self) -> None:
        """Count a call as under way."""
        self.in_flight += 1
        self._entered += 1
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
        is_slow = lag_s > self._lag_target_s
        if self.target is not None and best_s < math.inf:
            self.target.learn(best_s)
            is_slow = is_slow or best_s > self.target.seconds
        entered, self._entered = self._entered, 0
        refused, self._refused = self.refused - self._refused, self.refused
        if self._in_flood is not None and self._judge_flood(entered, refused):
            return
        if self._probing:
            self._probing -= 1
            if not self._probing:
                self.size = self._resume_at
            return
        self._used_for = self._used_for + 1 if most * UNUSED_SHARE > self.size else 0
        self._fit(is_slow, most)
        if self.target is not None and self._used_for >= PROBE_EVERY:
            self._used_for, self._probing = 0, PROBE_INTERVALS
            self._resume_at, self.size = self.size, self._floor

    def _judge_flood(self, entered: int, refused: int) -> bool:
        """Begin or end a flood by what an interval let in and refused; return whether there is one."""
        assert self._in_flood is not None, "only who has fewer in a flood asks"
        if not self.is_flooded and refused > FLOOD_TIMES * max(entered, self.size):
            self.is_flooded, self.size = True, self._in_flood
            self._probing = self._stood = self._used_for = 0
        elif self.is_flooded and refused <= entered:
            self.is_flooded, self.size = False, self._first
        return self.is_flooded

    def _fit(self, is_slow: bool, most: int) -> None:
        if is_slow:
            self._stood += 1
            if self._stood >= STOOD_LEAST:
                self.size = max(self._floor, int(min(self.size, most) * CUT))
            return
        self._stood = 0
        if self.size < self._first or most >= self.size:
            self.size = min(self.cap, int(self.size * GROWTH) + 1)
        elif self.size > max(self._first, most * UNUSED_SHARE):
            self.size = max(self._first, int(self.size * CUT))


async def watch(windows: Iterable[Window], sample: Callable[[], None] = lambda: None) -> None:
    """Measure how late the event loop's turns are, and end an interval of every window with the least of it, for ever."""
    every = tuple(windows)
    while True:
        least_s, end = math.inf, time.monotonic() + INTERVAL_S
        while time.monotonic() < end:
            due = time.monotonic() + SAMPLE_S
            await asyncio.sleep(SAMPLE_S)
            least_s = min(least_s, time.monotonic() - due)
            sample()
        for window in every:
            window.turn(least_s)
