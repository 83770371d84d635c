"""The right to lead a shard, in PostgreSQL: a lease row by the database's clock, a session advisory lock beside it.

Who waits for it stands in a table beside it, and what cannot wait for the next look is said by NOTIFY.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncpg

from openbourse.adapters.connection_postgres import (
    LOST,
    DatabaseAway,
    application_name,
    connect,
    is_lost,
    telling_away,
    within,
)
from openbourse.adapters.journal_postgres import CLOSE_SECONDS_MAX, open_connection
from openbourse.protocol.journal import Deposed, JournalAway, Standing

T = TypeVar("T")

LOCK_SPACE: Final = 7_001
STATEMENT_SECONDS_MAX: Final = 3.0
LOOK_UP_SECONDS_MAX: Final = 1.0
ROW_WAIT: Final = "400ms"
"""How long a taker waits for the lease row: a leader frozen inside an append may hold it."""
LOCK_TRIES: Final = 20
FOUND_AFTER_EXPIRY: Final = "5 seconds"
SEEN_WITHIN: Final = "3 seconds"
"""A standby that has not said for so long how it does is not counted on."""
FORGOTTEN_AFTER: Final = "1 hour"
NEWS_MAX: Final = 16
FREE: Final = "free"
HAND_OVER: Final = "hand over"

# An expired lease, or a leader whose session is gone. The lock alone would not do: between a taker's commit and its
# lock another standby could find the lock free.
_STATE: Final = """
SELECT epoch, holder, backend_pid, expires_at < clock_timestamp() AS is_expired,
    CASE WHEN isfinite(expires_at) THEN extract(epoch FROM clock_timestamp() - expires_at) ELSE 0 END AS vacant_s,
    NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = backend_pid) AS is_orphaned
FROM journal.lease WHERE shard = $1
"""
_TAKE: Final = """
INSERT INTO journal.lease (shard, epoch, holder, address, backend_pid, expires_at)
VALUES ($1, $2, $3, $4, pg_backend_pid(), clock_timestamp() + make_interval(secs => $5))
ON CONFLICT (shard) DO UPDATE SET epoch = $2, holder = $3, address = $4,
    backend_pid = pg_backend_pid(), expires_at = clock_timestamp() + make_interval(secs => $5)
