"""Follows the feed from a cursor of its own and hands over what there is to tell, at least once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Final, Protocol

import structlog

from openbourse.notifier.telling import KINDS, Draft, Telling
from openbourse.projection.feed import CommittedBatch, Feed
from openbourse.protocol.events import decode
from openbourse.protocol.notifications import CHOSEN, Notification, Topic, is_address

log: Final = structlog.get_logger()

QUEUE_BATCHES_MAX: Final = 256
"""Read ahead of what is handed over; then the feed is read no further."""
GATHER_S: Final = 0.05
CURSOR_EVERY_S: Final = 1.0
"""How often the cursor is written where there was nothing to tell."""
RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
ORDERS: Final = (Topic.FILL, Topic.CANCEL, Topic.EXPIRY)
AGE_MAX_S: Final = 86_400
"""What could not be handed over for a day is no news any more: it is counted and left out."""


class CursorMoved(Exception):
    """Another notifier is at work: begin anew from where the cursor stands."""


class Outlet(Protocol):
    """Takes notifications: a queue, mail, the log."""

    async def hand(self, notifications: Sequence[Notification]) -> list[Notification]:
        """Take over; return those to be handed over again. Raises OSError when none was taken."""
        ...


class Store(Protocol):
    """What is needed of the rows."""

    async def advance(self, before: int, to: int) -> bool: ...
    async def silenced(self, accounts: Collection[int]) -> set[tuple[int, str]]: ...
    async def defer(self, drafts: Collection[Draft]) -> bool: ...


class Directory(Protocol):
    """Who has which address: the users' rows are identity's."""

    async def addresses(self, accounts: Collection[int]) -> dict[int, str]:
        """Return the addresses of accounts; those without one are left out."""
        ...


class Sending:
    """One notifier at work."""

    def __init__(
        self,
        feed: Feed,
        store: Store,
        directory: Directory,
        telling: Telling,
        outlet: Outlet,
        cursor: int,
        now_us: Callable[[], int],
    ) -> None:
        self._feed = feed
        self._store = store
        self._directory = directory
        self._telling = telling
        self._outlet = outlet
        self._now_us = now_us
        self._stored = cursor
        self.cursor = cursor
        self._written_at = 0.0
        self.handed = 0
        self.faults = 0
        self.stale = 0
        self.without_address = 0
        self.silenced = 0

    async def run(self) -> None:
        """Tell for ever. Raises CursorMoved, OSError, and what the database raises when it is away."""
        queue: asyncio.Queue[CommittedBatch] = asyncio.Queue(QUEUE_BATCHES_MAX)

        async def read() -> None:
            async for batch in self._feed.follow(self.cursor):
                await queue.put(batch)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read())
            async for batches in _groups(queue):
                await self._tell(batches)

    async def _tell(self, batches: list[CommittedBatch]) -> None:
        drafts: list[Draft] = []
        for batch in batches:
            assert batch.first_sequence == self.cursor + 1, "a feed is dense"
            drafts += self._telling.take(decode(batch.events, KINDS), batch.time_us)
            self.cursor = batch.last_sequence
        if drafts:
            await self._hand_over(await self.addressed(drafts))
        now = asyncio.get_running_loop().time()
        if drafts or now - self._written_at >= CURSOR_EVERY_S:
            if not await self._store.advance(self._stored, self.cursor):
                raise CursorMoved(f"the cursor does not stand at {self._stored}")
            self._stored = self.cursor
            self._written_at = now

    async def addressed(self, drafts: list[Draft]) -> list[Notification]:
        """Return what is to be told of drafts, with where to: not what somebody has silenced, nor to whom nobody knows where."""
        known = await self._directory.addresses({draft.account for draft in drafts})
        silenced = await self._store.silenced({draft.account for draft in drafts})
        wanted = [draft for draft in drafts if not _is_silenced(draft, silenced)]
        self.silenced += len(drafts) - len(wanted)
        drafts = wanted
        found = []
        for draft in drafts:
            address = known.get(draft.account, "")
            if is_address(address):
                found.append(Notification(draft.id, draft.topic, draft.account, address, draft.time_ms, draft.facts))
        self.without_address += len(drafts) - len(found)
        return found

    async def _hand_over(self, notifications: list[Notification]) -> None:
        """Hand over until all is taken, kept to be tried by itself, or too old."""
        attempt = 0
        while True:
            oldest_ms = self._now_us() // 1_000 - AGE_MAX_S * 1_000
            fresh = [each for each in notifications if each.time_ms >= oldest_ms]
            self.stale += len(notifications) - len(fresh)
            if not fresh:
                return
            try:
                notifications = await self._outlet.hand(fresh)
            except OSError as fault:
                notifications, is_away = fresh, True
                log.warning("notifications wait", count=len(fresh), why=str(fault))
            else:
                is_away = False
            self.handed += len(fresh) - len(notifications)
            if not notifications:
                return
            self.faults += 1
            if len(notifications) < len(fresh):
                attempt = 0
                continue
            # The outlet is there and takes none of these: nobody is to wait for their mailboxes.
            if not is_away and await self._store.defer([_draft(each) for each in notifications]):
                return
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

    def counters(self) -> dict[str, int]:
        """Return what has been done since the start."""
        return {
            "cursor": self.cursor,
            "handed": self.handed,
            "faults": self.faults,
            "stale": self.stale,
            "muted": self._telling.muted,
            "without_address": self.without_address,
            "silenced": self.silenced,
        }


def _is_silenced(draft: Draft, silenced: Collection[tuple[int, str]]) -> bool:
    """Tell whether somebody chose not to hear of this; that more happened goes without a word if all of it does."""
    topics = ORDERS if draft.topic is Topic.MUTED else (draft.topic,)
    return all(topic in CHOSEN and (draft.account, topic) in silenced for topic in topics)


def _draft(notification: Notification) -> Draft:
    return Draft(notification.id, notification.topic, notification.account, notification.time_ms, notification.facts)


async def _groups(queue: "asyncio.Queue[CommittedBatch]") -> AsyncIterator[list[CommittedBatch]]:
    """Yield what has come, a little at a time: one look-up and one hand-over for many batches under load."""
    while True:
        batches = [await queue.get()]
        await asyncio.sleep(GATHER_S)
        while not queue.empty() and len(batches) < QUEUE_BATCHES_MAX:
            batches.append(queue.get_nowait())
        yield batches
