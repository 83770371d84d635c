"""Processes see the sum of everybody's weight."""

import pytest
from redis.asyncio import Redis

from openbourse.adapters.weights_valkey import ValkeyWeights


async def test_two_processes_add_up(valkey_url: str) -> None:
    first, second = (ValkeyWeights(Redis.from_url(valkey_url)) for _ in range(2))
    assert await first.add(1, {"a": 5}) == {"a": 5}
    assert await second.add(1, {"a": 2, "b": 1}) == {"a": 7, "b": 1}
    assert await first.add(2, {"a": 1}) == {"a": 1}


async def test_an_absent_valkey_is_an_oserror() -> None:
    with pytest.raises(OSError, match=r"."):
        await ValkeyWeights(Redis.from_url("redis://127.0.0.1:1")).add(1, {"a": 1})
