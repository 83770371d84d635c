"""The checker finds what it is there to find: each test bends one thing in a sound history and sees it named."""

from copy import deepcopy

import pytest

from chaos.checker import Seen, Verdict, check
from chaos.history import Kind, Outcome, Request
from chaos.truth import Fill, Placed, Truth
from openbourse import listings

UNIT = 100_000_000
BTC, USDT = listings.ASSETS["BTC"], listings.ASSETS["USDT"]
BUYER, SELLER, FEES = 1_000, 1_001, 1


def place(number: int, account: int, at: float, order: int, status: str = "NEW", executed: str = "0") -> Request:
    """Return an order that was acknowledged."""
    body = {
        "orderId": order,
        "clientOrderId": f"c{number}",
        "transactTime": 1_000 + number,
        "status": status,
        "executedQty": executed,
        "fills": [],
    }
    return Request(
        number=number, account=account, kind=Kind.PLACE, name=f"c{number}", via="rest",
        planned=at, sent=at, answered=at + 0.01, outcome=Outcome.DONE, body=body,
    )  # fmt: skip


def request(number: int, account: int, at: float, outcome: Outcome, **fields: object) -> Request:
    """Return an order that was not acknowledged."""
    whole = {"kind": Kind.PLACE, "name": f"c{number}", "via": "rest", **fields}
    return Request(number=number, account=account, planned=at, sent=at, answered=at + 0.01, outcome=outcome, **whole)  # type: ignore[arg-type]


class Story:
    """A sound run: one resting order, one trade, one cancel, one refusal, one order in doubt that happened."""

    def __init__(self) -> None:
        taker = place(3, SELLER, 3.0, 12, "FILLED", "1.00000000")
        taker.body["fills"] = [{"tradeId": 7}]
        self.requests = [
            place(1, BUYER, 1.0, 10),
            place(2, BUYER, 2.0, 11),
            taker,
            request(4, SELLER, 4.0, Outcome.REFUSED, code=-2010),
            request(5, BUYER, 5.0, Outcome.DONE, kind=Kind.CANCEL, target="c1"),
            request(6, SELLER, 6.0, Outcome.DOUBT),
            request(
                7, SELLER, 7.0, Outcome.DONE, kind=Kind.SETTLE, name="c6", target="6", body={"clientOrderId": "c6"}
            ),
        ]
        self.truth = Truth(
            orders=[
                Placed(BUYER, "c1", 10, 1, 1, 50 * UNIT, UNIT, 0, "CANCELED", ["c5"]),
                Placed(BUYER, "c2", 11, 2, 1, 60 * UNIT, 2 * UNIT, UNIT, "PARTIALLY_FILLED"),
                Placed(SELLER, "c3", 12, 3, 2, 60 * UNIT, UNIT, UNIT, "FILLED"),
                Placed(SELLER, "c6", 13, 6, 2, 70 * UNIT, UNIT, 0, "NEW"),
            ],
            fills=[
                Fill(BUYER, 11, 7, True, UNIT, 60 * UNIT, 1_000, BTC),
                Fill(SELLER, 12, 7, False, UNIT, 60 * UNIT, 5_000, USDT),
            ],
            trades=[7],
            deposits={(BUYER, USDT): 1_000 * UNIT, (SELLER, BTC): 10 * UNIT},
            balances={
                (BUYER, USDT): 940 * UNIT,
                (BUYER, BTC): UNIT - 1_000,
                (SELLER, BTC): 9 * UNIT,
                (SELLER, USDT): 60 * UNIT - 5_000,
                (FEES, BTC): 1_000,
                (FEES, USDT): 5_000,
            },
        )
        self.seen = Seen(
            orders={account: self._rows(account) for account in (BUYER, SELLER)},
            trades={BUYER: [{"id": 7, "orderId": 11}], SELLER: [{"id": 7, "orderId": 12}]},
            balances={BUYER: {"USDT": 940 * UNIT, "BTC": UNIT - 1_000}},
            books={"a-edge": ({60 * UNIT: UNIT}, {70 * UNIT: UNIT})},
        )

    def _rows(self, account: int) -> list[dict[str, object]]:
        return [
            {
                "orderId": order.order,
                "clientOrderId": order.name,
                "status": order.status,
                "executedQty": f"{order.executed // UNIT}.00000000",
            }
            for order in self.truth.orders
            if order.account == account
        ]

    def verdict(self) -> Verdict:
        """Return what the checker says."""
        return check(self.requests, self.truth, self.seen, listings.ASSETS)


