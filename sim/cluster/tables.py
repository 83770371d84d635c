"""What a simulated database server holds: the journal's tables, as the changes written ahead make them."""

import asyncio
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from openbourse.protocol.journal import BatchRow, Head, SnapshotRow, Standing

READ_BYTES_MAX: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """The one row of the lease's table."""

    epoch: int
    holder: str
    address: str
    backend: int
    expires_us: int


@dataclass(frozen=True, slots=True)
class KeepSnapshots:
    """Drop all but the newest few snapshots."""

    keep: int


@dataclass(frozen=True, slots=True)
class HashRow:
    """A leader's hash of the state at a sequence."""

    sequence: int
    state_hash: bytes


@dataclass(frozen=True, slots=True)
class StandingRow:
    """How a standby does, and when it said so."""

    standing: Standing
    seen_us: int


@dataclass(frozen=True, slots=True)
class NoteRow:
    """Something that leaders and operators leave for later leaders."""

    name: str
    value: bytes


Change = BatchRow | SnapshotRow | LeaseRow | KeepSnapshots | HashRow | StandingRow | NoteRow


@dataclass
class Tables:
    """The rows that a statement sees."""

    rows: list[BatchRow] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    snapshots: dict[int, SnapshotRow] = field(default_factory=dict)
    lease: LeaseRow | None = None
    hashes: dict[int, bytes] = field(default_factory=dict)
    standings: dict[str, StandingRow] = field(default_factory=dict)
    notes: dict[str, bytes] = field(default_factory=dict)

    def take(self, change: Change) -> None:
        """Make a committed change visible."""
        match change:
            case BatchRow():
                at = bisect_right(self.ends, change.last_sequence)
                self.rows.insert(at, change)
                self.ends.insert(at, change.last_sequence)
            case SnapshotRow():
                self.snapshots.setdefault(change.head.sequence, change)
            case HashRow():
                self.hashes.setdefault(change.sequence, change.state_hash)
            case NoteRow():
                self.notes[change.name] = change.value
            case StandingRow():
                self.standings[change.standing.holder] = change
            case LeaseRow():
                self.lease = change
            case KeepSnapshots():
                newest = sorted(self.snapshots)[-change.keep :]
                self.snapshots = {sequence: self.snapshots[sequence] for sequence in newest}

    def head(self) -> Head:
        """Return the end of the journal."""
        return Head(self.rows[-1].last_sequence, self.rows[-1].time_us, self.rows[-1].hash) if self.rows else Head()

    def read(self, after: int, rows_max: int) -> list[BatchRow]:
        """Return rows after a sequence, oldest first, within both bounds; one row always comes."""
        at = bisect_right(self.ends, after)
        found: list[BatchRow] = []
        size = 0
        for row in self.rows[at : at + rows_max]:
            size += len(row.commands) + len(row.events)
            if found and size > READ_BYTES_MAX:
                break
            found.append(row)
        return found

    def since(self, time_us: int, rows_max: int) -> list[BatchRow]:
        """Return the newest rows not older than a time, oldest first."""
        return [row for row in self.rows[-rows_max:] if row.time_us >= time_us]

    def tear(self, sequence: int, size: int) -> None:
        """Lose the end of a stored snapshot, as a disk may."""
        whole = self.snapshots[sequence]
        self.snapshots[sequence] = SnapshotRow(whole.head, whole.state[:size])


class RowLock:
    """The lock of the lease's row: many may share it, or one has it alone."""

    def __init__(self) -> None:
        self._shared = 0
        self._is_taken = False
        self._waiting: deque[tuple[bool, asyncio.Future[None]]] = deque()

    def _may(self, alone: bool) -> bool:
        return not self._is_taken and not (alone and self._shared)

    async def acquire(self, alone: bool) -> None:
        """Wait for the lock."""
        if not self._may(alone):
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((alone, waiting))
            try:
                await waiting
            except asyncio.CancelledError:
                if waiting.done() and not waiting.cancelled():
                    self.release(alone)
                raise
        else:
            self._grant(alone)

    def _grant(self, alone: bool) -> None:
        if alone:
            self._is_taken = True
        else:
            self._shared += 1

    def release(self, alone: bool) -> None:
        """Give the lock back; who waits gets it in order."""
        if alone:
            self._is_taken = False
        else:
            self._shared -= 1
        while self._waiting and (self._waiting[0][1].done() or self._may(self._waiting[0][0])):
            wants_alone, waiting = self._waiting.popleft()
            if not waiting.done():
                self._grant(wants_alone)
                waiting.set_result(None)
