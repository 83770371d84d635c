"""A user's key of the API gateway is there from the first API key until the last is gone, whatever the gateway does."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
import pytest_asyncio

from openbourse.adapters.secrets import MasterKey
from openbourse.edge.errors import ApiError
from openbourse.edge.operations import Call, Caller
from openbourse.edge.params import Params
from openbourse.identity import gateway
from openbourse.identity.api import operations
from openbourse.identity.gateway import GatewayKeys
from tests.identity.conftest import Identity

PLAN = "plan-1"


class Made:
    """A gateway in memory that can be away, or silent."""

    def __init__(self) -> None:
        self.keys: dict[int, str] = {}
        self.fault: Exception | None = None
        self.is_silent = False
        self.refused: set[int] = set()

    async def make(self, user_id: int, value: str) -> None:
        await self._answer()
        if user_id in self.refused:
            raise ConnectionError("refused")
        self.keys[user_id] = value

    async def remove(self, user_id: int) -> None:
        await self._answer()
        self.keys.pop(user_id, None)

    async def _answer(self) -> None:
        if self.is_silent:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault


class Slow(Made):
    """A gateway whose first answer takes a while; as with a thread, nobody can stop what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()
        self._asked: list[asyncio.Task[None]] = []

    async def make(self, user_id: int, value: str) -> None:
        await self._slowly(super().make(user_id, value))

    async def remove(self, user_id: int) -> None:
        await self._slowly(super().remove(user_id))

    async def _slowly(self, work: Coroutine[Any, Any, None]) -> None:
        async def answer(is_first: bool) -> None:
            if is_first:
                await self.may_answer.wait()
            await work

        self._asked.append(asyncio.create_task(answer(not self._asked)))
        await asyncio.shield(self._asked[-1])


class Asked:
    """A signed-in person, and what the gateway has."""

    def __init__(self, identity: Identity, user_id: int) -> None:
        self.identity, self.user = identity, user_id
        self.made = Made()
        self.keys = self.on(PLAN, identity.master_key)

    def on(self, plan: str, master_key: MasterKey) -> GatewayKeys:
        return GatewayKeys(self.identity.store, master_key, self.made, plan)

    async def ask(self, method: str, path: str, **named: str) -> dict[str, str]:
        told = operations(self.identity.users, self.identity.keys, None, TimeoutError, self.keys)
        [operation] = [each for each in told if each.rest == (method, path)]
        caller = Caller(self.user, self.user, "session", frozenset({"READ", "TRADE"}), session=True)
        found = await operation.handler(Call(Params(named), caller, 1))
        assert isinstance(found, dict)
        return found

    async def new_api_key(self) -> dict[str, str]:
        return await self.ask("POST", "/bourse/v1/api-keys", permissions="READ")

    async def begin_session(self) -> None:
        user = await self.identity.store.user(self.user)
        assert user is not None
        await self.identity.keys.make_session(user)

    async def reconciled(self, keys: GatewayKeys | None = None) -> None:
        running = asyncio.create_task((keys or self.keys).keep_reconciled())
        async with asyncio.timeout(5):
            while await self.identity.store.gateway_keys_due(PLAN, 0, 10):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        running.cancel()


