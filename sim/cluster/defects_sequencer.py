"""Planted defects of the sequencer: when it answers, what it does in doubt, how it leads."""

import asyncio
import hashlib
from typing import Any

import msgspec

from openbourse.projection.feed import CommittedBatch
from openbourse.protocol.intake import Refusal
from openbourse.protocol.journal import BatchRow, Deposed, Head, JournalFault, SnapshotHead
from openbourse.sequencer import checkpoints, lead, sequencer
from openbourse.sequencer.intake import GatewayConnection, Intake, Pending
from openbourse.sequencer.photograph import Taken
from openbourse.sequencer.publisher import Publisher
from openbourse.sequencer.recovery import Replica
from openbourse.sequencer.sequencer import Sequencer
from sim.cluster.journal import SimulatedLease
from sim.cluster.planting import Patches, planted

REFUSED_S = 0.05


@planted("the batch is acknowledged while it is on its way to the journal", "crash", "power")
def acknowledged_before_the_commit() -> Patches:
    append = Sequencer._append

    async def hurried(self: Sequencer, row: BatchRow) -> None:
        self._hurried = asyncio.create_task(append(self, row))  # type: ignore[attr-defined]

    return [(Sequencer, "_append", hurried)]


@planted("the batch is put on the feed before the journal has it", "crash", "isolation", "disk full")
def published_before_the_commit() -> Patches:
    append = Sequencer._append

    async def hurried(self: Sequencer, row: BatchRow) -> None:
        self._publisher.put(CommittedBatch(row.first_sequence, row.last_sequence, row.time_us, row.events))
        await append(self, row)

    return [(Sequencer, "_append", hurried)]


@planted("an append in doubt counts as done", "database failover", "lost sessions", "disk full")
def doubt_taken_for_success() -> Patches:
    async def believe(self: Sequencer, row: BatchRow) -> None:
        return

    return [(Sequencer, "_resolve", believe)]


@planted("the commands of an append in doubt are refused as not sequenced", "lost sessions", "database restart")
def doubt_taken_for_failure() -> Patches:
    sequence = Sequencer._sequence

    async def give_up(self: Sequencer, row: BatchRow) -> None:
        raise JournalFault("given up")

    async def refuse(self: Sequencer, taken: list[Pending]) -> None:
        try:
            await sequence(self, taken)
        except JournalFault as fault:
            if not isinstance(fault, Deposed):
                for pending in taken:
                    pending.connection.refuse_queued(pending.counter, Refusal.OVERLOADED)
                    pending.connection.flush()
                # The process ends now: let the refusals go out first.
                await asyncio.sleep(REFUSED_S)
            raise

    return [(Sequencer, "_resolve", give_up), (Sequencer, "_sequence", refuse)]


@planted("a journal that went on without this process counts as written", "pause", "isolation")
def deposed_and_going_on() -> Patches:
    append = Sequencer._append

    async def go_on(self: Sequencer, row: BatchRow) -> None:
        try:
            await append(self, row)
        except Deposed:
            return

    return [(Sequencer, "_append", go_on)]


@planted("a command is sequenced after its not-after time", "pause", "slow disk", "disk full")
def not_after_not_enforced() -> Patches:
    admit = Sequencer._admit

    def let_in(self: Sequencer, pending: Pending, time_us: int) -> bool:
        pending.not_after_us = 0
        return admit(self, pending, time_us)

    return [(Sequencer, "_admit", let_in)]


@planted("a resend is answered with its own events, not with the first result", "lost links", "crash")
def resend_answered_as_new() -> Patches:
    async def nothing(self: Sequencer, sequence: int) -> tuple[int, bytes]:
        return self.committed.time_us, b""

    return [(Sequencer, "_first_result", nothing)]


@planted("time is stamped as the clock shows it, even before what is committed", "clock", "crash", "power")
def time_goes_back() -> Patches:
    def unsteady(self: Sequencer) -> int:
        return self._machine.now_us()

    return [(Sequencer, "_now_us", unsteady)]


@planted("a clock that is set while leading is not noticed", "clock")
def set_clock_not_noticed() -> Patches:
    return [(sequencer, "CLOCK_SET_MAX_US", 10**15)]


@planted("how far the journal goes is told without a proof that this epoch leads", "split")
def told_without_a_proof() -> Patches:
    def tell(self: Intake, connection: GatewayConnection, question: int) -> None:
        connection.tell_committed(question)

    return [(Intake, "ask", tell)]


