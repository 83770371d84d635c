"""Rows of the journal: committed batches, hash-chained, and snapshots; and how reading or writing them fails."""

import hashlib
from struct import Struct
from typing import Final

import msgspec

GENESIS: Final = bytes(32)
"""The hash before the first batch."""
_FIELDS: Final = Struct("<IQQQq")


class BatchRow(msgspec.Struct, frozen=True):
    """One committed batch: the commands, the events they caused, and its place in the chain."""

    shard: int
    epoch: int
    first_sequence: int
    last_sequence: int
    time_us: int
    commands: bytes
    events: bytes
    previous_hash: bytes
    hash: bytes

    def is_whole(self) -> bool:
        """Tell whether the hash is that of the fields."""
        return self.hash == chain_hash(
            self.previous_hash,
            self.shard,
            self.epoch,
            self.first_sequence,
            self.last_sequence,
            self.time_us,
            self.commands,
            self.events,
        )


class Head(msgspec.Struct, frozen=True):
    """The end of the journal."""

    sequence: int = 0
    time_us: int = 0
    hash: bytes = GENESIS


class Mark(msgspec.Struct, frozen=True):
    """How far a journal had come, as remembered outside of it."""

    first_hash: bytes
    """Which journal: the hash of its first batch."""
    sequence: int
    hash: bytes


class SnapshotHead(msgspec.Struct, frozen=True):
    """What is told of a snapshot beside its state."""

    sequence: int
    chain_hash: bytes
    state_hash: bytes
    rules_version: int
    beside: bytes = b""
    """What a new leader must know beyond the state, orders counted by account above all."""

    def with_hash(self, state_hash: bytes) -> "SnapshotHead":
        """Return this head with the state's hash."""
        return msgspec.structs.replace(self, state_hash=state_hash)


class SnapshotRow(msgspec.Struct, frozen=True):
    """Engine state at a sequence, with what it takes to trust it."""

    head: SnapshotHead
    state: bytes

    def is_whole(self) -> bool:
        """Tell whether the state's hash is that of the state."""
        return hashlib.sha256(self.state).digest() == self.head.state_hash


class Standing(msgspec.Struct, frozen=True):
    """How a standby does, as it last said itself."""

    holder: str
    sequence: int
    """What it has applied."""
    behind: int
    """Committed commands that it has not applied yet."""
    behind_us: int
    """How long the oldest of them has been waiting."""
    state: str
    """"following", "behind" or "diverged"."""

    @property
    def may_lead(self) -> bool:
        """Tell whether it could take over at once."""
        return self.state == FOLLOWING


FOLLOWING: Final = "following"
BEHIND: Final = "behind"
DIVERGED: Final = "diverged"


class JournalFault(Exception):
    """The journal cannot be read or written as it should; the process ends and starts again from it."""


class AppendInDoubt(JournalFault):
    """The connection was lost while a batch was being committed: it may be there or not."""


class JournalAway(JournalFault):
    """The journal cannot be reached now; nothing was written. Trying again may help."""


class JournalDropped(JournalFault):
    """What comes after a sequence is in the archive alone: it was dropped from the journal's database."""


class Deposed(JournalFault):
    """Another epoch leads, or the journal has moved on without this process."""


def chain_hash(
    previous: bytes,
    shard: int,
    epoch: int,
    first_sequence: int,
    last_sequence: int,
    time_us: int,
    commands: bytes,
    events: bytes,
) -> bytes:
    """Return SHA-256 over the previous hash and every field of a batch."""
    digest = hashlib.sha256(previous)
    digest.update(_FIELDS.pack(shard, epoch, first_sequence, last_sequence, time_us))
    digest.update(hashlib.sha256(commands).digest())
    digest.update(hashlib.sha256(events).digest())
    return digest.digest()