@pytest_asyncio.fixture
async def asked(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr(gateway, "RECONCILE_EVERY_S", 0.02)
    monkeypatch.setattr(gateway, "GIVE_S", 0.3)
    user = await identity.store.add_user("ann@example.com", None)
    assert user is not None
    return Asked(identity, user.id)


async def test_it_is_handed_out_with_an_api_key_and_is_one_for_all_of_them(asked: Asked) -> None:
    with pytest.raises(ApiError):
        await asked.ask("GET", "/bourse/v1/gateway-key")
    first, second = await asked.new_api_key(), await asked.new_api_key()
    assert len(first["gatewayKey"]) >= 20
    assert first["gatewayKey"] == second["gatewayKey"] == asked.made.keys[asked.user]
    assert await asked.ask("GET", "/bourse/v1/gateway-key") == {"gatewayKey": first["gatewayKey"]}
    stored = await asked.identity.database.fetchval("SELECT value FROM identity.gateway_keys")
    assert first["gatewayKey"].encode() not in stored
    await asked.ask("DELETE", "/bourse/v1/api-keys", apiKey=first["apiKey"])
    assert asked.made.keys
    await asked.ask("DELETE", "/bourse/v1/api-keys", apiKey=second["apiKey"])
    assert not asked.made.keys


@pytest.mark.parametrize("is_silent", [False, True])
async def test_a_gateway_that_is_away_fails_nobody_and_gets_the_key_later(asked: Asked, is_silent: bool) -> None:
    asked.made.fault, asked.made.is_silent = ConnectionError("away"), is_silent
    told = await asked.new_api_key()
    assert told["apiKey"]
    assert not asked.made.keys
    asked.made.fault, asked.made.is_silent = None, False
    await asked.reconciled()
    assert asked.made.keys == {asked.user: told["gatewayKey"]}
    asked.made.fault, asked.made.is_silent = ConnectionError("away"), is_silent
    await asked.ask("DELETE", "/bourse/v1/api-keys", apiKey=told["apiKey"])
    assert asked.made.keys
    asked.made.fault, asked.made.is_silent = None, False
    await asked.reconciled()
    assert not asked.made.keys


async def test_who_had_an_api_key_before_there_was_a_plan_gets_one(asked: Asked) -> None:
    await asked.identity.keys.make(asked.user, "old", ("READ",))
    await asked.begin_session()
    await asked.reconciled()
    assert list(asked.made.keys) == [asked.user]


async def test_a_session_alone_has_none(asked: Asked) -> None:
    await asked.begin_session()
    await asked.reconciled()
    assert not asked.made.keys


async def test_another_plan_gets_the_same_key(asked: Asked) -> None:
    told = await asked.new_api_key()
    asked.made.keys.clear()  # the other Region's gateway
    assert await asked.identity.store.gateway_keys_due("plan-2", 0, 10) == [asked.user]
    await asked.on("plan-2", asked.identity.master_key).give(asked.user)
    assert asked.made.keys == {asked.user: told["gatewayKey"]}
    assert await asked.identity.store.gateway_keys_due("plan-2", 0, 10) == []


async def test_a_replaced_master_key_replaces_the_value(asked: Asked) -> None:
    told = await asked.new_api_key()
    value = await asked.on(PLAN, MasterKey(bytes(32))).give(asked.user)
    assert value != told["gatewayKey"]
    assert asked.made.keys == {asked.user: value}


async def test_those_that_are_refused_keep_up_nobody_behind_them(asked: Asked) -> None:
    users = [asked.user]
    for number in range(gateway.FAULTS_MAX + 2):
        user = await asked.identity.store.add_user(f"bob{number}@example.com", None)
        assert user is not None
        users.append(user.id)
    for each in users:
        await asked.identity.keys.make(each, "old", ("READ",))
    asked.made.refused = set(users[: gateway.FAULTS_MAX + 1])
    running = asyncio.create_task(asked.keys.keep_reconciled())
    async with asyncio.timeout(5):
        while set(asked.made.keys) != set(users) - asked.made.refused:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        asked.made.refused.clear()
        while set(asked.made.keys) != set(users):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    running.cancel()


async def test_a_key_that_was_made_too_late_does_not_stay(asked: Asked) -> None:
    """Who removed the last API key found none at the gateway: it was still being made, and nobody waited for it any more."""
    slow = asked.made = Slow()
    asked.keys = asked.on(PLAN, asked.identity.master_key)
    told = await asked.new_api_key()
    await asked.ask("DELETE", "/bourse/v1/api-keys", apiKey=told["apiKey"])
    slow.may_answer.set()
    async with asyncio.timeout(5):
        while slow.keys or asked.keys._settling:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await asked.reconciled()
    assert not slow.keys


async def test_a_key_that_was_removed_too_late_is_there_again(asked: Asked) -> None:
    """It was noted as there, and so was never made again."""
    told = await asked.new_api_key()
    slow = Slow()
    slow.keys, asked.made = asked.made.keys, slow
    asked.keys = asked.on(PLAN, asked.identity.master_key)
    await asked.ask("DELETE", "/bourse/v1/api-keys", apiKey=told["apiKey"])
    again = await asked.new_api_key()
    slow.may_answer.set()
    await asyncio.sleep(0.2)
    await asked.reconciled()
    assert slow.keys == {asked.user: again["gatewayKey"]}
