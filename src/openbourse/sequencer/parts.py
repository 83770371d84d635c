"""What one replica of a shard is made of, and the right to lead as it needs it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from openbourse.engine import Engine
from openbourse.machine import THIS_MACHINE, Machine
from openbourse.protocol.journal import Mark, Standing
from openbourse.sequencer.journal import Journal
from openbourse.sequencer.photograph import Forked, Photograph
from openbourse.sequencer.publisher import FeedWriter
from openbourse.settings import ProcessSettings

SNAPSHOT_EVERY_COMMANDS: Final = 50_000
FREE: Final = "free"
HAND_OVER: Final = "hand over"


class Lease(Protocol):
    """The right to lead, as the sequencer needs it."""

    @property
    def epoch(self) -> int:
        """Return the term, once `take` has said yes."""
        ...

    @property
    def vacant_s(self) -> float:
        """Return for how long nobody led before the lease was taken."""
        ...

    async def clock_skew_s(self, now_s: float) -> float:
        """Return how far a clock is ahead of the database's. Raises JournalAway."""
        ...

    async def take(self, address: str) -> bool:
        """Try to become the leader. Raises JournalAway."""
        ...

    async def renew(self) -> None:
        """Extend the lease. Raises Deposed, JournalAway."""
        ...

    async def prove(self) -> None:
        """Commit something that only the leading epoch can, on the database's standby too. Raises Deposed, JournalAway."""
        ...

    async def give_up(self) -> None:
        """End the lease now and say so to those who wait for it. Raises JournalAway."""
        ...

    def hang_up(self) -> None:
        """Drop the connection; the next question opens another."""
        ...

    async def await_news(self, seconds: float) -> str:
        """Return FREE or HAND_OVER when somebody says so, an empty text after so many seconds."""
        ...

    async def stand(self, standing: Standing) -> None:
        """Say how this standby does. Raises JournalAway."""
        ...

    async def standbys(self) -> list[Standing]:
        """Return how the other replicas do that stand by. Raises JournalAway."""
        ...


class Witness(Protocol):
    """A memory outside of the database of how far the journal had come."""

    def read(self) -> Mark | None:
        """Return what was remembered last, if anything."""
        ...

    def write(self, mark: Mark) -> None:
        """Remember. Raises OSError."""
        ...


class NoWitness:
    """Remembers nothing."""

    def read(self) -> Mark | None:
        """Return nothing."""
        return None

    def write(self, mark: Mark) -> None:
        """Forget."""


@dataclass
class Parts:
    """What wiring hands over."""

    journal: Journal
    snapshots: Journal
    """The same journal over a connection of its own, so that storing a snapshot never waits in front of an append."""
    lease: Lease
    writer: FeedWriter
    settings: ProcessSettings
    secret: bytes
    """What gateways prove that they know."""
    machine: Machine = THIS_MACHINE
    name: str = "sequencer"
    """What this replica is called in metrics."""
    snapshot_every_commands: int = SNAPSHOT_EVERY_COMMANDS
    photograph: Callable[[Engine], Photograph] = Forked
    """How a state is written out while trading goes on."""
    witness: Witness = field(default_factory=NoWitness)
