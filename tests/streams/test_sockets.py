"""A listen key opens its account's events for as long as the key lives."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection

from openbourse.adapters.listen_keys_valkey import ValkeyListenKeys
from openbourse.protocol.commands import CreditDeposit
from openbourse.streams.sockets import MarketSockets
from openbourse.streams.users import UserHub
from tests.served import served
from tests.streams.test_hub import Venue

LOOK_EVERY_S = 0.05
ALICE = 1_000
SECRET = b"of the tests"


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - sockets and stores move it, not this test
            await asyncio.sleep(0.01)


class Keys:
    """Keys in Valkey, or in one that is away."""

    def __init__(self, client: Redis) -> None:
        self.at_hand = ValkeyListenKeys(client, SECRET)
        self.away = ValkeyListenKeys(Redis.from_url("redis://127.0.0.1:1"), SECRET)
        self.is_away = False
        self.looks = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def account(self, listen_key: str) -> int | None:
        self.looks += 1
        await self.may_answer.wait()
        return await (self.away if self.is_away else self.at_hand).account(listen_key)

    async def looked(self, times: int) -> None:
        """Wait until so many further looks have begun."""
        goal = self.looks + times
        await until(lambda: self.looks >= goal)


class Streams:
    """A venue's streams on real sockets, and a deposit to tell of."""

    def __init__(self, client: Redis) -> None:
        self.client = client
        self.keys = Keys(client)
        self.venue = Venue()
        self.users = UserHub(self.venue.listing)
        self.sockets = MarketSockets(self.venue.hub, self.users, self.keys, look_every_s=LOOK_EVERY_S)
        self.served = cast(Any, SimpleNamespace())
        self._deposits = 0

    async def following(self, count: int = 1) -> None:
        """Wait until so many user streams are followed."""
        await until(lambda: len(self.users) == count)

    def deposit(self) -> None:
        self._deposits += 1
        identity = self._deposits.to_bytes(32, "big")
        self.users.take(self.venue.perform(CreditDeposit(ALICE, 2, 5, identity)), self.venue.now_us)

    async def expire(self, key: str) -> None:
        """Let a key's hour pass."""
        assert await self.client.pexpire(f"openbourse:listen:{key}", 1)


@pytest.fixture
async def streams(valkey_url: str) -> AsyncIterator[Streams]:
    client = Redis.from_url(valkey_url)
    running = Streams(client)
    async with served(handlers={"/ws": running.sockets, "/stream": running.sockets}) as running.served:
        yield running
    await client.aclose()


async def hear(connection: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(connection.recv(), 10))


async def ask(connection: ClientConnection, method: str, *params: object) -> Any:
    await connection.send(json.dumps({"method": method, "params": params, "id": 1}))
    return (await hear(connection))["result"]


def assert_expired(event: Any, key: str, per_second: int = 1_000) -> None:
    assert event.keys() == {"e", "E", "listenKey"}
    assert (event["e"], event["listenKey"]) == ("listenKeyExpired", key)
    assert isinstance(event["E"], int)
    assert abs(event["E"] / per_second - time.time()) < 60


async def test_an_expired_key_is_told_and_delivers_no_more(streams: Streams) -> None:
    key = await streams.keys.at_hand.take(ALICE)
    async with streams.served.connect(f"/ws/{key}") as connection:
        await streams.following()
        streams.deposit()
        assert [(await hear(connection))["e"] for _ in range(2)] == ["balanceUpdate", "outboundAccountPosition"]
        await streams.expire(key)
        assert_expired(await hear(connection), key)
        assert len(streams.users) == 0
        streams.deposit()
        # Nothing came in between, and the socket answers still.
        assert await ask(connection, "LIST_SUBSCRIPTIONS") == []


async def test_a_key_closed_by_its_owner_ends_like_one_that_expired(streams: Streams) -> None:
    key = await streams.keys.at_hand.take(ALICE)
    async with streams.served.connect("/ws?timeUnit=MICROSECOND") as connection:
        assert await ask(connection, "SUBSCRIBE", key, "btcusdt@trade") is None
        await streams.following()
        assert await streams.keys.at_hand.drop(ALICE, key)
        assert_expired(await hear(connection), key, per_second=1_000_000)
        streams.deposit()
        assert await ask(connection, "LIST_SUBSCRIPTIONS") == ["btcusdt@trade"]


async def test_a_combined_socket_wraps_the_end_like_any_event(streams: Streams) -> None:
    key = await streams.keys.at_hand.take(ALICE)
    async with streams.served.connect(f"/stream?streams={key}/btcusdt@trade") as connection:
        await streams.following()
        await streams.expire(key)
        told = await hear(connection)
        assert told.keys() == {"stream", "data"}
        assert told["stream"] == key
        assert_expired(told["data"], key)
        assert await ask(connection, "LIST_SUBSCRIPTIONS") == ["btcusdt@trade"]


