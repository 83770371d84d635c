"""Strangers who guess at a password lock strangers out, and nobody whose browser was signed in before."""

import msgspec
import pytest

from openbourse.identity import users
from openbourse.identity.device_cookies import (
    ACCOUNTS_PER_BROWSER_MAX,
    CLOCKS_APART_S,
    COOKIE_DAYS,
    NAME,
    VALUE_LENGTH_MAX,
    DeviceCookies,
)
from openbourse.identity.outbox import Outbox
from openbourse.identity.store import User
from openbourse.identity.users import ATTEMPTS_PER_DEVICE, ATTEMPTS_PER_EMAIL
from openbourse.protocol.notifications import SECURITY
from tests.identity.conftest import PASSWORD, Clock, Identity
from tests.identity.test_security import NEW, Tab

SESSIONS = "/bourse/v1/sessions"
ANN = {"email": "ann@example.com", "password": PASSWORD}
KEY = bytes(range(32))
USER = User(1_000, "ann@example.com", "$argon2id$a hash", is_opened=True, has_second_factor=False)
WRONG, TOO_MANY = (401, -5002), (429, -1003)


@pytest.fixture
async def tab(identity: Identity) -> Tab:
    await identity.users.sign_up(ANN["email"], PASSWORD, "203.0.113.77", "Firefox on Linux")
    return await Tab(identity).sign_in()


async def guess(tab: Tab, email: str = ANN["email"]) -> tuple[int, int]:
    return await tab.refused("POST", SESSIONS, email=email, password="wrong guess")


async def test_guesses_of_strangers_keep_no_known_browser_from_signing_in(tab: Tab) -> None:
    for number in range(ATTEMPTS_PER_EMAIL):
        assert await guess(Tab(tab.identity, address=f"198.51.100.{number}")) == WRONG
    stranger = Tab(tab.identity)
    assert await stranger.refused("POST", SESSIONS, **ANN) == TOO_MANY
    await tab.sign_in()
    assert await stranger.refused("POST", SESSIONS, **ANN) == TOO_MANY, "the owner's sign-in frees no guesses"


async def test_a_known_browser_has_few_guesses_too_and_uses_up_none_of_strangers(tab: Tab) -> None:
    for _ in range(ATTEMPTS_PER_DEVICE):
        assert await guess(tab) == WRONG
    assert await tab.refused("POST", SESSIONS, **ANN) == TOO_MANY
    assert await guess(Tab(tab.identity)) == WRONG
    other = await Tab(tab.identity).sign_in()
    assert await guess(other) == WRONG, "another browser of the owner's has guesses of its own"


async def test_a_right_password_begins_a_browser_s_count_anew(tab: Tab) -> None:
    for _ in range(2):
        for _ in range(ATTEMPTS_PER_DEVICE - 1):
            assert await guess(tab) == WRONG
        await tab.sign_in()


async def test_strangers_at_the_same_address_keep_no_known_browser_from_signing_in(
    tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "ATTEMPTS_PER_ADDRESS", 3)
    for number in range(2):
        assert await guess(Tab(tab.identity), f"nobody{number}@example.com") == WRONG
    assert await Tab(tab.identity).refused("POST", SESSIONS, **ANN) == TOO_MANY
    await tab.sign_in()


