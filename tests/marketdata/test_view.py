"""The view decodes what it folds, and of the rest only what somebody hears."""

from collections.abc import AsyncIterator

from openbourse.marketdata.view import MarketView
from openbourse.projection.feed import CommittedBatch
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.commands import PlaceOrder
from openbourse.protocol.events import Event, EventKind
from tests.served import ALICE, funded_engine


class Batches:
    """A feed of two orders, a batch each."""

    def __init__(self) -> None:
        self.engine, self.listing = funded_engine()

    async def follow(self, after: int) -> AsyncIterator[CommittedBatch]:
        for price in (50_000, 50_001):
            order = PlaceOrder(
                account=ALICE,
                instrument=1,
                side=1,
                type=1,
                time_in_force=1,
                price=price * UNIT,
                quantity=UNIT // 100,
                client_id=str(price),
            )
            sequence = self.engine.sequence + 1
            events, _ = self.engine.apply(sequence, sequence, order.encode())
            yield CommittedBatch(sequence, sequence, sequence, events)


async def test_events_reach_the_listener_only_while_somebody_hears_them() -> None:
    feed, told = Batches(), list[list[Event]]()
    view = MarketView(feed.listing)
    heard: list[frozenset[EventKind]] = [frozenset(), frozenset({EventKind.BALANCE_CHANGED})]
    await view.follow(feed, lambda batch, seen: told.append(seen), heard=lambda: heard[len(told)])
    bids, asks = view.market(1).depth(5)
    assert len(bids) + len(asks) == 2
    kinds = [{event.kind for event in seen} for seen in told]
    assert kinds == [{EventKind.LEVEL_CHANGED}, {EventKind.LEVEL_CHANGED, EventKind.BALANCE_CHANGED}]
