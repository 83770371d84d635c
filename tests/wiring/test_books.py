"""A crossed book is a breach only where it trades: an auction collects orders that cross."""

import pytest

from openbourse.edge.listing import Listing
from openbourse.marketdata.view import MarketView
from openbourse.protocol import events as e
from openbourse.protocol.instruments import InstrumentStatus
from openbourse.wiring.health import Books
from tests.edge.test_listing import TOLD


@pytest.mark.parametrize(
    ("status", "crossed"),
    [(InstrumentStatus.TRADING, ["BTCUSDT"]), (InstrumentStatus.AUCTION, []), (InstrumentStatus.HALT, [])],
)
def test_a_book_may_cross_while_it_does_not_trade(status: InstrumentStatus, crossed: list[str]) -> None:
    view = MarketView(Listing())
    levels: list[e.Event] = [e.LevelChanged(20, 0, 1, 1, 1, 101, 5), e.LevelChanged(20, 1, 1, 2, 2, 100, 5)]
    view.take([*TOLD, *levels, e.InstrumentStatusChanged(21, 0, 1, status)], 1)
    assert Books(None, view).crossed() == crossed
