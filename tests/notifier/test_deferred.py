"""What a mailbox does not take now is tried again, each once, more and more seldom, and only for as long as it is news."""

from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

import openbourse.notifier
from openbourse.adapters.migrations_postgres import apply_revisions
from openbourse.notifier import store as rows
from openbourse.notifier.deferred import Deferred
from openbourse.notifier.sending import AGE_MAX_S
from openbourse.notifier.store import Store
from openbourse.notifier.telling import Draft
from openbourse.protocol.notifications import Notification, Topic
from openbourse.wiring.tables import _revisions

NOW_MS = 1_800_000_000_000
FACTS = {"amount": "1.00000000", "asset": "BTC"}


class Outlet:
    """Takes what is not for a mailbox that is full."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.full: set[int] = set()
        self.is_away = False

    async def hand(self, notifications: Sequence[Notification]) -> list[Notification]:
        if self.is_away:
            raise ConnectionError("nobody there")
        left = [each for each in notifications if each.account in self.full]
        self.taken += [each.id for each in notifications if each not in left]
        return left


async def addressed(drafts: list[Draft]) -> list[Notification]:
    return [
        Notification(each.id, each.topic, each.account, f"{each.account}@example.com", each.time_ms, each.facts)
        for each in drafts
        if each.account != 9  # who has silenced this meanwhile
    ]


def draft(number: int, account: int, time_ms: int = NOW_MS) -> Draft:
    return Draft(f"0-{number}-deposit", Topic.DEPOSIT, account, time_ms, FACTS)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    connection = await asyncpg.connect(database_url)
    await apply_revisions(connection, {"openbourse.notifier": _revisions(openbourse.notifier.__file__)})
    await connection.close()
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        yield pool


async def make_due(pool: asyncpg.Pool) -> list[int]:
    """Have everything due now; return in how many seconds it would have been, rounded to minutes."""
    found = await pool.fetch(
        "SELECT round(extract(epoch FROM due_at - now()) / 60) * 60 AS wait FROM notifier.deferred ORDER BY id"
    )
    await pool.execute("UPDATE notifier.deferred SET due_at = now()")
    return [int(row["wait"]) for row in found]


async def test_what_is_due_is_told_once_and_the_rest_waits_longer_each_time(pool: asyncpg.Pool) -> None:
    store, outlet = Store(pool, 0), Outlet()
    work = Deferred(store, addressed, outlet, lambda: NOW_MS * 1_000)
    outlet.full = {2}
    assert await store.defer([draft(1, 1), draft(2, 2), draft(3, 9)])
    assert await store.defer([draft(1, 1)]), "it is kept already"
    assert await Store(pool, 1).due(10) == []
    await work.turn()
    assert (outlet.taken, work.waiting) == ([], 3)
    waits = []
    for _ in range(6):
        waits.append(await make_due(pool))
        await work.turn()
    assert outlet.taken == ["0-1-deposit"]
    assert waits == [[60, 60, 60], [300], [900], [3_600], [3_600], [3_600]]
    outlet.full = set()
    await make_due(pool)
    await work.turn()
    assert outlet.taken == ["0-1-deposit", "0-2-deposit"]
    assert work.counters() == {"handed": 2, "faults": 6, "stale": 0, "waiting": 0}


async def test_an_outlet_that_is_away_is_no_mailbox_s_fault(pool: asyncpg.Pool) -> None:
    store, outlet = Store(pool, 0), Outlet()
    work = Deferred(store, addressed, outlet, lambda: NOW_MS * 1_000)
    await store.defer([draft(1, 1)])
    await make_due(pool)
    outlet.is_away = True
    assert not await work.turn()
    outlet.is_away = False
    assert await work.turn()
    assert outlet.taken == ["0-1-deposit"]


async def test_what_is_a_day_old_is_left_out(pool: asyncpg.Pool) -> None:
    store, outlet = Store(pool, 0), Outlet()
    work = Deferred(store, addressed, outlet, lambda: NOW_MS * 1_000)
    await store.defer([draft(1, 1, NOW_MS - AGE_MAX_S * 1_000 - 1), draft(2, 2)])
    await make_due(pool)
    await work.turn()
    assert (outlet.taken, work.stale, work.waiting) == (["0-2-deposit"], 1, 0)


async def test_no_more_is_kept_than_there_is_room_for(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "DEFERRED_MAX", 3)
    store = Store(pool, 0)
    assert await store.defer([draft(1, 1), draft(2, 1)])
    assert not await store.defer([draft(3, 1), draft(4, 1)])
    assert await store.deferred() == 2
    assert await Store(pool, 1).defer([draft(3, 1), draft(4, 1)])
