"""A start waits for its database, up to a limit."""

import asyncpg
import pytest

from openbourse.wiring import patience
from openbourse.wiring.patience import await_database


class Starting:
    """A database that refuses at first, as PostgreSQL does while it recovers."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    async def connect(self) -> str:
        if self.refusals:
            self.refusals -= 1
            raise asyncpg.CannotConnectNowError("the database system is starting up")
        return "connected"


async def test_a_start_waits_for_a_database_that_starts() -> None:
    assert await await_database(Starting(2).connect) == "connected"


async def test_a_start_gives_up_after_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "START_S", 0.01)
    with pytest.raises(asyncpg.CannotConnectNowError):
        await await_database(Starting(1_000).connect)


async def test_a_mistake_is_not_waited_for() -> None:
    async def wrong() -> None:
        raise asyncpg.InvalidPasswordError("no")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await await_database(wrong)
