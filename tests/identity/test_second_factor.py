"""A second factor: set up, asked for, each code accepted once, guesses cut off, nothing told that could be stolen."""

import asyncio
import base64
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from openbourse.adapters.secrets import MasterKey
from openbourse.edge.errors import ApiError
from openbourse.identity import second_factor
from openbourse.identity.second_factor import CODES_PER_DAY_MAX, CODES_PER_WINDOW_MAX, SecondFactors
from openbourse.identity.store import SecondFactorRow, User
from tests.identity.conftest import PASSWORD, Identity

ADDRESS = "203.0.113.1"
NEEDED, WRONG, CONFLICT, TOO_MANY = -5004, -5005, -5007, -1003


class Person:
    """A user with an authenticator app, whose clock is the exchange's."""

    def __init__(self, identity: Identity, user: User) -> None:
        self.identity, self.user = identity, user
        self.factors = identity.users.second_factors
        self.secret = ""
        self.recovery: list[str] = []

    def code(self, steps: int = 0) -> str:
        """Return the app's code of now, or of some steps later or before."""
        totp = TOTP(base64.b32decode(self.secret), 6, SHA1(), 30)
        return totp.generate(int(self.identity.clock.now) + 30 * steps).decode()

    async def set_up(self) -> None:
        self.secret, _ = await self.factors.begin(self.user)
        self.recovery, _ = await self.factors.confirm(self.user.id, self.code(), "current")
        self.identity.clock.now += 30

    async def sign_in(self, code: str | None = None) -> User:
        return await self.identity.users.sign_in(self.user.email, PASSWORD, ADDRESS, code)

    async def refused(self, code: str | None) -> int:
        with pytest.raises(ApiError) as refused:
            await self.sign_in(code)
        return refused.value.code


@pytest.fixture
async def person(identity: Identity) -> Person:
    return Person(identity, await identity.users.sign_up("ann@example.com", PASSWORD, ADDRESS))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_nothing_is_asked_for_until_a_code_confirms(person: Person) -> None:
    person.secret, uri = await person.factors.begin(person.user)
    read = parse_qs(urlsplit(uri).query)
    assert (read["secret"], read["issuer"], read["digits"], read["period"]) == (
        [person.secret],
        ["openbourse"],
        ["6"],
        ["30"],
    )
    assert uri.startswith("otpauth://totp/openbourse:ann%40example.com?")
    assert (await person.sign_in()).id == person.user.id
    with pytest.raises(ApiError) as refused:
        await person.factors.confirm(person.user.id, wrong(person.code()), "current")
    assert refused.value.code == WRONG
    recovery, _ = await person.factors.confirm(person.user.id, person.code(), "current")
    assert len(set(recovery)) == second_factor.RECOVERY_CODES
    assert await person.refused(None) == NEEDED
    assert await person.refused(person.code()) == WRONG, "it has confirmed already"
    person.identity.clock.now += 30
    assert (await person.sign_in(person.code())).id == person.user.id


async def test_of_a_second_factor_hears_who_knows_the_password(person: Person) -> None:
    await person.set_up()
    answers = []
    for email in ("ann@example.com", "nobody@example.com"):
        for code in (None, person.code()):
            with pytest.raises(ApiError) as refused:
                await person.identity.users.sign_in(email, "something else", ADDRESS, code)
            answers.append((refused.value.code, refused.value.message, refused.value.status))
    assert len(set(answers)) == 1
    assert (await person.sign_in(person.code())).id == person.user.id, "a wrong password uses up no code"


async def test_a_code_is_accepted_once_and_none_of_before_it(person: Person) -> None:
    await person.set_up()
    before, code = person.code(-1), person.code()
    await person.sign_in(code)
    assert await person.refused(code) == WRONG
    assert await person.refused(before) == WRONG


async def test_of_many_who_send_one_code_at_once_one_is_let_in(person: Person) -> None:
    await person.set_up()
    for code in (person.code(), person.recovery[0]):
        sent = [person.factors.prove(person.user.id, code) for _ in range(8)]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        assert answers.count(None) == 1
        assert {each.code for each in answers if isinstance(each, ApiError)} == {WRONG}


async def test_a_clock_may_be_one_step_off_and_no_more(person: Person) -> None:
    await person.set_up()
    person.identity.clock.now += 300
    assert await person.refused(person.code(-2)) == WRONG
    assert await person.refused(person.code(2)) == WRONG
    await person.sign_in(person.code(-1))
    await person.sign_in(person.code(1))


async def test_a_code_may_be_grouped_and_nothing_else_is_one(person: Person) -> None:
    await person.set_up()
    assert person.recovery[0].count("-") == 3
    for text in ("12345", "1234567", "١٢٣٤٥٦", "abcdef", "", "-" * 50):
        assert await person.refused(text) in (WRONG, NEEDED)
    code = person.code()
    await person.sign_in(f"{code[:3]} {code[3:]}")


