"""The feed's writing end: committed batches go out in order, and never hold up a commit."""

import asyncio
import contextlib
from collections import deque
from typing import Final, Protocol

import structlog

from openbourse.projection.feed import CommittedBatch, FeedAway
from openbourse.protocol.journal import BatchRow

log: Final = structlog.get_logger()

QUEUE_BATCHES_MAX: Final = 4_096
HEARTBEAT_S: Final = 0.1
RETRY_S: Final = 0.5


class FeedWriter(Protocol):
    """What publishing needs of the feed's carrier. Any exception means that it is away."""

    async def begin(self, committed: int) -> None:
        """Prepare for a leader that stands at a sequence: what lies beyond it is not of this journal."""
        ...

    async def publish(self, batches: list[CommittedBatch]) -> None:
        """Add batches in order, those the feed has already are passed over, and say how far the journal goes with them."""
        ...

    async def beat(self, committed: int) -> None:
        """Say how far the journal goes, so that a lost last message is noticed on a quiet market."""
        ...

    async def report(self, name: str, counters: bytes) -> None:
        """Leave a role's counters, as JSON, for the monitor."""
        ...


class Publisher:
    """A bounded queue before the feed. When the carrier is away batches are dropped: readers take them from the journal."""

    def __init__(self, writer: FeedWriter) -> None:
        self._writer = writer
        self._queue: deque[CommittedBatch] = deque(maxlen=QUEUE_BATCHES_MAX)
        self._arrived = asyncio.Event()
        self.committed = 0
        self.dropped = 0

    async def begin(self, committed: int) -> None:
        """Take over at a sequence."""
        self.committed = committed
        try:
            await self._writer.begin(committed)
        except (OSError, ConnectionError, TimeoutError, FeedAway) as fault:
            log.warning("the feed's carrier is away; readers go on from the journal", why=str(fault))

    def put(self, batch: CommittedBatch) -> None:
        """Hand over a committed batch; returns at once."""
        self.dropped += len(self._queue) == QUEUE_BATCHES_MAX
        self._queue.append(batch)
        self.committed = batch.last_sequence
        self._arrived.set()

    def put_row(self, row: BatchRow) -> None:
        """Hand over a batch read from the journal."""
        self.put(CommittedBatch(row.first_sequence, row.last_sequence, row.time_us, row.events))

    async def run(self) -> None:
        """Publish until cancelled."""
        is_away = False
        while True:
            with contextlib.suppress(TimeoutError):
                # Not wait_for: before Python 3.12 it can swallow a cancellation that meets the event.
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._arrived.wait()
            self._arrived.clear()
            batches = list(self._queue)
            self._queue.clear()
            try:
                if batches:
                    await self._writer.publish(batches)
                else:
                    await self._writer.beat(self.committed)
                is_away = False
            except (OSError, ConnectionError, TimeoutError, FeedAway) as fault:
                self.dropped += len(batches)
                if not is_away:
                    log.warning("the feed's carrier is away; readers go on from the journal", why=str(fault))
                is_away = True
                await asyncio.sleep(RETRY_S)

    async def report(self, name: str, counters: bytes) -> None:
        """Leave counters for the monitor, if the carrier is there."""
        try:
            await self._writer.report(name, counters)
        except (OSError, ConnectionError, TimeoutError, FeedAway):
            return
