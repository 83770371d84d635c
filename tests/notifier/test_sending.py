"""Whatever breaks, every notification is handed over at least once, with the same id, and the cursor never runs ahead."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence

import asyncpg
import pytest

import openbourse.notifier
from openbourse.adapters.migrations_postgres import apply_revisions
from openbourse.edge.listing import Listing
from openbourse.notifier import sending
from openbourse.notifier.sending import AGE_MAX_S, CursorMoved, Sending
from openbourse.notifier.store import Store
from openbourse.notifier.telling import KINDS, Draft, Telling
from openbourse.projection.feed import CommittedBatch
from openbourse.protocol.events import decode
from openbourse.protocol.notifications import Notification, Topic
from openbourse.wiring.tables import _revisions
from tests.projection.recorded import Recorded


class Outlet:
    """Takes notifications, or not, as a test says; each call consumes one word of the plan."""

    def __init__(self, *plan: str) -> None:
        self.plan = list(plan)
        self.taken: list[Notification] = []

    async def hand(self, notifications: Sequence[Notification]) -> list[Notification]:
        match self.plan.pop(0) if self.plan else "all":
            case "away":
                raise ConnectionError("nobody there")
            case "half":
                middle = (len(notifications) + 1) // 2
                self.taken += notifications[:middle]
                return list(notifications[middle:])
            case "none":
                return list(notifications)
            case "crash":
                self.taken += notifications
                raise RuntimeError("the process died after handing over")
        self.taken += notifications
        return []


class Rows:
    """The store in memory."""

    def __init__(self) -> None:
        self.cursor = 0
        self.moved = False
        self.quiet: set[tuple[int, str]] = set()
        self.kept: list[Draft] = []
        self.has_room = True

    async def defer(self, drafts: Collection[Draft]) -> bool:
        self.kept += drafts if self.has_room else []
        return self.has_room

    async def advance(self, before: int, to: int) -> bool:
        if self.moved or before != self.cursor:
            return False
        self.cursor = to
        return True

    async def silenced(self, accounts: Collection[int]) -> set[tuple[int, str]]:
        return {(account, topic) for account, topic in self.quiet if account in accounts}


class People:
    """The directory in memory."""

    async def addresses(self, accounts: Collection[int]) -> dict[int, str]:
        return {account: f"user{account}@example.com" for account in accounts if account == 1_000}


class Ending(Recorded):
    """A feed that ends the run when all was read."""

    async def follow(self, after: int) -> AsyncIterator[CommittedBatch]:
        for batch in self.batches:
            if batch.first_sequence > after:
                yield batch
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "RETRY_S", (0.001,))
    monkeypatch.setattr(sending, "GATHER_S", 0.001)
    monkeypatch.setattr(sending, "QUEUE_BATCHES_MAX", 16)
    monkeypatch.setattr(sending, "CURSOR_EVERY_S", 0.0)


async def run(feed: Recorded, rows: Rows, outlet: Outlet, now_us: int = 0) -> Sending:
    telling = Telling(Listing(), 0, ("fill", "deposit"))
    work = Sending(feed, rows, People(), telling, outlet, rows.cursor, lambda: now_us)
    if rows.cursor:
        told = [batch for batch in feed.batches if batch.last_sequence <= rows.cursor]
        for batch in told:
            telling.take(decode(batch.events, KINDS), batch.time_us)
    running = asyncio.create_task(work.run())
    last = feed.batches[-1].last_sequence
    async with asyncio.timeout(20):
        while rows.cursor < last and not running.done():  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return work


async def test_everything_is_handed_over_once_when_nothing_breaks() -> None:
    rows, outlet = Rows(), Outlet()
    work = await run(Ending(1), rows, outlet)
    ids = [each.id for each in outlet.taken]
    assert len(ids) == len(set(ids)) == work.handed > 10
    assert {each.address for each in outlet.taken} == {"user1000@example.com"}
    assert work.without_address > 0


async def test_what_was_not_taken_is_handed_over_again() -> None:
    clean, outlet = Outlet(), Outlet("away", "half", "away", "half", "half")
    await run(Ending(1), Rows(), clean)
    work = await run(Ending(1), Rows(), outlet)
    assert [each.id for each in outlet.taken] == [each.id for each in clean.taken]
    assert work.faults == 4  # one half was all there was


async def test_what_an_outlet_takes_none_of_keeps_up_nothing_behind_it() -> None:
    clean, rows, outlet = Outlet(), Rows(), Outlet("half", "none")
    await run(Ending(1), Rows(), clean)
    work = await run(Ending(1), rows, outlet)
    told = [each.id for each in outlet.taken]
    assert 0 < len(rows.kept) < work.handed
    assert sorted(told + [each.id for each in rows.kept]) == sorted(each.id for each in clean.taken)
    assert rows.cursor == Recorded(1).batches[-1].last_sequence


async def test_where_there_is_no_room_to_keep_it_everything_waits() -> None:
    clean, rows, outlet = Outlet(), Rows(), Outlet("none", "none", "none")
    rows.has_room = False
    await run(Ending(1), Rows(), clean)
    await run(Ending(1), rows, outlet)
    assert rows.kept == []
    assert [each.id for each in outlet.taken] == [each.id for each in clean.taken]


async def test_many_are_handed_over_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "RETRY_S", (60.0,))
    clean, outlet = Outlet(), Outlet("half", "half", "half", "half")
    await run(Ending(1), Rows(), clean)
    await run(Ending(1), Rows(), outlet)
    assert [each.id for each in outlet.taken] == [each.id for each in clean.taken]


async def test_a_crash_after_handing_over_tells_again_with_the_same_ids() -> None:
    clean, rows, outlet = Outlet(), Rows(), Outlet("all", "crash")
    await run(Ending(1), Rows(), clean)
    with pytest.raises(ExceptionGroup):
        await run(Ending(1), rows, outlet)
    handed = len(outlet.taken)
    await run(Ending(1), rows, outlet)
    assert len(outlet.taken) >= handed
    assert {each.id for each in outlet.taken} >= {each.id for each in clean.taken}


async def test_what_somebody_chose_not_to_hear_of_is_not_told_and_the_rest_is() -> None:
    clean, rows, outlet = Outlet(), Rows(), Outlet()
    await run(Ending(1), Rows(), clean)
    rows.quiet = {(1_000, "fill"), (7, "deposit")}
    work = await run(Ending(1), rows, outlet)
    assert [each.id for each in outlet.taken] == [each.id for each in clean.taken if each.topic is not Topic.FILL]
    assert len(outlet.taken) > 0
    assert work.counters()["silenced"] > 0
    assert rows.cursor == Recorded(1).batches[-1].last_sequence


@pytest.mark.parametrize(
    ("topic", "silenced", "is_silenced"),
    [
        (Topic.FILL, {"fill"}, True),
        (Topic.FILL, {"cancel"}, False),
        (Topic.MUTED, {"fill", "cancel"}, False),
        (Topic.MUTED, {"fill", "cancel", "expiry"}, True),
        (Topic.WITHDRAWAL_HELD, {"withdrawal-held"}, False),
    ],
)
def test_withdrawals_are_always_told_and_more_of_nothing_is_not(
    topic: Topic, silenced: set[str], is_silenced: bool
) -> None:
    draft = Draft("1", topic, 7, 0, {})
    assert sending._is_silenced(draft, {(7, each) for each in silenced}) is is_silenced


async def test_two_at_work_are_noticed() -> None:
    rows = Rows()
    rows.moved = True
    with pytest.raises(ExceptionGroup) as caught:
        await run(Ending(1), rows, Outlet())
    assert caught.group_contains(CursorMoved)


async def test_what_is_a_day_old_is_no_news() -> None:
    rows, outlet = Rows(), Outlet()
    work = await run(Ending(1), rows, outlet, now_us=(AGE_MAX_S + 3_600) * 1_000_000)
    assert outlet.taken == []
    assert work.stale > 10
    assert rows.cursor == Recorded(1).batches[-1].last_sequence


async def test_the_cursor_begins_now_moves_only_from_where_it_stands_and_outlives_the_process(
    database_url: str,
) -> None:
    connection = await asyncpg.connect(database_url)
    await apply_revisions(connection, {"openbourse.notifier": _revisions(openbourse.notifier.__file__)})
    await connection.close()
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        store = Store(pool, 0)
        assert await store.begin(40) == 40
        assert await store.begin(90) == 40
        assert await store.advance(40, 55)
        assert not await store.advance(40, 60)
        assert await Store(pool, 0).begin(0) == 55
        assert await Store(pool, 1).begin(3) == 3
        await store.silence(7, ["fill", "cancel"])
        await store.silence(8, ["fill"])
        await store.silence(7, ["cancel", "deposit"])
        assert await store.silenced([7]) == {(7, "cancel"), (7, "deposit")}
        await store.silence(7, [])
        assert await store.silenced([7, 8, 9]) == {(8, "fill")}
