"""A distribution tells how long things took, never too short, in bounded room."""

import random

from openbourse.distribution import BOUNDS_US, Distribution


def test_what_is_told_is_never_too_short_and_at_most_a_quarter_too_long() -> None:
    seed = 7
    chance = random.Random(seed)
    for _ in range(1_000):
        us = round(10 ** chance.uniform(1.7, 7.6))
        distribution = Distribution()
        distribution.note(us)
        assert us <= distribution.percentile_us(50) <= max(us * 1.3, 51), f"seed {seed}"


def test_percentiles_are_those_of_what_was_noted() -> None:
    distribution = Distribution()
    for us in [1_000] * 98 + [90_000] * 2:
        distribution.note(us)
    assert distribution.total == 100
    assert distribution.percentile_us(98) < 1_300
    assert distribution.percentile_us(99) >= 90_000
    assert Distribution().percentile_us(99) == 0


def test_what_is_beyond_the_bounds_counts_as_the_outermost() -> None:
    distribution = Distribution()
    distribution.note(0)
    distribution.note(10**12)
    assert distribution.counts[0] == distribution.counts[-1] == 1
    # CloudWatch takes no more values in an array.
    assert len(BOUNDS_US) == len(distribution.counts) <= 100
