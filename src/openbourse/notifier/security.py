"""Tells owners what was done to the safety of their accounts, at least once, from the rows that came with each change."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final, Protocol

import structlog

from openbourse.notifier.sending import RETRY_S, Outlet
from openbourse.notifier.telling import ACCOUNTS_MAX
from openbourse.protocol.notifications import NOISY, SECURITY, Notification, Topic, is_address

log: Final = structlog.get_logger()

EVERY_S: Final = 1.0
BATCH_MAX: Final = 50
FAULTS_MAX: Final = 3
"""Of a turn: an outlet that is away is not asked for everything; what one mail server refuses keeps up nothing behind it."""
PER_HOUR_MAX: Final = 20
"""Of an account, of each kind: nobody has proven that an address is theirs, and no stranger's is to be flooded."""
AGE_MAX_S: Final = 7 * 86_400
"""What found no outlet for so long is counted and left out."""
HOUR_MS: Final = 3_600_000


class Notices(Protocol):
    """What waits to be told: identity's rows."""

    async def waiting(self, topics: Collection[str], after: int, limit: int) -> dict[int, Notification]: ...
    async def forget(self, number: int) -> None: ...
    async def count(self, topics: Collection[str]) -> int: ...


class SecuritySending:
    """Hands over one notice after the other, and forgets each once it was taken: a crash tells at most one twice."""

    def __init__(self, notices: Notices, outlet: Outlet, now_us: Callable[[], int]) -> None:
        self._notices = notices
        self._outlet = outlet
        self._now_us = now_us
        self._hours: OrderedDict[tuple[int, bool], tuple[int, int]] = OrderedDict()
        """By account and kind: the hour, and how many were told of in it. A restart begins anew."""
        self._after = 0
        self.handed = 0
        self.faults = 0
        self.stale = 0
        self.muted = 0
        self.without_address = 0
        self.waiting = 0

    async def run(self) -> None:
        """Tell for ever. Raises OSError, and what the database raises when it is away."""
        attempt = 0
        while True:
            handed = self.handed
            # What one mailbox does not take slows nothing down as long as others take theirs.
            is_stuck = await self.turn() > 0 and self.handed == handed
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)] if is_stuck else EVERY_S)
            attempt = attempt + 1 if is_stuck else 0

    async def turn(self) -> int:
        """Tell some of what waits; return how many were not taken: they wait, and keep up nothing behind them."""
        found = await self._notices.waiting(SECURITY, self._after, BATCH_MAX)
        faults = 0
        self._after = max(found) if len(found) == BATCH_MAX else 0
        for number, notice in found.items():
            if await self._tell(notice):
                await self._notices.forget(number)
            else:
                faults += 1
            if faults == FAULTS_MAX:
                self._after = number
                break
        self.waiting = await self._notices.count(SECURITY)
        return faults

    def counters(self) -> dict[str, int]:
        """Return what has been done since the start, by the names that the other notifications are counted under."""
        return {
            "handed": self.handed,
            "faults": self.faults,
            "stale": self.stale,
            "muted": self.muted,
            "without_address": self.without_address,
            "waiting": self.waiting,
        }

    async def _tell(self, notice: Notification) -> bool:
        """Tell of one thing, if it is to be told; False when it is to be tried again."""
        if not is_address(notice.address):
            self.without_address += 1
            return True
        if notice.time_ms < self._now_us() // 1_000 - AGE_MAX_S * 1_000:
            self.stale += 1
            return True
        kind, hour = (notice.account, notice.topic in NOISY), notice.time_ms // HOUR_MS
        told = self._told(kind, hour)
        if told > PER_HOUR_MAX:
            self.muted += 1
            return True
        if told == PER_HOUR_MAX:
            name = f"security-muted-{notice.account}-{hour}-{int(kind[1])}"
            notice = replace(notice, id=name, topic=Topic.SECURITY_MUTED, facts={"limit": str(PER_HOUR_MAX)})
        try:
            left = await self._outlet.hand([notice])
        except OSError as fault:
            log.warning("a notice of safety waits", id=notice.id, why=str(fault))
            left = [notice]
        if left:
            self.faults += 1
            return False
        self.handed += 1
        self._hours[kind] = (hour, told + 1)
        return True

    def _told(self, kind: tuple[int, bool], hour: int) -> int:
        """Return how many of a kind were told of in an hour."""
        last, told = self._hours.pop(kind, (hour, 0))
        told = told if last == hour else 0
        self._hours[kind] = (hour, told)
        if len(self._hours) > ACCOUNTS_MAX:
            self._hours.popitem(last=False)
        return told
