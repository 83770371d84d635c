"""What the feed's adapters expect of Valkey, over a real one and over its twin in simulated time."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from openbourse.adapters.feed_valkey import NOT_ABOVE_TOP, ValkeyFeed, ValkeyFeedWriter
from openbourse.projection.feed import CommittedBatch
from openbourse.protocol.journal import BatchRow
from tests.contracts.driven import DrivenWorld

Work = Callable[[Any], Coroutine[Any, Any, Any]]
Do = Callable[[Work], Coroutine[Any, Any, Any]]


@pytest.fixture(params=["valkey", "simulated"])
async def do(request: pytest.FixtureRequest) -> AsyncIterator[Do]:
    """Do something with a client of an empty Valkey."""
    if request.param == "simulated":
        driven = DrivenWorld()
        host = driven.host("here")
        twin = driven.client(host)

        async def in_the_world(work: Work) -> Any:
            return driven.one(host, lambda: work(twin))

        yield in_the_world
        return
    client = Redis.from_url(request.getfixturevalue("valkey_url"))

    async def really(work: Work) -> Any:
        return await work(client)

    yield really
    await client.aclose()


async def add(client: Any, *numbers: int) -> list[Any]:
    pipeline = client.pipeline(transaction=False)
    for number in numbers:
        pipeline.xadd("s", {"f": number, "e": b"of %d" % number}, id=f"{number}-0", maxlen=100, approximate=True)
    results: list[Any] = await pipeline.execute(raise_on_error=False)
    return results


def ids(entries: Any) -> list[bytes]:
    return [bytes(name) for name, _ in entries]


async def test_entries_are_read_above_an_id_in_order(do: Do) -> None:
    assert await do(lambda client: client.xread({"s": "0-0"}, count=10, block=1)) == []
    await do(lambda client: add(client, 3, 5, 9))
    ((stream, entries),) = await do(lambda client: client.xread({"s": "3-0"}, count=10, block=1))
    assert (stream, ids(entries)) == (b"s", [b"5-0", b"9-0"])
    assert entries[0][1] == {b"f": b"5", b"e": b"of 5"}
    ((_, entries),) = await do(lambda client: client.xread({"s": "0-0"}, count=2, block=1))
    assert ids(entries) == [b"3-0", b"5-0"]
    assert ids(await do(lambda client: client.xrevrange("s", count=1))) == [b"9-0"]
    assert await do(lambda client: client.xrevrange("nothing", count=1)) == []


async def test_an_id_that_is_not_above_the_top_is_refused_and_the_rest_of_the_write_is_not(do: Do) -> None:
    await do(lambda client: add(client, 5))
    first, second, third = await do(lambda client: add(client, 5, 4, 6))
    for refused in (first, second):
        assert isinstance(refused, ResponseError)
        assert NOT_ABOVE_TOP in str(refused)
    assert not isinstance(third, Exception)
    ((_, entries),) = await do(lambda client: client.xread({"s": "0-0"}, count=10, block=1))
    assert ids(entries) == [b"5-0", b"6-0"]


async def test_keys_are_kept_and_a_stream_is_dropped(do: Do) -> None:
    assert await do(lambda client: client.get("k")) is None
    await do(lambda client: client.set("k", 17))
    assert await do(lambda client: client.get("k")) == b"17"
    assert await do(lambda client: client.exists("k")) == 1
    await do(lambda client: add(client, 7))
    await do(lambda client: client.delete("s"))
    assert await do(lambda client: client.exists("s")) == 0
    assert not isinstance((await do(lambda client: add(client, 2)))[0], Exception), "it begins anew"


def batch(number: int) -> CommittedBatch:
    return CommittedBatch(number, number, number, b"of %d" % number)


async def test_a_reader_sees_every_batch_once_whatever_the_stream_has_lost(do: Do) -> None:
    rows = [BatchRow(0, 1, number, number, number, b"", b"of %d" % number, b"", b"") for number in range(1, 8)]

    async def read(after: int, rows_max: int) -> list[BatchRow]:
        return [row for row in rows if row.last_sequence > after][:rows_max]

    async def work(client: Any) -> list[CommittedBatch]:
        writer, feed = ValkeyFeedWriter(client, 0), ValkeyFeed(client, 0, read)
        kept, rows[:] = list(rows), rows[:2]
        await writer.begin(2)
        await writer.publish([batch(1), batch(2), batch(3)])
        await writer.publish([batch(3), batch(5)])  # 3 is there already, 4 is lost
        seen: list[CommittedBatch] = []
        following = feed.follow(0)
        while len(seen) < 3:
            seen.append(await anext(following))
        rows[:] = kept
        await writer.beat(7)  # 6 and 7 are lost, and nothing comes after them
        while len(seen) < 7:
            seen.append(await anext(following))
        await following.aclose()  # type: ignore[attr-defined]
        return seen

    assert await do(work) == [batch(number) for number in range(1, 8)]
