"""Weight, raw requests, connections and bans."""

import asyncio
import time

import pytest

from openbourse.edge import ratelimit
from openbourse.edge.errors import ApiError
from openbourse.edge.ratelimit import RateLimiter


class Shared:
    """What Valkey is to processes: sums by window and name."""

    def __init__(self) -> None:
        self.sums: dict[tuple[int, str], int] = {}
        self.is_away = False

    async def add(self, window: int, sums: dict[str, int]) -> dict[str, int]:
        if self.is_away:
            raise OSError("away")
        for name, weight in sums.items():
            self.sums[window, name] = self.sums.get((window, name), 0) + weight
        return {name: self.sums[window, name] for name in sums}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_800_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def test_weight_is_refused_beyond_the_limit_until_the_minute_ends(clock: list[float]) -> None:
    limiter = RateLimiter(10, None)
    assert [limiter.charge("a", 5) for _ in range(2)] == [5, 10]
    clock[0] += 20
    with pytest.raises(ApiError) as refused:
        limiter.charge("a", 1)
    assert (refused.value.status, refused.value.code) == (429, -1003)
    assert refused.value.headers == {"Retry-After": "40"}
    assert "current limit is 10 request weight per 1 MINUTE" in refused.value.message
    assert limiter.charge("b", 10) == 10
    clock[0] += 40
    assert limiter.charge("a", 10) == 10


def test_a_refund_gives_room_again(clock: list[float]) -> None:
    limiter = RateLimiter(10, None)
    limiter.charge("a", 10)
    assert limiter.refund("a", 4) == 6
    assert limiter.charge("a", 4) == 10


def test_an_address_that_goes_on_is_banned_for_longer_each_time(clock: list[float]) -> None:
    limiter = RateLimiter(1, None)
    for length in (ratelimit.BAN_S, ratelimit.BAN_S * ratelimit.BAN_GROWTH):
        limiter.charge("a", 1, address="192.0.2.1")
        for _ in range(ratelimit.BAN_AFTER_REFUSED + 1):
            limiter.admit("192.0.2.1")
            with pytest.raises(ApiError):
                limiter.charge("a", 1, address="192.0.2.1")
        with pytest.raises(ApiError) as banned:
            limiter.admit("192.0.2.1")
        assert banned.value.status == 418
        assert banned.value.headers == {"Retry-After": str(length + 1)}
        assert "IP banned until" in banned.value.message
        assert limiter.connection_wait_s("192.0.2.1") == length + 1
        limiter.admit("192.0.2.2")
        clock[0] += length + 1
        limiter.admit("192.0.2.1")
        clock[0] += 60


def test_connections_are_counted_in_five_minutes(clock: list[float]) -> None:
    limiter = RateLimiter(10, None)
    waits = {limiter.connection_wait_s("192.0.2.1") for _ in range(ratelimit.CONNECTIONS_MAX)}
    assert waits == {0}
    assert limiter.connection_wait_s("192.0.2.1") > 0
    clock[0] += 300
    assert limiter.connection_wait_s("192.0.2.1") == 0


def test_addresses_beyond_the_memory_are_counted_together(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratelimit, "NAMES_MAX", 2)
    limiter = RateLimiter(10, None)
    assert [limiter.charge(name, 3) for name in ("a", "b", "c", "d", "a")] == [3, 3, 3, 6, 6]


async def test_what_others_admit_is_known_without_a_request_of_ones_own(clock: list[float]) -> None:
    shared = Shared()
    first, second = RateLimiter(100, shared), RateLimiter(100, shared)
    running = [asyncio.create_task(limiter.run()) for limiter in (first, second)]
    second.charge("a", 1)
    first.charge("a", 6)
    await asyncio.sleep(2.5 * ratelimit.EXCHANGE_S)
    first.charge("a", 3)
    await asyncio.sleep(2.5 * ratelimit.EXCHANGE_S)
    assert second.used("a") == 10
    clock[0] += ratelimit.MINUTE_S
    await asyncio.sleep(1.5 * ratelimit.EXCHANGE_S)
    assert second.used("a") == 0
    assert {window for window, _ in shared.sums} == {1_800_000_000 // 60}
    for number in range(2 * ratelimit.ASKED_MAX):
        second.charge(f"b{number}", 1)
    await asyncio.sleep(1.5 * ratelimit.EXCHANGE_S)
    assert len(shared.sums) == 1 + 2 * ratelimit.ASKED_MAX
    for task in running:
        task.cancel()


async def test_processes_limit_by_what_all_have_admitted(clock: list[float]) -> None:
    shared = Shared()
    first, second = RateLimiter(10, shared), RateLimiter(10, shared)
    running = [asyncio.create_task(limiter.run()) for limiter in (first, second)]
    first.charge("a", 6)
    second.charge("a", 3)
    await asyncio.sleep(3.5 * ratelimit.EXCHANGE_S)
    second.charge("a", 1)
    await asyncio.sleep(1.5 * ratelimit.EXCHANGE_S)
    with pytest.raises(ApiError):
        second.charge("a", 1)
    shared.is_away = True
    first.charge("c", 4)
    await asyncio.sleep(1.5 * ratelimit.EXCHANGE_S)
    assert first.used("c") == 4
    shared.is_away = False
    await asyncio.sleep(1.5 * ratelimit.EXCHANGE_S)
    assert shared.sums[1_800_000_000 // 60, "c"] == 4
    for task in running:
        task.cancel()
