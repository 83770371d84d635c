"""The journal and its lease in PostgreSQL."""

import hashlib
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
# Losing any of these during a statement says nothing about whether it committed.
_LOST: Final = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError)
READ_BYTES_MAX: Final = 32 * 1024 * 1024


class PostgresJournal:
    """The journal over one connection of its own, without a command time-out: a cancelled commit commits locally."""

    def __init__(self, url: str, shard: int) -> None:
        self._url = url
        self._shard = shard
        self._connection: asyncpg.Connection | None = None

    async def connect(self) -> asyncpg.Connection:
        """Return the connection, opened if need be. Raises JournalAway."""
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await asyncpg.connect(
                    self._url, command_timeout=None, server_settings={"synchronous_commit": "on", "jit": "off"}
                )
            except (*_LOST, asyncpg.CannotConnectNowError, TimeoutError) as fault:
                raise JournalAway(f"no connection to the journal: {fault}") from fault
        return self._connection

    async def _fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        connection = await self.connect()
        try:
            return list(await connection.fetch(statement, *values))
        except _LOST as fault:
            self._connection = None
            raise JournalAway(f"the journal could not be read: {fault}") from fault

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()

    async def append(self, row: BatchRow) -> None:
        """Append if the row's epoch still leads and it follows the head. Raises Deposed, AppendInDoubt."""
        connection = await self.connect()
        try:
            done = await connection.fetchval(
                _APPEND,
                self._shard,
                row.last_sequence,
                row.first_sequence,
                row.epoch,
                row.time_us,
                row.commands,
                row.events,
                row.previous_hash,
                row.hash,
                GENESIS,
            )
        except _LOST as fault:
            self._connection = None
            raise AppendInDoubt(str(fault)) from fault
        except asyncpg.UniqueViolationError as fault:
            raise Deposed("another process appended this sequence") from fault
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
        rows = await self._fetch(
            f"SELECT {_COLUMNS} FROM journal.batch WHERE shard = $1 AND last_sequence > $2"
            " ORDER BY last_sequence LIMIT $3",
            self._shard,
            after,
            rows_max,
        )
        return [BatchRow(*row.values()) for row in rows]

    async def find(self, sequence: int) -> BatchRow | None:
        """Return the row that holds a command."""
        rows = await self.read(sequence - 1, 1)
        return rows[0] if rows and rows[0].first_sequence <= sequence else None

    async def save_snapshot(self, snapshot: SnapshotRow, keep: int) -> None:
        """Store a whole snapshot in one transaction; drop all but the newest few."""
        try:
            connection = await asyncpg.connect(self._url)
        except (*_LOST, asyncpg.CannotConnectNowError, TimeoutError) as fault:
            raise JournalAway(f"no connection to the journal: {fault}") from fault
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
        except _LOST as fault:
            raise JournalAway(f"the snapshot was not stored: {fault}") from fault
        finally:
            await connection.close()

    async def snapshots(self) -> list[SnapshotRow]:
        """Return whole snapshots, newest first; those whose bytes do not match their hash are left out."""
        rows = await self._fetch(
            "SELECT sequence, chain_hash, state_hash, rules_version, state FROM journal.snapshot"
            " WHERE shard = $1 ORDER BY sequence DESC",
            self._shard,
        )
        found = [SnapshotRow(*row.values()) for row in rows]
        return [snapshot for snapshot in found if hashlib.sha256(snapshot.state).digest() == snapshot.state_hash]


class PostgresLease:
    """The right to lead a shard: a row by the database's clock, and a session advisory lock beside it."""

    def __init__(self, url: str, shard: int, holder: str, ttl_s: float) -> None:
        self._url = url
        self._shard = shard
        self._holder = holder
        self._ttl_s = ttl_s
        self._connection: asyncpg.Connection | None = None
        self.epoch = 0

    async def _connect(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await asyncpg.connect(self._url, timeout=5, command_timeout=5)
            except (*_LOST, asyncpg.CannotConnectNowError, TimeoutError) as fault:
                raise JournalAway(f"no connection to the journal: {fault}") from fault
        return self._connection

    async def clock_skew_s(self, now_s: float) -> float:
        """Return how far a clock is ahead of the database's."""
        return now_s - float(await (await self._connect()).fetchval("SELECT extract(epoch FROM clock_timestamp())"))

    async def take(self, address: str) -> bool:
        """Try to become the leader: a free advisory lock or an expired lease is enough. True: `epoch` is ours.

        The taker commits its epoch first, then ends the old leader's backend, so a frozen leader blocks nothing.
        """
        connection = await self._connect()
        free = await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", 7_001, self._shard)
        async with connection.transaction():
            old = await connection.fetchrow(
                "SELECT epoch, backend_pid, expires_at < clock_timestamp() AS expired FROM journal.lease"
                " WHERE shard = $1 FOR UPDATE",
                self._shard,
            )
            if old is not None and not free and not old["expired"]:
                return False
            self.epoch = 1 if old is None else old["epoch"] + 1
            await connection.execute(
                "INSERT INTO journal.lease (shard, epoch, holder, address, backend_pid, expires_at)"
                " VALUES ($1, $2, $3, $4, pg_backend_pid(), clock_timestamp() + make_interval(secs => $5))"
                " ON CONFLICT (shard) DO UPDATE SET epoch = $2, holder = $3, address = $4,"
                " backend_pid = pg_backend_pid(), expires_at = clock_timestamp() + make_interval(secs => $5)",
                self._shard,
                self.epoch,
                self._holder,
                address,
                self._ttl_s,
            )
        if old is not None and not free:
            await connection.execute("SELECT pg_terminate_backend($1)", old["backend_pid"])
        return True

    async def renew(self) -> None:
        """Extend the lease. Raises Deposed when another epoch leads, JournalAway when the database cannot be reached."""
        try:
            done = await (await self._connect()).fetchval(
                "UPDATE journal.lease SET expires_at = clock_timestamp() + make_interval(secs => $3),"
                " backend_pid = pg_backend_pid() WHERE shard = $1 AND epoch = $2 RETURNING 1",
                self._shard,
                self.epoch,
                self._ttl_s,
            )
        except (*_LOST, TimeoutError) as fault:
            self._connection = None
            raise JournalAway(f"the lease cannot be renewed: {fault}") from fault
        if done is None:
            raise Deposed(f"epoch {self.epoch} no longer leads")

    async def give_up(self) -> None:
        """End the lease now, so that a standby takes over at once."""
        if self._connection is None or self._connection.is_closed():
            return
        await self._connection.execute(
            "UPDATE journal.lease SET expires_at = '-infinity' WHERE shard = $1 AND epoch = $2", self._shard, self.epoch
        )
        await self._connection.close()

    async def close(self) -> None:
        """Close the connection; the advisory lock goes with it."""
        if self._connection is not None:
            await self._connection.close()


async def find_leader(pool: asyncpg.Pool, shard: int) -> tuple[str, int] | None:
    """Return host and port of the leader's order intake, or None when nobody leads."""
    address = await pool.fetchval(
        "SELECT address FROM journal.lease WHERE shard = $1 AND expires_at > clock_timestamp() - interval '5 seconds'",
        shard,
    )
    if not address:
        return None
    host, _, port = str(address).rpartition(":")
    return host, int(port)
