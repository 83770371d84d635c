"""What is done to an account's safety is told to its owner, with the change or not at all, and opens nothing."""

import json

import pytest

from openbourse.identity import outbox
from openbourse.identity.notices import OPERATOR
from openbourse.identity.outbox import Outbox
from openbourse.notifier.rendering import render
from openbourse.protocol.notifications import SECURITY, Notification, Topic
from tests.identity.conftest import PASSWORD, Identity
from tests.identity.test_second_factor import Person
from tests.identity.test_security import FIREFOX, NEW, Tab

FACTOR = "/bourse/v1/second-factor"
KEYS = "/bourse/v1/api-keys"
HERE = "203.0.113.77, Firefox on Linux"


async def waiting(identity: Identity) -> list[Notification]:
    """Return what is to be told, which is then told."""
    box = Outbox(identity.database)
    found = await box.waiting(SECURITY, 0, 100)
    for number in found:
        await box.forget(number)
    return list(found.values())


@pytest.fixture
async def tab(identity: Identity) -> Tab:
    person = {"email": "ann@example.com", "password": PASSWORD}
    await Tab(identity).ask("POST", "/bourse/v1/users", **person)
    return await Tab(identity).sign_in()


async def test_each_change_is_told_once_from_where_and_without_what_it_was_done_with(tab: Tab) -> None:
    secrets: list[str] = [PASSWORD, NEW]

    async def told(topic: Topic, **facts: str) -> None:
        [notice] = await waiting(tab.identity)
        assert (notice.topic, notice.address, notice.facts) == (topic, "ann@example.com", {"origin": HERE, **facts})
        _, text = render(notice)
        assert HERE in text
        assert notice.id in text
        assert not [secret for secret in secrets if secret in text + notice.body()]

    assert await waiting(tab.identity) == [], "the device that signed up is known"
    made = await tab.ask("POST", KEYS, permissions="TRADE,READ", label="see https://evil.example")
    secrets += [made["apiKey"], made["secretKey"], "evil"]
    await told(Topic.KEY_MADE, key=made["apiKey"][:8], permissions="READ, TRADE")
    await tab.ask("DELETE", KEYS, apiKey=made["apiKey"])
    await told(Topic.KEY_REMOVED, key=made["apiKey"][:8])
    person = Person(tab.identity, await tab.identity.users.sign_in("ann@example.com", PASSWORD, ""))
    person.secret = (await tab.ask("POST", FACTOR, password=PASSWORD))["secret"]
    code = person.code()
    recovery = (await tab.ask("POST", f"{FACTOR}/confirm", code=code))["recoveryCodes"]
    secrets += [person.secret, code, *recovery]
    await told(Topic.FACTOR_SET_UP)
    await tab.ask("PUT", "/bourse/v1/password", currentPassword=PASSWORD, newPassword=NEW, code=recovery[0])
    await told(Topic.PASSWORD_CHANGED)
    await tab.ask("POST", f"{FACTOR}/remove", password=NEW, code=recovery[1])
    await told(Topic.FACTOR_REMOVED)


async def test_an_operator_s_doing_is_told_without_the_operator_s_name(identity: Identity) -> None:
    person = Person(identity, await identity.users.sign_up("ann@example.com", PASSWORD, ""))
    await person.set_up()
    await person.factors.take_away(person.user.id, "Olga, ticket 4711")
    _, notice = await waiting(identity)
    assert (notice.topic, notice.facts) == (Topic.FACTOR_TAKEN_AWAY, {"origin": "the operator of the exchange"})


async def test_what_is_refused_is_told_to_nobody(tab: Tab) -> None:
    for method, path, params in (
        ("PUT", "/bourse/v1/password", {"currentPassword": "wrong guess", "newPassword": NEW}),
        ("POST", f"{FACTOR}/confirm", {"code": "123456"}),
        ("POST", f"{FACTOR}/remove", {"password": PASSWORD, "code": "123456"}),
        ("DELETE", KEYS, {"apiKey": "K" * 64}),
        ("POST", KEYS, {"permissions": "ALL"}),
        ("POST", "/bourse/v1/sessions", {"email": "ann@example.com", "password": "wrong guess"}),
    ):
        await tab.refused(method, path, **params)
    assert await waiting(tab.identity) == []


