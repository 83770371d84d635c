"""API keys: made, found, limited and removed."""

import asyncio
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from openbourse.edge.errors import ApiError
from openbourse.identity.keys import KEYS_PER_USER_MAX, parse_networks, parse_permissions
from openbourse.identity.store import KeyRow
from tests.identity.conftest import Identity


async def user_id(identity: Identity) -> int:
    user = await identity.store.add_user("ann@example.com", None)
    assert user is not None
    return user.id


async def test_a_key_is_found_with_its_secret_and_stored_without_it(identity: Identity) -> None:
    owner = await user_id(identity)
    row, secret = await identity.keys.make(owner, "bot", ("READ",), ("203.0.113.0/24",))
    assert secret is not None
    found = await identity.keys.find(row.api_key)
    assert found is not None
    assert (found.account, found.secret, found.permissions) == (owner, secret.encode(), frozenset({"READ"}))
    assert found.networks == ("203.0.113.0/24",)
    assert abs(found.created_us - time.time_ns() // 1_000) < 60_000_000
    stored = await identity.database.fetchval("SELECT secret FROM identity.api_keys")
    assert secret.encode() not in stored
    assert secret not in repr(found)


async def test_a_removed_key_stops_at_once_in_every_process(identity: Identity) -> None:
    owner = await user_id(identity)
    row, _ = await identity.keys.make(owner, "bot", ("READ",))
    other = identity.another_process()
    listening = asyncio.create_task(other.follow_removals())
    await asyncio.sleep(0.2)
    assert await other.find(row.api_key) is not None
    assert await identity.keys.remove(owner, row.api_key)
    await asyncio.sleep(0.2)
    assert await other.find(row.api_key) is None
    assert await identity.keys.find(row.api_key) is None
    listening.cancel()


async def test_a_session_expires(identity: Identity) -> None:
    owner = await identity.store.user(await user_id(identity))
    assert owner is not None
    api_key, _, expires_ms = await identity.keys.make_session(owner)
    found = await identity.keys.find(api_key)
    assert found is not None
    assert found.session
    assert found.permissions == {"READ", "TRADE"}
    assert found.expires_us // 1_000 == expires_ms
    await identity.database.execute("UPDATE identity.api_keys SET expires_at = now() - interval '1 s'")
    identity.keys.forget(api_key)
    assert await identity.keys.find(api_key) is None


async def test_ones_own_public_key_has_no_secret(identity: Identity) -> None:
    owner = await user_id(identity)
    public = Ed25519PrivateKey.generate().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    row, secret = await identity.keys.make(owner, "own", ("TRADE",), (), pem)
    assert (row.kind, secret) == ("ED25519", None)
    with pytest.raises(ApiError):
        await identity.keys.make(owner, "own", ("TRADE",), (), "-----BEGIN PUBLIC KEY-----\nAAAA\n")


async def test_another_users_key_cannot_be_removed(identity: Identity) -> None:
    owner = await user_id(identity)
    row, _ = await identity.keys.make(owner, "bot", ("READ",))
    assert not await identity.keys.remove(owner + 1, row.api_key)
    assert await identity.keys.find(row.api_key) is not None


async def test_a_user_has_a_bounded_number_of_keys(identity: Identity) -> None:
    owner = await user_id(identity)
    for _ in range(KEYS_PER_USER_MAX):
        await identity.keys.make(owner, "", ("READ",))
    with pytest.raises(ApiError):
        await identity.keys.make(owner, "", ("READ",))


@pytest.mark.parametrize("text", ["nonsense", "10.0.0.1/33", "10.0.0", "::1/129"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ApiError):
        parse_networks(text)


def test_lists_are_read_in_any_order() -> None:
    assert parse_permissions("TRADE, READ") == ("READ", "TRADE")
    assert parse_networks("10.0.0.7, 2001:db8::/32") == ("10.0.0.7/32", "2001:db8::/32")
    with pytest.raises(ApiError):
        parse_permissions("READ,EVERYTHING")


async def test_many_who_ask_at_once_are_one_look_up(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    row, _ = await identity.keys.make(await user_id(identity), "bot", ("READ",))
    asked, let_go, find = [], asyncio.Event(), identity.store.find_key

    async def slow(api_key: str) -> KeyRow | None:
        asked.append(api_key)
        await let_go.wait()
        return await find(api_key)

    monkeypatch.setattr(identity.store, "find_key", slow)
    waiting = [asyncio.create_task(identity.keys.find(row.api_key)) for _ in range(50)]
    await asyncio.sleep(0.05)
    waiting[0].cancel()
    let_go.set()
    found = await asyncio.gather(*waiting[1:])
    assert all(key is not None and key.api_key == row.api_key for key in found)
    assert asked == [row.api_key]


async def test_a_key_in_use_is_looked_up_again_without_anybody_waiting(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, _ = await identity.keys.make(await user_id(identity), "bot", ("READ",))
    assert await identity.keys.find(row.api_key) is not None
    await identity.database.execute("UPDATE identity.api_keys SET permissions = '{TRADE}'")
    monkeypatch.setattr("openbourse.identity.keys.FRESH_S", 0.0)
    first = await identity.keys.find(row.api_key)
    assert first is not None
    assert first.permissions == {"READ"}, "what is known is used meanwhile"
    await asyncio.sleep(0.3)
    second = await identity.keys.find(row.api_key)
    assert second is not None
    assert second.permissions == {"TRADE"}


async def test_a_look_up_that_began_before_a_removal_tells_nobody_who_asks_after_it(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await user_id(identity)
    row, _ = await identity.keys.make(owner, "bot", ("READ",))
    let_go, find = asyncio.Event(), identity.store.find_key

    async def slow(api_key: str) -> KeyRow | None:
        found = await find(api_key)
        await let_go.wait()
        return found

    monkeypatch.setattr(identity.store, "find_key", slow)
    before = asyncio.create_task(identity.keys.find(row.api_key))
    await asyncio.sleep(0.1)
    assert await identity.keys.remove(owner, row.api_key)
    let_go.set()
    assert await identity.keys.find(row.api_key) is None
    await before
    assert await identity.keys.find(row.api_key) is None, "nor is what it read kept"
