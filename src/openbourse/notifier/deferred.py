"""Tries again, more and more seldom, what one mailbox did not take: rows, so that nobody else's news waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol

import structlog

from openbourse.notifier.sending import AGE_MAX_S, Outlet
from openbourse.notifier.telling import Draft
from openbourse.protocol.notifications import Notification

log: Final = structlog.get_logger()

EVERY_S: Final = 5.0
AWAY_S: Final = 30.0
"""The same while the outlet itself is away."""
BATCH_MAX: Final = 50
"""Looked at in a turn: as many mails as go over one connection."""

Addressed = Callable[[list[Draft]], Awaitable[list[Notification]]]


class Rows(Protocol):
    """What is needed of the rows."""

    async def due(self, limit: int) -> list[Draft]: ...
    async def told(self, ids: Collection[str]) -> None: ...
    async def postpone(self, ids: Collection[str]) -> None: ...
    async def deferred(self) -> int: ...


class Deferred:
    """What waits for one mailbox each."""

    def __init__(self, rows: Rows, addressed: Addressed, outlet: Outlet, now_us: Callable[[], int]) -> None:
        self._rows = rows
        self._addressed = addressed
        self._outlet = outlet
        self._now_us = now_us
        self.waiting = 0
        self.handed = 0
        self.faults = 0
        self.stale = 0

    async def run(self) -> None:
        """Try for ever. Raises what the database raises when it is away."""
        while True:
            is_there = await self.turn()
            await asyncio.sleep(EVERY_S if is_there else AWAY_S)

    async def turn(self) -> bool:
        """Try what is due; False when the outlet is away. What was taken or is no news any more is forgotten."""
        drafts = await self._rows.due(BATCH_MAX)
        oldest_ms = self._now_us() // 1_000 - AGE_MAX_S * 1_000
        fresh = [each for each in drafts if each.time_ms >= oldest_ms]
        self.stale += len(drafts) - len(fresh)
        wanted = await self._addressed(fresh) if fresh else []
        is_away, left = False, list[Notification]()
        if wanted:
            try:
                left = await self._outlet.hand(wanted)
            except OSError as fault:
                log.warning("notifications wait", count=len(wanted), why=str(fault))
                is_away, left = True, wanted
        self.handed += len(wanted) - len(left)
        self.faults += bool(left)
        later = {each.id for each in left}
        await self._rows.told([each.id for each in drafts if each.id not in later])
        if not is_away:
            await self._rows.postpone(later)
        self.waiting = await self._rows.deferred()
        return not is_away

    def counters(self) -> dict[str, int]:
        """Return what has been done since the start, by the names that other notifications are counted under."""
        return {"handed": self.handed, "faults": self.faults, "stale": self.stale, "waiting": self.waiting}
