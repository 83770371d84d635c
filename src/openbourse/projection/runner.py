"""Runs projectors over the feed: rows and cursor in one transaction, many batches in one under load."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, Protocol

import structlog

from openbourse.projection.feed import CommittedBatch, Feed
from openbourse.protocol.events import Event, EventKind, decode

log: Final = structlog.get_logger()

BATCHES_PER_COMMIT_MAX: Final = 512
GATHER_S: Final = 0.004
"""How long to wait for more batches before committing: a reader of its own write waits this much at most."""
KINDS: Final = frozenset(
    {
        EventKind.ASSET_CREATED,
        EventKind.INSTRUMENT_DEFINED,
        EventKind.INSTRUMENT_STATUS_CHANGED,
        EventKind.ACCOUNT_DEFINED,
        EventKind.FEE_SET,
        EventKind.RULES_SET,
        EventKind.INSTRUMENT_RULES_SET,
        EventKind.KILL_SWITCH_SET,
        EventKind.TIER_DEFINED,
        EventKind.TIER_ASSIGNED,
        EventKind.DISCOUNT_SET,
        EventKind.DISCOUNT_USED,
        EventKind.VENUE_RULES_SET,
        EventKind.ASSET_LIMIT_SET,
        EventKind.DEPOSIT_CREDITED,
        EventKind.WITHDRAWAL_SETTLED,
        EventKind.ORDER_UPDATED,
        EventKind.LIST_UPDATED,
        EventKind.TRADED,
        EventKind.LEVEL_CHANGED,
        EventKind.BALANCE_CHANGED,
    }
)
_ADVANCE: Final = "UPDATE projection_history.cursor SET sequence = $1 WHERE sequence = $2 RETURNING true"


class CursorMoved(Exception):
    """The rows do not stand where this run left them: the database lost commits, or another worker writes. Begin anew."""


class Projector(Protocol):
    """A pure fold of events that can write what it gathered."""

    def take(self, event: Event, time_us: int) -> None:
        """Fold one event."""
        ...

    async def write(self, connection: Any) -> None:
        """Write what was gathered since the last write, within the caller's transaction, and forget it."""
        ...


class Pool(Protocol):
    """What is needed of a pool of database connections."""

    def acquire(self) -> Any: ...


async def run(
    feed: Feed, pool: Pool, projectors: list[Projector], cursor: int, committed: Callable[[int], Any]
) -> None:
    """Project every batch after the cursor until cancelled; call `committed` with the cursor after each commit.

    Raises CursorMoved when the stored cursor is not where the last commit left it: read it and run again from there.
    """
    queue: asyncio.Queue[CommittedBatch] = asyncio.Queue(BATCHES_PER_COMMIT_MAX)

    async def read() -> None:
        async for batch in feed.follow(cursor):
            await queue.put(batch)

    standing = cursor
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        async for batches in _groups(queue):
            first, last = batches[0].first_sequence, batches[-1].last_sequence
            assert first == standing + 1, "a feed is dense"
            for batch in batches:
                for event in decode(batch.events, KINDS):
                    for projector in projectors:
                        projector.take(event, batch.time_us)
            async with pool.acquire() as connection, connection.transaction():
                # A projection can be made again from the journal, so it need not wait for the disk.
                await connection.execute("SET LOCAL synchronous_commit = off")
                # The price: a database that is killed forgets its newest commits, and the pool connects again without
                # a word. Rows are added only to those that this run has written; the row's lock keeps others out.
                if not await connection.fetchval(_ADVANCE, last, standing):
                    raise CursorMoved(f"the rows do not stand at {standing}")
                for projector in projectors:
                    await projector.write(connection)
            standing = last
            await committed(standing)


async def _groups(queue: "asyncio.Queue[CommittedBatch]") -> AsyncIterator[list[CommittedBatch]]:
    while True:
        batches = [await queue.get()]
        clock = asyncio.get_running_loop()
        limit = clock.time() + GATHER_S
        while len(batches) < BATCHES_PER_COMMIT_MAX:
            if queue.empty():
                if clock.time() >= limit:
                    break
                await asyncio.sleep(GATHER_S)
                continue
            batches.append(queue.get_nowait())
        yield batches