@planted("a proof that this epoch leads is trusted for as long as the lease lasts", "split", "lost sessions")
def lease_trusted_for_its_length() -> Patches:
    ask, proven = Intake.ask, Intake.proven

    def remember(self: Intake, asked: int) -> None:
        self._proven_s = self.machine.monotonic_s()  # type: ignore[attr-defined]
        proven(self, asked)

    def trust(self: Intake, connection: GatewayConnection, question: int) -> None:
        if self.machine.monotonic_s() - getattr(self, "_proven_s", -lead.LEASE_TTL_S) < lead.LEASE_TTL_S:
            connection.tell_committed(question)
        else:
            ask(self, connection, question)

    return [(Intake, "ask", trust), (Intake, "proven", remember)]


@planted("how far the journal goes is told while an old batch is on its way", "disk full", "database restart")
def told_over_a_batch_under_way() -> Patches:
    ask, appending = Intake.ask, Intake.appending

    def asked(self: Intake, connection: GatewayConnection, question: int) -> None:
        ask(self, connection, question)
        self.unproven.set()

    def begun(self: Intake) -> None:
        is_asked = self.unproven.is_set()
        appending(self)
        if is_asked:
            self.unproven.set()

    return [(Intake, "ask", asked), (Intake, "appending", begun)]


@planted("a leader that another one has replaced goes on when it renews", "split")
def deposed_not_noticed() -> Patches:
    renew = SimulatedLease.renew

    async def anyway(self: SimulatedLease) -> None:
        try:
            await renew(self)
        except Deposed:
            return

    return [(SimulatedLease, "renew", anyway)]


@planted("a new leader does not publish the tail again", "crash", "power")
def tail_not_published_again() -> Patches:
    def nothing(self: Publisher, row: BatchRow) -> None:
        return

    return [(Publisher, "put_row", nothing)]


@planted("a snapshot is written from the engine itself, which trades on meanwhile")
def snapshot_of_moving_state() -> Patches:
    def begin(self: Taken, engine: Any) -> None:
        self._engine = engine  # type: ignore[attr-defined]

    async def late(self: Taken) -> bytes:
        await asyncio.sleep(0.05)
        self._state = self._engine.snapshot()  # type: ignore[attr-defined]
        return hashlib.sha256(self._state).digest()

    return [(Taken, "__init__", begin), (Taken, "state_hash", late)]


@planted("a snapshot is named for a sequence that it does not contain")
def snapshot_named_too_early() -> Patches:
    head = checkpoints._head

    def later(replica: Replica) -> SnapshotHead:
        return msgspec.structs.replace(head(replica), sequence=replica.head.sequence + 1)

    return [(checkpoints, "_head", later)]


@planted("a snapshot is there before all of its pieces are", "crash", "power")
def snapshot_named_before_complete() -> Patches:
    async def first(self: Taken) -> Any:
        yield self._state[: len(self._state) // 2]

    async def of_half(self: Taken) -> bytes:
        return hashlib.sha256(self._state[: len(self._state) // 2]).digest()

    return [(Taken, "pieces", first), (Taken, "state_hash", of_half)]


@planted("a leader that is asked to stop while commands wait hangs", "hand-over", "slow disk")
def stop_hangs() -> Patches:
    take = Intake.take

    def empty(self: Intake, commands_max: int, bytes_max: int) -> list[Pending]:
        taken = take(self, commands_max, bytes_max)
        if not self.queue:
            self.arrived.clear()
        return taken

    waits = Sequencer._await_work

    async def wait(self: Sequencer) -> None:
        if self._stopping and not self.intake.arrived.is_set():
            await self.intake.arrived.wait()
        await waits(self)

    return [(Intake, "take", empty), (Sequencer, "_await_work", wait)]


@planted("a replica believes every batch: neither chain nor events are compared", "crash", "database standby")
def batches_not_compared() -> Patches:
    def believe(self: Replica, row: BatchRow) -> None:
        if row.first_sequence == self.head.sequence + 1:
            # What it makes of the batch is not what the journal says: its own arithmetic is a little off.
            self.engine.apply(row.first_sequence, row.time_us + 1, row.commands)
            self.head = Head(row.last_sequence, row.time_us, row.hash)

    return [(Replica, "follow", believe)]
