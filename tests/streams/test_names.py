"""Stream names are read as documented; anything else is no topic."""

import pytest

from openbourse.streams.names import parse


@pytest.mark.parametrize(
    "name",
    [
        "btcusdt@trade",
        "btcusdt@aggTrade",
        "btcusdt@kline_1m",
        "btcusdt@depth",
        "btcusdt@depth@100ms",
        "btcusdt@bookTicker",
        "!miniTicker@arr",
    ],
)
def test_documented_names_are_topics(name: str) -> None:
    assert parse(name) is not None


@pytest.mark.parametrize(
    "name", ["", "btcusdt", "btcusdt@", "btcusdt@nonsense", "btcusdt@kline_7m", "@trade", "x" * 500]
)
def test_anything_else_is_none(name: str) -> None:
    assert parse(name) is None
