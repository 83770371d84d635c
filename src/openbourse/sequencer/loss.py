"""Was something acknowledged that the journal does not hold? After a restore to a point in time nobody may go on unaware."""

import asyncio
from typing import Final

import msgspec
import structlog

from openbourse.protocol.journal import JournalFault, Mark
from openbourse.sequencer.journal import Journal
from openbourse.sequencer.parts import Parts, Witness
from openbourse.sequencer.sequencer import Sequencer

log: Final = structlog.get_logger()

REMEMBER_EVERY_S: Final = 1.0


class Loss(msgspec.Struct, frozen=True):
    """Commands that were acknowledged and are not in the journal."""

    sequence: int
    """Where the journal ends, or where it parts from what was acknowledged."""
    acknowledged: int
    """At least so far commands were acknowledged."""

    def __str__(self) -> str:
        return (
            f"the journal holds what was acknowledged up to sequence {self.sequence}; commands up to"
            f" {self.acknowledged} or later were acknowledged and are lost"
        )


async def find_loss(journal: Journal, witness: Witness) -> Loss | None:
    """Hold the journal against what a witness remembers. Raises JournalAway."""
    mark = await asyncio.to_thread(witness.read)
    if mark is None:
        return None
    first = await journal.read(0, 1)
    if not first or first[0].hash != mark.first_hash:
        return None  # another journal, or one that was begun anew
    later = await journal.read(mark.sequence - 1, 1)
    if later and later[0].first_sequence > mark.sequence:
        # Archived and dropped: so long ago was this replica last here that the venue has gone on for days.
        log.warning("what the witness remembers was dropped from the journal", sequence=mark.sequence)
        return None
    if later and later[0].last_sequence == mark.sequence and later[0].hash == mark.hash:
        return None
    head = await journal.head()
    return Loss(min(head.sequence, mark.sequence - 1), mark.sequence)


async def unaccepted_loss(journal: Journal, witness: Witness) -> Loss | None:
    """Return a loss that no operator has accepted. Raises JournalAway."""
    loss = await find_loss(journal, witness)
    return None if loss is None or await journal.accepted_loss() >= loss.acknowledged else loss


async def remember(parts: Parts, sequencer: Sequencer) -> None:
    """Have the witness remember how far the journal has come, once a second, for ever."""
    first: bytes | None = None
    written = 0
    while True:
        await asyncio.sleep(REMEMBER_EVERY_S)
        head = sequencer.committed
        if head.sequence == written:
            continue
        try:
            if first is None:
                first = (await parts.snapshots.read(0, 1))[0].hash
            await asyncio.to_thread(parts.witness.write, Mark(first, head.sequence, head.hash))
            written = head.sequence
        except (JournalFault, OSError) as fault:
            log.warning("the witness does not remember", why=str(fault))
