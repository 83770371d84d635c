"""Signing up and in, and the accounts that follow."""

import pytest

from openbourse.edge.errors import ApiError
from openbourse.edge.intake import Overloaded
from openbourse.identity.users import ATTEMPTS_PER_EMAIL
from openbourse.protocol.commands import OpenAccount
from tests.identity.conftest import PASSWORD, Identity


async def test_who_signs_up_has_an_account_in_the_engine(identity: Identity) -> None:
    user = await identity.users.sign_up(" Ann@Example.com ", PASSWORD, "203.0.113.1")
    assert user.id >= 1_000
    assert user.email == "ann@example.com"
    assert identity.intake.submitted == [OpenAccount(user.id)]
    assert (await identity.users.sign_in("ANN@example.com", PASSWORD, "203.0.113.1")).id == user.id


async def test_who_tells_people_asks_for_their_addresses(identity: Identity) -> None:
    user = await identity.users.sign_up("ann@example.com", PASSWORD, "203.0.113.1")
    assert await identity.store.addresses({user.id, user.id + 1}) == {user.id: "ann@example.com"}


async def test_an_address_signs_up_once(identity: Identity) -> None:
    await identity.users.sign_up("ann@example.com", PASSWORD, "203.0.113.1")
    with pytest.raises(ApiError) as refused:
        await identity.users.sign_up("Ann@example.com", PASSWORD, "203.0.113.1")
    assert refused.value.status == 409


async def test_a_crash_between_row_and_command_is_mended_at_sign_in(identity: Identity) -> None:
    identity.intake.fault = Overloaded("no leader")
    with pytest.raises(ApiError) as refused:
        await identity.users.sign_up("ann@example.com", PASSWORD, "203.0.113.1")
    assert refused.value.status == 503
    [waiting] = await identity.store.not_opened(10)
    identity.intake.fault = None
    assert (await identity.users.sign_in("ann@example.com", PASSWORD, "203.0.113.1")).id == waiting
    assert await identity.store.not_opened(10) == []


async def test_a_wrong_password_and_an_unknown_address_read_alike(identity: Identity) -> None:
    await identity.users.sign_up("ann@example.com", PASSWORD, "203.0.113.1")
    answers = []
    for email in ("ann@example.com", "nobody@example.com"):
        with pytest.raises(ApiError) as refused:
            await identity.users.sign_in(email, "something else", "203.0.113.1")
        answers.append((refused.value.code, refused.value.message, refused.value.status))
    assert answers[0] == answers[1]
    assert answers[0][2] == 401


async def test_guessing_is_cut_off(identity: Identity) -> None:
    await identity.users.sign_up("ann@example.com", PASSWORD, "203.0.113.1")
    for _ in range(ATTEMPTS_PER_EMAIL):
        with pytest.raises(ApiError) as refused:
            await identity.users.sign_in("ann@example.com", "wrong guess", "203.0.113.1")
        assert refused.value.status == 401
    with pytest.raises(ApiError) as refused:
        await identity.users.sign_in("ann@example.com", PASSWORD, "203.0.113.1")
    assert refused.value.status == 429


async def test_who_is_cut_off_hears_when_an_attempt_is_taken(identity: Identity) -> None:
    await identity.users.sign_up("ann@example.com", PASSWORD, "203.0.113.1")
    identity.clock.now += 100
    for _ in range(ATTEMPTS_PER_EMAIL):
        with pytest.raises(ApiError):
            await identity.users.sign_in("ann@example.com", "wrong guess", "203.0.113.1")
    for later, wait, words in ((0, "800", "in 14 minutes."), (799.5, "1", "in 1 minute.")):
        identity.clock.now += later
        with pytest.raises(ApiError) as refused:
            await identity.users.sign_in("ann@example.com", PASSWORD, "203.0.113.1")
        assert refused.value.headers == {"Retry-After": wait}
        assert refused.value.message == f"Too many attempts; try again {words}"
    identity.clock.now += 1
    await identity.users.sign_in("ann@example.com", PASSWORD, "203.0.113.1")


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("nobody", PASSWORD),
        ("a b@c.d", PASSWORD),
        ("a@b@c.d", PASSWORD),
        ("=?utf-8?q?=0a?=@c.d", PASSWORD),
        ("ann@example.com", "short"),
    ],
)
async def test_what_is_no_address_or_too_short_a_password_is_refused(
    identity: Identity, email: str, password: str
) -> None:
    with pytest.raises(ApiError) as refused:
        await identity.users.sign_up(email, password, "203.0.113.1")
    assert refused.value.status == 400
    assert identity.intake.submitted == []


async def test_test_funds_come_once_a_day_and_a_cut_off_round_is_finished(identity: Identity) -> None:
    user = await identity.users.sign_up("ann@example.com", PASSWORD, "203.0.113.1")
    identity.intake.fault = Overloaded("no leader")
    with pytest.raises(ApiError):
        await identity.funds.take(user.id)
    identity.intake.fault = None
    assert {row["asset"] for row in await identity.funds.take(user.id)} == {"BTC", "ETH", "USDT"}
    with pytest.raises(ApiError) as refused:
        await identity.funds.take(user.id)
    assert refused.value.status == 429