async def test_no_change_without_its_notice(tab: Tab) -> None:
    """Whatever comes between them undoes both: they are one transaction."""
    made = await tab.ask("POST", KEYS, permissions="READ")
    await tab.ask("POST", FACTOR, password=PASSWORD)
    seen = [await tab.identity.database.fetch("SELECT * FROM identity.users, identity.api_keys ORDER BY api_key")]
    await tab.identity.database.execute("ALTER TABLE identity.notices ADD CHECK (false) NOT VALID")
    assert tab.caller is not None
    for change in (
        tab.ask("POST", KEYS, permissions="READ"),
        tab.ask("DELETE", KEYS, apiKey=made["apiKey"]),
        tab.change(PASSWORD, NEW),
        Tab(tab.identity, b"curl/8", "198.51.100.1").sign_in(),
        tab.identity.keys.make(tab.caller.user, "", ("READ",), origin=OPERATOR),
    ):
        with pytest.raises(Exception, match="check constraint"):
            await change
    seen.append(await tab.identity.database.fetch("SELECT * FROM identity.users, identity.api_keys ORDER BY api_key"))
    assert seen[0] == seen[1]


async def test_a_new_device_is_told_once_and_anew_after_months(tab: Tab) -> None:
    away = Tab(tab.identity, b"evil.example/1.0", "198.51.100.9")
    for _ in range(2):
        await away.sign_in()
        await Tab(tab.identity).sign_in()
    [notice] = await waiting(tab.identity)
    assert (notice.topic, notice.facts) == (Topic.NEW_DEVICE, {"origin": "198.51.100.9, evil example"})
    await Tab(tab.identity, FIREFOX, "203.0.113.1").sign_in()
    assert await waiting(tab.identity) == [], "it is in the same network"
    await Tab(tab.identity, b"curl/8", "203.0.113.1").sign_in()
    assert len(await waiting(tab.identity)) == 1
    await tab.identity.database.execute("UPDATE identity.devices SET last_seen_at = now() - interval '91 days'")
    await Tab(tab.identity).sign_in()
    assert len(await waiting(tab.identity)) == 1


async def test_noise_about_keys_has_an_end_and_hides_no_new_password(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    await waiting(tab.identity)
    monkeypatch.setattr(outbox, "WAITING_MAX", 3)
    for number in range(5):
        await tab.ask("POST", KEYS, label=f"bot {number}", permissions="READ")
    await tab.change(PASSWORD, NEW)
    told = [notice.topic for notice in await waiting(tab.identity)]
    assert told == [Topic.KEY_MADE] * 3 + [Topic.PASSWORD_CHANGED]


async def test_of_devices_the_latest_are_remembered(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "DEVICES_PER_USER_MAX", 3)
    for number in range(5):
        await Tab(tab.identity, FIREFOX, f"198.51.{number}.1").sign_in()
    rows = await tab.identity.database.fetch("SELECT network FROM identity.devices ORDER BY last_seen_at")
    assert [row[0] for row in rows] == ["198.51.2.0/24", "198.51.3.0/24", "198.51.4.0/24"]


async def test_a_program_s_account_and_an_ended_session_are_told_to_nobody(tab: Tab) -> None:
    assert tab.caller is not None
    row, _ = await tab.identity.keys.make(tab.caller.user, "", ("READ",))
    await tab.identity.keys.remove(tab.caller.user, row.api_key)
    await tab.ask("DELETE", KEYS, apiKey=tab.caller.api_key)
    assert await waiting(tab.identity) == []


async def test_what_a_later_version_wrote_waits_for_it(tab: Tab) -> None:
    await tab.identity.database.execute(
        "INSERT INTO identity.notices (user_id, topic, facts) SELECT id, 'security-later', $1 FROM identity.users",
        json.dumps({}),
    )
    assert await waiting(tab.identity) == []
    assert await tab.identity.database.fetchval("SELECT count(*) FROM identity.notices") == 1
