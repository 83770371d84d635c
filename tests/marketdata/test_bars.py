"""A stretch is made of few bars, and they hold all of it once."""

import random

import asyncpg
import pytest

from openbourse.marketdata.bars import LENGTHS_S, SECOND_US, BarStore, bar_of, spans
from tests.marketdata.traded import BTCUSDT, DAY_US, store, trades

MINUTE_US, HOUR_US = 60 * SECOND_US, 3_600 * SECOND_US
SINCE = 1_780_272_000 * SECOND_US


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (0, 0, []),
        (0, MINUTE_US, [(60, 0, MINUTE_US)]),
        (0, DAY_US, [(86_400, 0, DAY_US)]),
        (0, 2 * HOUR_US, [(3_600, 0, 2 * HOUR_US)]),
        (30 * MINUTE_US, 90 * MINUTE_US, [(60, 30 * MINUTE_US, 90 * MINUTE_US)]),
        (-HOUR_US, DAY_US, [(3_600, -HOUR_US, 0), (86_400, 0, DAY_US)]),
    ],
)
def test_a_stretch_is_split_at_whole_hours_and_days(since: int, until: int, found: list[tuple[int, int, int]]) -> None:
    assert spans(since, until) == found


def test_spans_join_without_a_gap_and_no_bar_reaches_out_of_its_span() -> None:
    chance = random.Random(5)
    for _ in range(2_000):
        since = chance.randrange(0, 10**6) * MINUTE_US
        until = since + chance.randrange(0, 10 ** chance.randrange(1, 6)) * MINUTE_US
        at = since
        for seconds, first, last in spans(since, until):
            assert first == at < last
            assert seconds in LENGTHS_S
            assert first % (seconds * SECOND_US) == last % (seconds * SECOND_US) == 0
            at = last
        assert at == until
        # However long it is: what is read of it are days, and less than a day of hours and an hour of minutes at each end.
        assert sum((last - first) // (seconds * SECOND_US) for seconds, first, last in spans(since, until)) <= (
            (until - since) // DAY_US + 2 * (24 + 60)
        )


async def test_joined_bars_are_what_was_traded(database_url: str) -> None:
    made = trades(1, 2_000, SINCE, SINCE + 9 * DAY_US)
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        await store(pool, made)
        since, until = SINCE + 17 * MINUTE_US, SINCE + 8 * DAY_US + 75 * MINUTE_US
        found = await BarStore(pool).joined([BTCUSDT, 2], spans(since, until))
    assert found[2] == []
    whole, *rest = found[BTCUSDT]
    for bar in rest:
        whole.join(bar)
    within = [bar_of(each, each.time_us) for each in made if since <= each.time_us < until]
    expected = within[0]
    for bar in within[1:]:
        expected.join(bar)
    expected.open_us = whole.open_us
    assert whole == expected
