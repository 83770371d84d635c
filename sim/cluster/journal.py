"""The journal, the lease and the way to the leader over the simulated database: twins of the PostgreSQL adapters."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Final, cast

import msgspec

from openbourse.adapters.connection_postgres import LOST, within
from openbourse.protocol.journal import (
    AppendInDoubt,
    BatchRow,
    Deposed,
    Head,
    JournalAway,
    SnapshotHead,
    SnapshotRow,
    Standing,
)
from sim.cluster.database import AlreadyThere, Backend, Connection, Database, LockNotAvailable, Lost, Refused, Server
from sim.cluster.hosts import Host
from sim.cluster.statements import Statements
from sim.cluster.tables import HashRow, KeepSnapshots, LeaseRow, NoteRow, StandingRow
from sim.cluster.world import SECOND_US

CONNECT_S: Final = 3.0
STATEMENT_S: Final = 2.0
APPEND_S: Final = 3.0
READ_S: Final = 10.0
SNAPSHOT_S: Final = 120.0
LOCK_TRIES: Final = 20


async def call(connection: Connection, seconds: float, statement: Callable[[Server, Backend], Awaitable[Any]]) -> Any:
    """Have a statement carried out; hang up when it takes too long, as the adapters do. Raises Lost, Refused."""
    try:
        return await within(cast(Any, connection), seconds, connection.call(statement))
    except TimeoutError as fault:
        raise Lost(str(fault)) from fault


async def open_connection(
    database: Database, host: Host, name: str, hear: Callable[[str], None] = lambda _: None
) -> Connection:
    """Return a new connection. Raises JournalAway."""
    connection = Connection(database, host, name, hear)
    try:
        await within(cast(Any, connection), CONNECT_S, connection.open())
    except (Lost, TimeoutError) as fault:
        connection.terminate()
        raise JournalAway(f"no connection to the journal: {fault}") from fault
    return connection


class SimulatedJournal:
    """Fits sequencer.journal.Journal, with the promises of PostgresJournal."""

    def __init__(self, database: Database, host: Host, name: str) -> None:
        self._database = database
        self._host = host
        self._name = name
        self._statements = Statements(database)
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._left_at_work = 0

    async def _connect(self) -> Connection:
        if self._connection is None or self._connection.is_closed:
            self._connection = await open_connection(self._database, self._host, self._name)
        return self._connection

    def abort(self) -> None:
        """Hang up at once; an append under way stays in doubt. The next call connects anew."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def append(self, row: BatchRow) -> None:
        """Append if the row's epoch still leads and it follows the head. Raises Deposed, AppendInDoubt."""

        async def insert(server: Server, _: Backend) -> bool:
            return await self._statements.append(server, row)

        async with self._turn:
            connection = await self._connect()
            try:
                is_done = await call(connection, APPEND_S, insert)
            except Lost as fault:
                self._left_at_work = connection.pid
                self.abort()
                raise AppendInDoubt(str(fault)) from fault
            except AlreadyThere as fault:
                raise AppendInDoubt(str(fault)) from fault
            except Refused as fault:
                raise JournalAway(f"the batch was not written: {fault}") from fault
        if not is_done:
            raise Deposed(f"epoch {row.epoch} no longer leads, or the journal has moved on")

    async def _read(self, look: Any) -> Any:
        async def select(server: Server, _: Backend) -> Any:
            return look(server.tables)

        async with self._turn:
            connection = await self._connect()
            try:
                return await call(connection, READ_S, select)
            except Lost as fault:
                self.abort()
                raise JournalAway(f"the journal could not be read: {fault}") from fault

    async def settled(self, epoch: int) -> Head:
        """Return the end of the journal once it is beyond doubt. Raises Deposed, JournalAway while it is not."""
        left = self._left_at_work

        async def is_at_work(server: Server, _: Backend) -> bool:
            return self._statements.is_at_work(server, left)

        async def confirm(server: Server, _: Backend) -> bool:
            return await self._statements.change_lease(server, epoch)

        async with self._turn:
            connection = await self._connect()
            try:
                if left and await call(connection, READ_S, is_at_work):
                    raise JournalAway("the append is still waiting in the database")
                self._left_at_work = 0
            except Lost as fault:
                self.abort()
                raise JournalAway(f"what was read could not be confirmed: {fault}") from fault
        head = await self.head()
        async with self._turn:
            connection = await self._connect()
            try:
                is_done = await call(connection, APPEND_S, confirm)
            except Lost as fault:
                self.abort()
                raise JournalAway(f"what was read could not be confirmed: {fault}") from fault
        if not is_done:
            raise Deposed(f"epoch {epoch} no longer leads")
        return head

    async def head(self) -> Head:
        """Return the end of the journal."""
        head: Head = await self._read(lambda tables: tables.head())
        return head

    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]:
        """Return committed rows after a sequence, oldest first."""
        rows: list[BatchRow] = await self._read(lambda tables: tables.read(after, rows_max))
        return rows

    async def find(self, sequence: int) -> BatchRow | None:
        """Return the row that holds a command."""
        rows = await self.read(sequence - 1, 1)
        return rows[0] if rows and rows[0].first_sequence <= sequence else None

    async def since(self, time_us: int, rows_max: int = 10_000) -> list[BatchRow]:
        """Return the newest committed rows not older than a time, oldest first."""
        rows: list[BatchRow] = await self._read(lambda tables: tables.since(time_us, rows_max))
        return rows

    async def snapshot_sequences(self) -> list[int]:
        """Return where snapshots stand, newest first."""
        found: list[int] = await self._read(lambda tables: sorted(tables.snapshots, reverse=True))
        return found

    async def snapshot(self, sequence: int) -> SnapshotRow | None:
        """Return a whole snapshot; the reader checks it."""
        found: SnapshotRow | None = await self._read(lambda tables: tables.snapshots.get(sequence))
        return found

    async def left_hash(self, sequence: int) -> bytes | None:
        """Return the hash that a leader left."""
        found: bytes | None = await self._read(lambda tables: tables.hashes.get(sequence))
        return found

    async def keep_reopening(self, plan: bytes) -> None:
        """Keep what is left of a reopening, for this leader's successor. Raises JournalAway."""
        await self._leave(NoteRow("reopening", plan))

    async def reopening(self) -> bytes:
        """Return what a leader kept of a reopening that is not done. Raises JournalAway."""
        plan: bytes = await self._read(lambda tables: tables.notes.get("reopening", b""))
        return plan

    async def accept_loss(self, acknowledged: int) -> None:
        """Note that an operator goes on without commands that were acknowledged up to a sequence."""
        await self._leave(NoteRow("loss", acknowledged.to_bytes(8, "little")))

    async def accepted_loss(self) -> int:
        """Return up to which sequence a loss was accepted; 0: never."""
        return int.from_bytes(await self._read(lambda tables: tables.notes.get("loss", b"")), "little")

    async def leave_hash(self, sequence: int, state_hash: bytes) -> None:
        """Leave the leader's hash of the state at a sequence for those who compare."""
        await self._leave(HashRow(sequence, state_hash))

    async def _leave(self, row: HashRow | NoteRow) -> None:
        async def insert(server: Server, _: Backend) -> None:
            await self._database.commit(server, row)

        async with self._turn:
            connection = await self._connect()
            try:
                await call(connection, READ_S, insert)
            except Lost as fault:
                self.abort()
                raise JournalAway(f"it was not left: {fault}") from fault

    async def save_snapshot(self, head: SnapshotHead, pieces: AsyncIterator[bytes], keep: int) -> None:
        """Store a whole snapshot in one transaction; drop all but the newest few. Raises JournalAway."""
        snapshot = SnapshotRow(head, b"".join([piece async for piece in pieces]))

        async def insert(server: Server, _: Backend) -> None:
            if head.sequence not in server.tables.snapshots:
                await self._database.commit(server, snapshot, KeepSnapshots(keep))

        connection = await open_connection(self._database, self._host, self._name)
        try:
            await call(connection, SNAPSHOT_S, insert)
        except (Lost, Refused) as fault:
            raise JournalAway(f"the snapshot was not stored: {fault}") from fault
        finally:
            connection.terminate()

    async def close(self) -> None:
        """Close the connection."""
        self.abort()


