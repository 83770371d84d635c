"""Folds events into what is worth telling: one thing a command and order, with the same id each time it is folded."""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from openbourse.edge.listing import KINDS as LISTED
from openbourse.edge.listing import Listing
from openbourse.edge.rendering import EXPIRY_REASONS
from openbourse.protocol.amounts import UNIT, format_units
from openbourse.protocol.events import (
    DepositCredited,
    Event,
    EventKind,
    Execution,
    OrderStatus,
    OrderUpdated,
    WithdrawalHeld,
    WithdrawalReleased,
    WithdrawalSettled,
)
from openbourse.protocol.instruments import Side
from openbourse.protocol.notifications import Topic

KINDS: Final = LISTED | {
    EventKind.ORDER_UPDATED,
    EventKind.DEPOSIT_CREDITED,
    EventKind.WITHDRAWAL_HELD,
    EventKind.WITHDRAWAL_SETTLED,
    EventKind.WITHDRAWAL_RELEASED,
}
PER_MINUTE_MAX: Final = 10
"""Of an account, by the journal's time; what is more is told of once."""
ACCOUNTS_MAX: Final = 100_000
"""Accounts whose minute is remembered; the one that was quiet longest is forgotten."""
MINUTE_US: Final = 60_000_000


class Draft(msgspec.Struct, frozen=True):
    """Something to tell an account, before anybody has looked where to."""

    id: str
    topic: Topic
    account: int
    time_ms: int
    facts: dict[str, str]


class Fill(msgspec.Struct):
    """What one command traded of one order."""

    last: OrderUpdated
    quantity: int = 0
    quote: int = 0
    commissions: dict[int, int] = {}

    def take(self, event: OrderUpdated) -> None:
        """Add an execution."""
        self.last = event
        self.quantity += event.last_quantity
        self.quote += event.last_quote
        paid = self.commissions.get(event.commission_asset, 0)
        self.commissions = {**self.commissions, event.commission_asset: paid + event.commission}


class Telling:
    """Takes batches in order. Restarted it may tell an account of up to twice its limit in that minute, never a thing anew."""

    def __init__(self, listing: Listing, shard: int, topics: Collection[str]) -> None:
        """Topics are words with which a topic's name begins: "withdrawal" stands for all three."""
        self._listing = listing
        self._shard = shard
        self._topics = {topic for topic in Topic if any(topic.startswith(word) for word in topics)}
        self._minutes: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self.muted = 0

    def take(self, events: Iterable[Event], time_us: int) -> list[Draft]:
        """Return what a batch's events give to tell, in order."""
        found: list[Draft] = []
        fills: dict[tuple[int, int, int], Fill] = {}
        sequence = 0
        for event in events:
            if event.sequence != sequence:
                found += [self._fill_draft(sequence, fill, time_us) for fill in fills.values()]
                fills, sequence = {}, event.sequence
            match event:
                case OrderUpdated():
                    if event.execution == Execution.TRADE:
                        key = (event.account, event.instrument, event.order)
                        fills.setdefault(key, Fill(event)).take(event)
                    elif event.execution in (Execution.CANCELED, Execution.EXPIRED):
                        found.append(self._end_draft(event, time_us))
                case DepositCredited():
                    found.append(self._funds_draft(Topic.DEPOSIT, event, time_us))
                case WithdrawalSettled():
                    found.append(self._funds_draft(Topic.WITHDRAWAL_SETTLED, event, time_us))
                case WithdrawalReleased():
                    found.append(self._funds_draft(Topic.WITHDRAWAL_RELEASED, event, time_us))
                case WithdrawalHeld():
                    found.append(self._funds_draft(Topic.WITHDRAWAL_HELD, event, time_us))
                case _:
                    self._listing.apply([event])
        found += [self._fill_draft(sequence, fill, time_us) for fill in fills.values()]
        return [told for draft in found if draft.topic in self._topics for told in self._within_limit(draft, time_us)]

    def _within_limit(self, draft: Draft, time_us: int) -> list[Draft]:
        # Funds are never left out: who does not hear of a withdrawal cannot object to it.
        if draft.topic not in (Topic.FILL, Topic.CANCEL, Topic.EXPIRY):
            return [draft]
        minute = time_us // MINUTE_US
        last, count = self._minutes.pop(draft.account, (minute, 0))
        count = count + 1 if last == minute else 1
        self._minutes[draft.account] = (minute, count)
        if len(self._minutes) > ACCOUNTS_MAX:
            self._minutes.popitem(last=False)
        if count <= PER_MINUTE_MAX:
            return [draft]
        self.muted += 1
        if count > PER_MINUTE_MAX + 1:
            return []
        name = f"{self._shard}-muted-{draft.account}-{minute}"
        return [Draft(name, Topic.MUTED, draft.account, draft.time_ms, {"limit": str(PER_MINUTE_MAX)})]

    def _order_facts(self, event: OrderUpdated) -> dict[str, str]:
        return {
            "order": str(event.order),
            "symbol": self._listing.instruments[event.instrument].symbol,
            "side": Side(event.side).name,
            "quantity": format_units(event.quantity),
            "executed": format_units(event.executed),
            "status": OrderStatus(event.status).name.lower().replace("_", " "),
        }

    def _fill_draft(self, sequence: int, fill: Fill, time_us: int) -> Draft:
        event = fill.last
        commissions = (
            f"{format_units(paid)} {self._listing.assets[asset]}" for asset, paid in fill.commissions.items()
        )
        facts = {
            **self._order_facts(event),
            "last_quantity": format_units(fill.quantity),
            # Rounded down; the exact quote amount is in the history.
            "last_price": format_units(fill.quote * UNIT // fill.quantity),
            "commission": " + ".join(commissions),
        }
        name = f"{self._shard}-{sequence}-fill-{event.instrument}-{event.order}"
        return Draft(name, Topic.FILL, event.account, time_us // 1_000, facts)

    def _end_draft(self, event: OrderUpdated, time_us: int) -> Draft:
        topic = Topic.CANCEL if event.execution == Execution.CANCELED else Topic.EXPIRY
        facts = {**self._order_facts(event), "reason": EXPIRY_REASONS[event.expiry]}
        name = f"{self._shard}-{event.sequence}-{topic}-{event.instrument}-{event.order}"
        return Draft(name, topic, event.account, time_us // 1_000, facts)

    def _funds_draft(self, topic: Topic, event: DepositCredited | WithdrawalHeld, time_us: int) -> Draft:
        facts = {"amount": format_units(event.amount), "asset": self._listing.assets[event.asset]}
        if isinstance(event, WithdrawalHeld):
            facts["withdrawal"] = str(event.withdrawal)
        return Draft(f"{self._shard}-{event.sequence}-{topic}", topic, event.account, time_us // 1_000, facts)
