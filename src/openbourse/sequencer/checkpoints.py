"""Checkpoints: at sequences that all replicas agree on, the state is hashed, compared and stored, while all goes on.

The leader leaves its hash in the journal's database. A standby compares its own with it, and stores the state when they
are equal; the leader stores it only where no standby follows.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import structlog

from openbourse.protocol.journal import JournalAway, JournalFault, SnapshotHead
from openbourse.sequencer.parts import Parts
from openbourse.sequencer.photograph import Photograph, PhotographLost
from openbourse.sequencer.recovery import ReplayDiverged, Replica

log: Final = structlog.get_logger()

SNAPSHOTS_KEPT: Final = 3
LEADERS_HASH_S: Final = 10.0
"""How long a standby waits for the leader's hash: one that died, or was busy with the one before, leaves none."""
LOOK_EVERY_S: Final = 0.2
PIECE_PAUSE_S: Final = 0.02
"""Between the pieces of a state. The database writes one log: a commit waits until all that came before it is on the disk, and
a hundred pieces at once keep orders waiting for as long as they take."""


class Checkpoints:
    """The checkpoints of one replica, one at a time: one that comes while another is being written is passed over."""

    def __init__(self, parts: Parts, replica: Replica) -> None:
        self._parts = parts
        self._work: asyncio.Task[None] | None = None
        self._is_leading = False
        self._must_store: Callable[[], bool] = lambda: True
        self.divergence: ReplayDiverged | None = None
        replica.checkpoint_every = parts.snapshot_every_commands
        replica.at_checkpoint = self._begin

    def lead(self, stores: Callable[[], bool]) -> None:
        """Leave hashes for the standbys from now on, and store states while `stores` says so."""
        self._is_leading = True
        self._must_store = stores

    def _begin(self, replica: Replica) -> None:
        """Take the photograph, now; the rest takes its time."""
        if self._work is not None and not self._work.done():
            return
        head = _head(replica)
        try:
            photograph = self._parts.photograph(replica.engine)
        except OSError as fault:
            log.warning("no checkpoint", sequence=head.sequence, why=str(fault))
            return
        self._work = asyncio.create_task(self._finish(head, photograph))

    async def _finish(self, head: SnapshotHead, photograph: Photograph) -> None:
        try:
            await self._keep(head, photograph)
        except ReplayDiverged as fault:
            self.divergence = fault
        except (JournalFault, PhotographLost, OSError) as fault:
            log.warning("checkpoint not kept", sequence=head.sequence, why=str(fault))
        finally:
            photograph.close()

    async def _keep(self, head: SnapshotHead, photograph: Photograph) -> None:
        own, journal = await photograph.state_hash(), self._parts.snapshots
        if self._is_leading:
            await journal.leave_hash(head.sequence, own)
        else:
            theirs = await self._leaders_hash(head.sequence)
            if theirs is not None and theirs != own:
                raise ReplayDiverged(f"the state at sequence {head.sequence} is not the leader's")
        if self._must_store():
            await journal.save_snapshot(head.with_hash(own), _in_peace(photograph.pieces()), SNAPSHOTS_KEPT)
            log.info("snapshot", sequence=head.sequence)

    async def _leaders_hash(self, sequence: int) -> bytes | None:
        limit = self._parts.machine.monotonic_s() + LEADERS_HASH_S
        while not self._is_leading and self._parts.machine.monotonic_s() < limit:
            found = await self._parts.snapshots.left_hash(sequence)
            if found is not None:
                return found
            await asyncio.sleep(LOOK_EVERY_S)
        return None

    async def store_now(self, replica: Replica) -> None:
        """Store a state that does not change any more, on the way out."""
        await self.end()
        if not replica.head.sequence:
            return
        head = _head(replica)
        try:
            photograph = self._parts.photograph(replica.engine)
            try:
                digest = await photograph.state_hash()
                await self._parts.snapshots.save_snapshot(head.with_hash(digest), photograph.pieces(), SNAPSHOTS_KEPT)
            finally:
                photograph.close()
        except (JournalAway, PhotographLost, OSError) as fault:
            log.warning("no snapshot on the way out; the next start replays a longer tail", why=str(fault))

    async def end(self) -> None:
        """Leave what is under way."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait({self._work})


async def _in_peace(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield pieces with pauses between them."""
    is_first = True
    async for piece in pieces:
        if not is_first:
            await asyncio.sleep(PIECE_PAUSE_S)
        is_first = False
        yield piece


def _head(replica: Replica) -> SnapshotHead:
    """Return what is told of a replica's state beside the state itself; its hash comes later."""
    head = replica.head
    return SnapshotHead(head.sequence, head.hash, b"", replica.engine.rules_version, replica.beside())
