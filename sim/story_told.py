"""What a story tells of a step's outcome, and whether it is so."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from openbourse.protocol.amounts import format_units
from openbourse.protocol.events import Expiry
from openbourse.protocol.instruments import Side
from openbourse.protocol.rejects import RejectReason
from sim.story import WordFault, Words, units, unknown
from sim.story_cast import Cast
from sim.story_seen import Half, OrderSeen, Stage

HOUSE: Final = "house"
_STATUSES: Final = {
    "filled": ("FILLED",),
    "canceled": ("CANCELED",),
    "pending": ("PENDING_NEW",),
    "rests": ("NEW", "PARTIALLY_FILLED"),
    "waits": ("NEW",),
    "new": ("NEW",),
    "expired": ("EXPIRED",),
}
_ENDS: Final = ("CANCELED", "EXPIRED", "EXPIRED_IN_MATCH")
_NUMBERS: Final = ("price", "quantity", "executed", "quote", "prevented", "stop", "iceberg")
_SIDES: Final = {"bids": Side.BUY, "asks": Side.SELL}


class Unmet(AssertionError):
    """An expectation that is not met."""


@dataclass
class Told:
    """The expectations of one step, and what of it they speak of."""

    stage: Stage
    cast: Cast
    own: str
    """The label of the step's own order, "" without one."""
    worked_before: dict[str, bool]
    trades: list[tuple[int, int]] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    refusals: list[str] = field(default_factory=list)

    def check(self, text: str, implied: list[tuple[int, int]]) -> None:
        """Check every expectation, and that nothing happened which nobody told. Raises Unmet, WordFault."""
        self.trades = list(implied)
        for part in text.split(";"):
            if part.strip():
                self.check_one(Words(part))
        found = [(trade.quantity, trade.price) for trade in self.stage.trades()]
        if found != self.trades:
            raise Unmet(f"trades {_shown(found)}; told are {_shown(self.trades)}")
        if len(self.stage.refusals) != len(self.refusals):
            raise Unmet(f"refused: {', '.join(map(str, self.stage.refusals))}")
        untold = self.stage.endings() - self.ended
        if untold:
            raise Unmet(f"nobody told that #{', #'.join(sorted(untold))} ended")

    def check_one(self, words: Words) -> None:
        """Check one expectation."""
        checks: dict[str, Callable[[Words], None]] = {
            "refused": self.refused,
            "trades": self.traded,
            "bids": self.levels,
            "asks": self.levels,
            "list": self.listed,
            "indicates": self.indicated,
            "cancel": self.half,
            "new": self.half,
            "tested": lambda _words: _hold(self.stage.is_tested, "it was no test order that passed"),
            "duplicate": lambda _words: _hold(self.stage.is_duplicate, "it was no duplicate"),
        }
        if words.first in checks and not (words.first == "new" and self.stage.halves is None):
            first = words.first if words.first in ("bids", "asks", "cancel", "new") else words.next("it")
            checks[first](words)
        elif words.first in self.cast.accounts or words.first == HOUSE:
            self.balances(words)
        else:
            self.order_facts(words.label() if words.first.startswith("#") else self.own, " ".join(words))
        words.end()

    def refused(self, words: Words) -> None:
        """`refused PRICE_FILTER`."""
        reason = RejectReason[words.next("a reason")].name
        self.refusals.append(reason)
        found = self.stage.refusals
        if len(found) != 1 or not found[0].is_for(reason):
            raise Unmet(f"not refused with {reason}: {', '.join(map(str, found)) or 'it was accepted'}")

    def traded(self, words: Words) -> None:
        """`trades 1 at 100, 0.5 at 101 maker #b1 taker #a1`."""
        for part in " ".join(words).split(","):
            each = Words(part)
            quantity = each.number()
            each.expect("at")
            self.trades.append((quantity, each.number()))
            if each.take("maker"):
                maker = each.label()
                each.expect("taker")
                pair = (maker, each.label())
                found = self.stage.maker_and_taker(len(self.trades) - 1)
                _hold(found == pair, f"trade {len(self.trades)} has maker #{found[0]} and taker #{found[1]}")
            each.end()

    def levels(self, words: Words) -> None:
        """`bids 1 at 99, 2 at 98`, `asks none`: the whole side, the best level first."""
        side = words.next("a side")
        told = []
        if not words.take("none"):
            for part in " ".join(words).split(","):
                each = Words(part)
                quantity = each.number(2**96)
                each.expect("at")
                told.append((each.number(), quantity))
                each.end()
        found = self.stage.levels(_SIDES[side])
        shown = _shown([(quantity, price) for price, quantity in found])
        _hold(found == told, f"{side} {shown}")

    def listed(self, words: Words) -> None:
        """`list #L executing`, `list #L all done`."""
        label = words.label()
        told = "_".join(words).upper()
        if told not in ("EXECUTING", "ALL_DONE"):
            unknown("the state of a list", told)
        found = self.stage.order_list(label)
        _hold(found == told, f"list #{label} is {found or 'not known'}")

    def indicated(self, words: Words) -> None:
        """`indicates 2 at 100, imbalance -1`, `indicates nothing`."""
        if words.take("nothing"):
            told = (0, 0, 0)
        else:
            quantity = words.number(2**96)
            words.expect("at")
            price = units(words.next("a price").rstrip(","))
            words.expect("imbalance")
            told = (price, quantity, units(words.next("an imbalance")))
        found = self.stage.indication()
        _hold(found in (None, told), f"indicates {found}")

    def half(self, words: Words) -> None:
        """`cancel done`, `cancel refused UNKNOWN_ORDER`, `new done`, `new refused WOULD_TAKE`, `new not tried`."""
        if self.stage.halves is None:
            raise Unmet("nothing was replaced")
        half: Half = self.stage.halves[words.next("a half") == "new"]
        if words.take("refused"):
            reason = RejectReason[words.next("a reason")].name
            is_so = half.refusal is not None and half.refusal.is_for(reason)
        elif words.take("not"):
            words.expect("tried")
            is_so = half.result == "NOT_ATTEMPTED"
        else:
            words.expect("done")
            is_so = half.result == "SUCCESS"
        _hold(is_so, f"{half.result} {half.refusal or ''}")

    def balances(self, words: Words) -> None:
        """`alice 1 BTC, 98.90 USDT, 5 USDT held`."""
        name = words.next("an account")
        account = 1 if name == HOUSE else self.cast.account(name)
        for part in " ".join(words).split(","):
            each = Words(part)
            amount, code = each.number(2**97), each.next("an asset")
            is_held = bool(each.take("held"))
            each.end()
            found = self.stage.balance(account, self.cast.asset(code))
            if found is not None:
                shown = f"{format_units(found[0])} {code}, {format_units(found[1])} {code} held"
                _hold(found[is_held] == amount, f"{name} has {shown}")

    def order_facts(self, label: str, text: str) -> None:
        """`#a1 partly filled, executed 1, price 99`."""
        if not label:
            raise WordFault(f"of which order is it told: '{text}'")
        order = self.stage.order(label)
        for fact in text.split(","):
            words = Words(fact)
            if words.first == "pays":
                self.pays(label, words)
            elif words.take("unknown"):
                _hold(order is None, f"#{label} exists: {order}")
            elif order is None:
                raise Unmet(f"there is no order #{label}")
            else:
                self.order_fact(label, order, words)
            words.end()

    def order_fact(self, label: str, order: OrderSeen, words: Words) -> None:
        """Check one fact of an order."""
        word = words.next("a fact")
        if word in _STATUSES or word == "partly":
            self.status(label, order, word, words)
        elif word in _NUMBERS:
            _hold(getattr(order, word) == words.number(2**96), f"#{label}: {order}")
        elif word == "prevents":
            _hold(order.status == "EXPIRED_IN_MATCH", f"#{label}: {order}")
        elif word == "triggered":
            _hold(order.is_working and not self.worked_before.get(label, False), f"#{label}: {order}")
        elif word == "tracks":
            _hold(order.is_tracking, f"#{label}: {order}")
        elif word == "idles":
            _hold(not order.is_tracking, f"#{label}: {order}")
        else:
            unknown("the fact", word)

    def status(self, label: str, order: OrderSeen, word: str, words: Words) -> None:
        """Check an order's status, and that it works where the word says so."""
        if word == "partly":
            words.expect("filled")
            statuses: tuple[str, ...] = ("PARTIALLY_FILLED",)
        elif word == "expired" and words.take("in"):
            words.expect("match")
            statuses = ("EXPIRED_IN_MATCH",)
        else:
            statuses = _STATUSES[word]
        is_so = order.status in statuses
        if word == "expired" and statuses == ("EXPIRED",):
            is_so = is_so and order.expiry == (Expiry[words.next("why")].name if words else "NONE")
        if word in ("rests", "waits", "pending"):
            is_so = is_so and order.is_working == (word == "rests")
        if statuses[0] in _ENDS:
            self.ended.add(label)
        _hold(is_so, f"#{label}: {order}")

    def pays(self, label: str, words: Words) -> None:
        """`#a1 pays 0.001 BTC`, `#a1 pays nothing`: the commission of this step."""
        words.expect("pays")
        told = {}
        while words and not words.take("nothing"):
            amount = words.number(2**96)
            told[self.cast.asset(words.next("an asset"))] = amount
            words.take("and")
        found = {asset: amount for asset, amount in self.stage.paid(label).items() if amount}
        _hold(found == told, f"#{label} pays {found}")


def _hold(is_so: bool, instead: str) -> None:
    if not is_so:
        raise Unmet(instead)


def _shown(pairs: list[tuple[int, int]]) -> str:
    return ", ".join(f"{format_units(quantity)} at {format_units(price)}" for quantity, price in pairs) or "none"
