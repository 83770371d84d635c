"""The feed on a Valkey stream, with the journal as its backstop: what a reader gets is dense and in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from openbourse.projection.feed import CommittedBatch, FeedAway
from openbourse.protocol.journal import BatchRow, JournalAway, JournalDropped

log: Final = structlog.get_logger()

STREAM_BATCHES: Final = 20_000
BLOCK_MS: Final = 100
CALL_SECONDS_MAX: Final = 2.0
"""A Valkey that is slower than this is treated as away, frozen ones too."""
NOT_ABOVE_TOP: Final = "equal or smaller"
POLL_S: Final = 0.05
RETRY_CARRIER_S: Final = 1.0
READ_EVERY_S: Final = 0.01
"""Between two readings of the stream: under load one takes what many batches have left, instead of one each."""
READ_SELDOM_S: Final = 0.03
"""The same of those behind the scenes, whom nobody waits for between two commands: they take more at a time, for less."""
READ_SECONDS_MAX: Final = 0.5
"""A follower waits no longer for the stream: meanwhile it gets nothing from the journal either."""
PROBE_SECONDS_MAX: Final = 0.1
"""How long one that was away is waited for when it is tried again."""
ROWS_PER_READ: Final = 64

ReadJournal = Callable[[int, int], Awaitable[list[BatchRow]]]


def stream_key(shard: int) -> str:
    """Return the name of a shard's stream."""
    return f"openbourse:feed:{shard}"


def committed_key(shard: int) -> str:
    """Return the name of the key that holds a shard's last committed sequence."""
    return f"openbourse:committed:{shard}"


class ValkeyFeedWriter:
    """Writes committed batches to the stream: the id of an entry is its last sequence."""

    def __init__(self, client: Redis, shard: int) -> None:
        self._client = client
        self._stream = stream_key(shard)
        self._committed = committed_key(shard)

    async def begin(self, committed: int) -> None:
        """Drop a stream that goes on beyond the journal: it is another journal's. Raises FeedAway."""
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                newest: Any = await self._client.xrevrange(self._stream, count=1)
                if newest and int(bytes(newest[0][0]).split(b"-", 1)[0]) > committed:
                    await self._client.delete(self._stream)
        except (RedisError, OSError) as fault:
            raise FeedAway(str(fault)) from fault

    async def publish(self, batches: list[CommittedBatch]) -> None:
        """Add batches in order, those that the stream has already are passed over, and leave the last one's sequence.

        All of it goes as one message: each one wakes Valkey, and the answer this process. Raises FeedAway.
        """
        try:
            pipeline = self._client.pipeline(transaction=False)
            for batch in batches:
                pipeline.xadd(
                    self._stream,
                    {"f": batch.first_sequence, "t": batch.time_us, "e": batch.events},
                    id=f"{batch.last_sequence}-0",
                    maxlen=STREAM_BATCHES,
                    approximate=True,
                )
            pipeline.set(self._committed, batches[-1].last_sequence)
            # An id that is not above the stream's top is refused by Valkey: a new leader's tail that is there already.
            async with asyncio.timeout(CALL_SECONDS_MAX):
                results = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as fault:
            raise FeedAway(str(fault)) from fault
        refused = [fault for fault in results if isinstance(fault, RedisError) and NOT_ABOVE_TOP not in str(fault)]
        if refused:
            raise FeedAway(str(refused[0]))

    async def beat(self, committed: int) -> None:
        """Leave the last committed sequence. Raises FeedAway."""
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                await self._client.set(self._committed, committed)
        except (RedisError, OSError) as fault:
            raise FeedAway(str(fault)) from fault

    async def report(self, name: str, counters: bytes) -> None:
        """Leave a role's counters for the monitor; they are forgotten after a minute. Raises FeedAway."""
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                await self._client.set(f"openbourse:metrics:{name}", counters, ex=60)
        except (RedisError, OSError) as fault:
            raise FeedAway(str(fault)) from fault


class ValkeyFeed:
    """Follows the stream; gaps, silence and the loss of Valkey are bridged from the journal."""

    def __init__(
        self, client: Redis, shard: int, read_journal: ReadJournal, read_every_s: float = READ_EVERY_S
    ) -> None:
        self._client = client
        self._stream = stream_key(shard)
        self._committed = committed_key(shard)
        self._read_journal = read_journal
        self._retry_at = 0.0
        self._is_away = False
        self._read_at = 0.0
        self._read_every_s = read_every_s

    async def follow(self, after: int) -> AsyncIterator[CommittedBatch]:
        """Yield every batch after a sequence, for ever, dense and in order."""
        cursor = after
        # What the stream no longer or not yet holds comes from the journal first.
        async for batch in self._bridge(cursor, None):
            yield batch
            cursor = batch.last_sequence
        while True:
            entries = await self._entries(cursor)
            if entries is None:
                before = cursor
                async for batch in self._bridge(cursor, None):
                    yield batch
                    cursor = batch.last_sequence
                if cursor == before:
                    await asyncio.sleep(POLL_S)
                continue
            for batch in entries:
                if batch.last_sequence <= cursor:
                    continue
                if batch.first_sequence > cursor + 1:
                    async for missing in self._bridge(cursor, batch.first_sequence - 1):
                        yield missing
                        cursor = missing.last_sequence
                if batch.first_sequence == cursor + 1:
                    yield batch
                    cursor = batch.last_sequence

    async def _entries(self, cursor: int) -> list[CommittedBatch] | None:
        """Return new entries of the stream; None when it is away, or silent although the journal has gone on."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._retry_at:
            return None
        # A reading that waited for its batch, as in calm, is longer ago than this.
        await asyncio.sleep(max(0.0, self._read_at + self._read_every_s - loop.time()))
        self._read_at = loop.time()
        try:
            if self._is_away:
                async with asyncio.timeout(PROBE_SECONDS_MAX):
                    await self._client.exists(self._committed)
            async with asyncio.timeout(READ_SECONDS_MAX):
                found: Any = await self._client.xread({self._stream: f"{cursor}-0"}, count=256, block=BLOCK_MS)
                committed = None if found else await self._client.get(self._committed)
            self._is_away = False
            if not found:
                return None if committed is None or int(committed) > cursor else []
        except (RedisError, OSError) as fault:
            if not self._is_away:
                log.warning("feed away, reading the journal", why=str(fault))
            self._is_away = True
            self._retry_at = loop.time() + RETRY_CARRIER_S
            return None
        return [_batch(name, fields) for name, fields in found[0][1]]

    async def _bridge(self, cursor: int, until: int | None) -> AsyncIterator[CommittedBatch]:
        """Yield what the journal holds after a sequence, up to its end or a sequence."""
        while until is None or cursor < until:
            try:
                rows = await self._read_journal(cursor, ROWS_PER_READ)
            except JournalAway as fault:
                log.warning("journal away", why=str(fault))
                await asyncio.sleep(RETRY_CARRIER_S)
                continue
            for row in rows:
                if until is not None and row.last_sequence > until:
                    return
                if row.first_sequence > cursor + 1:
                    raise JournalDropped(f"the journal's database does not hold sequence {cursor + 1} any more")
                yield CommittedBatch(row.first_sequence, row.last_sequence, row.time_us, row.events)
                cursor = row.last_sequence
            if not rows:
                return


def _batch(name: Any, fields: Any) -> CommittedBatch:
    last = int(bytes(name).split(b"-", 1)[0])
    return CommittedBatch(int(fields[b"f"]), last, int(fields[b"t"]), bytes(fields[b"e"]))
