"""What a workload knows of the venue: learned from events alone."""

from typing import Final

import msgspec

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.events import (
    Event,
    EventKind,
    InstrumentDefined,
    InstrumentStatusChanged,
    KillSwitchSet,
    ListUpdated,
    OrderFlag,
    OrderStatus,
    OrderUpdated,
    Traded,
    WithdrawalHeld,
    decode,
)
from openbourse.protocol.instruments import Instrument, InstrumentStatus
from openbourse.protocol.lists import ListStatus
from sim.workload_dice import Dice

_WATCHED: Final = frozenset(
    (
        EventKind.ORDER_UPDATED,
        EventKind.WITHDRAWAL_HELD,
        EventKind.WITHDRAWAL_SETTLED,
        EventKind.WITHDRAWAL_RELEASED,
        EventKind.INSTRUMENT_DEFINED,
        EventKind.INSTRUMENT_STATUS_CHANGED,
        EventKind.LIST_UPDATED,
        EventKind.KILL_SWITCH_SET,
    )
)
_WATCHED_IN_RULES_2: Final = _WATCHED | {EventKind.TRADED}
# (tick, step, middle price): every product of tick and step is a whole number of units.
GRIDS: Final = (
    (1_000_000, 100_000, 100 * UNIT),
    (1, UNIT, 5_000),
    (UNIT, 1, 30_000 * UNIT),
    (10_000, 10_000, 2 * UNIT),
    (3, 100_000_000, 3_000),
    (500, 1_000_000, 70_000),
)
# One lot is worth 2^88: sums come near every bound, and the window's minutes overflow.
GIANT: Final = (1, UNIT * 2**27, 2**61)
MIDDLES: Final = {(tick, step): middle for tick, step, middle in (*GRIDS, GIANT)}


