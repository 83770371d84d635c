"""Trading stories: tables of what people do and what the venue answers, run on any engine.

A line is `action | expectation, expectation`. A story begins with accounts on first mention, assets BTC, ETH and USD,
and BTCUSD with tick 1, step 0.01, no fees and prevention off; `instrument` lines change it. tests/scenarios has them.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import msgspec

from openbourse.protocol.amounts import UNIT, format_units, parse_units
from openbourse.protocol.commands import (
    AdvanceTime,
    CancelAll,
    CancelOrder,
    CancelReplace,
    CancelRestriction,
    ChangeInstrument,
    Command,
    CreateAsset,
    CreditDeposit,
    HoldWithdrawal,
    Identity,
    ListInstrument,
    OpenAccount,
    PlaceOrder,
    ReleaseWithdrawal,
    ReplaceMode,
    RequestFlag,
    SetFee,
    SetInstrumentStatus,
    SetPermissions,
    SettleWithdrawal,
)
from openbourse.protocol.events import (
    BalanceChanged,
    CancelReplaced,
    CommandDuplicate,
    CommandRejected,
    Event,
    Expiry,
    LevelChanged,
    OrderStatus,
    OrderTested,
    OrderUpdated,
    ReplaceResult,
    Traded,
    decode,
)
from openbourse.protocol.ids import HOUSE_ACCOUNT
from openbourse.protocol.instruments import (
    STP_OF_INSTRUMENT,
    Instrument,
    InstrumentStatus,
    OrderType,
    Permission,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from openbourse.protocol.rejects import RejectReason
from sim.differential import AnyEngine

_ASSETS: Final = {"BTC": 1, "USD": 2, "ETH": 3}
_NUMBERS: Final = ("notional_flags", "average_minutes", "orders_max", "stp_allowed", "types_allowed")
_INSTRUMENT: Final = Instrument(
    instrument=1,
    symbol="BTCUSD",
    base=1,
    quote=2,
    price_min=0,
    price_max=0,
    tick=UNIT,
    quantity_min=UNIT // 100,
    quantity_max=1_000 * UNIT,
    step=UNIT // 100,
    notional_min=0,
    maker_rate=0,
    taker_rate=0,
    stp_default=SelfTradePrevention.NONE,
)

_E = TypeVar("_E", bound=Event)


class StoryError(AssertionError):
    """A line whose expectation the engine does not meet."""


class Story:
    """One story on one engine."""

    def __init__(self, engine: AnyEngine) -> None:
        self.engine = engine
        self.accounts: dict[str, int] = {"house": HOUSE_ACCOUNT}
        self.images = {"BTCUSD": _INSTRUMENT}
        self.names: dict[str, int] = {}  # of withdrawals and deposits
        self.balances: dict[tuple[int, int], tuple[int, int]] = {}
        self.sent = b""
        self.time_us = 1_700_000_000_000_000
        self.serial = 0
        self.events: list[Event] = []
        self.actor: int = HOUSE_ACCOUNT
        for code, asset in _ASSETS.items():
            self.send(CreateAsset(asset, code))
        self.send(ListInstrument(_INSTRUMENT))

    def run(self, lines: Iterable[str]) -> None:
        """Carry out a story. Raises StoryError with the line at the first broken expectation."""
        for line in lines:
            text = line.partition("#")[0] if line.lstrip().startswith("#") else line
            if not text.strip():
                continue
            action, _, expectations = text.partition("|")
            self.act(action.split())
            for expectation in expectations.split(","):
                if expectation.strip() and not self.holds(expectation.split()):
                    told = "\n".join(f"  {event}" for event in self.events)
                    raise StoryError(f"{line.strip()}\nexpected:{expectation}\n{told}\n  {self.told_balances()}")
            self.engine.audit()

    def send(self, command: Command) -> None:
        """Apply one command with an identity of its own."""
        self.serial += 1
        self.apply(command.encode(Identity(session=1, counter=self.serial)))

    def apply(self, data: bytes) -> None:
        """Apply a frame and take note of its events."""
        self.sent = data
        events, _ = self.engine.apply(self.engine.sequence + 1, self.time_us, data)
        self.events = list(decode(events))
        for event in self.events:
            if isinstance(event, BalanceChanged):
                self.balances[event.account, event.asset] = (event.available, event.held)

    def account(self, name: str) -> int:
        """Return an account by name, opened on first mention."""
        if name not in self.accounts:
            self.accounts[name] = 1_000 + len(self.accounts)
            self.send(OpenAccount(self.accounts[name]))
        return self.accounts[name]

    def act(self, words: list[str]) -> None:
        """Carry out one action."""
        actions: dict[str, Callable[[list[str]], None]] = {
            "account": self.open_account,
            "permit": self.permit,
            "instrument": self.instrument,
            "status": self.status,
            "fee": self.fee,
            "deposit": self.deposit,
            "withdraw": self.withdraw,
            "settle": lambda rest: self.send(SettleWithdrawal(self.name(rest[0]))),
            "release": lambda rest: self.send(ReleaseWithdrawal(self.name(rest[0]))),
            "buy": lambda rest: self.send(self.order(Side.BUY, rest)),
            "sell": lambda rest: self.send(self.order(Side.SELL, rest)),
            "cancel": self.cancel,
            "cancel-all": self.cancel_all,
            "replace": self.replace,
            "wait": self.wait,
            "resend": lambda _rest: self.apply(self.sent),
        }
        actions[words[0]](words[1:])

    def name(self, word: str) -> int:
        """Return a number that stands for a name."""
        return self.names.setdefault(word, len(self.names) + 1)

    def open_account(self, words: list[str]) -> None:
        """`account alice group=7`: open an account in a trade group."""
        self.accounts[words[0]] = 1_000 + len(self.accounts)
        self.send(OpenAccount(self.accounts[words[0]], int(words[1].removeprefix("group="))))

    def permit(self, words: list[str]) -> None:
        """`permit alice trade deposit`: allow only what is named."""
        flags = sum(Permission[word.upper()] for word in words[1:])
        self.send(SetPermissions(self.account(words[0]), flags))

    def instrument(self, words: list[str]) -> None:
        """`instrument BTCUSD tick=0.5 orders_max=2`: change it; a name not known yet is listed."""
        known = words[0] in self.images
        image = self.images.get(words[0]) or msgspec.structs.replace(
            _INSTRUMENT, instrument=len(self.images) + 1, symbol=words[0], base=_ASSETS[words[0][:3]]
        )
        for word in words[1:]:
            key, _, value = word.partition("=")
            number = int(value) if key in _NUMBERS else -1 if value == "-1" else 0
            if key == "stp_default":
                number = SelfTradePrevention[value]
            elif key not in _NUMBERS and value != "-1":
                number = parse_units(value)
            image = msgspec.structs.replace(image, **{key: number})
        self.send(ChangeInstrument(image) if known else ListInstrument(image))
        if not any(isinstance(event, CommandRejected) for event in self.events):
            self.images[words[0]] = image

    def status(self, words: list[str]) -> None:
        """`status BTCUSD HALT`."""
        self.send(SetInstrumentStatus(self.images[words[0]].instrument, InstrumentStatus[words[1]]))

    def fee(self, words: list[str]) -> None:
        """`fee alice BTCUSD 0.001 0.002`; `*` for every instrument, `none none` to remove."""
        instrument = 0 if words[1] == "*" else self.images[words[1]].instrument
        maker, taker = (-1 if word == "none" else parse_units(word) for word in words[2:])
        self.send(SetFee(self.account(words[0]), instrument, maker, taker))

    def deposit(self, words: list[str]) -> None:
        """`deposit alice USD 1000 as d1`; without a name it is a deposit never seen before."""
        self.actor = self.account(words[0])
        name = words[4] if len(words) > 4 else f"deposit {self.serial}"
        identity = self.name(name).to_bytes(32, "big")
        self.send(CreditDeposit(self.actor, _ASSETS[words[1]], parse_units(words[2], 2**127), identity))

    def withdraw(self, words: list[str]) -> None:
        """`withdraw alice USD 100 as w1`."""
        self.actor = self.account(words[0])
        self.send(HoldWithdrawal(self.actor, _ASSETS[words[1]], parse_units(words[2], 2**127), self.name(words[4])))

    def order(self, side: Side, words: list[str]) -> PlaceOrder:
        """`buy alice 2 @ 100 IOC as a1`, `sell bob 1 @ market`, `buy alice for 500 @ market`."""
        self.actor = self.account(words[0])
        at = words.index("@")
        by_quote = words[1] == "for"
        amount = parse_units(words[at - 1])
        is_market = words[at + 1] == "market"
        order = PlaceOrder(
            account=self.actor,
            instrument=1,
            side=side,
            type=OrderType.MARKET if is_market else OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            price=0 if is_market else parse_units(words[at + 1]),
            quantity=0 if by_quote else amount,
            quote_quantity=amount if by_quote else 0,
            flags=RequestFlag.BY_QUOTE if by_quote else 0,
            stp=STP_OF_INSTRUMENT,
            client_id=f"order-{self.serial}",
        )
        rest = iter(words[at + 2 :])
        for word in rest:
            if word == "as":
                order = msgspec.structs.replace(order, client_id=next(rest))
            elif word == "on":
                order = msgspec.structs.replace(order, instrument=self.images[next(rest)].instrument)
            elif word == "test":
                order = msgspec.structs.replace(order, flags=order.flags | RequestFlag.TEST)
            elif word == "maker":
                order = msgspec.structs.replace(order, type=OrderType.LIMIT_MAKER)
            elif word == "stop":
                order = msgspec.structs.replace(order, type=OrderType.STOP_LOSS)
            elif word in TimeInForce.__members__:
                order = msgspec.structs.replace(order, time_in_force=TimeInForce[word])
            else:
                order = msgspec.structs.replace(order, stp=SelfTradePrevention[word])
        return order

    def cancel(self, words: list[str]) -> None:
        """`cancel alice a1`, `cancel alice #1`, `cancel alice #1 a1 ONLY_NEW`."""
        self.actor = self.account(words[0])
        order, client_id, restriction = self.target(words[1:])
        self.send(CancelOrder(self.actor, 1, order, restriction, client_id, "request"))

    def target(self, words: list[str]) -> tuple[int, str, int]:
        """Return the order id, the client id and the restriction that words name."""
        order, client_id, restriction = 0, "", CancelRestriction.NONE
        for word in words:
            if word.startswith("#"):
                order = int(word[1:])
            elif word in CancelRestriction.__members__:
                restriction = CancelRestriction[word]
            else:
                client_id = word
        return order, client_id, restriction

    def cancel_all(self, words: list[str]) -> None:
        """`cancel-all alice BTCUSD`, or without an instrument on every one."""
        self.actor = self.account(words[0])
        self.send(CancelAll(self.actor, self.images[words[1]].instrument if len(words) > 1 else 0))

    def replace(self, words: list[str]) -> None:
        """`replace alice a1 STOP_ON_FAILURE with buy 1 @ 100 as a2`."""
        at = words.index("with")
        modes = [word for word in words[1:at] if word in ReplaceMode.__members__]
        order, client_id, restriction = self.target([word for word in words[1:at] if word not in modes])
        new = self.order(Side[words[at + 1].upper()], [words[0], *words[at + 2 :]])
        self.send(
            CancelReplace(
                mode=ReplaceMode[modes[0]],
                cancel_order=order,
                restriction=restriction,
                cancel_client_id=client_id,
                new=new,
            )
        )

    def wait(self, words: list[str]) -> None:
        """`wait 5m`, `wait 30s`: let time pass."""
        self.time_us += int(words[0][:-1]) * (60_000_000 if words[0].endswith("m") else 1_000_000)
        self.send(AdvanceTime())

    def told_balances(self) -> str:
        """Return every balance as text."""
        names = {number: name for name, number in self.accounts.items()}
        codes = {asset: code for code, asset in _ASSETS.items()}
        return "; ".join(
            f"{names[account]} {codes[asset]} {format_units(available)} + {format_units(held)} held"
            for (account, asset), (available, held) in sorted(self.balances.items())
        )

    def holds(self, words: list[str]) -> bool:
        """Say whether an expectation is met by the last command's events and the balances."""
        first, rest = words[0], words[1:]
        if first in self.accounts and rest[0] in ("available", "held"):
            return self.balance(self.accounts[first], rest[1], rest[0]) == parse_units(rest[2], 2**127)
        if first in ("available", "held"):
            return self.balance(self.actor, rest[0], first) == parse_units(rest[1], 2**127)
        checks: dict[str, Callable[[list[str]], bool]] = {
            "accepted": lambda _: not self.of(CommandRejected),
            "rejected": lambda words: [RejectReason(e.reason).name for e in self.of(CommandRejected)] == words,
            "duplicate": lambda _: len(self.of(CommandDuplicate)) == len(self.events) == 1,
            "tested": lambda _: len(self.of(OrderTested)) == len(self.events) == 1,
            "trades": lambda words: (
                [(e.quantity, e.price) for e in self.of(Traded)]
                == [tuple(parse_units(part) for part in word.split("@")) for word in words if word != "none"]
            ),
            "level": self.level_holds,
            "replaced": self.replaced_holds,
        }
        return checks[first](rest) if first in checks else self.order_holds(first, rest)

    def of(self, kind: type[_E]) -> list[_E]:
        """Return the last command's events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def balance(self, account: int, code: str, part: str) -> int:
        """Return the available or the held part of a balance."""
        available, held = self.balances.get((account, _ASSETS[code]), (0, 0))
        return available if part == "available" else held

    def level_holds(self, words: list[str]) -> bool:
        """`level BUY 2@100`: that the book changed to; quantity 0 is a level that went away."""
        quantity, _, price = words[1].partition("@")
        expected = (Side[words[0]], parse_units(price), parse_units(quantity))
        return expected in [(event.side, event.price, event.quantity) for event in self.of(LevelChanged)]

    def replaced_holds(self, words: list[str]) -> bool:
        """`replaced FAILURE UNKNOWN_ORDER / NOT_ATTEMPTED`: how both halves of a cancel-replace ended."""
        ends = []
        for event in self.of(CancelReplaced):
            for result, reason in (
                (event.cancel_result, event.cancel_reason),
                (event.new_result, event.new_reason),
            ):
                ends.append(ReplaceResult(result).name + (f" {RejectReason(reason).name}" if reason else ""))
        return " / ".join(ends) == " ".join(words)

    def order_holds(self, client_id: str, words: list[str]) -> bool:
        """`a1 FILLED`, `a1 EXPIRED UNFILLED_IOC`, `a1 executed 1`, `a1 prevented 1`, `a1 commission 0.1 USD`, `a1 held 5`."""
        updates = [event for event in self.of(OrderUpdated) if event.client_id == client_id]
        if not updates:
            return words == ["untouched"]
        last = updates[-1]
        if words[0] in OrderStatus.__members__:
            expiry = words[1] if len(words) > 1 else "NONE"
            return (last.status, last.expiry) == (OrderStatus[words[0]], Expiry[expiry])
        if words[0] == "commission":
            paid = sum(event.commission for event in updates)
            return paid == parse_units(words[1]) and last.commission_asset == _ASSETS[words[2]]
        return bool(getattr(last, words[0]) == parse_units(words[1]))
