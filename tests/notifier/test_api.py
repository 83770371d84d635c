"""A signed-in person chooses what to hear of; withdrawals are told whatever is chosen."""

from collections.abc import Collection
from typing import Any

import pytest

from openbourse.edge.errors import ApiError
from openbourse.edge.operations import Call, Caller
from openbourse.edge.params import Params
from openbourse.notifier.api import operations

EVERYTHING = ["fill", "cancel", "expiry", "deposit"]


class Wishes:
    """The rows in memory."""

    def __init__(self) -> None:
        self.rows: set[tuple[int, str]] = set()

    async def silenced(self, accounts: Collection[int]) -> set[tuple[int, str]]:
        return {row for row in self.rows if row[0] in accounts}

    async def silence(self, account: int, topics: Collection[str]) -> None:
        self.rows = {row for row in self.rows if row[0] != account} | {(account, topic) for topic in topics}


async def ask(wishes: Wishes, method: str, account: int = 7, session: bool = True, **params: str) -> Any:
    [operation] = [each for each in operations(wishes) if each.rest == (method, "/bourse/v1/notifications")]
    caller = Caller(account, account, "key", frozenset({"READ"}), session)
    return await operation.handler(Call(Params(params), caller, 0))


async def test_everything_is_told_until_somebody_chooses() -> None:
    wishes = Wishes()
    assert await ask(wishes, "GET") == {"topics": EVERYTHING, "always": ["withdrawal", "security"]}
    assert await ask(wishes, "PUT", topics="deposit, fill") == {
        "topics": ["fill", "deposit"],
        "always": ["withdrawal", "security"],
    }
    assert (await ask(wishes, "GET"))["topics"] == ["fill", "deposit"]
    assert (await ask(wishes, "GET", account=8))["topics"] == EVERYTHING
    assert (await ask(wishes, "PUT", topics=""))["topics"] == []


@pytest.mark.parametrize("topics", ["withdrawal", "fill,withdrawal-held", "muted", "everything"])
async def test_what_cannot_be_chosen_is_refused(topics: str) -> None:
    wishes = Wishes()
    with pytest.raises(ApiError) as refused:
        await ask(wishes, "PUT", topics=topics)
    assert refused.value.code == -1130
    assert wishes.rows == set()


async def test_who_names_nothing_is_not_taken_to_want_nothing() -> None:
    wishes = Wishes()
    with pytest.raises(ApiError) as refused:
        await ask(wishes, "PUT")
    assert refused.value.code == -1102
    assert wishes.rows == set()


async def test_a_program_s_key_may_look_and_not_choose() -> None:
    wishes = Wishes()
    assert (await ask(wishes, "GET", session=False))["topics"] == EVERYTHING
    with pytest.raises(ApiError) as refused:
        await ask(wishes, "PUT", session=False, topics="fill")
    assert (refused.value.code, refused.value.status) == (-2015, 401)
