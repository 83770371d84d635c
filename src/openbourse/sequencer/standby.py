"""A replica before it leads: recover, follow the journal, say how it does, take the lease when it is free."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import msgspec
import structlog

from openbourse.protocol.journal import BEHIND, DIVERGED, FOLLOWING, JournalAway, JournalFault, Standing
from openbourse.sequencer.checkpoints import Checkpoints
from openbourse.sequencer.loss import unaccepted_loss
from openbourse.sequencer.parts import Parts
from openbourse.sequencer.publisher import Publisher
from openbourse.sequencer.recovery import Replica, catch_up

log: Final = structlog.get_logger()

FOLLOW_EVERY_S: Final = 0.1
STAND_EVERY_S: Final = 1.0
CLOCK_SKEW_MAX_S: Final = 0.5
BEHIND_US_MAX: Final = 3_000_000
"""A standby whose oldest missing command has waited for longer could not take over at once."""
REBUILD_AFTER_S: Final = 30.0
DIVERGED_S: Final = 30.0
ENDS_KEPT: Final = 600
SAY_AGAIN_EVERY: Final = 50


class ReplicaAhead(JournalFault):
    """This replica has applied what the journal does not hold: a batch that only a lost database host had."""


class ReplicaBehind(JournalFault):
    """This replica cannot follow; a fresh start from a newer snapshot is quicker."""


async def patiently(work: Callable[[], Awaitable[Replica]], stop: asyncio.Event) -> Replica | None:
    """Do the work as soon as the journal can be reached; None when stopped before."""
    tries = 0
    while not stop.is_set():
        try:
            return await work()
        except JournalAway as fault:
            if tries % SAY_AGAIN_EVERY == 0:
                log.warning("waiting for the journal", why=str(fault))
            tries += 1
            await asyncio.sleep(FOLLOW_EVERY_S)
    return None


class Standby:
    """Follows the journal with a replica until it may lead."""

    def __init__(self, parts: Parts, replica: Replica, checkpoints: Checkpoints) -> None:
        self._parts = parts
        self._replica = replica
        self._checkpoints = checkpoints
        self._lag = Lag()
        self._state = FOLLOWING
        self._stood_at = 0.0
        self._is_clock_right = False
        self.clock_began_us = 0
        """The wall clock minus the seconds that nobody sets, when it was last held against the database's."""
        self._was_whole = False
        self._told = ""

    async def become_leader(self, address: str, stop: asyncio.Event, on_standby: Callable[[], None]) -> bool:
        """Follow until the lease is ours; False when stopped before. Raises ReplayDiverged, ReplicaBehind."""
        tries = 0
        while not stop.is_set():
            try:
                if await self._try(address):
                    return True
                if self._was_whole:
                    on_standby()
                tries = 0
            except JournalAway as fault:
                # A host that is silent on one connection is so on the other: to find that out again takes seconds.
                self._parts.lease.hang_up()
                if tries % SAY_AGAIN_EVERY == 0:
                    log.warning("waiting for the journal", why=str(fault))
                tries += 1
            # That a lease is given up is said at once: a planned hand-over does not wait for the next look.
            await _first_of(self._parts.lease.await_news(FOLLOW_EVERY_S), stop.wait())
        return False

    async def _try(self, address: str) -> bool:
        while (await catch_up(self._parts.journal, self._replica)).is_far:
            await self._stand()
        await self._stand()
        if self._checkpoints.divergence is not None:
            raise self._checkpoints.divergence
        if not self._is_clock_right or not await self._is_whole() or not await self._parts.lease.take(address):
            return False
        await self._stand_at_the_end()
        return True

    async def _is_whole(self) -> bool:
        """Tell whether all that is known to have been acknowledged is in the journal, or an operator accepts that it is not."""
        if not self._was_whole:
            loss = await unaccepted_loss(self._parts.journal, self._parts.witness)
            self._was_whole = loss is None
            if loss is not None and str(loss) != self._told:
                self._told = str(loss)
                log.error(f"not leading: {loss}; `openbourse sequencer accept-loss` goes on without them")
        return self._was_whole

    async def _stand_at_the_end(self) -> None:
        """Read the tail under the own epoch. Raises ReplicaAhead when this replica saw what the journal does not hold."""
        journal, replica = self._parts.journal, self._replica
        while (await catch_up(journal, replica)).rows:
            pass
        # Settled: the former leader's last batch may be visible here before a standby of the database has it.
        if (await journal.settled(self._parts.lease.epoch)).hash != replica.head.hash:
            raise ReplicaAhead(f"the journal does not end where this replica stands, at {replica.head.sequence}")

    async def _stand(self) -> None:
        """Once a second: look at the clock and at the journal's end, and say how this replica does."""
        parts, now = self._parts, self._parts.machine.monotonic_s()
        if now - self._stood_at < STAND_EVERY_S:
            return
        self._stood_at = now
        now_us = parts.machine.now_us()
        self.clock_began_us = now_us - int(parts.machine.monotonic_s() * 1e6)
        skew = await parts.lease.clock_skew_s(now_us / 1e6)
        if abs(skew) > CLOCK_SKEW_MAX_S:
            log.error("this clock is off the database's; not leading", seconds=round(skew, 3))
        self._is_clock_right = abs(skew) <= CLOCK_SKEW_MAX_S
        own = self._replica.head.sequence
        standing = self._lag.standing(own, (await parts.journal.head()).sequence, now)
        if standing.state != self._state:
            log.warning("standby " + standing.state, sequence=own, behind=standing.behind, behind_us=standing.behind_us)
            self._state = standing.state
        await say(parts, standing)
        if self._lag.is_hopeless(now) and any(found > own for found in await parts.snapshots.snapshot_sequences()):
            raise ReplicaBehind(f"{standing.behind} commands behind; a newer snapshot is there")


