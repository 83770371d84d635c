"""Of several hosts the one to write to is found soon, whatever the others do."""

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from openbourse.adapters import connection_postgres
from openbourse.adapters.connection_postgres import CONNECT_SECONDS_MAX, DatabaseAway, connect

URL = "postgresql://u@a:1,b:2/journal"


class Hosts:
    """Host a is silent or only read from, host b is promoted after some questions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, is_silent: bool, promoted_after: int) -> None:
        self.is_silent, self.promoted_after, self.asked = is_silent, promoted_after, 0
        self.connection = object()
        monkeypatch.setattr(connection_postgres, "_open", self.open)

    async def open(self, url: str, *_: Any) -> tuple[str, object]:
        if "@a:1" in url and self.is_silent:
            await asyncio.sleep(60)
        if "@b:2" in url:
            self.asked += 1
            if self.asked > self.promoted_after:
                return "00000002", self.connection
        raise asyncpg.TargetServerAttributeNotMatched("it is only read from")


async def test_a_standby_that_is_promoted_beside_a_silent_host_is_found_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts = Hosts(monkeypatch, is_silent=True, promoted_after=3)
    began = time.monotonic()
    assert await connect(URL) is hosts.connection
    assert time.monotonic() - began < CONNECT_SECONDS_MAX - 1
    assert hosts.asked == 4


async def test_hosts_that_are_all_only_read_from_say_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Hosts(monkeypatch, is_silent=False, promoted_after=100)
    began = time.monotonic()
    with pytest.raises(DatabaseAway):
        await connect(URL)
    assert time.monotonic() - began < 1


async def test_a_silent_host_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_postgres, "CONNECT_SECONDS_MAX", 0.5)
    Hosts(monkeypatch, is_silent=True, promoted_after=100)
    with pytest.raises(DatabaseAway, match="no answer"):
        await asyncio.wait_for(connect(URL), 5)
