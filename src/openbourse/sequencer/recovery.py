"""Recovery, the only start path: newest good snapshot, then the journal's tail, each batch checked."""

import hashlib
from dataclasses import dataclass
from typing import Final

import structlog

from openbourse.engine import Engine
from openbourse.protocol.journal import GENESIS, BatchRow, Head, JournalFault, SnapshotRow
from openbourse.sequencer.journal import Journal

log: Final = structlog.get_logger()


class ReplayDiverged(JournalFault):
    """This engine does not do what the journal says: going on would split the replicas."""


@dataclass
class Replica:
    """An engine and the head of the journal that it stands on."""

    engine: Engine
    head: Head

    def follow(self, row: BatchRow) -> None:
        """Apply a committed batch. Raises ReplayDiverged when chain or events are not equal to the journal's."""
        if row.previous_hash != self.head.hash or row.first_sequence != self.head.sequence + 1 or not row.is_whole():
            raise ReplayDiverged(f"the chain is broken at sequence {row.first_sequence}")
        events, ends = self.engine.apply(row.first_sequence, row.time_us, row.commands)
        if events != row.events:
            raise ReplayDiverged(f"events differ from the journal's in the batch from sequence {row.first_sequence}")
        if row.first_sequence + len(ends) // 4 - 1 != row.last_sequence:
            raise ReplayDiverged(f"the batch from sequence {row.first_sequence} has another number of commands")
        self.head = Head(row.last_sequence, row.time_us, row.hash)

    def snapshot(self) -> SnapshotRow:
        """Return the state with what it takes to trust it; call on a clone to keep trading."""
        state = self.engine.snapshot()
        digest = hashlib.sha256(state).digest()
        return SnapshotRow(self.head.sequence, self.head.hash, digest, self.engine.rules_version, state)


async def recover(journal: Journal) -> Replica:
    """Return a replica at the end of the journal. Raises ReplayDiverged."""
    replica = await newest(journal)
    began = replica.head.sequence
    while await catch_up(journal, replica):
        pass
    log.info("recovered", snapshot_sequence=began, sequence=replica.head.sequence)
    return replica


async def newest(journal: Journal, not_after: int | None = None) -> Replica:
    """Return a replica of the newest snapshot (not after a sequence) that can be trusted, or an empty one."""
    for snapshot in await journal.snapshots():
        if not_after is not None and snapshot.sequence > not_after:
            continue
        if not snapshot.is_whole():
            log.warning("snapshot does not match its hash", sequence=snapshot.sequence)
            continue
        row = await journal.find(snapshot.sequence)
        if row is None or row.last_sequence != snapshot.sequence or row.hash != snapshot.chain_hash:
            log.warning("snapshot stands on no committed batch", sequence=snapshot.sequence)
            continue
        try:
            engine = Engine.restore(snapshot.state)
        except ValueError as fault:
            log.warning("snapshot refused", sequence=snapshot.sequence, why=str(fault))
            continue
        return Replica(engine, Head(snapshot.sequence, engine.time_us, snapshot.chain_hash))
    return Replica(Engine(), Head(0, 0, GENESIS))


async def catch_up(journal: Journal, replica: Replica, rows_max: int = 256) -> bool:
    """Apply the next committed batches; return whether there were any."""
    rows = await journal.read(replica.head.sequence, rows_max)
    for row in rows:
        replica.follow(row)
    return bool(rows)
