"""The view decodes what it folds, and of the rest only what somebody hears."""

import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from openbourse.adapters.pool_postgres import DatabaseAway, PostgresPool
from openbourse.edge.listing import Listing
from openbourse.marketdata import view as view_module
from openbourse.marketdata.view import DAY_MINUTES, MINUTE_US, WINDOWS_KEPT, Market, MarketView, Trade
from openbourse.projection.feed import CommittedBatch
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.commands import PlaceOrder
from openbourse.protocol.events import Event, EventKind
from tests.projection.recorded import Recorded
from tests.projection.test_runner import project
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


class Cut:
    """A pool whose connection is lost at a statement, once."""

    def __init__(self, pool: asyncpg.Pool, statement: str) -> None:
        self._pool = pool
        self._statement = statement

    @contextlib.asynccontextmanager
    async def acquire(self, seconds_max: float) -> AsyncIterator["Cut"]:
        async with self._pool.acquire() as self._connection:
            yield self

    def transaction(self, **how: Any) -> Any:
        return self._connection.transaction(**how)

    async def fetchval(self, statement: str) -> Any:
        return await self._connection.fetchval(statement)

    async def fetch(self, statement: str, *values: object) -> Any:
        if self._statement and self._statement in statement:
            self._statement = ""
            raise ConnectionError("the database is away")
        return await self._connection.fetch(statement, *values)


async def test_what_was_read_before_the_database_went_away_is_not_kept(database_url: str) -> None:
    """A level that went between two tries stood in the book for ever, and trades were counted twice."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        await project(pool, Recorded(50))
        view, fresh = MarketView(Listing()), MarketView(Listing())
        cut = Cut(pool, "projection_marketdata.trade WHERE instrument = $1 ORDER")
        with pytest.raises(ConnectionError):
            await view.load(cut)
        assert not view.listing.by_symbol
        await pool.execute("DELETE FROM projection_marketdata.level")
        for each in (view, fresh):
            await each.load(cut)
        assert fresh.market(1).trades
        assert fresh.markets == view.markets


async def test_many_markets_may_take_longer_than_a_statement(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of a venue with so many markets never started: its connection was hung up on each time."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as rows:
        await project(rows, Recorded(50))
    pool, read = await PostgresPool.open(database_url, 1, 0.2), view_module.read_listing

    async def slowly(connection: Any) -> list[Event]:
        await connection.fetchval("SELECT 1 FROM pg_sleep(0.3)")
        return await read(connection)

    monkeypatch.setattr(view_module, "read_listing", slowly)
    view = MarketView(Listing())
    await view.load(pool)
    assert view.market(1).trades
    monkeypatch.setattr(view_module, "LOAD_S", 0.1)
    with pytest.raises(DatabaseAway):
        await view.load(pool)
    pool.terminate()


def test_a_day_is_joined_once_a_minute_and_holds_what_was_traded() -> None:
    """Each question, and each tick of a stream, went through all minutes of the day."""
    chance, market, made, now = random.Random(3), Market(), list[Trade](), 1_795_694_400_000_000
    for number in range(400):
        now += chance.choice((1_000, 20_000_000, 400_000_000))
        price, quantity = chance.randrange(90, 110), chance.randrange(1, 9)
        trade = Trade(number, number, price, quantity, price * quantity, now, False)
        market.note_trade(trade)
        made.append(trade)
        for minutes in (1, 60, DAY_MINUTES):
            for asked in (now, now + 90_000_000):
                # The second time from what is remembered.
                for _ in range(2):
                    found = market.last_minutes(minutes, asked)
                    within = [each for each in made if each.time_us // MINUTE_US > asked // MINUTE_US - minutes]
                    assert len(found) <= 2
                    assert sum(bucket.count for bucket in found) == len(within)
                    assert sum(bucket.quote for bucket in found) == sum(each.quote for each in within)
                    if within:
                        ends = found[0].open, found[0].first, found[-1].close, found[-1].last
                        assert ends == (within[0].price, within[0].trade, within[-1].price, within[-1].trade)
                        prices = [each.price for each in within]
                        assert max(b.high for b in found) == max(prices)
                        assert min(b.low for b in found) == min(prices)
    assert len(market.windows) <= WINDOWS_KEPT
    known = market.windows[now // MINUTE_US - DAY_MINUTES + 1]
    market.last_minutes(DAY_MINUTES, now)
    assert market.windows[now // MINUTE_US - DAY_MINUTES + 1] is known
