"""A person's password and sessions, by the operations that the page asks for."""

import asyncio
from typing import Any

import pytest

from openbourse.adapters.secrets import HashingBusy
from openbourse.edge.errors import ApiError
from openbourse.edge.operations import Call, Caller
from openbourse.edge.params import Params
from openbourse.identity.api import operations
from openbourse.identity.devices import device_words, network_of
from openbourse.identity.users import ATTEMPTS_PER_EMAIL
from openbourse.wallet import own_api as own_wallet
from tests.identity.conftest import PASSWORD, Identity
from tests.identity.test_second_factor import CONFLICT, NEEDED, TOO_MANY, WRONG, Person

NEW = "a staple for every battery"
FIREFOX = b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
WRONG_PASSWORD = -5006


class Tab:
    """A tab of a browser in which one person is signed in."""

    def __init__(self, identity: Identity, agent: bytes = FIREFOX, address: str = "203.0.113.77") -> None:
        self.identity, self.agent, self.address = identity, agent, address
        self.caller: Caller | None = None
        self.is_session = True
        self.cookie = ""
        self.cookie_set = ""

    async def sign_in(self, password: str = PASSWORD, **code: str) -> "Tab":
        told = await self.ask("POST", "/bourse/v1/sessions", email="ann@example.com", password=password, **code)
        user, key = told["accountId"], told["apiKey"]
        self.caller = Caller(user, user, key, frozenset({"READ", "TRADE"}), session=True)
        return self

    async def ask(self, method: str, path: str, **params: str) -> Any:
        told = operations(self.identity.users, self.identity.keys, None, HashingBusy)
        [operation] = [each for each in told if each.rest == (method, path)]
        assert set(params) <= operation.parameters
        call = Call(
            Params(params), self.caller, 1, address=self.address, agent=self.agent, cookies=self.cookie.encode()
        )
        answer = await operation.handler(call)
        if call.set_cookie:
            self.cookie_set, self.cookie = call.set_cookie, call.set_cookie.partition(";")[0]
        return answer

    async def refused(self, method: str, path: str, **params: str) -> tuple[int, int]:
        with pytest.raises(ApiError) as refused:
            await self.ask(method, path, **params)
        return refused.value.status, refused.value.code

    async def change(self, current: str, new: str, **code: str) -> Any:
        return await self.ask("PUT", "/bourse/v1/password", currentPassword=current, newPassword=new, **code)

    async def is_signed_in(self) -> bool:
        assert self.caller is not None
        return await self.identity.keys.find(self.caller.api_key) is not None


@pytest.fixture
async def person(identity: Identity) -> Person:
    return Person(identity, await identity.users.sign_up("ann@example.com", PASSWORD, "203.0.113.1"))


@pytest.fixture
async def tab(person: Person) -> Tab:
    return await Tab(person.identity).sign_in()


async def test_a_changed_password_ends_every_other_session_and_keeps_api_keys(tab: Tab) -> None:
    other = await Tab(tab.identity).sign_in()
    assert tab.caller is not None
    key, _ = await tab.identity.keys.make(tab.caller.user, "bot", ("READ",))
    away = tab.identity.another_process()
    assert other.caller is not None
    assert await away.find(other.caller.api_key) is not None
    listening = asyncio.create_task(away.follow_removals())
    await asyncio.sleep(0.2)
    assert await tab.change(PASSWORD, NEW) == {"sessionsEnded": 1}
    assert (await tab.is_signed_in(), await other.is_signed_in()) == (True, False)
    assert await tab.identity.keys.find(key.api_key) is not None
    await asyncio.sleep(0.2)
    assert await away.find(other.caller.api_key) is None
    listening.cancel()
    with pytest.raises(ApiError):
        await other.sign_in(PASSWORD)
    await other.sign_in(NEW)


async def test_a_password_that_is_not_changed_changes_nothing(tab: Tab) -> None:
    other = await Tab(tab.identity).sign_in()
    for current, new, seen in (
        ("something else", NEW, (401, WRONG_PASSWORD)),
        (PASSWORD, "short", (400, -1130)),
        (PASSWORD, "x" * 129, (400, -1130)),
        (PASSWORD, PASSWORD, (400, -1130)),
        (PASSWORD, "Ann@Example.com", (400, -1130)),
        (PASSWORD, "", (400, -1102)),
    ):
        assert await tab.refused("PUT", "/bourse/v1/password", currentPassword=current, newPassword=new) == seen
    assert await other.is_signed_in()
    await other.sign_in(PASSWORD)


