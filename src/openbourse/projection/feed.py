"""The feed: committed batches after a cursor, dense and in order."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec


class CommittedBatch(msgspec.Struct, frozen=True):
    """One committed batch as published: dense sequences, one time, the events they caused."""

    first_sequence: int
    last_sequence: int
    time_us: int
    events: bytes


class FeedAway(Exception):
    """The feed's carrier cannot be reached now; readers go on from the journal."""


class Feed(Protocol):
    """A port to the feed; the adapter closes gaps from the journal."""

    def follow(self, after: int) -> AsyncIterator[CommittedBatch]:
        """Yield every batch after a sequence, for ever: first_sequence is always one more than the last one seen."""
        ...