WHERE lease.epoch = $2 - 1
RETURNING 1
"""
_RENEW: Final = """
UPDATE journal.lease SET expires_at = clock_timestamp() + make_interval(secs => $3), backend_pid = pg_backend_pid()
WHERE shard = $1 AND epoch = $2 RETURNING 1
"""
# A lock is a change: it commits, and so waits for a synchronous standby. Shared as in an append, so that neither waits
# for the other; a taker's and a renewal's are exclusive.
_PROVE: Final = "SELECT 1 FROM journal.lease WHERE shard = $1 AND epoch = $2 FOR SHARE"
# Without a holder: the successor has no sessions to end, and a last snapshot can still be stored.
_GIVE_UP: Final = """
WITH given AS (
    UPDATE journal.lease SET expires_at = clock_timestamp(), holder = '', backend_pid = 0
    WHERE shard = $1 AND epoch = $2 RETURNING 1
)
SELECT pg_notify($3, $4) FROM given
"""
# Not worth a wait for the disk: who has not been heard of for a while counts as gone.
_STAND: Final = """
INSERT INTO journal.standby (shard, holder, sequence, behind, behind_us, state, seen_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
ON CONFLICT (shard, holder) DO UPDATE SET sequence = $3, behind = $4, behind_us = $5, state = $6,
    seen_at = clock_timestamp()
"""
STANDBYS: Final = f"""
SELECT holder, sequence, behind, behind_us, state FROM journal.standby
WHERE shard = $1 AND holder <> $2 AND seen_at > clock_timestamp() - interval '{SEEN_WITHIN}' ORDER BY holder
"""
_FORGET: Final = f"""
DELETE FROM journal.standby WHERE shard = $1
    AND (holder = $2 OR seen_at < clock_timestamp() - interval '{FORGOTTEN_AFTER}')
"""
_END_SESSIONS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE (pid = $1 OR application_name = $2) AND pid <> pg_backend_pid() AND datname = current_database()
    AND application_name <> current_setting('application_name')
"""
_FIND: Final = (
    "SELECT address FROM journal.lease"
    f" WHERE shard = $1 AND holder <> '' AND expires_at > clock_timestamp() - interval '{FOUND_AFTER_EXPIRY}'"
)


class PostgresLease:
    """A replica's hold on the lease; `epoch` is its term once `take` has said yes."""

    def __init__(self, url: str, shard: int, holder: str, ttl_s: float) -> None:
        self._url = url
        self._shard = shard
        self._holder = holder
        self._ttl_s = ttl_s
        self._connection: asyncpg.Connection | None = None
        self._has_lock = False
        # A connection carries one statement at a time.
        self._turn = asyncio.Lock()
        self._news: asyncio.Queue[str] = asyncio.Queue(NEWS_MAX)
        self.epoch = 0
        self.vacant_s = 0.0

    async def _do(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Do something over the connection, opened if need be. Raises JournalAway."""
        async with self._turn:
            if self._connection is not None and is_lost(self._connection):
                self.hang_up()
            if self._connection is None:
                self._has_lock = False
                self._connection = await open_connection(self._url)
                doing: Awaitable[T] = self._first(self._connection, work)
            else:
                doing = work(self._connection)
            try:
                return await within(self._connection, STATEMENT_SECONDS_MAX, doing)
            except LOST as fault:
                self.hang_up()
                raise JournalAway(f"the lease cannot be reached: {fault}") from fault

    async def _first(self, connection: asyncpg.Connection, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        await connection.add_listener(channel(self._shard), self._hear)
        return await work(connection)

    def hang_up(self) -> None:
        """Drop the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    def _hear(self, _connection: object, _pid: int, _channel: str, word: str) -> None:
        if not self._news.full():
            self._news.put_nowait(word)

    async def await_news(self, seconds: float) -> str:
        """Return FREE or HAND_OVER when somebody says so, an empty text when nobody has for so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                return await self._news.get()
        except TimeoutError:
            return ""

    async def _lock(self, connection: asyncpg.Connection) -> bool:
        if not self._has_lock:
            self._has_lock = await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", LOCK_SPACE, self._shard)
        return self._has_lock

    async def clock_skew_s(self, now_s: float) -> float:
        """Return how far a clock is ahead of the database's. Raises JournalAway."""
        began, asked_after_s = time.monotonic(), 0.0

        async def ask(connection: asyncpg.Connection) -> float:
            # To find a primary may take half a second, which must not look like a clock that is behind.
            nonlocal asked_after_s
            asked_after_s = time.monotonic() - began
            return float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())"))

        database_s = await self._do(ask)
        return now_s + asked_after_s - database_s

    async def take(self, address: str) -> bool:
        """Try to become the leader; True: `epoch` is ours. Raises JournalAway.

        A free lock of a leader that is gone, or an expired lease, is enough. The taker commits its epoch first, then
        ends the old leader's sessions, so a frozen leader blocks nothing; only then may the tail be read.
        """
        try:
            return await self._do(lambda connection: self._try_take(connection, address))
        except asyncpg.LockNotAvailableError as fault:
            raise JournalAway("the lease row was held; its holder's sessions were ended") from fault

    async def _try_take(self, connection: asyncpg.Connection, address: str) -> bool:
        is_free = await self._lock(connection)
        # Looked at without a lock first: a standby that asks ten times a second must not slow the leader's appends.
        old = await connection.fetchrow(_STATE, self._shard)
        if not _is_open(old, is_free):
            return False
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{ROW_WAIT}'")
                old = await connection.fetchrow(f"{_STATE} FOR UPDATE", self._shard)
                if not _is_open(old, is_free):
                    return False
                epoch = 1 if old is None else old["epoch"] + 1
                # Of several that find no row at all only the first may insert it: an epoch has one leader.
                if not await connection.fetchval(_TAKE, self._shard, epoch, self._holder, address, self._ttl_s):
                    return False
        except asyncpg.LockNotAvailableError:
            await self._end_sessions(connection, old)
            raise
        self.epoch = epoch
        self.vacant_s = 0.0 if old is None else max(0.0, float(old["vacant_s"]))
        await self._end_sessions(connection, old)
        for _ in range(LOCK_TRIES):
            if await self._lock(connection):
                break
            await asyncio.sleep(0.01)
        # What was said before was for the former leader: its request to hand over would be done a second time.
        while not self._news.empty():
            self._news.get_nowait()
        return True

    async def _end_sessions(self, connection: asyncpg.Connection, old: asyncpg.Record | None) -> None:
        if old is not None and old["holder"] not in ("", self._holder):
            await connection.execute(_END_SESSIONS, old["backend_pid"], application_name(old["holder"]))

    async def renew(self) -> None:
        """Extend the lease. Raises Deposed when another epoch leads, JournalAway when the database cannot be reached."""
        if await self._do(self._renew) is None:
            raise Deposed(f"epoch {self.epoch} no longer leads")

    async def _renew(self, connection: asyncpg.Connection) -> object:
        done = await connection.fetchval(_RENEW, self._shard, self.epoch, self._ttl_s)
        await self._lock(connection)
        return done

    async def prove(self) -> None:
        """Commit something that only the leading epoch can, on the database's standby too. Raises Deposed, JournalAway."""
        if await self._do(lambda connection: connection.fetchval(_PROVE, self._shard, self.epoch)) is None:
            raise Deposed(f"epoch {self.epoch} no longer leads")

    async def give_up(self) -> None:
        """End the lease now and say so, so that a standby takes over at once. Raises JournalAway."""
        if not self.epoch:
            return
        await self._do(lambda connection: connection.execute(_GIVE_UP, self._shard, self.epoch, *self._say(FREE)))
        await self.close()

    def _say(self, word: str) -> tuple[str, str]:
        return channel(self._shard), word

    async def stand(self, standing: Standing) -> None:
        """Say how this standby does. Raises JournalAway."""
        values = (standing.sequence, standing.behind, standing.behind_us, standing.state)
        await self._do(lambda connection: connection.execute(_STAND, self._shard, self._holder, *values))

    async def standbys(self) -> list[Standing]:
        """Return how the others do that were heard of lately; this one and those long gone are forgotten. Raises JournalAway."""
        rows = await self._do(self._read_standbys)
        return [Standing(*row) for row in rows]

    async def _read_standbys(self, connection: asyncpg.Connection) -> list[asyncpg.Record]:
        await connection.execute(_FORGET, self._shard, self._holder)
        return list(await connection.fetch(STANDBYS, self._shard, self._holder))

    async def close(self) -> None:
        """Close the connection; the advisory lock goes with it."""
        if self._connection is not None and not self._connection.is_closed():
            with contextlib.suppress(*LOST):
                await self._connection.close(timeout=CLOSE_SECONDS_MAX)


def channel(shard: int) -> str:
    """Return the name under which a shard's sequencers are told what cannot wait."""
    return f"openbourse_shard_{shard}"


def _is_open(old: asyncpg.Record | None, is_free: bool) -> bool:
    return old is None or bool(old["is_expired"]) or (is_free and bool(old["is_orphaned"]))


class LeaderLookup:
    """Finds the leader of a shard over one connection of its own, which it drops whenever it is slow."""

    def __init__(self, url: str, shard: int) -> None:
        self._url = url
        self._shard = shard
        self._connection: asyncpg.Connection | None = None
        self._turn = asyncio.Lock()

    async def __call__(self) -> tuple[str, int] | None:
        """Return host and port of the leader's order intake, or None when nobody leads. Raises DatabaseAway."""
        async with self._turn:
            if self._connection is not None and is_lost(self._connection):
                self.close()
            if self._connection is None:
                self._connection = await connect(self._url)
            connection = self._connection
            try:
                with telling_away():
                    asked = connection.fetchval(_FIND, self._shard)
                    address = await within(connection, LOOK_UP_SECONDS_MAX, asked)
            except DatabaseAway:
                self.close()
                raise
        if not address:
            return None
        host, _, port = str(address).rpartition(":")
        return host, int(port)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
