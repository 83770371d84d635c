"""The faults of a run, drawn from a seed: what, where, for how long, and the pause after it."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What goes wrong."""

    KILL_LEADER = "kill leader"
    KILL_FOLLOWER = "kill follower"
    FREEZE_LEADER = "freeze leader"
    PARTITION_LEADER = "partition leader"
    LEADER_HEARS_NOT = "leader hears not"
    LEADER_IS_NOT_HEARD = "leader is not heard"
    KILL_EDGE = "kill edge"
    FREEZE_EDGE = "freeze edge"
    PARTITION_EDGE = "partition edge"
    KILL_HISTORY = "kill history"
    KILL_VALKEY = "kill Valkey"
    FREEZE_VALKEY = "freeze Valkey"
    SLOW_DISK = "slow disk"
    LOSSY_NETWORK = "lossy network"
    CLOCK_JUMP = "clock jump"
    KILL_STANDBY_DATABASE = "kill standby database"
    DATABASE_FAILOVER = "database failover"
    FREEZE_DATABASE = "freeze database"
    PARTITION_DATABASE = "partition database"
    DISK_FULL = "disk full"
    ZONE_LOSS = "zone loss"
    HANDOVER = "hand-over"
    ROLLING_RESTART = "rolling restart"


WEIGHTS: Final[dict[Kind, int]] = {
    Kind.KILL_LEADER: 5,
    Kind.KILL_FOLLOWER: 1,
    Kind.FREEZE_LEADER: 3,
    Kind.PARTITION_LEADER: 3,
    Kind.LEADER_HEARS_NOT: 2,
    Kind.LEADER_IS_NOT_HEARD: 2,
    Kind.KILL_EDGE: 2,
    Kind.FREEZE_EDGE: 1,
    Kind.PARTITION_EDGE: 1,
    Kind.KILL_HISTORY: 1,
    Kind.KILL_VALKEY: 1,
    Kind.FREEZE_VALKEY: 1,
    Kind.SLOW_DISK: 1,
    Kind.LOSSY_NETWORK: 1,
    Kind.CLOCK_JUMP: 1,
    Kind.KILL_STANDBY_DATABASE: 1,
    Kind.DATABASE_FAILOVER: 2,
    Kind.FREEZE_DATABASE: 1,
    Kind.PARTITION_DATABASE: 1,
    Kind.DISK_FULL: 1,
    Kind.ZONE_LOSS: 2,
    Kind.HANDOVER: 2,
    Kind.ROLLING_RESTART: 1,
}
"""How many of each are in the bag that faults are drawn from; it is filled again when it is empty."""

SECONDS: Final[dict[Kind, tuple[float, float]]] = {
    Kind.FREEZE_LEADER: (2.5, 5.0),
    Kind.PARTITION_LEADER: (3.0, 6.0),
    Kind.LEADER_HEARS_NOT: (3.0, 6.0),
    Kind.LEADER_IS_NOT_HEARD: (3.0, 6.0),
    Kind.FREEZE_EDGE: (2.0, 5.0),
    Kind.PARTITION_EDGE: (2.0, 5.0),
    Kind.KILL_VALKEY: (1.0, 4.0),
    Kind.FREEZE_VALKEY: (2.0, 4.0),
    Kind.SLOW_DISK: (2.0, 4.0),
    Kind.LOSSY_NETWORK: (2.0, 4.0),
    Kind.CLOCK_JUMP: (2.0, 4.0),
    Kind.KILL_STANDBY_DATABASE: (0.0, 6.0),
    Kind.FREEZE_DATABASE: (5.0, 7.0),
    Kind.PARTITION_DATABASE: (5.0, 7.0),
    Kind.DISK_FULL: (3.0, 6.0),
    Kind.ZONE_LOSS: (5.0, 8.0),
}
"""How long a fault lasts, least and most; those that are not here are done at once."""
PAUSE_S: Final = (0.3, 1.2)
WAITS: Final = 0.2
"""How often the next fault waits until everything is there twice again; else one part of a kind may still be coming back."""
ON_A_WHOLE_VENUE: Final = frozenset({Kind.ZONE_LOSS, Kind.HANDOVER, Kind.ROLLING_RESTART})
"""Those before which everything must be there: what they take away at once is as much as the venue may lose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault."""

    number: int
    kind: Kind
    seconds: float
    pause_s: float
    chance: float
    """From 0 to 1: what else must be chosen of it (which zone, how much)."""
    is_on_whole: bool = True
    """It comes when the venue is whole; else when it can survive one more fault."""


def draw(seed: int, count: int, only: tuple[Kind, ...] = (), without: tuple[Kind, ...] = ()) -> list[Fault]:
    """Return the faults of a seed."""
    chance = random.Random(seed)
    bag: list[Kind] = []
    faults: list[Fault] = []
    kinds = [kind for kind in Kind if kind not in without and (not only or kind in only)]
    while len(faults) < count:
        if not bag:
            bag = [kind for kind in kinds for _ in range(WEIGHTS[kind])]
            chance.shuffle(bag)
        kind = bag.pop()
        seconds = chance.uniform(*SECONDS.get(kind, (0.0, 0.0)))
        pause_s, choice = chance.uniform(*PAUSE_S), chance.random()
        is_on_whole = chance.random() < WAITS or kind in ON_A_WHOLE_VENUE
        faults.append(Fault(len(faults) + 1, kind, seconds, pause_s, choice, is_on_whole))
    return faults
