"""An engine as the stage of a story."""

import hashlib
from typing import Final, TypeVar

from openbourse.protocol.commands import AdvanceTime, Command, CreateAsset, Identity, OpenAccount, SetRules
from openbourse.protocol.events import (
    AuctionIndicated,
    BalanceChanged,
    CancelReplaced,
    CommandDuplicate,
    CommandRejected,
    Event,
    Execution,
    Expiry,
    LevelChanged,
    ListStatus,
    ListUpdated,
    OrderStatus,
    OrderTested,
    OrderUpdated,
    ReplaceResult,
    Traded,
    decode,
)
from openbourse.protocol.instruments import Side
from openbourse.protocol.rejects import RejectReason
from sim.differential import EngineKind
from sim.story_seen import Half, OrderSeen, Refusal, TradeSeen

_BEGIN_US: Final = 1_700_000_000_000_000
_ENDS: Final = (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.EXPIRED_IN_MATCH)
_E = TypeVar("_E", bound=Event)


class RulesMissing(Exception):
    """The engine does not know the rules that a story needs yet."""


class EngineRefusal:
    """A reject by its name."""

    def __init__(self, reason: int) -> None:
        self._name = RejectReason(reason).name

    def __str__(self) -> str:
        return self._name

    def is_for(self, reason: str) -> bool:
        """Say whether this is the reject of that name."""
        return self._name == reason


