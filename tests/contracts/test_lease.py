"""What every lease promises, over PostgreSQL and over the twin in simulated time."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from openbourse.protocol.journal import FOLLOWING, Deposed, JournalAway, Standing
from openbourse.sequencer.parts import FREE
from openbourse.sequencer.tables import create_schema
from tests.contracts.leases import Leases, PostgresLeases, SimulatedLeases, Work

TTL_S = 1.0
Make = Callable[[float], Awaitable[Leases]]


@pytest.fixture(params=["postgres", "simulated"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Make the leases of a shard that nobody has led yet."""
    made: list[PostgresLeases | SimulatedLeases] = []

    async def empty(ttl_s: float) -> Leases:
        if request.param == "simulated":
            made.append(SimulatedLeases(ttl_s))
        else:
            url = request.getfixturevalue("journal_url")
            connection = await asyncpg.connect(url)
            await create_schema(connection)
            await connection.close()
            made.append(PostgresLeases(url, ttl_s))
        return made[-1]

    yield empty
    for leases in made:
        await leases.close()


def taking(address: str = "127.0.0.1:1") -> Work:
    return lambda lease: lease.take(address)


async def epoch_of(lease: object) -> int:
    return int(lease.epoch)  # type: ignore[attr-defined]


async def test_a_lease_that_is_kept_cannot_be_taken(make: Make) -> None:
    leases = await make(TTL_S)
    assert await leases.do("a", taking())
    for _ in range(4):
        await leases.wait(TTL_S / 2)
        await leases.do("a", lambda lease: lease.renew())
        assert not await leases.do("b", taking())
    await leases.do("a", lambda lease: lease.prove())


async def test_of_many_that_take_at_once_one_leads(make: Make) -> None:
    leases = await make(TTL_S)
    took = await leases.together(*((name, taking()) for name in "abcd"))
    assert took.count(True) == 1
    assert all(each is False or each is True or isinstance(each, JournalAway) for each in took)
    leader = "abcd"[took.index(True)]
    assert await leases.do(leader, epoch_of) == 1


async def test_a_lease_that_has_run_out_is_taken_under_the_next_epoch(make: Make) -> None:
    leases = await make(TTL_S)
    assert await leases.do("a", taking())
    await leases.wait(TTL_S + 0.5)
    assert await leases.do("b", taking())
    assert await leases.do("b", epoch_of) == 2
    for work in (lambda lease: lease.renew(), lambda lease: lease.prove()):
        with pytest.raises(Deposed):
            await again(leases, "a", work)
    await leases.do("b", lambda lease: lease.prove())


async def test_a_lease_whose_session_is_gone_is_taken_at_once_and_its_holder_proves_nothing(make: Make) -> None:
    leases = await make(60.0)
    assert await leases.do("a", taking())
    assert not await leases.do("b", taking())
    await leases.lose_session()
    assert await leases.do("b", taking())
    for work in (lambda lease: lease.prove(), lambda lease: lease.renew()):
        with pytest.raises(Deposed):
            await again(leases, "a", work)


async def again(leases: Leases, name: str, work: Work) -> None:
    """Do something, and once more when the old session's end is heard of first."""
    try:
        await leases.do(name, work)
    except JournalAway:
        await leases.do(name, work)


async def test_a_holder_whose_session_is_gone_keeps_the_lease_if_it_renews_first(make: Make) -> None:
    leases = await make(60.0)
    assert await leases.do("a", taking())
    await leases.lose_session()
    await again(leases, "a", lambda lease: lease.renew())
    assert not await leases.do("b", taking())
    await leases.do("a", lambda lease: lease.prove())


async def test_a_lease_given_up_is_free_at_once_and_those_who_wait_are_told(make: Make) -> None:
    leases = await make(60.0)
    assert await leases.do("a", taking())
    assert not await leases.do("b", taking())
    told, _ = await leases.together(("b", lambda lease: lease.await_news(5.0)), ("a", lambda lease: lease.give_up()))
    assert told == FREE
    assert await leases.do("b", taking())
    assert await leases.do("b", epoch_of) == 2


async def test_what_was_said_to_the_former_leader_is_not_for_the_next(make: Make) -> None:
    leases = await make(TTL_S)
    assert await leases.do("a", taking())
    assert not await leases.do("b", taking())
    await leases.do("a", lambda lease: lease.give_up())
    await leases.wait(0.2)
    assert await leases.do("b", taking())
    assert await leases.do("b", lambda lease: lease.await_news(0.2)) == ""


async def test_how_others_stand_is_told_while_they_say_it(make: Make) -> None:
    leases = await make(60.0)
    await leases.do("a", lambda lease: lease.stand(Standing("", 7, 0, 0, FOLLOWING)))
    await leases.do("b", lambda lease: lease.stand(Standing("", 5, 2, 9, FOLLOWING)))
    found = await leases.do("c", lambda lease: lease.standbys())
    assert [(each.holder, each.sequence, each.behind) for each in found] == [("a", 7, 0), ("b", 5, 2)]
    found = await leases.do("a", lambda lease: lease.standbys())
    assert [each.holder for each in found] == ["b"]


async def test_who_hangs_up_asks_again_over_another_session(make: Make) -> None:
    leases = await make(60.0)
    assert await leases.do("a", taking())

    async def hang_up(lease: object) -> None:
        lease.hang_up()  # type: ignore[attr-defined]

    await leases.do("a", hang_up)
    await leases.do("a", lambda lease: lease.renew())
    assert not await leases.do("b", taking())