class Known:
    """Accounts, instruments, open orders and held withdrawals, and the dice."""

    def __init__(self, seed: int, accounts: int, rules: int) -> None:
        self.random = Dice(seed)
        self.accounts = list(range(2, 2 + accounts))
        self.assets = [1, 2, 3, 4]
        self.images: dict[int, Instrument] = {}
        self.open: dict[tuple[int, int], tuple[int, str]] = {}  # (instrument, order) → (account, client id)
        self.withdrawals: dict[int, None] = {}
        self.rules = rules  # in force
        self.is_exotic = rules == 2  # sooner or later
        self.time_us = 0
        self.orders: dict[tuple[int, int], OrderUpdated] = {}  # the open ones under rules 2, as last seen
        self.lists: dict[tuple[int, int], tuple[int, str]] = {}  # (instrument, list) → (account, client id)
        self.last: dict[int, int] = {}  # instrument → the last trade's price
        self.killed: set[int] = set()
        self.changes = 0
        self.is_giant = seed % 5 == 0
        self.depth = self.random.choice((3, 8, 25))

    def observe(self, events: bytes) -> None:
        """Learn from a batch's events what is open."""
        for event in decode(events, _WATCHED if self.rules == 1 else _WATCHED_IN_RULES_2):
            if isinstance(event, OrderUpdated):
                self.observe_order(event)
            elif isinstance(event, WithdrawalHeld):
                if event.kind == EventKind.WITHDRAWAL_HELD:
                    self.withdrawals[event.withdrawal] = None
                else:
                    self.withdrawals.pop(event.withdrawal, None)
            elif isinstance(event, InstrumentDefined):
                self.images[event.image.instrument] = event.image
            elif isinstance(event, InstrumentStatusChanged):
                self.images[event.instrument] = msgspec.structs.replace(
                    self.images[event.instrument], status=event.status
                )
            else:
                self.observe_rules_2(event)

    def observe_order(self, event: OrderUpdated) -> None:
        """Learn whether an order is open."""
        key = (event.instrument, event.order)
        if OrderStatus.FILLED <= event.status < OrderStatus.PENDING_NEW:
            self.open.pop(key, None)
            self.orders.pop(key, None)
        elif self.rules == 2:
            self.open[key] = (event.account, event.client_id)
            self.orders[key] = event
        elif event.flags & OrderFlag.ON_BOOK:
            self.open[key] = (event.account, event.client_id)

    def observe_rules_2(self, event: Event) -> None:
        """Learn what only rules 2 tell."""
        if isinstance(event, Traded):
            self.last[event.instrument] = event.price
        elif isinstance(event, KillSwitchSet):
            (self.killed.add if event.on else self.killed.discard)(event.account)
        elif isinstance(event, ListUpdated):
            key = (event.instrument, event.order_list)
            if event.status == ListStatus.ALL_DONE:
                self.lists.pop(key, None)
            else:
                self.lists[key] = (event.account, event.list_client_id)

    def auction(self) -> Instrument | None:
        """Return an instrument whose book only collects, if there is one."""
        found = [image for image in self.images.values() if image.status == InstrumentStatus.AUCTION]
        return self.random.choice(found) if found else None

    def image(self, number: int) -> Instrument:
        """Return an instrument on one of the grids, with filters that sometimes bite."""
        pick = self.random.choice
        tick, step, middle = GRIDS[(number + self.changes) % len(GRIDS)]
        if self.is_giant and number == 2:
            tick, step, middle = GIANT
        worth = middle * step * 10 // UNIT
        base, quote = ((1, 2), (3, 2), (1, 4))[number % 3]
        return Instrument(
            instrument=number,
            symbol=f"S{number}",
            base=base,
            quote=quote,
            price_min=pick((0, tick, middle - 20 * tick)),
            price_max=pick((0, 0, middle + 40 * tick)),
            tick=tick,
            quantity_min=step * pick((1, 1, 3) if not self.is_exotic else (1, 1, 1, 1, 1, 2)),
            quantity_max=pick((2**63 - 1, step * (600 if self.is_exotic else 90), min(step * 10_000, 2**63 - 1))),
            step=step,
            market_quantity_min=pick((0, 0, step * 2)),
            market_quantity_max=pick((0, 0, step * 60)),
            market_step=pick((0, 0, step, step * 4)),
            notional_min=pick((0, 0, worth // (8 if self.is_exotic else 3))),
            notional_max=pick((0, 0, min(worth * 40, 2**96 - 1) if self.is_exotic else worth * 9)),
            notional_flags=pick((0, 1, 2, 3)),
            bid_up=pick((0, 0, UNIT + UNIT // 50)),
            bid_down=pick((0, 0, UNIT // 2)),
            ask_up=pick((0, 0, 2 * UNIT)),
            ask_down=pick((0, 0, UNIT - UNIT // 50)),
            average_minutes=pick((0, 1, 5, 60)),
            orders_max=pick((3, 30, 200)) if not self.is_exotic else pick((6, 60, 200)),
            maker_rate=pick((0, 100_000, 1, UNIT // 2)),
            taker_rate=pick((0, 100_000, 7_777, UNIT // 2)),
            stp_default=pick((0, 1, 2, 3, 4) if self.rules == 1 else (0, 0, 1, 2, 3, 4)),
            stp_allowed=31 if self.rules == 1 else pick((*[63] * 9, 31)),
            types_allowed=pick((0b1110, 0b1110, 0b1111_1110))
            if not self.is_exotic
            else pick((*[0b1111_1110] * 9, 0b1010_1110)),
        )

    def any_image(self) -> Instrument:
        """Return one of the instruments."""
        return self.random.choice(list(self.images.values()))

    def pick_open(self) -> tuple[int, int, int, str] | None:
        """Return an open order as (instrument, order, account, client id)."""
        if not self.open:
            return None
        if self.is_exotic and self.random.random() < 0.6:
            key = self.random.choice(list(self.open))
            return *key, *self.open[key]
        # A newer order of the first few hundred is enough of a choice, and cheap.
        for place, key in enumerate(reversed(self.open)):
            if place == self.random.randrange(12) or place > 40:
                return *key, *self.open[key]
        return *key, *self.open[key]
