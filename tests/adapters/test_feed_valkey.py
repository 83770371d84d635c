"""The feed is dense and in order, whatever the stream has lost."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis

from openbourse.adapters.feed_valkey import READ_EVERY_S, ValkeyFeed, ValkeyFeedWriter, stream_key
from openbourse.projection.feed import CommittedBatch
from openbourse.protocol.journal import BatchRow, JournalDropped


def row(sequence: int) -> BatchRow:
    return BatchRow(0, 1, sequence, sequence, sequence, b"", str(sequence).encode(), b"", b"")


def batch(sequence: int) -> CommittedBatch:
    return CommittedBatch(sequence, sequence, sequence, str(sequence).encode())


class Reader:
    """A journal that counts how often it is asked."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.asked = 0

    async def read(self, after: int, rows_max: int) -> list[BatchRow]:
        self.asked += 1
        return [row(sequence) for sequence in range(after + 1, self.end + 1)][:rows_max]


async def follow(feed: ValkeyFeed, after: int, until: int) -> list[CommittedBatch]:
    found = []
    async with asyncio.timeout(5):
        async for seen in feed.follow(after):
            found.append(seen)
            if seen.last_sequence == until:
                break
    return found


@pytest.fixture
def client(valkey_url: str) -> Redis:
    return Redis.from_url(valkey_url)


async def test_new_batches_come_from_the_stream(client: Redis) -> None:
    writer, journal = ValkeyFeedWriter(client, 0), Reader(0)
    reading = asyncio.create_task(follow(ValkeyFeed(client, 0, journal.read), 0, 3))
    await asyncio.sleep(0.2)
    asked = journal.asked
    await writer.publish([batch(1), batch(2), batch(3)])
    assert await reading == [batch(1), batch(2), batch(3)]
    assert journal.asked <= asked + 2
    await client.aclose()


async def test_one_reading_takes_what_a_crowd_of_batches_has_left(
    client: Redis, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches, readings, writer = 200, Counter[str](), ValkeyFeedWriter(client, 0)
    reader = Redis.from_url(valkey_url)
    read = reader.xread

    async def counted(*args: Any, **options: Any) -> Any:
        readings["stream"] += 1
        return await read(*args, **options)

    monkeypatch.setattr(reader, "xread", counted)
    reading = asyncio.create_task(follow(ValkeyFeed(reader, 0, Reader(0).read), 0, batches))
    await asyncio.sleep(0.2)
    began, before = time.monotonic(), readings["stream"]
    for sequence in range(1, batches + 1):
        await writer.publish([batch(sequence)])
    assert await reading == [batch(sequence) for sequence in range(1, batches + 1)]
    assert readings["stream"] - before <= (time.monotonic() - began) / READ_EVERY_S + 2
    await reader.aclose()
    await client.aclose()


async def test_a_gap_and_a_lost_last_batch_come_from_the_journal(client: Redis) -> None:
    writer, journal = ValkeyFeedWriter(client, 0), Reader(2)
    reading = asyncio.create_task(follow(ValkeyFeed(client, 0, journal.read), 0, 6))
    await asyncio.sleep(0.2)
    journal.end = 6
    await writer.publish([batch(5)])
    await writer.beat(6)
    assert await reading == [batch(sequence) for sequence in range(1, 7)]
    await client.aclose()


async def test_without_valkey_the_journal_carries_the_feed() -> None:
    client = Redis.from_url("unix:///nowhere/valkey.sock")
    assert await follow(ValkeyFeed(client, 0, Reader(4).read), 1, 4) == [batch(2), batch(3), batch(4)]
    await client.aclose()


async def test_what_the_journal_no_longer_holds_is_said_and_not_passed_over(client: Redis) -> None:
    async def read(after: int, rows_max: int) -> list[BatchRow]:
        return [each for each in (row(1), row(7), row(8)) if each.last_sequence > after]

    with pytest.raises(JournalDropped, match="sequence 2"):
        await follow(ValkeyFeed(client, 0, read), 0, 8)
    assert await follow(ValkeyFeed(client, 0, read), 6, 8) == [batch(7), batch(8)]
    await client.aclose()


async def test_publishing_again_adds_nothing_and_another_journals_stream_is_dropped(client: Redis) -> None:
    writer = ValkeyFeedWriter(client, 0)
    await writer.publish([batch(1), batch(2)])
    await writer.publish([batch(1), batch(2), batch(3)])
    assert await client.xlen(stream_key(0)) == 3
    await writer.begin(3)
    assert await client.xlen(stream_key(0)) == 3
    await writer.begin(2)
    assert await client.xlen(stream_key(0)) == 0
    await client.aclose()
