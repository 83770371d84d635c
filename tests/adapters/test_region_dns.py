"""The name that says which Region trades is looked up; one that nobody knows is silence, and no fault."""

import asyncio
import time

import pytest

from openbourse.adapters import region_dns
from openbourse.adapters.region_dns import trading_address


async def test_a_name_is_its_address() -> None:
    assert await trading_address("localhost") == "127.0.0.1"


async def test_a_name_that_nobody_has_is_silence() -> None:
    assert await trading_address("trades.openbourse.invalid") == ""
    assert await trading_address("a" * 70 + ".invalid") == ""


async def test_a_resolver_that_hangs_is_silence_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(region_dns, "ASK_SECONDS_MAX", 0.1)

    async def hang(*_args: object, **_named: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    began = time.monotonic()
    assert await trading_address("localhost") == ""
    assert time.monotonic() - began < 5
