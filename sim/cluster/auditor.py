"""Holds what clients were told, what readers saw and what replicas are against the journal that is left at the end."""

from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Final

from openbourse.projection.feed import CommittedBatch
from openbourse.projection.runner import KINDS
from openbourse.protocol import commands, events
from openbourse.protocol.codec import EVENT_HEADER, LayoutError
from openbourse.protocol.events import EventKind
from openbourse.protocol.journal import BatchRow, Head, SnapshotHead, SnapshotRow
from openbourse.sequencer.replay import verify
from openbourse.sequencer.sequencer import events_of
from sim.cluster.history import ACKNOWLEDGED, REFUSED, Record
from sim.cluster.replicas import replayed_hash
from sim.cluster.tables import Tables
from sim.cluster.venue import Venue
from sim.cluster.workload import mark_of

SHOWN_MAX: Final = 12
SENDS_MAX: Final = 2


@dataclass(frozen=True)
class Sequenced:
    """A client's command as the journal has it."""

    sequence: int
    events: bytes
    first: int
    """The sequence whose result this one gives; its own unless it is a resend."""


class StillJournal:
    """The journal that is left, to be verified: nothing waits."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def append(self, row: BatchRow) -> None:
        """Never."""
        raise NotImplementedError

    async def head(self) -> Head:
        """Return the end of the journal."""
        return self._tables.head()

    async def settled(self, epoch: int) -> Head:
        """Return the end of the journal."""
        return self._tables.head()

    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]:
        """Return rows after a sequence."""
        return self._tables.read(after, rows_max)

    async def find(self, sequence: int) -> BatchRow | None:
        """Return the row that holds a command."""
        rows = self._tables.read(sequence - 1, 1)
        return rows[0] if rows else None

    async def since(self, time_us: int, rows_max: int = 10_000) -> list[BatchRow]:
        """Return the newest rows."""
        return self._tables.since(time_us, rows_max)

    def abort(self) -> None:
        """Nothing is under way."""

    async def save_snapshot(self, head: SnapshotHead, pieces: AsyncIterator[bytes], keep: int) -> None:
        """Never."""
        raise NotImplementedError

    async def snapshot_sequences(self) -> list[int]:
        """Return where snapshots stand that are whole: a torn one is for recovery to refuse."""
        return [sequence for sequence, snapshot in self._tables.snapshots.items() if snapshot.is_whole()]

    async def snapshot(self, sequence: int) -> SnapshotRow | None:
        """Return a snapshot."""
        return self._tables.snapshots.get(sequence)

    async def keep_reopening(self, plan: bytes) -> None:
        """Never."""
        raise NotImplementedError

    async def reopening(self) -> bytes:
        """Return what is left of a reopening."""
        return b""

    async def accept_loss(self, acknowledged: int) -> None:
        """Never."""
        raise NotImplementedError

    async def accepted_loss(self) -> int:
        """Return 0: none was."""
        return 0

    async def leave_hash(self, sequence: int, state_hash: bytes) -> None:
        """Never."""
        raise NotImplementedError

    async def left_hash(self, sequence: int) -> bytes | None:
        """Return a hash that a leader left."""
        return self._tables.hashes.get(sequence)


def settled(work: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


class Audit:
    """One audit at the end of a run."""

    def __init__(self, venue: Venue, may_diverge: bool) -> None:
        self._venue = venue
        self._may_diverge = may_diverge
        self._history = venue.history
        self._rows = venue.database.primary.tables.rows
        self._head = venue.database.primary.tables.head()
        self._journal = self._index()
        self.violations: list[str] = list(self._history.violations)

    def _index(self) -> dict[str, list[Sequenced]]:
        index: dict[str, list[Sequenced]] = {}
        for row in self._rows:
            for place, frame in enumerate(commands.split(row.commands)):
                try:
                    mark = mark_of(commands.decode(frame)[0])
                except LayoutError:
                    continue
                if mark:
                    sequence = row.first_sequence + place
                    caused = events_of(row.events, sequence)
                    kind = int.from_bytes(caused[4:6], "little")
                    at = EVENT_HEADER.size
                    is_resend = kind == EventKind.COMMAND_DUPLICATE
                    first = int.from_bytes(caused[at : at + 8], "little") if is_resend else sequence
                    index.setdefault(mark, []).append(Sequenced(sequence, caused, first))
        return index

    def run(self) -> list[str]:
        """Return everything that is wrong."""
        for found in (
            self._journal_is_sound(),
            self._commands_are_right(),
            self._readers_are_right(),
            self._feed_is_dense(),
            self._projection_is_right(),
            self._replicas_are_equal(),
            self._nothing_was_uncaught(),
        ):
            self.violations += list(found)[:SHOWN_MAX]
        return self.violations

    def _journal_is_sound(self) -> Iterator[str]:
        report = settled(verify(StillJournal(self._venue.database.primary.tables)))
        for check in report.checks:
            for fault in check.faults:
                yield f"{check.promise}: {fault}"
        yield from self._venue.database.wrongs
        if self._history.told_max > self._head.sequence:
            yield f"somebody was told of sequence {self._history.told_max}; the journal ends at {self._head.sequence}"

    def _feed_is_dense(self) -> Iterator[str]:
        """The stream has every batch from its first, unless it was ever away or robbed: readers need the journal only then.

        A new leader begins another one where the old one had what a lost database host alone held.
        """
        if self._history.counts.get("feed away"):
            return
        for entries in self._venue.valkey.streams.values():
            before = int(entries[0][1][b"f"]) - 1 if entries else 0
            for last, fields in entries:
                if int(fields[b"f"]) != before + 1:
                    yield f"the feed has {before} and then {int(fields[b'f'])}"
                before = last
            if before != self._head.sequence:
                yield f"the feed ends at {before}; the journal ends at {self._head.sequence}"

    def _commands_are_right(self) -> Iterator[str]:
        for record in self._history.records.values():
            sequenced = self._journal.get(record.mark, [])
            firsts = [found for found in sequenced if found.first == found.sequence]
            if len(firsts) > 1:
                yield f"{record.tag} {record.kind} has its own effect {len(firsts)} times: {[f.sequence for f in firsts]}"
            for found in sequenced:
                if found.first != firsts[0].sequence if firsts else True:
                    yield f"{record.tag} at {found.sequence} repeats {found.first}, which is another command"
            if len(sequenced) > SENDS_MAX:
                yield f"{record.tag} was sequenced {len(sequenced)} times; a command is sent {SENDS_MAX} times at most"
            yield from self._outcome_is_right(record, firsts)

    def _outcome_is_right(self, record: Record, firsts: list[Sequenced]) -> Iterator[str]:
        if record.status == ACKNOWLEDGED:
            if not firsts:
                yield f"{record.tag} {record.kind} was acknowledged as {record.sequence} and is not in the journal"
            elif firsts[0].sequence != record.sequence:
                yield f"{record.tag} was acknowledged as {record.sequence}, the journal has it at {firsts[0].sequence}"
            elif firsts[0].events != record.events:
                yield f"{record.tag} was answered with other events than the journal has"
        elif record.status == REFUSED and firsts:
            yield f"{record.tag} {record.kind} was refused ({record.refusal}) and is in the journal at {firsts[0].sequence}"
        if record.found is not None and record.found != bool(firsts):
            told = "there" if record.found else "not there"
            yield f"a query said that {record.tag} is {told}; the journal says otherwise"

    def _readers_are_right(self) -> Iterator[str]:
        expected = [
            CommittedBatch(row.first_sequence, row.last_sequence, row.time_us, row.events) for row in self._rows
        ]
        for gateway in self._venue.views:
            seen = gateway.view.batches
            for batch, wanted in zip(seen, expected, strict=False):
                if batch != wanted:
                    yield f"{gateway.host.name} saw another batch from {batch.first_sequence} than the journal has"
                    break
            if len(seen) > len(expected):
                yield f"{gateway.host.name} saw {seen[-1].last_sequence}; the journal ends at {self._head.sequence}"
            if gateway.host.is_alive and len(seen) < len(expected):
                yield f"{gateway.host.name} has read up to {gateway.view.cursor} of {self._head.sequence}"

    def _projection_is_right(self) -> Iterator[str]:
        expected = [
            (event.sequence, event.index, type(event).__name__)
            for row in self._rows
            for event in events.decode(row.events, KINDS)
        ]
        found = self._venue.projection.rows()
        if self._venue.projection.cursor != self._head.sequence:
            yield f"the projection stands at {self._venue.projection.cursor} of {self._head.sequence}"
        elif found != expected:
            yield f"the projection has {len(found)} rows of {len(expected)}, or in another order"

    def _replicas_are_equal(self) -> Iterator[str]:
        hashes = self._venue.state_hashes()
        wanted = replayed_hash(self._rows)
        if self._history.counts.get("diverged") and not self._may_diverge:
            yield "a replica has diverged although no database has lost what it showed"
        if self._history.counts.get("ahead") and not self._may_diverge:
            yield "a taker stood ahead of the journal, or behind it, although no database has lost what it showed"
        if not hashes:
            yield "no replica is left"
        for name, (sequence, state) in hashes.items():
            if sequence != self._head.sequence:
                yield f"{name} stands at {sequence} of {self._head.sequence}"
            elif state != wanted:
                yield f"{name} has another state than the replayed journal"

    def _nothing_was_uncaught(self) -> Iterator[str]:
        for host in self._venue.hosts:
            for fault in host.uncaught:
                yield f"{host.name}, life {host.life}: {fault}"