async def test_guesses_at_the_current_password_are_cut_off_apart_from_strangers_at_sign_in(tab: Tab) -> None:
    for _ in range(ATTEMPTS_PER_EMAIL):
        with pytest.raises(ApiError):
            await Tab(tab.identity, address="198.51.100.1").sign_in("wrong guess")
    for _ in range(ATTEMPTS_PER_EMAIL):
        with pytest.raises(ApiError) as refused:
            await tab.change("wrong guess", NEW)
        assert refused.value.code == WRONG_PASSWORD
    assert await tab.refused("POST", "/bourse/v1/second-factor", password=PASSWORD) == (429, TOO_MANY)


async def test_who_proved_the_old_password_in_time_gets_no_session_after_it_changed(tab: Tab) -> None:
    proven = await tab.identity.users.sign_in("ann@example.com", PASSWORD, "203.0.113.1")
    await tab.change(PASSWORD, NEW)
    with pytest.raises(ApiError):
        await tab.identity.keys.make_session(proven)


async def test_a_sign_in_that_is_being_written_down_is_seen_by_the_change_that_ends_it(tab: Tab) -> None:
    database = tab.identity.database
    async with database.acquire() as connection:
        began = connection.transaction()
        await began.start()
        # As `add_session` does: its lock stands until its row can be seen.
        await connection.execute("SELECT 1 FROM identity.users FOR SHARE")
        changing = asyncio.create_task(tab.change(PASSWORD, NEW))
        await asyncio.sleep(0.3)
        assert not changing.done()
        await connection.execute(
            "INSERT INTO identity.api_keys (api_key, user_id, kind, secret, permissions, is_session, expires_at)"
            " SELECT repeat('T', 64), id, 'HMAC', '', '{READ}', true, now() + interval '1 h' FROM identity.users"
        )
        await began.commit()
    assert await changing == {"sessionsEnded": 1}


async def test_sessions_are_listed_with_what_their_owner_recognizes(tab: Tab) -> None:
    bot = await Tab(tab.identity, b"python-httpx/0.28", "2001:db8:1:2::3").sign_in()
    found = await tab.ask("GET", "/bourse/v1/sessions")
    assert [(row["device"], row["network"], row["isCurrent"]) for row in found] == [
        ("python-httpx", "2001:db8:1::/48", False),
        ("Firefox on Linux", "203.0.113.0/24", True),
    ]
    assert tab.caller is not None
    assert bot.caller is not None
    for key in (tab.caller.api_key, bot.caller.api_key):
        assert key not in str(found), "a key opens a user stream, unsigned"
    await tab.identity.database.execute("UPDATE identity.api_keys SET created_at = created_at - interval '1 h'")
    assert found[0]["lastUsedAt"] is None
    assert await bot.is_signed_in()
    used, unused = await tab.ask("GET", "/bourse/v1/sessions")
    assert (used["lastUsedAt"] >= found[0]["createdAt"], unused["lastUsedAt"]) == (True, None)


async def test_one_session_or_all_others_are_ended_and_only_ones_own(tab: Tab) -> None:
    first, second = await Tab(tab.identity).sign_in(), await Tab(tab.identity).sign_in()
    await tab.identity.users.sign_up("bob@example.com", PASSWORD, "203.0.113.1")
    bob = Tab(tab.identity)
    signed_in = await tab.identity.users.sign_in("bob@example.com", PASSWORD, "203.0.113.1")
    key, _, _ = await tab.identity.keys.make_session(signed_in)
    bob.caller = Caller(signed_in.id, signed_in.id, key, frozenset({"READ"}), session=True)
    [newest, *_] = await tab.ask("GET", "/bourse/v1/sessions")
    assert await bob.refused("DELETE", "/bourse/v1/sessions", sessionId=newest["sessionId"]) == (404, -1130)
    await tab.ask("DELETE", "/bourse/v1/sessions", sessionId=newest["sessionId"])
    assert (await first.is_signed_in(), await second.is_signed_in()) == (True, False)
    assert await tab.ask("DELETE", "/bourse/v1/sessions/others") == {"sessionsEnded": 1}
    assert (await tab.is_signed_in(), await first.is_signed_in(), await bob.is_signed_in()) == (True, False, True)


