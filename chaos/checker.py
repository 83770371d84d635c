"""The verdict: every client's history, what the venue answers afterwards, and the journal, held against each other.

Pure: no question is asked here. Lost is what was acknowledged and is not there (or is less than was acknowledged);
doubled is what is there twice; everything else that must not be is a broken invariant.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec

from chaos.history import Kind, Outcome, Request, settled
from chaos.truth import Book, Fill, Placed, Truth

UNIT: Final = 100_000_000
SHOWN_MAX: Final = 20


class Seen(msgspec.Struct):
    """What the venue answers after the run."""

    orders: dict[int, list[dict[str, Any]]] = {}
    """By account, as GET /api/v3/allOrders tells them."""
    trades: dict[int, list[dict[str, Any]]] = {}
    """By account, as GET /api/v3/myTrades tells them."""
    balances: dict[int, dict[str, int]] = {}
    """By account and asset's code, free and locked together, in 1e-8 units."""
    books: dict[str, Book] = {}
    """By edge."""


class Verdict(msgspec.Struct):
    """What was found."""

    lost: list[str] = []
    doubled: list[str] = []
    breaks: list[str] = []
    counted: dict[str, int] = {}
    """How much was held against what, so that a check that had nothing to look at shows."""

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing was found."""
        return not (self.lost or self.doubled or self.breaks)


def units(text: Any) -> int:
    """Return an amount in 1e-8 units."""
    return int(Decimal(str(text)) * UNIT)


def check(requests: list[Request], truth: Truth, seen: Seen, assets: dict[str, int]) -> Verdict:
    """Return what is wrong; `assets` are ids by code."""
    verdict = Verdict(breaks=list(truth.faults))
    by_name: dict[tuple[int, str], list[Placed]] = defaultdict(list)
    for placed in truth.orders:
        by_name[placed.account, placed.name].append(placed)
    _check_placed(requests, by_name, truth, verdict)
    _check_canceled(requests, by_name, verdict)
    _check_doubt(requests, by_name, verdict)
    _check_order(requests, verdict)
    _check_fills(truth, verdict)
    _check_money(truth, seen, assets, verdict)
    _check_answers(truth, seen, verdict)
    _check_books(truth, seen, verdict)
    return verdict


def _check_placed(
    requests: Iterable[Request], by_name: dict[tuple[int, str], list[Placed]], truth: Truth, verdict: Verdict
) -> None:
    """Every acknowledged order is there once and whole; none that was refused is there."""
    fills: dict[int, set[int]] = defaultdict(set)
    for fill in truth.fills:
        fills[fill.order].add(fill.trade)
    acknowledged = refused = 0
    for name, found in by_name.items():
        if len(found) > 1:
            verdict.doubled.append(f"{name[1]} was placed {len(found)} times: {[order.order for order in found]}")
    for request in requests:
        if request.kind != Kind.PLACE:
            continue
        found = by_name.get((request.account, request.name), [])
        if request.outcome == Outcome.DONE:
            acknowledged += 1
            _check_acknowledged(request, found, fills, verdict)
        elif request.outcome in (Outcome.REFUSED, Outcome.SHED, Outcome.UNSENT):
            refused += 1
            if found:
                why = request.code or "no edge was reached"
                verdict.breaks.append(f"{request.name} was refused ({why}) and is there as order {found[0].order}")
    verdict.counted |= {"orders acknowledged": acknowledged, "orders refused": refused}


def _check_acknowledged(request: Request, found: list[Placed], fills: dict[int, set[int]], verdict: Verdict) -> None:
    order = request.body.get("orderId")
    if request.body.get("clientOrderId") != request.name:
        verdict.breaks.append(f"{request.name} was answered with another's order: {request.body.get('clientOrderId')}")
    if not any(placed.order == order for placed in found):
        verdict.lost.append(f"{request.name} was acknowledged as order {order} and is not in the journal")
        return
    placed = next(placed for placed in found if placed.order == order)
    told = {int(fill["tradeId"]) for fill in request.body.get("fills", [])}
    if missing := told - fills[placed.order]:
        verdict.lost.append(f"{request.name}: acknowledged fills {sorted(missing)} are not in the journal")
    if placed.executed < units(request.body.get("executedQty", 0)):
        verdict.lost.append(f"{request.name}: less of it is executed than was acknowledged")


def _check_canceled(
    requests: Iterable[Request], by_name: dict[tuple[int, str], list[Placed]], verdict: Verdict
) -> None:
    """Every acknowledged cancel took effect once; none that did not happen did."""
    count = 0
    for request in requests:
        if request.kind != Kind.CANCEL:
            continue
        found = by_name.get((request.account, request.target), [])
        times = sum(placed.cancels.count(request.name) for placed in found)
        if times > 1:
            verdict.doubled.append(f"the cancel {request.name} took effect {times} times")
        if request.outcome == Outcome.DONE:
            count += 1
            if not times:
                verdict.lost.append(
                    f"the cancel {request.name} of {request.target} was acknowledged and did not happen"
                )
        elif request.outcome in (Outcome.SHED, Outcome.UNSENT, Outcome.REFUSED) and times:
            verdict.breaks.append(f"the cancel {request.name} was refused ({request.code}) and happened")
    verdict.counted["cancels acknowledged"] = count


def _check_doubt(requests: list[Request], by_name: dict[tuple[int, str], list[Placed]], verdict: Verdict) -> None:
    """Every order in doubt was settled by one question, and the answer is the truth."""
    answers = settled(requests)
    count = 0
    for request in requests:
        if request.kind != Kind.PLACE or request.outcome != Outcome.DOUBT:
            continue
        count += 1
        answer = answers.get(request.number)
        is_there = bool(by_name.get((request.account, request.name)))
        if answer is None:
            verdict.breaks.append(f"{request.name} is in doubt and no question settled it")
        elif answer.outcome == Outcome.DONE and answer.body.get("clientOrderId") != request.name:
            verdict.breaks.append(f"{request.name} was in doubt and another's order was told: {answer.body}")
        elif (answer.outcome == Outcome.DONE) != is_there:
            told = "there" if answer.outcome == Outcome.DONE else "not there"
            verdict.breaks.append(f"{request.name} was in doubt and said to be {told}, which it is not")
    verdict.counted["orders in doubt"] = count


def _check_order(requests: list[Request], verdict: Verdict) -> None:
    """Of two orders, the one that was acknowledged before the other was sent comes first, whoever sent them."""
    done = [request for request in requests if request.kind == Kind.PLACE and request.outcome == Outcome.DONE]
    answered = sorted(done, key=lambda request: request.answered)
    at = highest = latest = 0
    before = None
    for request in sorted(done, key=lambda request: request.sent):
        while at < len(answered) and answered[at].answered < request.sent:
            if int(answered[at].body["orderId"]) > highest:
                highest, before = int(answered[at].body["orderId"]), answered[at]
            latest = max(latest, int(answered[at].body["transactTime"]))
            at += 1
        if before is not None and int(request.body["orderId"]) < highest:
            verdict.breaks.append(f"{request.name} was sent after {before.name} was acknowledged, and comes before it")
        if int(request.body["transactTime"]) < latest:
            verdict.breaks.append(f"{request.name} has an earlier time than one acknowledged before it was sent")


def _check_fills(truth: Truth, verdict: Verdict) -> None:
    """Each trade is there once, and has one buyer and one seller."""
    for trade, count in Counter(truth.trades).items():
        if count > 1:
            verdict.doubled.append(f"trade {trade} happened {count} times")
    sides: dict[int, list[bool]] = defaultdict(list)
    for fill in truth.fills:
        sides[fill.trade].append(fill.is_buyer)
    for trade, its in sides.items():
        if sorted(its) != [False, True]:
            verdict.breaks.append(f"trade {trade} has {sum(its)} buyers and {len(its) - sum(its)} sellers")
    verdict.counted["trades"] = len(truth.trades)


def _check_money(truth: Truth, seen: Seen, assets: dict[str, int], verdict: Verdict) -> None:
    """Balances are deposits, fills and fees summed up, for every account that traded; the venue tells the same."""
    base, quote = assets["BTC"], assets["USDT"]
    expected: dict[tuple[int, int], int] = defaultdict(int, truth.deposits)
    for fill in truth.fills:
        sign = 1 if fill.is_buyer else -1
        expected[fill.account, base] += sign * fill.quantity
        expected[fill.account, quote] -= sign * fill.quote
        expected[fill.account, fill.commission_asset] -= fill.commission
    for (account, asset), amount in expected.items():
        if (held := truth.balances.get((account, asset), 0)) != amount:
            verdict.breaks.append(f"account {account} holds {held} of asset {asset}, its fills make {amount}")
    for asset in set(assets.values()):
        held = sum(amount for (_, its), amount in truth.balances.items() if its == asset)
        brought = sum(amount for (_, its), amount in truth.deposits.items() if its == asset)
        if held != brought:
            verdict.breaks.append(f"of asset {asset} there is {held}, {brought} was brought in")
    for account, balances in seen.balances.items():
        for code, amount in balances.items():
            if amount != truth.balances.get((account, assets[code]), 0):
                verdict.breaks.append(f"account {account} is told of {amount} {code}, the journal has another sum")
    verdict.counted["balances"] = len(expected)


def _check_answers(truth: Truth, seen: Seen, verdict: Verdict) -> None:
    """What the venue answers of orders and trades is what the journal holds, each once."""
    orders: dict[int, list[Placed]] = defaultdict(list)
    fills: dict[int, list[Fill]] = defaultdict(list)
    for placed in truth.orders:
        orders[placed.account].append(placed)
    for fill in truth.fills:
        fills[fill.account].append(fill)
    rows = 0
    for account, told in seen.orders.items():
        rows += len(told)
        held = {order.order: (order.name, order.status, order.executed) for order in orders[account]}
        counts = Counter(int(row["orderId"]) for row in told)
        verdict.doubled += [f"order {order} is told {count} times" for order, count in counts.items() if count > 1]
        verdict.lost += [f"order {order} is in the journal, and is not told" for order in held.keys() - counts.keys()]
        for row in told:
            image = (row["clientOrderId"], row["status"], units(row["executedQty"]))
            if held.get(int(row["orderId"])) != image:
                verdict.breaks.append(f"order {row['orderId']} is told as {image}, it is {held.get(row['orderId'])}")
    for account, told in seen.trades.items():
        rows += len(told)
        there = Counter((fill.trade, fill.order) for fill in fills[account])
        here = Counter((int(row["id"]), int(row["orderId"])) for row in told)
        verdict.lost += [f"fill {fill} is in the journal, and is not told" for fill in there - here]
        verdict.doubled += [f"fill {fill} is told more often than it happened" for fill in here - there]
    verdict.counted["rows told"] = rows


def _check_books(truth: Truth, seen: Seen, verdict: Verdict) -> None:
    """Every edge shows the book that follows from the journal."""
    book = truth.book()
    for edge, shown in seen.books.items():
        for side, told, held in zip(("bids", "asks"), shown, book, strict=True):
            if told != held:
                wrong = sorted({*told.items()} ^ {*held.items()})[:4]
                verdict.breaks.append(f"{edge} shows other {side} than the journal gives: {wrong}")
    verdict.counted["books"] = len(seen.books)