@pytest.mark.parametrize(
    "text", ["203.0.113.77", "address:203.0.113.77", "known-at:203.0.113.77", "device:203.0.113.77"]
)
async def test_no_text_that_is_tried_counts_against_an_address(
    tab: Tab, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    owner = Tab(tab.identity, address="203.0.113.77")
    await owner.sign_in()
    monkeypatch.setattr(users, "ATTEMPTS_PER_ADDRESS", 3)
    for number in range(8):
        await guess(Tab(tab.identity, address=f"198.51.100.{number}"), text)
    await owner.sign_in()
    await Tab(tab.identity, address="203.0.113.77").sign_in()


async def test_known_browsers_of_an_address_are_bounded_together(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else who has an account of their own, and a cookie from each sign-in, would have passwords hashed without end."""
    others = [await Tab(tab.identity).sign_in() for _ in range(3)]
    monkeypatch.setattr(users, "ATTEMPTS_PER_ADDRESS", 2)
    assert [await guess(each) for each in others] == [WRONG, WRONG, TOO_MANY]


async def test_a_password_change_ends_every_cookie_but_that_of_who_changed_it(tab: Tab) -> None:
    other = await Tab(tab.identity).sign_in()
    await tab.change(PASSWORD, NEW)
    for _ in range(ATTEMPTS_PER_EMAIL):
        assert await guess(Tab(tab.identity)) == WRONG
    assert await other.refused("POST", SESSIONS, email=ANN["email"], password=NEW) == TOO_MANY
    await tab.sign_in(NEW)


class Browser:
    """A browser that has signed in once, without a venue behind it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.cookies = DeviceCookies(KEY, self.clock)
        self.header = self.cookies.cookie(USER, b"")
        self.sent = self.header.partition(";")[0].encode()

    def device(self, user: User | None = USER, sent: bytes | None = None) -> str | None:
        return self.cookies.device(user, self.sent if sent is None else sent)


def test_a_cookie_ends_some_time_after_its_last_sign_in() -> None:
    browser = Browser()
    name = browser.device()
    assert name is not None
    browser.clock.now += COOKIE_DAYS * 86_400
    assert browser.device() == name
    browser.clock.now -= COOKIE_DAYS * 86_400 + CLOCKS_APART_S
    assert browser.device() == name, "another process's clock may be a little before"
    browser.clock.now += COOKIE_DAYS * 86_400 + CLOCKS_APART_S
    renewed = browser.cookies.cookie(USER, browser.sent).partition(";")[0].encode()
    browser.clock.now += COOKIE_DAYS * 86_400
    assert (browser.device(), browser.device(sent=renewed)) == (None, name)
    browser.clock.now += 1
    assert browser.device(sent=renewed) is None


@pytest.mark.parametrize("change", ["user", "name", "begun", "seal", "junk", "long", "name of cookie", "future"])
def test_a_cookie_that_was_not_made_here_is_a_stranger_s(change: str) -> None:
    browser = Browser()
    name, _, value = browser.sent.decode().partition("=")
    user, nonce, begun, seal = value.split(".")
    sent = {
        "user": f"{name}={int(user) + 1}.{nonce}.{begun}.{seal}",
        "name": f"{name}={user}.{'A' * 22}.{begun}.{seal}",
        "begun": f"{name}={user}.{nonce}.{int(begun) - 1}.{seal}",
        "seal": f"{name}={user}.{nonce}.{begun}.{'A' * 43}",
        "junk": f"{name}=\xff~;;=~{value[:-1]}",
        "long": f"{name}={value}~{'x' * 2_000}",
        "name of cookie": f"x{name}={value}",
        "future": f"{name}={value}",
    }[change]
    browser.clock.now -= CLOCKS_APART_S + 1 if change == "future" else 0
    for each in (USER, msgspec.structs.replace(USER, id=USER.id + 1)):
        assert browser.device(each, sent.encode("latin-1")) is None


def test_a_cookie_is_one_account_s_and_sealed_by_the_venue_s_key_over_the_password() -> None:
    browser = Browser()
    assert browser.device(sent=b"a=b; " + browser.sent + b"; c=d") is not None
    assert browser.device(None) is None
    for changed in ({"id": 1_001}, {"password_hash": "$argon2id$other"}, {"password_hash": None}):
        assert browser.device(msgspec.structs.replace(USER, **changed)) is None
    assert DeviceCookies(bytes(32), browser.clock).device(USER, browser.sent) is None
    programs = msgspec.structs.replace(USER, password_hash=None)
    assert browser.device(programs, browser.cookies.cookie(programs, b"").encode()) is None, "nobody signs in to it"


def test_a_browser_is_known_to_some_accounts_and_keeps_its_names() -> None:
    browser = Browser()
    sent, name = browser.sent, browser.device()
    people = [msgspec.structs.replace(USER, id=10**17 + each) for each in range(ACCOUNTS_PER_BROWSER_MAX)]
    for person in people[1:]:
        sent = browser.cookies.cookie(person, sent).partition(";")[0].encode()
    assert browser.device(sent=sent) == name
    assert len(sent) < VALUE_LENGTH_MAX
    sent = browser.cookies.cookie(people[0], sent).partition(";")[0].encode()
    assert [browser.device(each, sent) is None for each in (USER, *people)] == [True] + [False] * len(people)


def test_a_page_s_scripts_and_other_sites_have_no_part_in_it() -> None:
    _, *attributes = Browser().header.split("; ")
    assert attributes == ["Path=/bourse/v1", "Max-Age=7776000", "Secure", "HttpOnly", "SameSite=Strict"]


async def test_whoever_guesses_with_a_cookie_learns_of_no_account(tab: Tab) -> None:
    """Neither by an answer nor by a cookie: the same for an address that nobody has."""
    answers = []
    for email in (ANN["email"], "nobody@example.com"):
        stranger = Tab(tab.identity)
        stranger.cookie = tab.cookie.replace(".", ".A", 1)
        answers.append([await guess(stranger, email) for _ in range(ATTEMPTS_PER_EMAIL + 1)])
        assert stranger.cookie_set == ""
    assert answers[0] == answers[1] == [WRONG] * ATTEMPTS_PER_EMAIL + [TOO_MANY]


async def test_who_is_cut_off_makes_the_venue_look_up_no_address(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of that would tell whether somebody has an account, more exactly than an answer after the password's hash."""
    for _ in range(ATTEMPTS_PER_EMAIL):
        assert await guess(Tab(tab.identity)) == WRONG
    stranger, looked_up = Tab(tab.identity), list[str]()
    await tab.identity.users.sign_up("bob@example.com", PASSWORD, "203.0.113.77")
    await stranger.ask("POST", SESSIONS, email="bob@example.com", password=PASSWORD)
    monkeypatch.setattr(tab.identity.store, "find_user", looked_up.append)
    assert await guess(stranger) == TOO_MANY
    stranger.cookie = f"{NAME}={'9' * 18}.{'A' * 22}.1800000000.{'A' * 43}"
    assert await guess(stranger) == TOO_MANY
    assert looked_up == []


async def test_a_known_browser_elsewhere_is_no_new_device(tab: Tab) -> None:
    tab.address = "198.51.100.1"
    await tab.sign_in()
    assert await Outbox(tab.identity.database).waiting(SECURITY, 0, 10) == {}
    await Tab(tab.identity, address="192.0.2.1").sign_in()
    assert len(await Outbox(tab.identity.database).waiting(SECURITY, 0, 10)) == 1
