"""Candles hold each trade once and are flat where nothing traded."""

from openbourse.marketdata.bars import Bar, bar_of, length_for
from openbourse.marketdata.candles import fold, next_open, open_of
from openbourse.marketdata.view import Trade
from openbourse.protocol.amounts import UNIT

SECOND = 1_000_000


def trade(number: int, second: int, price: int, buyer_is_maker: bool = False) -> Bar:
    traded = Trade(number, number, price * UNIT, UNIT, price * UNIT, second * SECOND, buyer_is_maker)
    return bar_of(traded, second * SECOND)


def test_a_minute_gathers_its_trades_and_an_empty_one_keeps_the_close() -> None:
    trades = [trade(1, 5, 100), trade(2, 30, 120, True), trade(3, 59, 90), trade(4, 130, 95)]
    rows = fold("1m", trades, 0, 179 * SECOND, 10, 0)
    assert [row[0] for row in rows] == [0, 60_000, 120_000]
    assert rows[0][1:6] == ["100.00000000", "120.00000000", "90.00000000", "90.00000000", "3.00000000"]
    assert (rows[0][8], rows[0][9]) == (3, "2.00000000")
    assert rows[1][1:6] == ["90.00000000"] * 4 + ["0.00000000"]
    assert rows[2][8] == 1


def test_candles_begin_with_the_first_trade_when_nothing_came_before() -> None:
    assert [row[0] for row in fold("1m", [trade(1, 600, 5)], 0, 600 * SECOND, 10, 0)] == [600_000]


def test_weeks_open_on_mondays_and_months_on_the_first() -> None:
    monday = 1_700_438_400 * SECOND
    assert open_of("1w", monday + 3 * 86_400 * SECOND) == monday
    first = 1_698_796_800 * SECOND
    assert open_of("1M", monday) == first
    assert next_open("1M", first) == 1_701_388_800 * SECOND


def test_candles_are_joined_from_the_longest_bars_that_fit() -> None:
    assert [length_for(seconds) for seconds in (1, 60, 900, 3_600, 7_200, 86_400, 604_800, 0)] == [
        1, 60, 60, 3_600, 3_600, 86_400, 86_400, 86_400,
    ]  # fmt: skip
    assert length_for(86_400, 8 * 3_600 * SECOND) == 3_600
