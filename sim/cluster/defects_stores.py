"""Planted defects at the stores and the engine: statements, the feed's reader, projections, what the engine is told."""

import asyncio
from typing import Any

from openbourse.adapters import feed_valkey
from openbourse.adapters.feed_valkey import ValkeyFeed
from openbourse.engine import Engine
from openbourse.protocol import commands
from openbourse.protocol.codec import COMMAND_HEADER, EVENT_HEADER
from openbourse.protocol.events import EventKind
from openbourse.sequencer import recovery, standby
from openbourse.sequencer.standby import ReplicaAhead, Standby
from sim.cluster.database import Backend, Database, Server
from sim.cluster.planting import Patches, planted
from sim.cluster.projection import ProjectionConnection, RowProjector
from sim.cluster.statements import Statements
from sim.cluster.tables import LeaseRow


@planted("the append does not check that its epoch leads", "pause", "isolation", "slow network")
def epoch_not_checked() -> Patches:
    def anyone(self: Statements, server: Server, row: Any) -> bool:
        return True

    return [(Statements, "may_append", anyone), (Statements, "end_sessions", lambda *_: None)]


@planted(
    "the append does not check that it follows the head, and a taker has not read the tail", "crash", "power", "pause"
)
def chain_not_checked() -> Patches:
    def anything(self: Statements, head: Any, row: Any) -> bool:
        return True

    async def stand_still(self: Standby) -> None:
        return

    return [(Statements, "follows", anything), (Standby, "_stand_at_the_end", stand_still)]


@planted("the lease is taken while it still holds", "isolation", "split")
def lease_taken_too_early() -> Patches:
    def hasty(self: Statements, server: Server, is_free: bool) -> bool:
        old = server.tables.lease
        return old is None or old.expires_us - 1_250_000 < server.site.clock_us()

    return [(Statements, "is_open", hasty)]


@planted("the taker leads under the epoch of the leader before it", "pause", "isolation")
def epoch_not_raised() -> Patches:
    take = Statements.take

    async def same(self: Statements, server: Server, backend: Backend, *rest: Any) -> int:
        old = server.tables.lease
        epoch = await take(self, server, backend, *rest)
        new = server.tables.lease
        if epoch and old is not None and new is not None:
            epoch = old.epoch
            server.tables.lease = LeaseRow(epoch, new.holder, new.address, new.backend, new.expires_us)
        return epoch

    return [(Statements, "take", same), (Statements, "end_sessions", lambda *_: None)]


@planted("a reader of the feed steps over a gap", "feed")
def gap_stepped_over() -> Patches:
    bridge = ValkeyFeed._bridge

    async def nothing(self: ValkeyFeed, cursor: int, until: int | None) -> Any:
        if until is None:
            async for batch in bridge(self, cursor, until):
                yield batch
        else:
            # The next one is passed off as the missing one.
            found: Any = await self._client.xread({self._stream: f"{until}-0"}, count=1, block=1)
            for name, fields in found[0][1] if found else ():
                yield feed_valkey._batch(name, fields)

    return [(ValkeyFeed, "_bridge", nothing)]


@planted("a reader of the feed takes its silence for the end", "feed")
def silence_taken_for_the_end() -> Patches:
    entries = ValkeyFeed._entries

    async def content(self: ValkeyFeed, cursor: int) -> Any:
        found = await entries(self, cursor)
        return [] if found is None and not self._is_away else found

    return [(ValkeyFeed, "_entries", content)]


@planted("a commit does not wait for the database's standby", "database standby", "database failover")
def standby_not_waited_for() -> Patches:
    replicate = Database._replicate

    async def hurry(self: Database, place: int, changes: list[Any]) -> None:
        self._hurried = asyncio.create_task(replicate(self, place, changes))  # type: ignore[attr-defined]

    return [(Database, "_replicate", hurry)]


@planted("a taker does not read the journal's tail", "crash", "power")
def tail_not_read() -> Patches:
    async def stand(self: Standby) -> None:
        journal, replica = self._parts.journal, self._replica
        if (await journal.settled(self._parts.lease.epoch)).hash != replica.head.hash:
            raise ReplicaAhead(f"the journal does not end where this replica stands, at {replica.head.sequence}")

    return [(Standby, "_stand_at_the_end", stand)]


