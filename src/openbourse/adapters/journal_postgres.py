"""The journal in PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import asyncpg

from openbourse.adapters.connection_postgres import (
    DRIVER_FAULTS,
    LOST,
    DatabaseAway,
    application_name,
    connect,
    is_lost,
    process_name,
    within,
)
from openbourse.protocol.journal import (
    GENESIS,
    AppendInDoubt,
    BatchRow,
    Deposed,
    Head,
    JournalAway,
    SnapshotHead,
    SnapshotRow,
)

# One autocommit statement: the epoch is checked under the lease row's share lock, the head must be the row before.
_APPEND: Final = """
WITH mine AS (
    SELECT 1 FROM journal.lease WHERE shard = $1 AND epoch = $4 FOR SHARE
), head AS (
    SELECT last_sequence, hash FROM journal.batch WHERE shard = $1 ORDER BY last_sequence DESC LIMIT 1
)
INSERT INTO journal.batch
    (shard, last_sequence, first_sequence, epoch, time_us, commands, events, previous_hash, hash)
SELECT $1::int, $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6::bytea, $7::bytea, $8::bytea, $9::bytea FROM mine
WHERE coalesce((SELECT last_sequence FROM head), 0) = $3::bigint - 1
    AND coalesce((SELECT hash FROM head), $10::bytea) = $8::bytea
RETURNING 1
"""
_COLUMNS: Final = "shard, epoch, first_sequence, last_sequence, time_us, commands, events, previous_hash, hash"
# In bounded pages, so that a reader far behind takes no more memory than one page; one row always comes.
_READ: Final = f"""
SELECT {_COLUMNS} FROM (
    SELECT *, row_number() OVER page AS number, sum(octet_length(commands) + octet_length(events)) OVER page AS bytes
    FROM (SELECT * FROM journal.batch WHERE shard = $1 AND last_sequence > $2 ORDER BY last_sequence LIMIT $3) AS rows
    WINDOW page AS (ORDER BY last_sequence)
) AS sized WHERE bytes <= $4 OR number = 1 ORDER BY last_sequence
"""
_HAS_SNAPSHOT: Final = "SELECT EXISTS (SELECT FROM journal.snapshot WHERE shard = $1 AND sequence = $2)"
_ADD_PART: Final = "INSERT INTO journal.snapshot_part (shard, sequence, number, bytes) VALUES ($1, $2, $3, $4)"
_ADD_SNAPSHOT: Final = """
INSERT INTO journal.snapshot (shard, sequence, chain_hash, state_hash, rules_version, beside, parts, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, '')
"""
_SNAPSHOT: Final = """
SELECT sequence, chain_hash, state_hash, rules_version, beside, state, parts FROM journal.snapshot
WHERE shard = $1 AND sequence = $2
"""
_DROP_PARTS: Final = "DELETE FROM journal.snapshot_part WHERE shard = $1 AND sequence = $2"
_PARTS: Final = "SELECT bytes FROM journal.snapshot_part WHERE shard = $1 AND sequence = $2 ORDER BY number"
_DROP_OLD: Final = (
    "DELETE FROM journal.snapshot WHERE shard = $1 AND sequence NOT IN"
    " (SELECT sequence FROM journal.snapshot WHERE shard = $1 ORDER BY sequence DESC LIMIT $2)",
    # Parts of what no longer has a head; the limit is the same, so that both take the same values.
    "DELETE FROM journal.snapshot_part WHERE shard = $1 AND $2::int > 0 AND sequence NOT IN"
    " (SELECT sequence FROM journal.snapshot WHERE shard = $1)",
)
_LEAVE_HASH: Final = """
INSERT INTO journal.state_hash (shard, sequence, state_hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_ACCEPT_LOSS: Final = """
INSERT INTO journal.accepted_loss (shard, after_sequence, acknowledged) VALUES ($1, $2, $3)
"""
_KEEP_REOPENING: Final = """
INSERT INTO journal.reopening (shard, plan) VALUES ($1, $2) ON CONFLICT (shard) DO UPDATE SET plan = $2
"""
_DROP_OLD_HASHES: Final = """
DELETE FROM journal.state_hash WHERE shard = $1 AND sequence <
    (SELECT min(sequence) FROM (SELECT sequence FROM journal.state_hash WHERE shard = $1
     ORDER BY sequence DESC LIMIT $2) AS newest)
"""
# Whoever asks may be wrong: the first batch stays in any case, and whatever a snapshot needs.
_DROP: Final = """
WITH gone AS (
    DELETE FROM journal.batch WHERE shard = $1 AND last_sequence = ANY (ARRAY(
        SELECT last_sequence FROM journal.batch
        WHERE shard = $1 AND first_sequence > 1 AND last_sequence > $2 AND last_sequence <= $3
            AND last_sequence < (SELECT min(sequence) FROM journal.snapshot WHERE shard = $1)
        ORDER BY last_sequence LIMIT $4)) RETURNING 1
) SELECT count(*) FROM gone
"""
SNAPSHOT_LOCK_SPACE: Final = 7_004
HASHES_KEPT: Final = 100
READ_BYTES_MAX: Final = 32 * 1024 * 1024
READ_SECONDS_MAX: Final = 10.0
SNAPSHOT_SECONDS_MAX: Final = 120.0
APPEND_SECONDS_MAX: Final = 3.0
"""How long a commit may take before its connection is dropped and the journal is read back, on the primary of then."""
CLOSE_SECONDS_MAX: Final = 1.0
# Whether a session of ours that was hung up on is still at it: what it appends is decided only when it has ended.
_IS_AT_WORK: Final = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND application_name = $2 AND state = 'active'
    AND pid <> pg_backend_pid())