async def test_a_recovery_code_is_good_once(person: Person) -> None:
    await person.set_up()
    first, second = person.recovery[:2]
    assert (await person.sign_in(first)).id == person.user.id
    assert await person.refused(first) == WRONG
    assert (await person.sign_in(second.lower().replace("-", " "))).id == person.user.id
    _, left = await person.factors.state(person.user.id)
    assert left == second_factor.RECOVERY_CODES - 2
    other = await person.identity.users.sign_up("bob@example.com", PASSWORD, ADDRESS)
    bob = Person(person.identity, other)
    await bob.set_up()
    assert await bob.refused(person.recovery[2]) == WRONG, "it is another one's"


async def test_guesses_are_cut_off_whatever_session_they_come_from(person: Person) -> None:
    await person.set_up()
    good = person.code()
    for _ in range(CODES_PER_WINDOW_MAX):
        assert await person.refused(wrong(good)) == WRONG
    assert await person.refused(good) == TOO_MANY
    # Strangers who know the password use up neither what a session may try nor the recovery codes.
    await person.factors.prove(person.user.id, good)
    for _ in range(CODES_PER_WINDOW_MAX + 1):
        assert await person.refused("AAAA-AAAA-AAAA-AAAA") == WRONG
    assert (await person.sign_in(person.recovery[0])).id == person.user.id, "who guesses does not lock the owner out"


async def test_guesses_of_a_day_are_cut_off_though_good_codes_come_between(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_factor, "CODES_PER_DAY_MAX", 4)
    assert CODES_PER_DAY_MAX > CODES_PER_WINDOW_MAX
    await person.set_up()
    for _ in range(2):
        assert await person.refused(wrong(person.code())) == WRONG
        await person.sign_in(person.code())
        person.identity.clock.now += 30
    assert await person.refused(person.code()) == TOO_MANY


async def test_who_is_cut_off_for_the_day_too_hears_of_the_day(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_factor, "CODES_PER_WINDOW_MAX", 2)
    monkeypatch.setattr(second_factor, "CODES_PER_DAY_MAX", 3)
    await person.set_up()
    waits = []
    for _ in range(2):
        for _ in range(2):
            assert await person.refused(wrong(person.code())) in (WRONG, TOO_MANY)
        with pytest.raises(ApiError) as refused:
            await person.sign_in(person.code())
        waits.append((refused.value.headers or {})["Retry-After"])
        person.identity.clock.now += int(waits[0])
    left_of_day = 86_400 - 1_800_000_000 % 86_400
    assert waits == ["870", str(left_of_day - 900)], "the clock stood 30 s into the window, after the set-up"


async def test_it_is_begun_confirmed_and_removed_in_that_order(person: Person) -> None:
    for refused in (person.factors.confirm(person.user.id, "123456", ""), person.factors.remove(person.user.id)):
        with pytest.raises(ApiError) as answer:
            await refused
        assert answer.value.code == CONFLICT
    old, _ = await person.factors.begin(person.user)
    await person.set_up()
    assert person.secret != old
    with pytest.raises(ApiError) as answer:
        await person.factors.begin(person.user)
    assert answer.value.code == CONFLICT, "a secret that is in force is neither told nor replaced"
    await person.factors.remove(person.user.id)
    assert (await person.sign_in()).id == person.user.id
    assert await person.factors.state(person.user.id) == (SecondFactorRow(None, None), 0)
    await person.set_up()
    assert await person.refused(None) == NEEDED


async def test_what_could_be_stolen_is_in_no_row_and_no_line_of_the_log(person: Person) -> None:
    with structlog.testing.capture_logs() as lines:
        await person.set_up()
        code = person.code()
        await person.sign_in(code)
        await person.sign_in(person.recovery[0])
        assert await person.refused(wrong(code)) == WRONG
        replaced = SecondFactors(person.identity.store, MasterKey(bytes(32)), person.identity.users._attempts)
        with pytest.raises(ApiError):
            await replaced.prove(person.user.id, person.code(1))
        await replaced.prove(person.user.id, person.recovery[1])
        await person.factors.take_away(person.user.id, "the operator")
    rows = await person.identity.database.fetch("SELECT * FROM identity.users")
    rows += await person.identity.database.fetch("SELECT * FROM identity.recovery_codes")
    kept = f"{lines} {rows} {rows[0]['second_factor_secret']!r}"
    raw = base64.b32decode(person.secret)
    for secret in (person.secret, repr(raw)[2:-1], raw.hex(), code, *person.recovery):
        assert secret not in kept
    [audited] = [line for line in lines if line["event"] == "second factor taken away by an operator"]
    assert (audited["user"], audited["by"]) == (person.user.id, "the operator")