@planted("a replica whose clock is far off the database's leads", "clock", "crash")
def wrong_clock_leads() -> Patches:
    return [(standby, "CLOCK_SKEW_MAX_S", 10.0**9)]


@planted("a projection moves its cursor without its rows", "projection")
def cursor_without_rows() -> Patches:
    write = RowProjector.write

    async def forgetful(self: RowProjector, connection: Any) -> None:
        self._rows = self._rows[:-1] if len(self._rows) > 20 else self._rows
        await write(self, connection)

    return [(RowProjector, "write", forgetful)]


@planted("a projection writes on where it thinks that its rows end", "projection")
def cursor_not_compared() -> Patches:
    async def believe(self: ProjectionConnection, statement: str, cursor: int, standing: int) -> bool:
        self._draft.cursor = cursor
        return True

    return [(ProjectionConnection, "fetchval", believe)]


class Wrapped:
    """An engine behind a boundary that may tell it, or others, something else."""

    def __init__(self, engine: Engine | None = None) -> None:
        self._engine = Engine() if engine is None else engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def apply(self, first_sequence: int, time_us: int, frames: bytes) -> tuple[bytes, bytes]:
        """Apply a batch."""
        return self._engine.apply(first_sequence, time_us, frames)

    def clone(self) -> "Wrapped":
        """Copy the whole state."""
        return type(self)(self._engine.clone())

    @classmethod
    def restore(cls, data: bytes) -> "Wrapped":
        """Rebuild from a snapshot."""
        return cls(Engine.restore(data))


class Forgetful(Wrapped):
    """Does not see that a command is a resend."""

    def apply(self, first_sequence: int, time_us: int, frames: bytes) -> tuple[bytes, bytes]:
        """Apply a batch as if nobody had sent it before."""
        stripped = []
        for frame in commands.split(frames):
            length, kind, version, *_ = COMMAND_HEADER.unpack_from(frame)
            stripped.append(COMMAND_HEADER.pack(length, kind, version, 0, 0, 0, 0) + frame[COMMAND_HEADER.size :])
        return self._engine.apply(first_sequence, time_us, b"".join(stripped))


class Holding(Wrapped):
    """Does not tell that a cancel has released what the order held."""

    def apply(self, first_sequence: int, time_us: int, frames: bytes) -> tuple[bytes, bytes]:
        """Apply a batch; the release after a cancel is left out."""
        events, ends = self._engine.apply(first_sequence, time_us, frames)
        kinds = [commands.decode(frame)[0].kind for frame in commands.split(frames)]
        bounds = [0, *(int.from_bytes(ends[at : at + 4], "little") for at in range(0, len(ends), 4))]
        kept, new_ends = b"", b""
        for kind, begin, end in zip(kinds, bounds[:-1], bounds[1:], strict=True):
            at = begin
            while at < end:
                length, event = EVENT_HEADER.unpack_from(events, at)[:2]
                if not (kind == commands.CommandKind.CANCEL_ORDER and event == EventKind.BALANCE_CHANGED):
                    kept += events[at : at + length]
                at += length
            new_ends += len(kept).to_bytes(4, "little")
        return kept, new_ends


class Moody(Wrapped):
    """Decides by something that is not in the command."""

    moods = 0

    def apply(self, first_sequence: int, time_us: int, frames: bytes) -> tuple[bytes, bytes]:
        """Apply a batch; now and then a microsecond late."""
        Moody.moods += 1
        return self._engine.apply(first_sequence, time_us + (Moody.moods % 50 == 0), frames)


@planted("the engine applies a resend again", "lost links", "crash")
def applied_twice() -> Patches:
    return [(recovery, "Engine", Forgetful)]


@planted("a cancel does not release what the order held")
def hold_not_released() -> Patches:
    return [(recovery, "Engine", Holding)]


@planted("replicas decide by something that is not in the command")
def engine_not_deterministic() -> Patches:
    Moody.moods = 0
    return [(recovery, "Engine", Moody)]
