"""A listen key is good while Valkey is away and after it has lost its memory; a closed one stays closed."""

import pytest
from redis.asyncio import Redis

from openbourse.adapters import listen_keys_valkey
from openbourse.adapters.listen_keys_valkey import CHARACTERS, ValkeyListenKeys

SECRET = b"of the tests"
NOWHERE = "unix:///nowhere/valkey.sock"


class Clock:
    """Stands in for the module `time`."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(1_700_000_000)
    monkeypatch.setattr(listen_keys_valkey, "time", clock)
    return clock


@pytest.fixture
def client(valkey_url: str) -> Redis:
    return Redis.from_url(valkey_url)


async def test_an_account_has_one_key_everywhere_until_it_is_closed(client: Redis) -> None:
    first, second = ValkeyListenKeys(client, SECRET), ValkeyListenKeys(client, SECRET)
    key = await first.take(7)
    assert len(key) == CHARACTERS
    assert key.isalnum()
    assert await second.take(7) == key
    assert await second.account(key) == 7
    assert await second.extend(7, key)
    assert not await second.extend(8, key)
    assert not await second.drop(8, key)
    assert await second.drop(7, key)
    assert await first.account(key) is None
    assert not await first.extend(7, key)
    assert await first.take(7) != key


async def test_what_this_venue_has_not_made_is_nobodys(client: Redis) -> None:
    keys = ValkeyListenKeys(client, SECRET)
    foreign = await ValkeyListenKeys(Redis.from_url(NOWHERE), b"another").take(7)
    for made_up in (foreign, "z" * CHARACTERS, "A" * CHARACTERS, "short", "-" * CHARACTERS):
        assert await keys.account(made_up) is None
        assert await ValkeyListenKeys(Redis.from_url(NOWHERE), SECRET).account(made_up) is None


async def test_a_key_that_ends_in_valkey_is_gone(client: Redis, clock: Clock) -> None:
    keys = ValkeyListenKeys(client, SECRET)
    await keys.account(await keys.take(1))
    clock.now += 10
    key = await keys.take(7)
    await client.delete(f"openbourse:listen:{key}")
    assert await keys.account(key) is None


async def test_keys_are_made_known_and_extended_while_valkey_is_away(clock: Clock) -> None:
    away, other = (ValkeyListenKeys(Redis.from_url(NOWHERE), SECRET) for _ in range(2))
    key = await away.take(7)
    assert await other.account(key) == 7
    assert await other.extend(7, key)
    assert not await other.extend(8, key)
    with pytest.raises(OSError, match=r"."):
        await other.drop(7, key)
    clock.now += listen_keys_valkey.AGE_S_MAX
    assert await other.account(key) is None


async def test_what_was_made_meanwhile_is_told_when_valkey_is_back(client: Redis) -> None:
    keys = ValkeyListenKeys(client, SECRET)
    await keys.account(await keys.take(1))
    keys._client = Redis.from_url(NOWHERE)
    key = await keys.take(7)
    keys._client = client
    assert await keys.account(key) == 7
    assert await ValkeyListenKeys(client, SECRET).take(7) == key


async def test_a_valkey_without_its_memory_takes_keys_in_again_for_an_hour(client: Redis, clock: Clock) -> None:
    keys = ValkeyListenKeys(client, SECRET)
    first, second, third = await keys.take(7), await keys.take(8), await keys.take(9)
    clock.now += 100
    await client.flushall()
    assert await keys.account(first) == 7
    assert await client.get(f"openbourse:listen:{first}") == b"7"
    assert await keys.drop(8, second)
    assert await keys.account(second) is None, "closed is closed, although it was made before"
    clock.now += listen_keys_valkey.LIFE_S
    assert await keys.account(third) is None, "nobody can say that it was alive"


async def test_a_key_taken_as_a_second_ends_has_one_hour_too(client: Redis, clock: Clock) -> None:
    """The first key of a Valkey that is new: its memory begins with the key, not when somebody looks a second later."""
    keys = ValkeyListenKeys(client, SECRET)
    key = await keys.take(7)
    clock.now += 1
    await client.delete(f"openbourse:listen:{key}")  # its hour has passed
    assert await keys.account(key) is None
