"""Of several hosts the one to write to is found soon, whatever the others do."""

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from openbourse.adapters import connection_postgres
from openbourse.adapters.connection_postgres import CONNECT_SECONDS_MAX, OTHER_HOSTS_S, DatabaseAway, connect

URL = "postgresql://u@a:1,b:2/journal"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_postgres, "_silent_since", {})


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


async def test_a_silent_host_is_waited_for_by_one_of_a_process_s_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = Hosts(monkeypatch, is_silent=True, promoted_after=0)
    took = []
    for _ in range(4):
        began = time.monotonic()
        assert await connect(URL) is hosts.connection
        took.append(time.monotonic() - began)
    assert took[0] >= OTHER_HOSTS_S
    assert sum(took[1:]) < OTHER_HOSTS_S, "what one has found out costs the others nothing"
    monkeypatch.setattr(connection_postgres, "SILENT_S", 0.0)
    began = time.monotonic()
    await connect(URL)
    assert time.monotonic() - began >= OTHER_HOSTS_S, "it is tried again after a while"


async def test_a_host_that_was_silent_for_long_is_not_waited_for_once_the_other_is_promoted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_postgres, "SILENT_AFTER_S", 0.2)
    monkeypatch.setattr(connection_postgres, "OTHER_HOSTS_S", 60.0)
    hosts = Hosts(monkeypatch, is_silent=True, promoted_after=3)
    assert await asyncio.wait_for(connect(URL), 5) is hosts.connection
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
