"""The journal in PostgreSQL."""

import asyncio
import os
import socket
from typing import Final

import asyncpg

from openbourse.protocol.journal import (
    GENESIS,
    AppendInDoubt,
    BatchRow,
    Deposed,
    Head,
    JournalAway,
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
# Losing any of these during a statement says nothing about whether it committed.
LOST: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    # The driver's word for a statement that meets the server's farewell.
    asyncpg.InternalClientError,
)
READ_BYTES_MAX: Final = 32 * 1024 * 1024
CONNECT_SECONDS_MAX: Final = 5.0


def process_name() -> str:
    """Return what this process calls itself to the database: a successor ends its connections by that name."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def open_connection(url: str, **arguments: object) -> asyncpg.Connection:
    """Return a new connection that bears this process's name. Raises JournalAway."""
    options = {"application_name": application_name(process_name()), "synchronous_commit": "on", "jit": "off"}
    try:
        return await asyncpg.connect(url, timeout=CONNECT_SECONDS_MAX, server_settings=options, **arguments)
    except (*LOST, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError, TimeoutError) as fault:
        raise JournalAway(f"no connection to the journal: {fault}") from fault


def application_name(holder: str) -> str:
    """Return a holder's name in the database's list of sessions, within its length."""
    return f"openbourse {holder}"[:63]


class PostgresJournal:
    """The journal over one connection of its own, without a command time-out: a cancelled commit commits locally."""

    def __init__(self, url: str, shard: int) -> None:
        self._url = url
        self._shard = shard
        self._connection: asyncpg.Connection | None = None
        # A connection carries one statement at a time; several readers may share this journal.
        self._turn = asyncio.Lock()

    async def connect(self) -> asyncpg.Connection:
        """Return the connection, opened if need be. Raises JournalAway."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await open_connection(self._url, command_timeout=None)
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
                return list(await connection.fetch(statement, *values))
            except LOST as fault:
                self.abort()
                raise JournalAway(f"the journal could not be read: {fault}") from fault

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()

    async def append(self, row: BatchRow) -> None:
        """Append if the row's epoch still leads and it follows the head. Raises Deposed, AppendInDoubt."""
        values = (row.last_sequence, row.first_sequence, row.epoch, row.time_us, row.commands, row.events)
        async with self._turn:
            connection = await self.connect()
            try:
                done = await connection.fetchval(_APPEND, self._shard, *values, row.previous_hash, row.hash, GENESIS)
            except LOST as fault:
                self.abort()
                raise AppendInDoubt(str(fault)) from fault
            except asyncpg.UniqueViolationError as fault:
                # Our own first attempt may have ended while this one waited for it: the caller reads back.
                raise AppendInDoubt("this sequence is there already") from fault
        if done is None:
            raise Deposed(f"epoch {row.epoch} no longer leads, or the journal has moved on")

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

    async def save_snapshot(self, snapshot: SnapshotRow, keep: int) -> None:
        """Store a whole snapshot in one transaction; drop all but the newest few."""
        connection = await open_connection(self._url)
        try:
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO journal.snapshot (shard, sequence, chain_hash, state_hash, rules_version, state)"
                    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                    self._shard,
                    snapshot.sequence,
                    snapshot.chain_hash,
                    snapshot.state_hash,
                    snapshot.rules_version,
                    snapshot.state,
                )
                await connection.execute(
                    "DELETE FROM journal.snapshot WHERE shard = $1 AND sequence NOT IN"
                    " (SELECT sequence FROM journal.snapshot WHERE shard = $1 ORDER BY sequence DESC LIMIT $2)",
                    self._shard,
                    keep,
                )
        except LOST as fault:
            raise JournalAway(f"the snapshot was not stored: {fault}") from fault
        finally:
            await connection.close()

    async def snapshots(self) -> list[SnapshotRow]:
        """Return the stored snapshots, newest first; the reader checks them."""
        rows = await self._fetch(
            "SELECT sequence, chain_hash, state_hash, rules_version, state FROM journal.snapshot"
            " WHERE shard = $1 ORDER BY sequence DESC",
            self._shard,
        )
        return [SnapshotRow(*row.values()) for row in rows]