"""
# Changes nothing but commits: when it has returned, a synchronous standby has all that was visible before it.
_CONFIRM: Final = """
UPDATE journal.lease SET backend_pid = backend_pid WHERE shard = $1 AND epoch = $2 RETURNING 1
"""


async def open_connection(url: str) -> asyncpg.Connection:
    """Return a new connection to the primary, bearing this process's name. Raises JournalAway."""
    try:
        return await connect(url, synchronous_commit="on")
    except DatabaseAway as fault:
        raise JournalAway(f"no connection to the journal: {fault}") from fault


class PostgresJournal:
    """The journal over one connection of its own, which is hung up on, never cancelled: a cancelled commit commits locally."""

    def __init__(self, url: str, shard: int) -> None:
        self._url = url
        self._shard = shard
        self._connection: asyncpg.Connection | None = None
        # A connection carries one statement at a time; several readers may share this journal.
        self._turn = asyncio.Lock()
        self._left_at_work = 0

    async def connect(self) -> asyncpg.Connection:
        """Return the connection, opened if need be. Raises JournalAway."""
        if self._connection is not None and is_lost(self._connection):
            self.abort()
        if self._connection is None:
            self._connection = await open_connection(self._url)
        return self._connection

    def abort(self) -> None:
        """Drop the connection without a word. Cancelling a commit that waits for its standby would commit it here."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        async with self._turn:
            connection = await self.connect()
            try:
                return list(await within(connection, READ_SECONDS_MAX, connection.fetch(statement, *values)))
            except LOST as fault:
                self.abort()
                raise JournalAway(f"the journal could not be read: {fault}") from fault

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with contextlib.suppress(*LOST):
                await self._connection.close(timeout=CLOSE_SECONDS_MAX)

    async def append(self, row: BatchRow) -> None:
        """Append if the row's epoch still leads and it follows the head. Raises Deposed, AppendInDoubt."""
        values = (row.last_sequence, row.first_sequence, row.epoch, row.time_us, row.commands, row.events)
        async with self._turn:
            connection = await self.connect()
            pid = connection.get_server_pid()
            statement = connection.fetchval(_APPEND, self._shard, *values, row.previous_hash, row.hash, GENESIS)
            try:
                done = await within(connection, APPEND_SECONDS_MAX, statement)
            except LOST as fault:
                self._left_at_work = pid
                self.abort()
                raise AppendInDoubt(str(fault)) from fault
            except asyncpg.UniqueViolationError as fault:
                # Our own first attempt may have ended while this one waited for it: the caller reads back.
                raise AppendInDoubt("this sequence is there already") from fault
        if done is None:
            raise Deposed(f"epoch {row.epoch} no longer leads, or the journal has moved on")

    async def settled(self, epoch: int) -> Head:
        """Return the end of the journal once it is beyond doubt. Raises Deposed, JournalAway while it is not.

        An append that was hung up on may still wait in its session, for a standby that is away. And what can be read may
        be on this host alone, after a restart above all: a commit of our own that returns says that the standby has it.
        """
        if self._left_at_work:
            name = application_name(process_name())
            if (await self._fetch(_IS_AT_WORK, self._left_at_work, name))[0][0]:
                raise JournalAway("the append is still waiting in the database")
            self._left_at_work = 0
        head = await self.head()
        async with self._turn:
            connection = await self.connect()
            statement = connection.fetchval(_CONFIRM, self._shard, epoch)
            try:
                done = await within(connection, APPEND_SECONDS_MAX, statement)
            except LOST as fault:
                self.abort()
                raise JournalAway(f"what was read could not be confirmed: {fault}") from fault
        if done is None:
            raise Deposed(f"epoch {epoch} no longer leads")
        return head

    async def head(self) -> Head:
        """Return the end of the journal."""
        rows = await self._fetch(
            "SELECT last_sequence, time_us, hash FROM journal.batch WHERE shard = $1 ORDER BY last_sequence DESC LIMIT 1",
            self._shard,
        )
        return Head(*rows[0].values()) if rows else Head()

    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]:
        """Return committed rows after a sequence, oldest first."""
        rows = await self._fetch(_READ, self._shard, after, rows_max, READ_BYTES_MAX)
        return [BatchRow(*row.values()) for row in rows]

    async def find(self, sequence: int) -> BatchRow | None:
        """Return the row that holds a command."""
        rows = await self.read(sequence - 1, 1)
        return rows[0] if rows and rows[0].first_sequence <= sequence else None

    async def since(self, time_us: int, rows_max: int = 10_000) -> list[BatchRow]:
        """Return the newest committed rows not older than a time, oldest first."""
        rows = await self._fetch(
            f"SELECT {_COLUMNS} FROM (SELECT * FROM journal.batch WHERE shard = $1 ORDER BY last_sequence DESC LIMIT $3)"
            " AS newest WHERE time_us >= $2 ORDER BY last_sequence",
            self._shard,
            time_us,
            rows_max,
        )
        return [BatchRow(*row.values()) for row in rows]

    async def save_snapshot(self, head: SnapshotHead, pieces: AsyncIterator[bytes], keep: int) -> None:
        """Store a snapshot piece by piece in one transaction; drop all but the newest few. Raises JournalAway.

        Over a connection of its own, and never more than a piece at a time: whoever trades beside it does not notice.
        """
        connection = await open_connection(self._url)
        try:
            await within(connection, SNAPSHOT_SECONDS_MAX, self._save(connection, head, pieces, keep))
        except (asyncpg.PostgresError, *DRIVER_FAULTS, TimeoutError, ConnectionError) as fault:
            raise JournalAway(f"the snapshot was not stored: {fault}") from fault
        finally:
            connection.terminate()

    async def _save(
        self, connection: asyncpg.Connection, head: SnapshotHead, pieces: AsyncIterator[bytes], keep: int
    ) -> None:
        count = 0
        async with connection.transaction():
            # Two that store the same one (a new leader, and the standby that it was) go one after the other.
            await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", SNAPSHOT_LOCK_SPACE, self._shard)
            if await connection.fetchval(_HAS_SNAPSHOT, self._shard, head.sequence):
                return
            await connection.execute(_DROP_PARTS, self._shard, head.sequence)
            async for piece in pieces:
                await connection.execute(_ADD_PART, self._shard, head.sequence, count, piece)
                count += 1
            fields = (head.sequence, head.chain_hash, head.state_hash, head.rules_version, head.beside)
            await connection.execute(_ADD_SNAPSHOT, self._shard, *fields, count)
            for statement in _DROP_OLD:
                await connection.execute(statement, self._shard, keep)

    async def snapshot_sequences(self) -> list[int]:
        """Return where snapshots stand, newest first."""
        statement = "SELECT sequence FROM journal.snapshot WHERE shard = $1 ORDER BY sequence DESC"
        return [row[0] for row in await self._fetch(statement, self._shard)]

    async def snapshot(self, sequence: int) -> SnapshotRow | None:
        """Return a whole snapshot; the reader checks it."""
        rows = await self._fetch(_SNAPSHOT, self._shard, sequence)
        if not rows:
            return None
        *fields, state, parts = rows[0]
        if parts:
            state = b"".join(row[0] for row in await self._fetch(_PARTS, self._shard, sequence))
        return SnapshotRow(SnapshotHead(*fields), state)

    async def drop(self, after: int, through: int, rows_max: int) -> int:
        """Drop the oldest rows between two sequences; return how many went. What is needed here stays. Raises JournalAway."""
        return int((await self._fetch(_DROP, self._shard, after, through, rows_max))[0][0])

    async def keep_reopening(self, plan: bytes) -> None:
        """Keep what is left of a reopening, for this leader's successor; nothing: it is done. Raises JournalAway."""
        await self._fetch(_KEEP_REOPENING, self._shard, plan)

    async def reopening(self) -> bytes:
        """Return what a leader kept of a reopening that is not done. Raises JournalAway."""
        rows = await self._fetch("SELECT plan FROM journal.reopening WHERE shard = $1", self._shard)
        return bytes(rows[0][0]) if rows else b""

    async def accept_loss(self, acknowledged: int) -> None:
        """Note that an operator goes on without commands that were acknowledged up to a sequence."""
        await self._fetch(_ACCEPT_LOSS, self._shard, (await self.head()).sequence, acknowledged)

    async def accepted_loss(self) -> int:
        """Return up to which sequence a loss was accepted; 0: never."""
        statement = "SELECT coalesce(max(acknowledged), 0) FROM journal.accepted_loss WHERE shard = $1"
        return int((await self._fetch(statement, self._shard))[0][0])

    async def leave_hash(self, sequence: int, state_hash: bytes) -> None:
        """Leave the leader's hash of the state at a sequence for those who compare."""
        await self._fetch(_LEAVE_HASH, self._shard, sequence, state_hash)
        await self._fetch(_DROP_OLD_HASHES, self._shard, HASHES_KEPT)

    async def left_hash(self, sequence: int) -> bytes | None:
        """Return the hash that a leader left."""
        statement = "SELECT state_hash FROM journal.state_hash WHERE shard = $1 AND sequence = $2"
        rows = await self._fetch(statement, self._shard, sequence)
        return bytes(rows[0][0]) if rows else None
