"""Who looks after the database promotes only a standby that has everything, and fences before it promotes."""

import asyncio
from typing import Any, cast

import pytest

from chaos import database
from chaos.database import Database
from chaos.places import DATABASES, Place
from chaos.server import Server, ServerFault

STREAMING = "pg_stat_replication"


class Part:
    """A server's process."""

    pid = 7
    is_wanted = True

    def __init__(self, said: list[str], name: str) -> None:
        self._said, self._name = said, name

    def start(self) -> None:
        self._said.append(f"start {self._name}")

    def keep(self) -> bool:
        return False


class Fake:
    """A server that answers, or not."""

    def __init__(self, place: Place, said: list[str]) -> None:
        self.place, self.said = place, said
        self.part = Part(said, place.zone)
        self.answers = True
        self.streams = 1
        self.can_rewind = True

    def kill(self) -> None:
        self.said.append(f"kill {self.place.zone}")

    def rewind(self, primary: Place) -> None:
        if not self.can_rewind:
            raise ServerFault("they have parted too long ago")
        self.said.append(f"rewind {self.place.zone} to {primary.zone}")

    def copy(self, primary: Place) -> None:
        self.said.append(f"copy {primary.zone} to {self.place.zone}")

    def ask(self, statement: str) -> object:
        if not self.answers:
            raise TimeoutError("silent")
        if STREAMING in statement:
            return self.streams
        self.said.append(f"{self.place.zone}: {statement}")
        return None


class Pair:
    """Both, looked after without waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, is_synchronous: bool = True) -> None:
        for name in ("FAILOVER_AFTER_S", "DEGRADE_AFTER_S", "REJOIN_AFTER_S", "REJOIN_PAUSE_S"):
            monkeypatch.setattr(database, name, 0.0)
        self.said: list[str] = []
        self.a, self.b = (Fake(place, self.said) for place in DATABASES)
        servers = cast(tuple[Server, Server], (self.a, self.b))
        self.database = Database(servers, lambda address: self.said.append(f"move to {address}"), lambda _: None)
        self.database.is_synchronous = is_synchronous

        async def ask(server: Any, statement: str, seconds: float = 1.0) -> object:
            return server.ask(statement)

        monkeypatch.setattr(self.database, "_ask", ask)

    async def look(self, times: int = 1) -> list[str]:
        for _ in range(times):
            await self.database._look()
            await asyncio.sleep(0.05)
        return self.said


async def test_a_silent_primary_is_fenced_before_the_standby_is_promoted_and_comes_back_as_its_standby(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = Pair(monkeypatch)
    pair.a.answers = False
    said = await pair.look()
    assert said[:3] == ["kill a", "b: SELECT pg_promote(true, 10)", f"move to {DATABASES[1].address}"]
    assert said[3:] == ["kill a", "rewind a to b", "start a"]
    assert pair.database.primary.place == DATABASES[1]
    assert not pair.database.is_whole, "the new primary is alone until its standby streams"


async def test_a_standby_that_was_not_waited_for_is_never_promoted(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(monkeypatch, is_synchronous=False)
    pair.a.answers = False
    assert not [word for word in await pair.look(3) if "promote" in word]
    assert pair.database.primary.place == DATABASES[0]


async def test_a_standby_that_does_not_stream_is_no_longer_waited_for_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = Pair(monkeypatch)
    pair.a.streams = 0
    assert "a: ALTER SYSTEM SET synchronous_standby_names = ''" in await pair.look()
    assert not pair.database.is_synchronous
    pair.a.streams = 1
    assert "a: ALTER SYSTEM SET synchronous_standby_names = '*'" in await pair.look()
    assert pair.database.is_whole


async def test_a_server_that_cannot_be_rewound_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(monkeypatch)
    pair.a.answers = False
    pair.a.can_rewind = False
    assert (await pair.look())[-2:] == ["copy b to a", "start a"]