class SimulatedLease:
    """Fits sequencer.parts.Lease, with the steps and promises of PostgresLease."""

    def __init__(self, database: Database, host: Host, holder: str, ttl_s: float) -> None:
        self._database = database
        self._host = host
        self._holder = holder
        self._ttl_us = int(ttl_s * SECOND_US)
        self._statements = Statements(database)
        self._connection: Connection | None = None
        self._has_lock = False
        self._turn = asyncio.Lock()
        self._news: asyncio.Queue[str] = asyncio.Queue()
        self.epoch = 0
        self.vacant_s = 0.0

    async def _do(self, work: Callable[[Connection], Coroutine[Any, Any, Any]]) -> Any:
        async with self._turn:
            if self._connection is None or self._connection.is_closed:
                self._has_lock = False
                self._connection = await open_connection(
                    self._database, self._host, self._holder, self._news.put_nowait
                )
            try:
                return await within(cast(Any, self._connection), STATEMENT_S, work(self._connection))
            except LOST as fault:
                if self._connection is not None:
                    self._connection.terminate()
                self._connection = None
                raise JournalAway(f"the lease cannot be reached: {fault}") from fault

    async def _say(self, connection: Connection, statement: Callable[[Server, Backend], Any]) -> Any:
        async def run(server: Server, backend: Backend) -> Any:
            result = statement(server, backend)
            return await result if asyncio.iscoroutine(result) else result

        return await connection.call(run)

    def hang_up(self) -> None:
        """Drop the connection without a word."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def await_news(self, seconds: float) -> str:
        """Return what somebody says, an empty text when nobody has for so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                return await self._news.get()
        except TimeoutError:
            return ""

    async def _lock(self, connection: Connection) -> bool:
        if not self._has_lock:
            self._has_lock = await self._say(connection, self._statements.lock)
        return self._has_lock

    async def clock_skew_s(self, now_s: float) -> float:
        """Return how far a clock is ahead of the database's. Raises JournalAway."""
        clock = await self._do(lambda connection: self._say(connection, lambda server, _: server.site.clock_us()))
        return now_s - float(clock) / SECOND_US

    async def take(self, address: str) -> bool:
        """Try to become the leader; True: `epoch` is ours. Raises JournalAway."""
        try:
            return bool(await self._do(lambda connection: self._take(connection, address)))
        except LockNotAvailable as fault:
            raise JournalAway("the lease row was held; its holder's sessions were ended") from fault

    async def _take(self, connection: Connection, address: str) -> bool:
        is_free = await self._lock(connection)
        old, is_open = await self._say(
            connection, lambda server, _: (server.tables.lease, self._statements.is_open(server, is_free))
        )
        if not is_open:
            return False
        wanted = (self._holder, address, self._ttl_us, is_free)
        try:
            epoch: int = await self._say(
                connection, lambda server, backend: self._statements.take(server, backend, *wanted)
            )
        except LockNotAvailable:
            await self._end_sessions(connection, old)
            raise
        if not epoch:
            return False
        self.epoch = epoch
        now_us = await self._say(connection, lambda server, _: server.site.clock_us())
        self.vacant_s = 0.0 if old is None else max(0.0, (now_us - old.expires_us) / SECOND_US)
        self._database.world.note(self._host.name, f"has taken the lease, epoch {epoch}")
        await self._end_sessions(connection, old)
        for _ in range(LOCK_TRIES):
            if await self._lock(connection):
                break
            await asyncio.sleep(0.01)
        while not self._news.empty():
            self._news.get_nowait()
        return True

    async def _end_sessions(self, connection: Connection, old: LeaseRow | None) -> None:
        if old is not None and old.holder not in ("", self._holder):
            row = old
            await self._say(connection, lambda server, backend: self._statements.end_sessions(server, backend, row))

    async def renew(self) -> None:
        """Extend the lease. Raises Deposed when another epoch leads, JournalAway when the database cannot be reached."""
        if not await self._do(self._renew):
            raise Deposed(f"epoch {self.epoch} no longer leads")

    async def _renew(self, connection: Connection) -> bool:
        is_done = await self._say(
            connection,
            lambda server, backend: self._statements.change_lease(
                server, self.epoch, expires_us=server.site.clock_us() + self._ttl_us, backend=backend.pid
            ),
        )
        await self._lock(connection)
        return bool(is_done)

    async def prove(self) -> None:
        """Commit something that only the leading epoch can. Raises Deposed, JournalAway."""
        if not await self._do(
            lambda connection: self._say(connection, lambda server, _: self._statements.prove(server, self.epoch))
        ):
            raise Deposed(f"epoch {self.epoch} no longer leads")

    async def give_up(self) -> None:
        """End the lease now and say so, so that a standby takes over at once. Raises JournalAway."""
        if not self.epoch:
            return
        await self._do(
            lambda connection: self._say(connection, lambda server, _: self._statements.give_up(server, self.epoch))
        )
        await self.close()

    async def stand(self, standing: Standing) -> None:
        """Say how this standby does. Raises JournalAway."""
        named = msgspec.structs.replace(standing, holder=self._holder)
        await self._do(
            lambda connection: self._say(
                connection,
                lambda server, _: self._database.commit(server, StandingRow(named, server.site.clock_us())),
            )
        )

    async def standbys(self) -> list[Standing]:
        """Return how the others do that were heard of lately. Raises JournalAway."""
        found: list[Standing] = await self._do(
            lambda connection: self._say(connection, lambda server, _: self._statements.standbys(server, self._holder))
        )
        return found

    async def close(self) -> None:
        """Close the connection; the session lock goes with it."""
        if self._connection is not None:
            self._connection.terminate()
