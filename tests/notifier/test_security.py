"""Each notice of safety is handed over, whatever breaks, and one that is refused keeps up nothing behind it."""

from collections.abc import Collection, Sequence

import pytest

from openbourse.notifier.rendering import render
from openbourse.notifier.security import AGE_MAX_S, FAULTS_MAX, PER_HOUR_MAX, SecuritySending
from openbourse.protocol.notifications import CHOSEN, SECURITY, Notification, Topic

NOW_MS = 1_800_000_000_000
FACTS = {"origin": "203.0.113.7", "key": "AbCdEfGh", "permissions": "READ"}


class Rows:
    """Identity's rows in memory."""

    def __init__(
        self, *topics: Topic, account: int = 1_000, address: str = "ann@example.com", at: int = NOW_MS
    ) -> None:
        self.notices: dict[int, Notification] = {}
        for topic in topics:
            self.add(topic, account, address, at)

    def add(self, topic: Topic, account: int = 1_000, address: str = "ann@example.com", at: int = NOW_MS) -> None:
        number = max(self.notices, default=0) + 1
        self.notices[number] = Notification(f"security-{number}", topic, account, address, at, FACTS)

    async def waiting(self, topics: Collection[str], after: int, limit: int) -> dict[int, Notification]:
        found = [(number, each) for number, each in self.notices.items() if each.topic in topics and number > after]
        return dict(found[:limit])

    async def count(self, topics: Collection[str]) -> int:
        return sum(each.topic in topics for each in self.notices.values())

    async def forget(self, number: int) -> None:
        del self.notices[number]


class Outlet:
    """Takes everything but of addresses that are refused for now; may be away, or die after taking."""

    def __init__(self) -> None:
        self.taken: list[Notification] = []
        self.asked = 0
        self.is_away = self.dies = False

    async def hand(self, notifications: Sequence[Notification]) -> list[Notification]:
        self.asked += 1
        if self.is_away:
            raise ConnectionError("nobody there")
        if "full" in notifications[0].address:
            return list(notifications)
        self.taken += notifications
        if self.dies:
            raise RuntimeError("the process died after handing over")
        return []


def sending(rows: Rows, outlet: Outlet) -> SecuritySending:
    return SecuritySending(rows, outlet, lambda: NOW_MS * 1_000)


async def test_each_is_handed_over_once_and_forgotten() -> None:
    rows, outlet = Rows(Topic.PASSWORD_CHANGED, Topic.KEY_MADE, Topic.FACTOR_TAKEN_AWAY), Outlet()
    work = sending(rows, outlet)
    assert [await work.turn(), await work.turn()] == [0, 0]
    assert [each.id for each in outlet.taken] == ["security-1", "security-2", "security-3"]
    assert rows.notices == {}
    assert work.counters() == {"handed": 3, "faults": 0, "stale": 0, "muted": 0, "without_address": 0, "waiting": 0}


async def test_a_crash_after_handing_over_tells_one_again_with_the_same_id() -> None:
    rows, outlet = Rows(Topic.PASSWORD_CHANGED, Topic.KEY_MADE), Outlet()
    outlet.dies = True
    with pytest.raises(RuntimeError):
        await sending(rows, outlet).turn()
    outlet.dies = False
    await sending(rows, outlet).turn()
    assert [each.id for each in outlet.taken] == ["security-1", "security-1", "security-2"]


async def test_an_outlet_that_is_away_is_asked_little_and_gets_all_when_it_is_back() -> None:
    rows, outlet = Rows(*[Topic.PASSWORD_CHANGED] * 9), Outlet()
    outlet.is_away = True
    work = sending(rows, outlet)
    assert await work.turn() == FAULTS_MAX == outlet.asked
    outlet.is_away = False
    for _ in range(3):
        await work.turn()
    assert len({each.id for each in outlet.taken}) == len(outlet.taken) == 9


async def test_mailboxes_that_take_nothing_for_now_keep_up_nobody_behind_them() -> None:
    rows, outlet = Rows(*[Topic.PASSWORD_CHANGED] * (FAULTS_MAX + 1), address="full@example.com"), Outlet()
    rows.add(Topic.PASSWORD_CHANGED, 1_001)
    work = sending(rows, outlet)
    await work.turn()
    await work.turn()
    assert [each.account for each in outlet.taken] == [1_001]
    assert len(rows.notices) == FAULTS_MAX + 1


async def test_an_hour_has_so_many_and_noise_about_keys_hides_no_new_password() -> None:
    rows, outlet = Rows(*[Topic.KEY_MADE, Topic.KEY_REMOVED] * PER_HOUR_MAX, Topic.PASSWORD_CHANGED), Outlet()
    rows.add(Topic.NEW_DEVICE, 1_001)
    rows.add(Topic.NEW_DEVICE, at=NOW_MS + 3_600_000)
    work = sending(rows, outlet)
    await work.turn()
    topics = [(each.account, each.topic) for each in outlet.taken]
    limited = topics[: PER_HOUR_MAX + 1]
    assert [topic for _, topic in limited].count(Topic.SECURITY_MUTED) == 1
    assert limited[-1] == (1_000, Topic.SECURITY_MUTED)
    assert topics[PER_HOUR_MAX + 1 :] == [
        (1_000, Topic.PASSWORD_CHANGED),
        (1_001, Topic.NEW_DEVICE),
        (1_000, Topic.NEW_DEVICE),
    ]
    assert work.muted == PER_HOUR_MAX - 1
    assert rows.notices == {}


async def test_an_address_is_flooded_by_no_kind() -> None:
    """Nobody has proven that it is theirs: who signs up with another's could change that account's password all day."""
    rows, outlet = Rows(*[Topic.PASSWORD_CHANGED] * 30, *[Topic.FACTOR_SET_UP] * 5), Outlet()
    await sending(rows, outlet).turn()
    assert [each.topic for each in outlet.taken] == [Topic.PASSWORD_CHANGED] * PER_HOUR_MAX + [Topic.SECURITY_MUTED]
    assert rows.notices == {}


async def test_what_can_no_more_be_told_is_left_out_and_counted() -> None:
    rows, outlet = Rows(Topic.PASSWORD_CHANGED, at=NOW_MS - AGE_MAX_S * 1_000 - 1), Outlet()
    rows.add(Topic.PASSWORD_CHANGED, address="two\nlines@example.com")
    work = sending(rows, outlet)
    await work.turn()
    assert (outlet.taken, rows.notices, work.stale, work.without_address) == ([], {}, 1, 1)


@pytest.mark.parametrize("topic", SECURITY)
def test_each_has_its_words(topic: Topic) -> None:
    facts = {"limit": "20"} if topic is Topic.SECURITY_MUTED else FACTS
    subject, text = render(Notification("security-1", topic, 1, "ann@example.com", NOW_MS, facts))
    assert subject
    assert "Time: 2027-01-15T08:00:00.000Z" in text
    assert ("By: 203.0.113.7" in text) is (topic is not Topic.SECURITY_MUTED)
    assert topic not in CHOSEN