class Lag:
    """How far a replica is behind the journal, and since when."""

    def __init__(self) -> None:
        self._ends: deque[tuple[int, float]] = deque(maxlen=ENDS_KEPT)
        self._behind_since: float | None = None

    def standing(self, own: int, end: int, now: float) -> Standing:
        """Return how a replica does that stands at a sequence when the journal ends at another."""
        self._ends.append((end, now))
        while self._ends and self._ends[0][0] <= own:
            self._ends.popleft()
        behind_us = int((now - self._ends[0][1]) * 1e6) if self._ends else 0
        state = BEHIND if behind_us > BEHIND_US_MAX else FOLLOWING
        if state == FOLLOWING:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        return Standing("", own, max(0, end - own), behind_us, state)

    def is_hopeless(self, now: float) -> bool:
        """Tell whether a replica has been behind for so long that a fresh start is the quicker way."""
        return self._behind_since is not None and now - self._behind_since > REBUILD_AFTER_S


async def say(parts: Parts, standing: Standing) -> None:
    """Leave how this replica does for the leader, for operators and for the monitor. Raises JournalAway."""
    await parts.lease.stand(standing)
    shown = {
        "sequence": standing.sequence,
        "behind": standing.behind,
        "behind_us": standing.behind_us,
        "is_behind": int(standing.state == BEHIND),
        "is_diverged": int(standing.state == DIVERGED),
    }
    await Publisher(parts.writer).report(f"standby_{parts.name}", msgspec.json.encode(shown))


async def stay_diverged(parts: Parts, replica: Replica, stop: asyncio.Event) -> None:
    """Say for a while that this replica has diverged: it is not started again in a hot loop, and somebody may look."""
    limit = parts.machine.monotonic_s() + DIVERGED_S
    while parts.machine.monotonic_s() < limit and not stop.is_set():
        try:
            await say(parts, Standing("", replica.head.sequence, 0, 0, DIVERGED))
        except JournalAway as fault:
            log.warning("divergence not said", why=str(fault))
        await _first_of(asyncio.sleep(STAND_EVERY_S), stop.wait())


async def _first_of(*works: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