async def test_a_living_key_goes_on_whether_or_not_valkey_answers(streams: Streams) -> None:
    key = await streams.keys.at_hand.take(ALICE)
    async with streams.served.connect(f"/ws/{key}") as connection:
        await streams.following()
        await streams.keys.looked(3)
        streams.keys.is_away = True
        await streams.keys.looked(3)
        streams.deposit()
        assert (await hear(connection))["e"] == "balanceUpdate"
        assert (await hear(connection))["e"] == "outboundAccountPosition"
        await streams.expire(key)
        await streams.keys.looked(3)
        assert len(streams.users) == 1
        streams.keys.is_away = False
        assert_expired(await hear(connection), key)


async def test_a_key_that_never_was_is_not_told_to_have_expired(streams: Streams) -> None:
    name = "x" * 64
    async with streams.served.connect(f"/ws/{name}") as connection:
        await asyncio.sleep(5 * LOOK_EVERY_S)
        assert await ask(connection, "LIST_SUBSCRIPTIONS") == [name]
        assert streams.keys.looks == 1


async def test_who_left_is_not_looked_for_and_not_told(streams: Streams) -> None:
    key = await streams.keys.at_hand.take(ALICE)
    async with streams.served.connect(f"/ws/{key}") as connection:
        await streams.following()
        assert await ask(connection, "UNSUBSCRIBE", key) is None
        assert await streams.keys.at_hand.drop(ALICE, key)
        await asyncio.sleep(2 * LOOK_EVERY_S)
        looks = streams.keys.looks
        await asyncio.sleep(4 * LOOK_EVERY_S)
        assert streams.keys.looks == looks
        assert await ask(connection, "LIST_SUBSCRIPTIONS") == []


async def test_who_left_and_came_back_is_told_once(streams: Streams) -> None:
    key = await streams.keys.at_hand.take(ALICE)
    async with streams.served.connect(f"/ws/{key}") as connection:
        await streams.following()
        for method in ("UNSUBSCRIBE", "SUBSCRIBE"):
            assert await ask(connection, method, key) is None
        await streams.following()
        await streams.expire(key)
        assert_expired(await hear(connection), key)
        await asyncio.sleep(4 * LOOK_EVERY_S)
        assert await ask(connection, "LIST_SUBSCRIPTIONS") == []


async def test_who_comes_back_before_the_first_look_ends_has_one_stream(streams: Streams) -> None:
    key = await streams.keys.at_hand.take(ALICE)
    streams.keys.may_answer.clear()
    async with streams.served.connect(f"/ws/{key}") as connection:
        for method in ("UNSUBSCRIBE", "SUBSCRIBE"):
            assert await ask(connection, method, key) is None
        assert streams.keys.looks == 2
        streams.keys.may_answer.set()
        await streams.following()
        await streams.keys.looked(2)
        assert len(streams.users) == 1
        assert await ask(connection, "UNSUBSCRIBE", key) is None
        assert len(streams.users) == 0


async def test_a_closed_socket_is_forgotten(streams: Streams) -> None:
    key = await streams.keys.at_hand.take(ALICE)
    async with streams.served.connect(f"/ws/{key}"):
        await streams.following()
    await streams.following(0)
    await until(lambda: not streams.sockets._tasks)


@pytest.mark.parametrize(
    "message", ["[" * 20_000, '{"id":' + "[" * 20_000, '{"method":"LIST_SUBSCRIPTIONS","x":' + '{"a":' * 9_000]
)
async def test_json_that_is_too_deep_is_refused_like_any_that_is_none(streams: Streams, message: str) -> None:
    async with streams.served.connect("/ws") as connection:
        await connection.send(message)
        answer = await hear(connection)
        assert (answer["id"], answer["error"]["code"]) == (None, 3)
        assert await ask(connection, "LIST_SUBSCRIPTIONS") == []


@pytest.mark.parametrize("plus", ["+", "%2B"])
async def test_a_plus_in_the_query_is_a_plus(streams: Streams, plus: str) -> None:
    """It became a blank, and the stream was silent for ever."""
    path = f"/stream?timeUnit=MICROSECOND&streams=btcusdt@kline_1m@{plus}08:00/btcusdt%40trade"
    async with streams.served.connect(path) as connection:
        assert await ask(connection, "LIST_SUBSCRIPTIONS") == ["btcusdt@kline_1m@+08:00", "btcusdt@trade"]
