"""Orders per account: fixed windows aligned to the clock, counted where orders get their one order.

Placing adds one for each order; an order's first fill takes back one as taker, five as maker (floored at zero), because a market maker
whose orders fill should not run into the limit (binance-api.md section 4.4).
"""

from collections.abc import Iterator
from struct import Struct, error
from typing import Final

import msgspec

from openbourse.protocol.codec import COMMAND_HEADER, EVENT_HEADER
from openbourse.protocol.commands import CommandKind, RequestFlag, split
from openbourse.protocol.events import EventKind, Execution, OrderFlag
from openbourse.protocol.journal import BatchRow

TEN_SECONDS_US: Final = 10_000_000
DAY_US: Final = 86_400_000_000
LEGS_MAX: Final = 3
"""Orders of the longest list."""
TAKER_FILL: Final = 1
MAKER_FILL: Final = 5
NEW_ORDERS: Final = frozenset({CommandKind.PLACE_ORDER, CommandKind.CANCEL_REPLACE, CommandKind.PLACE_ORDER_LIST})
_ORDER_HEAD: Final = Struct("<QIBBBBB")
# Where an order image keeps what the order limits need (docs/engine.md section 3).
_EXECUTION_AT: Final = EVENT_HEADER.size + 25
_FILL: Final = Struct("<Q17xBBB16xq48xq")

_Counts = tuple[int, int, dict[int, int], dict[int, int]]


class OrderLimits:
    """Counts new orders by account in the current 10 s and the current UTC day.

    Kept in memory and beside each snapshot; a replica that follows the journal counts what its leader counts (`take`), so
    a change of leader forgets nothing.
    """

    def __init__(self, per_10s: int, per_day: int) -> None:
        self.per_10s = per_10s
        self.per_day = per_day
        self._ten: dict[int, int] = {}
        self._day: dict[int, int] = {}
        self._ten_window = self._day_window = 0

    def encode(self) -> bytes:
        """Return the counts, to be restored later."""
        return msgspec.msgpack.encode((self._ten_window, self._day_window, self._ten, self._day))

    def restore(self, counts: bytes) -> None:
        """Go on with counts; nothing is counted yet where there are none."""
        windows = msgspec.msgpack.decode(counts, type=_Counts) if counts else (0, 0, {}, {})
        self._ten_window, self._day_window, self._ten, self._day = windows

    def roll(self, now_us: int) -> None:
        """Begin new windows when the clock has passed the old ones' end."""
        if now_us // TEN_SECONDS_US != self._ten_window:
            self._ten_window = now_us // TEN_SECONDS_US
            self._ten.clear()
        if now_us // DAY_US != self._day_window:
            self._day_window = now_us // DAY_US
            self._day.clear()

    def counts(self, account: int) -> tuple[int, int]:
        """Return an account's count in the 10 s and in the day."""
        return self._ten.get(account, 0), self._day.get(account, 0)

    def admit(self, account: int, orders: int = 1) -> str | None:
        """Count orders; return "10 SECOND" or "1 DAY" instead when the account has used up that window."""
        ten, day = self.counts(account)
        if day >= self.per_day:
            return "1 DAY"
        if ten >= self.per_10s:
            return "10 SECOND"
        self.count(account, orders)
        return None

    def count(self, account: int, orders: int = 1) -> None:
        """Count orders."""
        self._ten[account] = self._ten.get(account, 0) + orders
        self._day[account] = self._day.get(account, 0) + orders

    def give_back(self, account: int, as_maker: bool) -> None:
        """Give back for an order that was filled for the first time."""
        back = MAKER_FILL if as_maker else TAKER_FILL
        for window in (self._ten, self._day):
            if account in window:
                window[account] = max(0, window[account] - back)

    def give_back_filled(self, events: bytes) -> None:
        """Give back for every order that a batch's events filled for the first time."""
        for account, flags in first_fills(events):
            self.give_back(account, bool(flags & OrderFlag.IS_MAKER))

    def take(self, row: BatchRow) -> None:
        """Count what a committed batch holds, as its leader did."""
        self.roll(row.time_us)
        for frame in split(row.commands):
            account, orders = new_orders(COMMAND_HEADER.unpack_from(frame)[1], frame)
            if account:
                self.count(account, orders)
        self.give_back_filled(row.events)

    def retry_after_s(self, interval: str, now_us: int) -> int:
        """Return the whole seconds until a window ends."""
        length = TEN_SECONDS_US if interval == "10 SECOND" else DAY_US
        return int((length - now_us % length) // 1_000_000) + 1


def new_orders(kind: int, frame: bytes) -> tuple[int, int]:
    """Return the account whose order limit a frame counts against, and by how many orders.

    Zeros for a test order, another command, or a body too short to say.
    """
    if kind not in NEW_ORDERS:
        return 0, 0
    at, orders = COMMAND_HEADER.size, 1
    try:
        if kind == CommandKind.CANCEL_REPLACE:
            at = _after_texts(frame, at + 10, 2)
        elif kind == CommandKind.PLACE_ORDER_LIST:
            at = _after_texts(frame, at + 1, 1)
            at, orders = at + 1, min(frame[at], LEGS_MAX)
        account, *_, flags = _ORDER_HEAD.unpack_from(frame, at)
    except (IndexError, error):
        return 0, 0
    return (0, 0) if flags & RequestFlag.TEST else (int(account), orders)


def _after_texts(frame: bytes, at: int, count: int) -> int:
    for _ in range(count):
        at += 1 + frame[at]
    return at


def first_fills(events: bytes) -> Iterator[tuple[int, int]]:
    """Yield account and order flags of each order that was filled for the first time, without decoding the rest."""
    at, end = 0, len(events)
    while at < end:
        length, kind = EVENT_HEADER.unpack_from(events, at)[:2]
        if kind == EventKind.ORDER_UPDATED and events[at + _EXECUTION_AT] == Execution.TRADE:
            account, _, _, flags, executed, last = _FILL.unpack_from(events, at + EVENT_HEADER.size)
            if executed == last:
                yield account, flags
        at += length
