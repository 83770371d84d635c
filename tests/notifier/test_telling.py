"""What is told of events: each thing once, the same way each time, and never a flood."""

from openbourse.edge.listing import Listing
from openbourse.notifier.rendering import render
from openbourse.notifier.telling import PER_MINUTE_MAX, Draft, Telling
from openbourse.protocol import events as e
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.events import Event, Execution, OrderStatus
from openbourse.protocol.notifications import Notification, Topic
from tests.edge.test_listing import TOLD
from tests.made_events import order

TIME_US = 1_764_000_000_000_000
ALL = ("fill", "cancel", "expiry", "deposit", "withdrawal")


def telling(*topics: str) -> Telling:
    listing = Listing()
    listing.apply(TOLD)
    return Telling(listing, 0, topics or ALL)


def fill(sequence: int, quantity: int, price: int, account: int = 7, number: int = 5) -> Event:
    return order(
        sequence=sequence, account=account, order=number, execution=Execution.TRADE, status=OrderStatus.PARTIALLY_FILLED,
        quantity=10 * UNIT, executed=quantity, last_quantity=quantity, last_price=price,
        last_quote=price * quantity // UNIT, commission=quantity // 1_000, commission_asset=2, trade=sequence,
    )  # fmt: skip


def told(draft: Draft) -> str:
    subject, text = render(Notification(draft.id, draft.topic, draft.account, "a@b.c", draft.time_ms, draft.facts))
    return f"{subject}\n{text}"


def test_the_fills_of_one_order_by_one_command_are_one_notification() -> None:
    events = [fill(30, UNIT, 100 * UNIT), fill(30, UNIT, 200 * UNIT), fill(30, UNIT, 100 * UNIT, account=8, number=6)]
    mine, theirs = telling().take(events, TIME_US)
    assert (mine.account, theirs.account) == (7, 8)
    assert mine.facts["last_quantity"] == "2.00000000"
    assert mine.facts["last_price"] == "150.00000000"
    assert mine.facts["commission"] == "0.00200000 BTC"
    assert "SELL BTCUSDT: partially filled" in told(mine)
    assert f"Reference: {mine.id}" in told(mine)


def test_the_next_command_s_fills_are_another() -> None:
    drafts = telling().take([fill(30, UNIT, UNIT), fill(31, UNIT, UNIT)], TIME_US)
    assert len({draft.id for draft in drafts}) == 2


def test_ids_are_the_same_however_batches_are_grouped() -> None:
    events = [fill(number, UNIT, UNIT, account=number) for number in range(20)]
    whole = [draft.id for draft in telling().take(events, TIME_US)]
    one = telling()
    assert whole == [draft.id for event in events for draft in one.take([event], TIME_US)]
    assert len(set(whole)) == 20


def test_cancellations_expiries_and_funds_are_told() -> None:
    events: list[Event] = [
        order(sequence=30, account=7, execution=Execution.CANCELED, status=OrderStatus.CANCELED),
        order(sequence=31, account=7, execution=Execution.EXPIRED, status=OrderStatus.EXPIRED, expiry=1),
        e.DepositCredited(32, 0, 7, 2, 5 * UNIT, bytes(32)),
        e.WithdrawalHeld(33, 0, 1, 7, 2, UNIT),
        e.WithdrawalSettled(34, 0, 1, 7, 2, UNIT),
        e.WithdrawalReleased(35, 0, 2, 7, 2, UNIT),
    ]
    drafts = telling().take(events, TIME_US)
    assert [draft.topic for draft in drafts] == [
        Topic.CANCEL, Topic.EXPIRY, Topic.DEPOSIT, Topic.WITHDRAWAL_HELD, Topic.WITHDRAWAL_SETTLED,
        Topic.WITHDRAWAL_RELEASED,
    ]  # fmt: skip
    assert "UNFILLED_IOC_QUANTITY_EXPIRED" in told(drafts[1])
    assert all("{" not in told(draft) for draft in drafts)


def test_new_and_amended_orders_are_nobody_s_news() -> None:
    events = [order(sequence=30 + kind, account=7, execution=kind) for kind in (Execution.NEW, Execution.REPLACED)]
    assert telling().take(events, TIME_US) == []


def test_a_topic_that_is_not_wanted_is_not_told() -> None:
    events = [fill(30, UNIT, UNIT), e.WithdrawalHeld(33, 0, 1, 7, 2, UNIT)]
    assert [draft.topic for draft in telling("withdrawal").take(events, TIME_US)] == [Topic.WITHDRAWAL_HELD]


def test_a_flood_is_told_of_once_a_minute_and_funds_always() -> None:
    one = telling()
    drafts = [draft for number in range(100) for draft in one.take([fill(30 + number, UNIT, UNIT)], TIME_US)]
    assert len(drafts) == PER_MINUTE_MAX + 1
    assert drafts[-1].topic is Topic.MUTED
    assert one.muted == 100 - PER_MINUTE_MAX
    assert one.take([e.WithdrawalHeld(200, 0, 1, 7, 2, UNIT)], TIME_US)
    assert one.take([fill(201, UNIT, UNIT, account=8)], TIME_US), "another account has its own"
    assert one.take([fill(202, UNIT, UNIT)], TIME_US + 60_000_000), "and the next minute is another"
