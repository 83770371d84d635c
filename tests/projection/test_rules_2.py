"""Lists, amendments and waiting orders are projected to the same rows however batches were grouped, and verify counts them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg

from openbourse import listings
from openbourse.adapters.projection_postgres import read_projected
from openbourse.engine import Engine
from openbourse.history.projector import HistoryProjector
from openbourse.marketdata.projector import MarketProjector
from openbourse.projection.feed import CommittedBatch
from openbourse.projection.runner import run
from openbourse.protocol import commands as c
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import OrderType, Side, TimeInForce
from openbourse.sequencer.figures import Count
from tests.projection.recorded import TABLES, make_tables

ADDED = ("projection_history.order_list", "projection_history.amendment")
ALICE, BOB = 1_000, 1_001
BTCUSDT = listings.INSTRUMENTS[0]


def order(name: str, side: Side, price: int, kind: OrderType = OrderType.LIMIT, account: int = ALICE) -> c.PlaceOrder:
    return c.PlaceOrder(
        account=account,
        instrument=BTCUSDT.instrument,
        side=side,
        type=kind,
        time_in_force=TimeInForce.GTC,
        price=price * UNIT,
        quantity=UNIT // 100,
        client_id=name,
    )


def stop(name: str, side: Side, price: int, trigger: int) -> c.PlaceOrder:
    return c.PlaceOrder(
        account=ALICE,
        instrument=BTCUSDT.instrument,
        side=side,
        type=OrderType.STOP_LOSS_LIMIT,
        time_in_force=TimeInForce.GTC,
        price=price * UNIT,
        quantity=UNIT // 100,
        client_id=name,
        stop_price=trigger * UNIT,
    )


def script() -> list[c.Command]:
    made: list[c.Command] = [c.CreateAsset(asset, code) for code, asset in listings.ASSETS.items()]
    made += [c.SetRules(2), c.ListInstrument(listings.offering_all(BTCUSDT))]
    made.append(c.SetInstrumentRules(listings.first_rules(BTCUSDT.instrument)))
    for account in (ALICE, BOB):
        made.append(c.OpenAccount(account))
        for asset in listings.ASSETS.values():
            made.append(c.CreditDeposit(account, asset, 10**6 * UNIT, (account * 100 + asset).to_bytes(32, "little")))
    sell, buy = Side.SELL, Side.BUY
    maker = OrderType.LIMIT_MAKER
    made += [
        order("b1", sell, 9_000, account=BOB),
        order("a1", buy, 9_000),
        c.PlaceOrderList(c.ListForm.OCO, "l1", (order("a2", sell, 9_900, maker), stop("a3", sell, 8_000, 8_100))),
        c.PlaceOrderList(c.ListForm.OTO, "l2", (order("a4", buy, 8_900), order("a5", sell, 9_400, maker))),
        c.AmendOrder(account=ALICE, instrument=1, client_id="a5", new_quantity=UNIT // 200, new_client_id="a6"),
        c.AmendOrder(account=ALICE, instrument=1, client_id="a6", new_quantity=UNIT // 400, new_client_id="a6"),
        order("b2", sell, 8_900, account=BOB),
        order("b3", buy, 9_400, account=BOB),
        order("b4", sell, 8_050, account=BOB),
        order("a7", buy, 8_050),
        c.PlaceOrderList(c.ListForm.OTO, "l3", (order("a8", buy, 7_000), order("a9", sell, 9_800, maker))),
        c.CancelOrderList(ALICE, 1, 0, "l3", "bye"),
        c.PlaceOrderList(c.ListForm.OTO, "l4", (order("a10", buy, 7_000), order("a11", sell, 9_800, maker))),
    ]
    return made


class Told:
    """A feed of what the reference did, a batch a command; and the figures of its events."""

    def __init__(self) -> None:
        engine, self.batches, self.count = Engine(), list[CommittedBatch](), Count()
        for number, command in enumerate(script(), 1):
            events, _ = engine.apply(number, number, command.encode())
            self.count.take(events)
            self.batches.append(CommittedBatch(number, number, number, events))

    async def follow(self, after: int) -> AsyncIterator[CommittedBatch]:
        for batch in self.batches:
            if batch.first_sequence > after:
                yield batch
        await asyncio.Event().wait()


class Grouped(Told):
    """The same as one batch."""

    def __init__(self) -> None:
        super().__init__()
        events = b"".join(batch.events for batch in self.batches)
        self.batches = [CommittedBatch(1, len(self.batches), len(self.batches), events)]


async def project(pool: asyncpg.Pool, feed: Told) -> dict[str, list[tuple[object, ...]]]:
    await make_tables(pool)
    done = asyncio.Event()

    async def committed(sequence: int) -> None:
        if sequence == feed.batches[-1].last_sequence:
            done.set()

    task = asyncio.create_task(run(feed, pool, [HistoryProjector(), MarketProjector()], 0, committed))
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return {
        table: sorted(tuple(row.values()) for row in await pool.fetch(f"SELECT * FROM {table}"))
        for table in (*TABLES, *ADDED)
    }


async def test_rows_of_rules_2_are_the_ones_that_verify_expects(database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        feed = Told()
        rows = await project(pool, feed)
    projected = await read_projected(database_url)
    assert projected is not None
    told = {key: (figures.rows, figures.ids, figures.quantity) for key, figures in feed.count.figures().items()}
    assert projected[2] == told
    assert {kind for kind, _ in told} >= {"orders", "open orders", "lists", "amendments", "fills", "levels"}
    assert len(rows["projection_history.order_list"]) == 4
    assert [row[6:8] for row in rows["projection_history.amendment"]] == [
        (UNIT // 100, UNIT // 200),
        (UNIT // 200, UNIT // 400),
    ]


async def test_grouping_changes_nothing_but_times(database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        single, grouped = await project(pool, Told()), await project(pool, Grouped())
    # One column is a time, and a batch has one.
    for table, time in (("projection_history.order_list", 9), ("projection_history.amendment", 8)):
        assert [[*row[:time], *row[time + 1 :]] for row in single[table]] == [
            [*row[:time], *row[time + 1 :]] for row in grouped[table]
        ]