@pytest.fixture
def story() -> Story:
    return Story()


def test_a_sound_run_has_nothing_lost_doubled_or_broken(story: Story) -> None:
    verdict = story.verdict()
    assert verdict.is_clean, verdict
    assert verdict.counted["orders acknowledged"] == 3
    assert verdict.counted["orders in doubt"] == 1


def test_an_acknowledged_order_that_is_gone_is_lost(story: Story) -> None:
    del story.truth.orders[1]
    assert any("c2 was acknowledged as order 11" in lost for lost in story.verdict().lost)


def test_an_acknowledged_order_under_another_id_is_lost(story: Story) -> None:
    story.truth.orders[1].order = 99
    assert any("c2 was acknowledged as order 11" in lost for lost in story.verdict().lost)


def test_a_client_order_id_that_was_placed_twice_is_doubled(story: Story) -> None:
    twice = deepcopy(story.truth.orders[0])
    twice.order = 14
    story.truth.orders.append(twice)
    assert any("c1 was placed 2 times" in doubled for doubled in story.verdict().doubled)


def test_an_order_in_doubt_that_happened_twice_is_doubled(story: Story) -> None:
    twice = deepcopy(story.truth.orders[3])
    twice.order = 14
    story.truth.orders.append(twice)
    assert any("c6 was placed 2 times" in doubled for doubled in story.verdict().doubled)


def test_an_acknowledged_fill_that_is_gone_is_lost(story: Story) -> None:
    story.truth.fills = [fill for fill in story.truth.fills if fill.order != 12]
    assert any("acknowledged fills [7]" in lost for lost in story.verdict().lost)


def test_less_executed_than_was_acknowledged_is_lost(story: Story) -> None:
    story.truth.orders[2].executed = 0
    assert any("c3: less of it is executed" in lost for lost in story.verdict().lost)


def test_an_acknowledged_cancel_that_did_not_happen_is_lost(story: Story) -> None:
    story.truth.orders[0].cancels.clear()
    assert any("the cancel c5 of c1 was acknowledged" in lost for lost in story.verdict().lost)


def test_a_cancel_that_took_effect_twice_is_doubled(story: Story) -> None:
    story.truth.orders[0].cancels.append("c5")
    assert any("the cancel c5 took effect 2 times" in doubled for doubled in story.verdict().doubled)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.SHED, Outcome.UNSENT])
def test_an_order_that_was_refused_and_is_there_breaks_the_promise(story: Story, outcome: Outcome) -> None:
    story.requests[3].outcome = outcome
    story.truth.orders.append(Placed(SELLER, "c4", 15, 5))
    assert any("c4 was refused" in broken for broken in story.verdict().breaks)


def test_a_cancel_that_was_refused_and_happened_breaks_the_promise(story: Story) -> None:
    story.requests[4].outcome = Outcome.SHED
    assert any("the cancel c5 was refused" in broken for broken in story.verdict().breaks)


def test_an_order_that_overtook_one_acknowledged_before_it_was_sent_is_named(story: Story) -> None:
    for orders in (story.requests[0].body, story.requests[1].body):
        orders["orderId"] = 21 - int(orders["orderId"])
    story.truth.orders[0].order, story.truth.orders[1].order = 11, 10
    story.truth.fills[0] = Fill(BUYER, 10, 7, True, UNIT, 60 * UNIT, 1_000, BTC)
    assert any("c2 was sent after c1 was acknowledged" in broken for broken in story.verdict().breaks)


