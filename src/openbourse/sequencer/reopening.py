"""After a long outage instruments come back in steps: cancel-only, call auction, trading.

The plan is kept beside the journal before anything of it is done, so that a new leader goes on where the former one died.
Whatever an operator switches meanwhile stays as it was switched.
"""

import asyncio
from typing import Final

import msgspec
import structlog

from openbourse.protocol.commands import SetInstrumentStatus
from openbourse.protocol.instruments import InstrumentStatus
from openbourse.protocol.journal import JournalAway
from openbourse.sequencer.parts import Parts
from openbourse.sequencer.recovery import Replica
from openbourse.sequencer.sequencer import Sequencer

log: Final = structlog.get_logger()

LOOK_EVERY_S: Final = 0.2
STEPS: Final = (InstrumentStatus.CANCEL_ONLY, InstrumentStatus.AUCTION, InstrumentStatus.TRADING)
UNDER_WAY: Final = frozenset(STEPS[:2])


class Plan(msgspec.Struct, frozen=True):
    """Which instruments come back, which step is next, and when."""

    instruments: list[int]
    step: int
    """Index of the next status."""
    due_us: int


class Reopening:
    """The steps of one leader; nothing happens unless the venue's settings say after how long an outage."""

    def __init__(self, parts: Parts, replica: Replica, sequencer: Sequencer) -> None:
        self._parts = parts
        self._replica = replica
        self._sequencer = sequencer
        self._plan: Plan | None = None
        self._is_kept = True
        # A step is decided by what the one before has done: none begins while another one's plan is being kept.
        self._turn = asyncio.Lock()

    async def begin(self, outage_s: float) -> None:
        """Go on with a plan that a former leader left, or make one if the outage was long. Raises JournalAway."""
        kept = await self._parts.snapshots.reopening()
        if kept:
            self._plan = msgspec.msgpack.decode(kept, type=Plan)
        await self.after(outage_s)

    async def after(self, outage_s: float) -> None:
        """Note an outage that is over: if it was long, all that trades is cancel-only from the next batch on."""
        venue = self._parts.settings.venue
        if not venue.reopen_after_s or outage_s < venue.reopen_after_s:
            return
        found = [number for number, status in self._replica.statuses.items() if self._comes_back(number, status)]
        log.warning("reopening in steps", outage_s=round(outage_s, 1), instruments=sorted(found))
        async with self._turn:
            await self._keep(Plan(sorted(found), 0, self._now_us()))
            await self._step()

    def _comes_back(self, number: int, status: int) -> bool:
        is_planned = self._plan is not None and number in self._plan.instruments and status in UNDER_WAY
        return status == InstrumentStatus.TRADING or is_planned

    async def run(self) -> None:
        """Take each step when it is due, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            async with self._turn:
                await self._go_on()

    async def _go_on(self) -> None:
        if self._plan is not None and self._now_us() >= self._plan.due_us:
            # Until the last step is committed, instruments look as if somebody had switched them back.
            if not self._sequencer.has_orders:
                await self._step()
        elif not self._is_kept:
            await self._keep(self._plan)

    async def _step(self) -> None:
        assert self._plan is not None, "a step is one of a plan"
        plan, status = self._plan, STEPS[self._plan.step]
        expected = {InstrumentStatus.TRADING, *UNDER_WAY} if plan.step == 0 else UNDER_WAY
        moved = [number for number in plan.instruments if self._replica.statuses.get(number) in expected]
        self._sequencer.order([SetInstrumentStatus(number, status).encode() for number in moved])
        log.info("reopening", status=status.name, instruments=moved)
        venue = self._parts.settings.venue
        if plan.step + 1 == len(STEPS) or not moved:
            await self._keep(None)
            return
        wait_s = venue.reopen_cancel_only_s if plan.step == 0 else venue.reopen_auction_s
        await self._keep(Plan(moved, plan.step + 1, self._now_us() + wait_s * 1_000_000))

    async def _keep(self, plan: Plan | None) -> None:
        """Note what comes next; a database that is away is told later."""
        self._plan = plan
        try:
            await self._parts.snapshots.keep_reopening(b"" if plan is None else msgspec.msgpack.encode(plan))
            self._is_kept = True
        except JournalAway as fault:
            log.warning("the reopening's plan is not kept yet", why=str(fault))
            self._is_kept = False

    def _now_us(self) -> int:
        return self._parts.machine.now_us()