def test_passwords_and_codes_are_confidential_wherever_they_are_read() -> None:
    unused: Any = None
    told = [*operations(unused, unused, None, HashingBusy), *own_wallet.operations(unused, unused, unused)]
    read = {each.rest: each.parameters & {"password", "currentPassword", "newPassword", "code"} for each in told}
    assert {rest: names for rest, names in read.items() if names} == {
        each.rest: each.confidential for each in told if each.confidential
    }
    assert sum(bool(names) for names in read.values()) == 8


async def test_an_api_key_may_do_none_of_it(tab: Tab) -> None:
    assert tab.caller is not None
    tab.caller = Caller(tab.caller.user, tab.caller.user, "key", tab.caller.permissions)
    for method, path in (
        ("PUT", "/bourse/v1/password"),
        ("GET", "/bourse/v1/sessions"),
        ("DELETE", "/bourse/v1/sessions"),
        ("DELETE", "/bourse/v1/sessions/others"),
        ("GET", "/bourse/v1/second-factor"),
        ("POST", "/bourse/v1/second-factor"),
        ("POST", "/bourse/v1/second-factor/confirm"),
        ("POST", "/bourse/v1/second-factor/remove"),
    ):
        assert await tab.refused(method, path) == (401, -2015)


async def test_a_second_factor_from_set_up_to_switching_off(tab: Tab, person: Person) -> None:
    factor = "/bourse/v1/second-factor"
    other = await Tab(tab.identity).sign_in()
    assert await tab.refused("POST", factor, password="something else") == (401, WRONG_PASSWORD)
    assert not (await tab.ask("GET", factor))["isOn"]
    person.secret = (await tab.ask("POST", factor, password=PASSWORD))["secret"]
    confirmed = await tab.ask("POST", f"{factor}/confirm", code=person.code())
    assert confirmed["sessionsEnded"] == 1
    assert not await other.is_signed_in(), "it began without a code"
    state = await tab.ask("GET", factor)
    assert (state["isOn"], state["recoveryCodesLeft"]) == (True, 10)
    assert person.secret not in str((confirmed, state))
    assert await other.refused("POST", "/bourse/v1/sessions", email="ann@example.com", password=PASSWORD) == (
        401,
        NEEDED,
    )
    tab.identity.clock.now += 30
    assert await tab.refused("POST", "/bourse/v1/api-keys", permissions="READ") == (401, NEEDED)
    made = await tab.ask("POST", "/bourse/v1/api-keys", permissions="READ", code=person.code())
    assert made["secretKey"]
    again = await tab.refused("POST", "/bourse/v1/api-keys", permissions="READ", code=person.code())
    assert again == (401, WRONG)
    with pytest.raises(ApiError) as refused:
        await tab.change(PASSWORD, NEW)
    assert refused.value.code == NEEDED
    await tab.change(PASSWORD, NEW, code=confirmed["recoveryCodes"][0])
    tab.identity.clock.now += 30
    for password, code, seen in ((PASSWORD, person.code(), WRONG_PASSWORD), (NEW, "000000", WRONG)):
        assert (await tab.refused("POST", f"{factor}/remove", password=password, code=code))[1] == seen
    await tab.ask("POST", f"{factor}/remove", password=NEW, code=person.code())
    await other.sign_in(NEW)
    nothing = await tab.refused("POST", f"{factor}/remove", password=NEW, code="000000")
    assert nothing == (409, CONFLICT)


async def test_who_proved_a_password_alone_gets_no_session_once_a_second_factor_is_on(person: Person) -> None:
    proven = await person.sign_in()
    await person.set_up()
    with pytest.raises(ApiError):
        await person.identity.keys.make_session(proven)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (b"Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        (b"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) CriOS/140 Safari/604.1", "Chrome on iOS"),
        (b"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/19 Safari/605", "Safari on macOS"),
        (b"curl/8.14.1", "curl"),
        (b"<script>alert(1)</script>", ""),
        (b"\xff\x00" + b"x" * 9_000, ""),
        (b"x" * 9_000, "x" * 32),
        (b"", ""),
    ],
)
def test_a_device_is_named_by_its_kind(agent: bytes, words: str) -> None:
    assert device_words(agent) == words


@pytest.mark.parametrize(
    ("address", "network"),
    [("203.0.113.77", "203.0.113.0/24"), ("::ffff:203.0.113.77", "203.0.113.0/24"), ("unix", ""), ("", "")],
)
def test_of_an_address_the_network_is_kept(address: str, network: str) -> None:
    assert network_of(address) == network
