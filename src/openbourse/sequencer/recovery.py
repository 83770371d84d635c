"""Recovery, the only start path: newest good snapshot, then the journal's tail, each batch checked."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import structlog

from openbourse.engine import Engine
from openbourse.protocol import events
from openbourse.protocol.events import EventKind
from openbourse.protocol.journal import GENESIS, BatchRow, Head, JournalFault
from openbourse.sequencer.journal import Journal
from openbourse.sequencer.limits import OrderLimits

log: Final = structlog.get_logger()

_Beside = tuple[bytes, dict[int, int]]
_STATUS_KINDS: Final = frozenset({EventKind.INSTRUMENT_DEFINED, EventKind.INSTRUMENT_STATUS_CHANGED})
NEAR_ROWS: Final = 32
NEAR_BYTES: Final = 1024 * 1024
RECENT_BATCHES: Final = 64
"""Kept at hand: to answer resent commands, and to publish the tail again after a change of leader."""


class Read(NamedTuple):
    """What one reading of the journal brought."""

    rows: int
    size: int

    @property
    def is_far(self) -> bool:
        """Tell whether the end may be far. While a leader is busy there is always another batch: nobody waits for none."""
        return self.rows >= NEAR_ROWS or self.size >= NEAR_BYTES


class ReplayDiverged(JournalFault):
    """This engine does not do what the journal says: going on would split the replicas."""


@dataclass
class Replica:
    """An engine and the head of the journal that it stands on."""

    engine: Engine
    head: Head
    limits: OrderLimits | None = None
    """Orders counted as the leader counts them, where this replica may have to lead."""
    statuses: dict[int, int] = field(default_factory=dict)
    """By instrument, where this replica may have to lead."""
    recent: deque[BatchRow] = field(default_factory=lambda: deque(maxlen=RECENT_BATCHES))
    checkpoint_every: int = 0
    at_checkpoint: Callable[["Replica"], None] = lambda _: None
    """Called after the batch in which so many commands are full, counted from the journal's beginning."""

    def follow(self, row: BatchRow) -> None:
        """Apply a committed batch. Raises ReplayDiverged when chain or events are not equal to the journal's."""
        if row.previous_hash != self.head.hash or row.first_sequence != self.head.sequence + 1 or not row.is_whole():
            raise ReplayDiverged(f"the chain is broken at sequence {row.first_sequence}")
        found, ends = self.engine.apply(row.first_sequence, row.time_us, row.commands)
        if found != row.events:
            raise ReplayDiverged(f"events differ from the journal's in the batch from sequence {row.first_sequence}")
        if row.first_sequence + len(ends) // 4 - 1 != row.last_sequence:
            raise ReplayDiverged(f"the batch from sequence {row.first_sequence} has another number of commands")
        if self.limits is not None:
            self.limits.take(row)
        self.stand_at(row)

    def stand_at(self, row: BatchRow) -> None:
        """Note that a batch that was applied is committed."""
        self.head = Head(row.last_sequence, row.time_us, row.hash)
        self.recent.append(row)
        if self.limits is not None:
            self.statuses.update(_statuses(row.events))
        every = self.checkpoint_every
        if every and row.last_sequence // every > (row.first_sequence - 1) // every:
            self.at_checkpoint(self)

    def beside(self) -> bytes:
        """Return what a leader must know beyond the state: orders counted by account, instruments' statuses."""
        return b"" if self.limits is None else msgspec.msgpack.encode((self.limits.encode(), self.statuses))


async def recover(journal: Journal, limits: OrderLimits | None = None) -> Replica:
    """Return a replica at the end of the journal. Raises ReplayDiverged when no snapshot and not even none leads there."""
    before: int | None = None
    while True:
        replica = await newest(journal, before, limits)
        began = replica.head.sequence
        try:
            while (await catch_up(journal, replica)).is_far:
                pass
        except ReplayDiverged as fault:
            if not began:
                raise
            log.error("a snapshot leads astray; trying an older one", snapshot_sequence=began, why=str(fault))
            before = began - 1
            continue
        log.info("recovered", snapshot_sequence=began, sequence=replica.head.sequence)
        return replica


async def newest(journal: Journal, not_after: int | None = None, limits: OrderLimits | None = None) -> Replica:
    """Return a replica of the newest snapshot (not after a sequence) that can be trusted, or an empty one."""
    for sequence in await journal.snapshot_sequences():
        if not_after is not None and sequence > not_after:
            continue
        snapshot = await journal.snapshot(sequence)
        if snapshot is None or not snapshot.is_whole():
            log.warning("snapshot does not match its hash", sequence=sequence)
            continue
        head = snapshot.head
        if (await journal.left_hash(sequence) or head.state_hash) != head.state_hash:
            log.warning("snapshot is not the state that the leader had", sequence=sequence)
            continue
        row = await journal.find(sequence)
        if row is None or row.last_sequence != sequence or row.hash != head.chain_hash:
            log.warning("snapshot stands on no committed batch", sequence=sequence)
            continue
        try:
            engine = Engine.restore(snapshot.state)
        except ValueError as fault:
            log.warning("snapshot refused", sequence=sequence, why=str(fault))
            continue
        replica = Replica(engine, Head(sequence, engine.time_us, head.chain_hash), limits)
        if limits is not None:
            counts, replica.statuses = msgspec.msgpack.decode(head.beside, type=_Beside) if head.beside else (b"", {})
            limits.restore(counts)
        return replica
    if limits is not None:
        limits.restore(b"")
    return Replica(Engine(), Head(0, 0, GENESIS), limits)


def _statuses(frames: bytes) -> Iterator[tuple[int, int]]:
    """Yield instruments and the statuses that a batch's events give them, without decoding the rest."""
    for event in events.decode(frames, _STATUS_KINDS):
        match event:
            case events.InstrumentDefined():
                yield event.image.instrument, event.image.status
            case events.InstrumentStatusChanged():
                yield event.instrument, event.status


async def catch_up(journal: Journal, replica: Replica) -> Read:
    """Apply the next committed batches; return how many there were."""
    rows = await journal.read(replica.head.sequence)
    for row in rows:
        replica.follow(row)
    return Read(len(rows), sum(len(row.commands) + len(row.events) for row in rows))
