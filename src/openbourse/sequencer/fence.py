"""Whether this Region trades, where a venue stands in two: who is told that the other one does leads no more (decision 18)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog

from openbourse.machine import Machine
from openbourse.protocol.journal import Deposed, JournalAway, Standing
from openbourse.roles import TURN_ADDRESSES, Turn
from openbourse.sequencer.parts import Lease

log: Final = structlog.get_logger()

ASK_EVERY_S: Final = 2.0
ANSWER_LASTS_S: Final = 120.0
"""For how long one that was told that it trades leads on in silence. The runbook waits longer before it promotes."""
BELIEVED_AFTER_S: Final = 60.0
"""For how long the first Region must be told without a break that the other trades before it gives up for good."""


class GivenUp(Protocol):
    """The journal's own word that another one took its place: it outlives processes, machines and answers."""

    async def read(self) -> bool:
        """Tell whether this Region gave this journal up. Raises JournalAway."""
        ...

    async def forget_others(self) -> None:
        """Forget that another Region gave up its own copy of this journal. Raises JournalAway."""
        ...

    async def write(self) -> None:
        """Give this journal up. Raises JournalAway."""
        ...


class Fence:
    """What this replica was told of who trades, and when."""

    def __init__(self, own: Turn, ask: Callable[[], Awaitable[str]], given_up: GivenUp, machine: Machine) -> None:
        self._own = own
        self._ask = ask
        self._given_up = given_up
        self._machine = machine
        self._ours_at: float | None = None
        self._other_since: float | None = None
        self._is_given_up = True  # until the journal says that it is not
        self._told = ""

    def why_not(self) -> str:
        """Return why this replica may not lead; nothing: it may."""
        if self._is_given_up:
            return "this journal was given up for the other Region's, or does not say yet"
        if self._other_since is not None:
            return "the other Region trades"
        if self._ours_at is None or self._machine.monotonic_s() - self._ours_at > ANSWER_LASTS_S:
            return "nobody says which Region trades"
        return ""

    async def look(self) -> None:
        """Ask once; the first Region gives its journal up when it has been told for long enough that the other trades."""
        answer, now = await self._ask(), self._machine.monotonic_s()
        if answer == TURN_ADDRESSES[self._own]:
            self._ours_at, self._other_since = now, None
        elif answer in TURN_ADDRESSES.values():
            self._other_since = now if self._other_since is None else self._other_since
        try:
            # The second Region's own front may be away for a while, and then it is told that the first one trades: it
            # waits, but its journal is the newer one and stays good.
            if self._own is Turn.FIRST and self._other_since is not None and now - self._other_since > BELIEVED_AFTER_S:
                await self._given_up.write()
            if self._own is Turn.SECOND and self._ours_at == now:
                # The first one's row may have come here before the promotion, and must not go back there with a new copy.
                await self._given_up.forget_others()
            self._is_given_up = await self._given_up.read()
        except JournalAway as fault:
            log.warning("not known whether this journal was given up", why=str(fault))
        if (why := self.why_not()) != self._told:
            self._told = why
            log.error(f"not leading: {why}") if why else log.info("this Region trades")

    async def watch(self) -> None:
        """Ask again and again."""
        while True:
            await self.look()
            await asyncio.sleep(ASK_EVERY_S)


class FencedLease:
    """A lease that is neither taken nor kept by a Region that does not trade."""

    def __init__(self, lease: Lease, fence: Fence) -> None:
        self._lease = lease
        self._fence = fence

    @property
    def epoch(self) -> int:
        """Return the term, once `take` has said yes."""
        return self._lease.epoch

    @property
    def vacant_s(self) -> float:
        """Return for how long nobody led before the lease was taken."""
        return self._lease.vacant_s

    def _check(self) -> None:
        if why := self._fence.why_not():
            raise Deposed(why)

    async def take(self, address: str) -> bool:
        """Try to become the leader where this Region trades. Raises JournalAway."""
        return not self._fence.why_not() and await self._lease.take(address)

    async def renew(self) -> None:
        """Extend the lease. Raises Deposed, JournalAway."""
        self._check()
        await self._lease.renew()

    async def prove(self) -> None:
        """Commit what only the leading epoch can. Raises Deposed, JournalAway."""
        self._check()
        await self._lease.prove()

    async def clock_skew_s(self, now_s: float) -> float:
        """Return how far a clock is ahead of the database's. Raises JournalAway."""
        return await self._lease.clock_skew_s(now_s)

    async def give_up(self) -> None:
        """End the lease now. Raises JournalAway."""
        await self._lease.give_up()

    def hang_up(self) -> None:
        """Drop the connection."""
        self._lease.hang_up()

    async def await_news(self, seconds: float) -> str:
        """Return what is said to those who wait for the lease."""
        return await self._lease.await_news(seconds)

    async def stand(self, standing: Standing) -> None:
        """Say how this standby does. Raises JournalAway."""
        await self._lease.stand(standing)

    async def standbys(self) -> list[Standing]:
        """Return how the other replicas do. Raises JournalAway."""
        return await self._lease.standbys()
