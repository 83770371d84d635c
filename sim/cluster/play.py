"""One run: a storm of faults while clients trade, then calm, in which the venue must come back, then the audit."""

import asyncio
import contextlib
import gc
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sim.cluster import faults as faults
from sim.cluster.auditor import Audit
from sim.cluster.clients import AGAIN_S, Gateway
from sim.cluster.history import ACKNOWLEDGED, WAITING, Record
from sim.cluster.planting import Defect, with_defect
from sim.cluster.replicas import observed
from sim.cluster.storm import END_US, Storm
from sim.cluster.venue import SEQUENCERS, Venue
from sim.cluster.world import SECOND_US, Stuck, World

CALM_US: Final = END_US + SECOND_US
LIVE_US: Final = 12 * SECOND_US
"""Within so long after the last fault every gateway's command is acknowledged."""
QUIET_US: Final = 15 * SECOND_US
"""Within so long after the clients have stopped everybody has read everything."""
LOST_END_SHARE: Final = 0.25
PROBE_US: Final = 3 * SECOND_US


@dataclass
class Verdict:
    """What came of a run."""

    seed: int
    violations: list[str]
    trace: str
    statuses: dict[str, int]
    faults: dict[str, int]
    reads: int
    commands: int
    simulated_s: float
    lines: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing was wrong."""
        return not self.violations


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Collect nothing while the block runs, so that what is dropped is dropped at the same place in every run.

    Tasks of killed processes stay in the middle of what they did; when they are collected their last words go nowhere.
    """
    hook = sys.unraisablehook
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        sys.unraisablehook = lambda _: None
        gc.collect()
        sys.unraisablehook = hook
        if was_enabled:
            gc.enable()


class Play:
    """A run with one seed."""

    def __init__(self, seed: int, keep_lines: bool, only: tuple[str, ...]) -> None:
        self.world = World(seed, keep_lines)
        self.venue = Venue(self.world)
        self.storm = Storm(self.venue, only)
        self.violations: list[str] = []
        self._is_hunting = bool(only)

    def run(self) -> None:
        """Let everything happen; what is wrong is in `violations`."""
        self.storm.plan()
        # With a planted defect the first thing that is wrong is enough.
        if self.world.run(CALM_US, lambda: self._is_hunting and bool(self.venue.history.violations)):
            return
        if not self._comes_back():
            return
        self.storm.dig_out()
        if self._loses_the_end():
            self.world.run(self.world.now_us + SECOND_US, lambda: False)
        for gateway in self.venue.gateways.values():
            gateway.is_trading = False
        if not self.world.run(self.world.now_us + QUIET_US, self._is_quiet):
            self.violations.append(
                f"not quiet {QUIET_US // SECOND_US} s after the clients have stopped: {self._restless()}"
            )
        self.violations += Audit(self.venue, "database failover" in self.storm.counts).run()

    def _loses_the_end(self) -> bool:
        """Let the feed lose all that comes from now on, with nothing after it that would show the gap."""
        chance = self.world.chance("end")
        if chance.random() > LOST_END_SHARE and "feed" not in self.storm.only:
            return False
        self.storm.say("Valkey keeps nothing from now on")
        self.venue.valkey.is_forgetful = True
        self.venue.history.counts["feed away"] = 1
        return True

    def _comes_back(self) -> bool:
        """Have each gateway try until a command is acknowledged."""
        probes: dict[str, list[Record]] = {name: [] for name in self.venue.gateways}

        async def probe(gateway: Gateway, records: list[Record]) -> None:
            while not any(record.status == ACKNOWLEDGED for record in records):
                records.append(await gateway.order("place", PROBE_US))
                await asyncio.sleep(AGAIN_S)

        def begin() -> None:
            for name, gateway in self.venue.gateways.items():
                if gateway.host.is_alive:
                    gateway.host.start(probe(gateway, probes[name]))

        def is_back() -> bool:
            return all(any(record.status == ACKNOWLEDGED for record in records) for records in probes.values())

        self.world.after(2 * SECOND_US, begin)
        if self.world.run(CALM_US + LIVE_US, is_back):
            return True
        missing = [name for name, records in probes.items() if not any(r.status == ACKNOWLEDGED for r in records)]
        self.violations.append(
            f"no command of {', '.join(missing)} acknowledged {LIVE_US // SECOND_US} s after the storm"
        )
        return False

    def _restless(self) -> str:
        waiting = [
            record.tag
            for record in self.venue.history.with_status(WAITING)
            if any(gateway.host.is_alive and gateway.knows(record) for gateway in self.venue.gateways.values())
        ]
        head = self.venue.database.primary.tables.head().sequence
        # A leader's engine is ahead of what it has committed while an append is under way: neither may be elsewhere.
        replicas = {
            name: sequence
            for name, (sequence, replica) in self.venue.positions().items()
            if sequence != head or replica.engine.sequence != head
        }
        views = {
            name: gateway.view.cursor
            for name, gateway in self.venue.gateways.items()
            if not gateway.is_settled or gateway.view.cursor != head
        }
        projection = self.venue.projection.cursor
        if (
            waiting
            or replicas
            or views
            or projection != head
            or len(self.venue.positions()) + len(self.venue.diverged) < len(SEQUENCERS)
        ):
            return f"waiting {waiting[:5]}, journal {head}, replicas {replicas}, views {views}, projection {projection}"
        return ""

    def _is_quiet(self) -> bool:
        return not self._restless()

    def end(self) -> None:
        """End every process."""
        self.world.is_ending = True
        self.venue.end()


def play(seed: int, keep_lines: bool = False, defect: Defect | None = None) -> Verdict:
    """Run a seed, with a defect in the code if there is one; return the verdict."""
    with undisturbed(), with_defect(defect):
        run = Play(seed, keep_lines, () if defect is None else defect.faults)
        with observed(run.venue):
            try:
                run.run()
            except Stuck as fault:
                run.violations.append(str(fault))
            run.violations += [what for what in run.venue.history.violations if what not in run.violations]
        statuses: dict[str, int] = {}
        for record in run.venue.history.records.values():
            statuses[record.status] = statuses.get(record.status, 0) + 1
        verdict = Verdict(
            seed,
            run.violations,
            run.world.trace.hash(),
            statuses,
            dict(sorted(run.storm.counts.items())),
            run.venue.history.reads,
            run.venue.database.primary.tables.head().sequence,
            run.world.now_us / SECOND_US,
            run.world.trace.lines,
        )
        run.end()
        del run
    return verdict
