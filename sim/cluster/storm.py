"""The storm of a run: which faults happen when, for how long, and how all is put right at its end."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sim.cluster.venue import GATEWAYS, SEQUENCERS, Process, Venue
from sim.cluster.world import SECOND_US

BEGIN_US: Final = 1_500_000
END_US: Final = 9 * SECOND_US
FAULTS: Final = (2, 7)
BURIED_SHARE: Final = 0.15
Undo = Callable[[], None]
KINDS: Final[dict[str, tuple[Callable[["Storm"], bool], int]]] = {}
"""Each kind of fault, with how often it is drawn. One with 0 has a chance of its own: it would change what is drawn of the
others."""


@dataclass
class Storm:
    """The faults of a run."""

    venue: Venue
    only: tuple[str, ...] = ()
    """The kinds to choose from; all when empty."""
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance: random.Random = self.venue.world.chance("faults")
        self._undo: list[Undo] = []
        self._buried: list[Undo] = []
        self.is_over = False

    def plan(self) -> None:
        """Put the faults down."""
        names = list(self.only or KINDS)
        weights = [max(KINDS[name][1], bool(self.only)) for name in names]
        for _ in range(self.chance.randint(*FAULTS)):
            (name,) = self.chance.choices(names, weights)
            self.venue.world.at(self.chance.randint(BEGIN_US, END_US), self.strike, name)
        if not self.only and self.venue.world.chance("buried").random() < BURIED_SHARE:
            self.venue.world.at(END_US - SECOND_US, self.strike, "buried leader")
        self.venue.world.at(END_US + SECOND_US, self.calm)

    def strike(self, name: str) -> None:
        """Let one fault happen."""
        if KINDS[name][0](self):
            self.counts[name] = self.counts.get(name, 0) + 1

    def say(self, what: str) -> None:
        """Put a fault into the trace."""
        self.venue.world.note("FAULT", what)

    def lasting(self, seconds: tuple[float, float], undo: Undo) -> None:
        """Undo a fault after a while."""
        self._undo.append(undo)
        self.venue.world.after(int(self.chance.uniform(*seconds) * SECOND_US), self._end, undo)

    def _end(self, undo: Undo) -> None:
        if undo in self._undo:
            self._undo.remove(undo)
            undo()

    def calm(self) -> None:
        """Undo everything: from now on the venue has to come back by itself."""
        self.say("the storm is over")
        self.is_over = True
        for undo in list(self._undo):
            self._end(undo)
        venue = self.venue
        venue.network.heal(*venue.network.cuts)
        for name in SEQUENCERS:
            venue.sites[name].clock_ahead_us = self.chance.randint(-200_000, 200_000)

    def bury(self, undo: Undo) -> None:
        """Keep up a fault through the calm, in which the venue has to come back without what it hit."""
        self._buried.append(undo)

    def dig_out(self) -> None:
        """Undo what was kept up."""
        for undo in self._buried:
            undo()

    def someone(self) -> Process:
        """Choose a process: most often the leader."""
        leader = self.venue.leader()
        if leader and self.chance.random() < 0.6:
            return self.venue.processes[leader]
        return self.venue.processes[self.chance.choice((*SEQUENCERS, *GATEWAYS, "project"))]

    def replica(self) -> Process:
        """Choose a sequencer: most often the leader."""
        leader = self.venue.leader()
        if leader and self.chance.random() < 0.7:
            return self.venue.processes[leader]
        return self.venue.processes[self.chance.choice(SEQUENCERS)]