class EngineStage:
    """One engine, on a clock of the story's own."""

    def __init__(self, kind: EngineKind, version: int) -> None:
        self._kind = kind
        self._engine = kind()
        self._time_us = _BEGIN_US
        self._sent = b""
        self._serial = 0
        self._assets: dict[str, int] = {}
        self._instruments: list[str] = []
        self._accounts = 0
        self._orders: dict[tuple[int, int], OrderUpdated] = {}
        self._labels: dict[str, tuple[int, int]] = {}
        self._lists: dict[str, ListUpdated] = {}
        self._balances: dict[tuple[int, int], tuple[int, int]] = {}
        self._levels: dict[tuple[int, int, int], int] = {}
        self._indication: tuple[int, int, int] | None = None
        self._events: list[Event] = []
        self._refusals: list[Refusal] = []
        if version > 1:
            self._send(SetRules(version))
            if self._refusals:
                raise RulesMissing(f"this engine does not know rules version {version} yet")

    @property
    def refusals(self) -> list[Refusal]:
        """The noes of this step."""
        return self._refusals

    @property
    def halves(self) -> tuple[Half, Half] | None:
        """How the halves of a cancel-replace ended, if there was one."""
        for event in self._of(CancelReplaced):
            return (
                _half(event.cancel_result, event.cancel_reason),
                _half(event.new_result, event.new_reason),
            )
        return None

    @property
    def is_tested(self) -> bool:
        """Whether a test order passed."""
        return len(self._of(OrderTested)) == len(self._events) == 1

    @property
    def is_duplicate(self) -> bool:
        """Whether the command was known already."""
        return len(self._of(CommandDuplicate)) == len(self._events) == 1

    def asset(self, code: str) -> int:
        """Return an asset, made on first mention."""
        if code not in self._assets:
            self._assets[code] = len(self._assets) + 1
            self._send(CreateAsset(self._assets[code], code))
        return self._assets[code]

    def instrument(self, symbol: str) -> tuple[int, str]:
        """Return a new instrument's id and symbol."""
        self._instruments.append(symbol)
        return len(self._instruments), symbol

    def account(self, name: str, group: int) -> int:
        """Open an account."""
        self._accounts += 1
        self._send(OpenAccount(1_000 + self._accounts, group))
        return 1_000 + self._accounts

    def now_us(self) -> int:
        """Return the story's time."""
        return self._time_us

    def identity(self, name: str) -> bytes:
        """Return 32 bytes that stand for a name."""
        return hashlib.sha256(name.encode()).digest()

    def ready(self) -> None:
        """An engine is ready at once."""

    def begin_step(self) -> None:
        """Forget what the last step did."""
        self._events, self._refusals = [], []

    def perform(self, command: Command) -> None:
        """Apply a command."""
        self._send(command)

    def pass_time(self, span_us: int) -> None:
        """Let time pass, and say so to the engine."""
        self._time_us += span_us
        self._send(AdvanceTime())

    def resend(self) -> None:
        """Apply the last command once more, as a gateway does that got no answer."""
        self._apply(self._sent)

    def end_step(self) -> None:
        """Audit, and go on with an engine that was restored from this one's snapshot. Raises AssertionError."""
        self._engine.audit()
        state = self._engine.snapshot()
        self._engine = self._kind.restore(state)
        assert self._engine.snapshot() == state, "a restored engine has another snapshot"

    def end(self) -> None:
        """Leave the engine."""

    def order_number(self, label: str) -> int:
        """Return the order id of a label."""
        return self._labels[label][1]

    def list_number(self, label: str) -> int:
        """Return the id of a list by its label."""
        return self._lists[label].order_list

    def order(self, label: str) -> OrderSeen | None:
        """Return an order, None when it was never accepted."""
        if label not in self._labels:
            return None
        image = self._orders[self._labels[label]]
        return OrderSeen(
            status=OrderStatus(image.status).name,
            expiry=Expiry(image.expiry).name,
            price=image.price,
            quantity=image.quantity,
            executed=image.executed,
            quote=image.cumulative_quote,
            prevented=image.prevented,
            stop=image.stop_price,
            iceberg=image.iceberg,
            is_working=image.working_us >= 0,
            is_tracking=image.trailing_us >= 0,
        )

    def order_list(self, label: str) -> str:
        """Return the state of a list's orders."""
        if label not in self._lists:
            return ""
        return "ALL_DONE" if self._lists[label].status == ListStatus.ALL_DONE else "EXECUTING"

    def maker_and_taker(self, trade: int) -> tuple[str, str]:
        """Return the labels of a trade's maker and taker."""
        trades = self._of(Traded)
        if trade >= len(trades):
            return "", ""
        one = trades[trade]
        labels = {key: label for label, key in self._labels.items()}
        return labels[one.instrument, one.maker_order], labels[one.instrument, one.taker_order]

    def trades(self) -> list[TradeSeen]:
        """Return the trades."""
        return [TradeSeen(event.quantity, event.price) for event in self._of(Traded)]

    def paid(self, label: str) -> dict[int, int]:
        """Return the commissions of an order."""
        found: dict[int, int] = {}
        for event in self._of(OrderUpdated):
            if (event.instrument, event.order) == self._labels.get(label) and event.execution == Execution.TRADE:
                found[event.commission_asset] = found.get(event.commission_asset, 0) + event.commission
        return found

    def balance(self, account: int, asset: int) -> tuple[int, int] | None:
        """Return what is available and what is held."""
        return self._balances.get((account, asset), (0, 0))

    def levels(self, side: Side) -> list[tuple[int, int]]:
        """Return a side of the first instrument's book, the best level first."""
        found = [
            (price, quantity) for (number, of, price), quantity in self._levels.items() if (number, of) == (1, side)
        ]
        return sorted(found, reverse=side is Side.BUY)

    def indication(self) -> tuple[int, int, int] | None:
        """Return price, quantity and imbalance as last announced."""
        return self._indication

    def endings(self) -> set[str]:
        """Return the labels of orders that ended other than filled."""
        ended = {(event.instrument, event.order) for event in self._of(OrderUpdated) if event.status in _ENDS}
        return {label for label, key in self._labels.items() if key in ended and not self._is_renamed(label)}

    def is_patient(self) -> bool:
        """An engine shows everything at once."""
        return False

    def _is_renamed(self, label: str) -> bool:
        return self._orders[self._labels[label]].client_id != label

    def _of(self, kind: type[_E]) -> list[_E]:
        return [event for event in self._events if isinstance(event, kind)]

    def _send(self, command: Command) -> None:
        self._serial += 1
        self._apply(command.encode(Identity(session=1, counter=self._serial)))

    def _apply(self, data: bytes) -> None:
        self._sent = data
        events, _ = self._engine.apply(self._engine.sequence + 1, self._time_us, data)
        for event in decode(events):
            self._events.append(event)
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case CommandRejected():
                self._refusals.append(EngineRefusal(event.reason))
            case OrderUpdated():
                self._orders[event.instrument, event.order] = event
                self._labels[event.client_id] = (event.instrument, event.order)
            case ListUpdated():
                self._lists[event.list_client_id] = event
            case BalanceChanged():
                self._balances[event.account, event.asset] = (event.available, event.held)
            case LevelChanged():
                key = (event.instrument, event.side, event.price)
                self._levels.pop(key, None)
                if event.quantity:
                    self._levels[key] = event.quantity
            case AuctionIndicated():
                self._indication = (event.price, event.quantity, event.imbalance)


def _half(result: int, reason: int) -> Half:
    return Half(ReplaceResult(result).name, EngineRefusal(reason) if reason else None)
