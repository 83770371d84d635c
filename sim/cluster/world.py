"""Simulated time: a heap of what happens next, chance from one seed, and the trace of what has happened."""

import hashlib
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

SECOND_US: Final = 1_000_000
EPOCH_US: Final = 1_800_057_590_000_000
"""The true time at which a run begins: ten seconds before the end of a UTC day, so that a day's limits roll over."""
LOOK_US: Final = 20_000
EVENTS_MAX: Final = 3_000_000
"""A run that needs more is stuck in a loop without end."""


class Stuck(Exception):
    """The simulation does not come to an end."""


@dataclass(slots=True)
class Entry:
    """Something that will happen, unless it is called off."""

    call: Callable[..., Any] | None
    arguments: tuple[Any, ...]

    def cancel(self) -> None:
        """Call it off."""
        self.call, self.arguments = None, ()


@dataclass
class Trace:
    """What has happened, hashed line by line; the lines themselves are kept when somebody wants to read them."""

    is_kept: bool
    lines: list[str] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, line: str) -> None:
        """Note a line."""
        self.digest.update(line.encode())
        self.digest.update(b"\n")
        if self.is_kept:
            self.lines.append(line)

    def hash(self) -> str:
        """Return the hash of all lines."""
        return str(self.digest.hexdigest())


class World:
    """One run: its time, its chance, its trace."""

    def __init__(self, seed: int, keep_lines: bool = False) -> None:
        self.seed = seed
        self.now_us = 0
        self.trace = Trace(keep_lines)
        self.is_ending = False
        self._heap: list[tuple[int, int, Entry]] = []
        self._serial = 0
        self._events = 0

    def chance(self, purpose: str) -> random.Random:
        """Return a source of chance of its own for a purpose: what one part draws does not shift another's draws."""
        return random.Random(f"{self.seed}:{purpose}")

    def serial(self) -> int:
        """Return a number that was not given before."""
        self._serial += 1
        return self._serial

    def note(self, who: str, what: str) -> None:
        """Put a line into the trace."""
        if not self.is_ending:
            self.trace.add(f"{self.now_us / SECOND_US:11.6f} {who:<10} {what}")

    def at(self, when_us: int, call: Callable[..., Any], *arguments: Any) -> Entry:
        """Have something happen at a time, after all that was put down for the same time before."""
        entry = Entry(call, arguments)
        heapq.heappush(self._heap, (max(when_us, self.now_us), self.serial(), entry))
        return entry

    def after(self, delay_us: int, call: Callable[..., Any], *arguments: Any) -> Entry:
        """Have something happen after a while."""
        return self.at(self.now_us + delay_us, call, *arguments)

    def run(self, until_us: int, is_done: Callable[[], bool] = lambda: False) -> bool:
        """Let things happen until a time, or until a condition holds (looked at now and then). Raises Stuck."""
        while self.now_us < until_us:
            if is_done():
                return True
            self._run(min(until_us, self.now_us + LOOK_US))
        return is_done()

    def _run(self, until_us: int) -> None:
        heap = self._heap
        while heap and heap[0][0] <= until_us:
            self.now_us, _, entry = heapq.heappop(heap)
            call = entry.call
            if call is None:
                continue
            self._events += 1
            if self._events > EVENTS_MAX:
                raise Stuck(f"{EVENTS_MAX} events by {self.now_us / SECOND_US:.3f} s")
            call(*entry.arguments)
        self.now_us = until_us
