"""The dice of a workload: the numbers that `random.Random` gives for the same seed, by fewer steps."""

from bisect import bisect
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Seeded chance."""

    def __init__(self, seed: int) -> None:
        chance = Random(seed)
        self.bits: Callable[[int], int] = chance.getrandbits
        self.random: Callable[[], float] = chance.random
        self.randbytes: Callable[[int], bytes] = chance.randbytes

    def below(self, end: int) -> int:
        """Return a number from 0 to below an end, all as likely."""
        size = end.bit_length()
        drawn = self.bits(size)
        while drawn >= end:
            drawn = self.bits(size)
        return drawn

    def randrange(self, first: int, end: int | None = None) -> int:
        """Return a number below an end, from 0 or from a first one."""
        return self.below(first) if end is None else first + self.below(end - first)

    def randint(self, first: int, last: int) -> int:
        """Return a number from a first to a last one."""
        return first + self.below(last - first + 1)

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options, all as likely."""
        return options[self.below(len(options))]

    def weighted(self, options: Sequence[T], sums: Sequence[int]) -> T:
        """Return one of the options, as likely as its weight, which are given added up."""
        return options[bisect(sums, self.random() * float(sums[-1]), 0, len(options) - 1)]
