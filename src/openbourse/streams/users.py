"""User data events: what happened to an account's orders and balances (binance-api.md section 5.4)."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from openbourse.edge.listing import Listing
from openbourse.edge.sockets import Socket
from openbourse.protocol.amounts import format_units
from openbourse.protocol.events import (
    BalanceChanged,
    DepositCredited,
    Event,
    EventKind,
    ListUpdated,
    OrderUpdated,
    WithdrawalSettled,
)
from openbourse.streams.reports import execution_report, list_status

KINDS: Final = frozenset(
    {
        EventKind.ORDER_UPDATED,
        EventKind.LIST_UPDATED,
        EventKind.BALANCE_CHANGED,
        EventKind.DEPOSIT_CREDITED,
        EventKind.WITHDRAWAL_SETTLED,
    }
)
Emit = Callable[[bytes], None]
Build = Callable[[int], object]
_ENCODE: Final = msgspec.json.Encoder().encode


class Subscription:
    """One account's events for one socket."""

    __slots__ = ("account", "emit", "unit")

    def __init__(self, account: int, unit: int, emit: Emit) -> None:
        self.account = account
        self.unit = unit
        self.emit = emit


class UserHub:
    """Gives accounts' events to whoever subscribed. Fits edge.sockets.UserStreams."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._by_account: dict[int, set[Subscription]] = {}

    def __len__(self) -> int:
        return sum(len(subscriptions) for subscriptions in self._by_account.values())

    def heard(self) -> frozenset[EventKind]:
        """Return the kinds of events that somebody listens to now."""
        return KINDS if self._by_account else frozenset()

    def subscribe(self, socket: Socket, account: int, emit: Emit) -> object:
        """Give every later event of an account, as JSON in the socket's time unit, to emit; return a handle."""
        subscription = Subscription(account, int(socket.time_unit), emit)
        self._by_account.setdefault(account, set()).add(subscription)
        return subscription

    def unsubscribe(self, handle: object) -> None:
        """End a subscription; harmless when it has ended."""
        assert isinstance(handle, Subscription)
        subscriptions = self._by_account.get(handle.account)
        if subscriptions is not None:
            subscriptions.discard(handle)
            if not subscriptions:
                del self._by_account[handle.account]

    def take(self, seen: Iterable[Event], time_us: int) -> None:
        """Send a batch's events: orders as they came, then each command's balances."""
        if not self._by_account:
            return
        positions: dict[int, list[BalanceChanged]] = {}
        sequence = 0
        for event in seen:
            if event.kind not in KINDS:
                continue
            if event.sequence != sequence:
                self._send_positions(positions, time_us)
                positions, sequence = {}, event.sequence
            match event:
                case OrderUpdated() if event.account in self._by_account:
                    self._send_order(event, time_us)
                case ListUpdated() if event.account in self._by_account:
                    self._send_list(event, time_us)
                case BalanceChanged() if event.account in self._by_account:
                    positions.setdefault(event.account, []).append(event)
                case DepositCredited():
                    self._send_delta(event.account, event.asset, event.amount, time_us)
                case WithdrawalSettled():
                    self._send_delta(event.account, event.asset, -event.amount, time_us)
        self._send_positions(positions, time_us)

    def _send(self, account: int, build: Build) -> None:
        forms: dict[int, bytes] = {}
        for subscription in tuple(self._by_account.get(account, ())):
            body = forms.get(subscription.unit)
            if body is None:
                body = forms[subscription.unit] = _ENCODE(build(subscription.unit))
            subscription.emit(body)

    def _send_order(self, event: OrderUpdated, time_us: int) -> None:
        self._send(event.account, lambda unit: execution_report(event, self._listing, time_us, unit))

    def _send_list(self, event: ListUpdated, time_us: int) -> None:
        self._send(event.account, lambda unit: list_status(event, self._listing, time_us, unit))

    def _send_delta(self, account: int, asset: int, amount: int, time_us: int) -> None:
        code = self._listing.assets[asset]
        self._send(
            account,
            lambda unit: {
                "e": "balanceUpdate",
                "E": time_us // unit,
                "a": code,
                "d": format_units(amount),
                "T": time_us // unit,
            },
        )

    def _send_positions(self, positions: dict[int, list[BalanceChanged]], time_us: int) -> None:
        for account, changes in positions.items():
            shown = [
                {
                    "a": self._listing.assets[change.asset],
                    "f": format_units(change.available),
                    "l": format_units(change.held),
                }
                for change in changes
            ]
            self._send(
                account,
                lambda unit, shown=shown: {  # type: ignore[misc]
                    "e": "outboundAccountPosition",
                    "E": time_us // unit,
                    "u": time_us // unit,
                    "B": shown,
                },
            )