def test_orders_that_were_under_way_together_may_come_in_any_order(story: Story) -> None:
    story.requests[0].answered = story.requests[1].answered = 2.5
    for orders in (story.requests[0].body, story.requests[1].body):
        orders["orderId"] = 21 - int(orders["orderId"])
    assert not any("was sent after" in broken for broken in story.verdict().breaks)


def test_time_that_goes_back_is_named(story: Story) -> None:
    story.requests[1].body["transactTime"] = 5
    assert any("earlier time" in broken for broken in story.verdict().breaks)


def test_doubt_that_nothing_settled_is_named(story: Story) -> None:
    del story.requests[6]
    assert any("c6 is in doubt and no question settled it" in broken for broken in story.verdict().breaks)


def test_doubt_that_was_settled_wrongly_is_named(story: Story) -> None:
    story.requests[6].outcome, story.requests[6].code = Outcome.REFUSED, -2013
    assert any("c6 was in doubt and said to be not there" in broken for broken in story.verdict().breaks)


def test_an_answer_about_anothers_order_is_named(story: Story) -> None:
    story.requests[0].body["clientOrderId"] = "c9"
    story.requests[6].body["clientOrderId"] = "c8"
    breaks = story.verdict().breaks
    assert any("c1 was answered with another's order: c9" in broken for broken in breaks)
    assert any("c6 was in doubt and another's order was told" in broken for broken in breaks)


def test_a_trade_that_happened_twice_is_doubled(story: Story) -> None:
    story.truth.trades.append(7)
    assert any("trade 7 happened 2 times" in doubled for doubled in story.verdict().doubled)


def test_a_trade_with_one_side_only_is_named(story: Story) -> None:
    story.truth.fills.pop()
    assert any("trade 7 has 1 buyers and 0 sellers" in broken for broken in story.verdict().breaks)


def test_a_balance_that_does_not_follow_from_deposits_and_fills_is_named(story: Story) -> None:
    story.truth.balances[BUYER, BTC] += 1
    breaks = story.verdict().breaks
    assert any(f"account {BUYER} holds" in broken for broken in breaks)
    assert any(f"of asset {BTC} there is" in broken for broken in breaks), "and money was made of nothing"
    assert any(f"account {BUYER} is told of" in broken for broken in breaks), "and the edge tells another sum"


def test_an_order_that_the_venue_no_longer_tells_is_lost(story: Story) -> None:
    del story.seen.orders[BUYER][0]
    assert any("order 10 is in the journal, and is not told" in lost for lost in story.verdict().lost)


def test_an_order_that_is_told_twice_is_doubled(story: Story) -> None:
    story.seen.orders[BUYER].append(story.seen.orders[BUYER][0])
    assert any("order 10 is told 2 times" in doubled for doubled in story.verdict().doubled)


def test_an_order_that_is_told_otherwise_is_named(story: Story) -> None:
    story.seen.orders[BUYER][0]["status"] = "NEW"
    assert any("order 10 is told as" in broken for broken in story.verdict().breaks)


def test_a_fill_that_is_told_twice_or_not_is_found(story: Story) -> None:
    story.seen.trades[SELLER] *= 2
    assert any("told more often" in doubled for doubled in story.verdict().doubled)
    story.seen.trades[SELLER] = []
    assert any("fill (7, 12) is in the journal" in lost for lost in story.verdict().lost)


def test_an_edge_whose_book_is_not_the_journals_is_named(story: Story) -> None:
    story.seen.books["b-edge"] = ({60 * UNIT: UNIT}, {})
    assert any("b-edge shows other asks" in broken for broken in story.verdict().breaks)


def test_what_is_wrong_with_the_journal_itself_is_passed_on(story: Story) -> None:
    story.truth.faults.append("two writers")
    assert story.verdict().breaks == ["two writers"]
