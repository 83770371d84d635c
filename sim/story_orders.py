"""The words of orders in a story: `buy 1 at 99 IOC #a1`, `sell 1 at market stop 95`, and lists of them."""

from typing import Final, Protocol

import msgspec

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.commands import ListForm, PlaceOrder, PlaceOrderList, RequestFlag
from openbourse.protocol.instruments import (
    STP_OF_INSTRUMENT,
    Instrument,
    OrderType,
    PegType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from sim.story import WordFault, Words, unknown

SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
FORMS: Final = {form.name.lower(): form for form in ListForm}
_TRIGGERED: Final = {
    ("stop", True): OrderType.STOP_LOSS,
    ("stop", False): OrderType.STOP_LOSS_LIMIT,
    ("profit", True): OrderType.TAKE_PROFIT,
    ("profit", False): OrderType.TAKE_PROFIT_LIMIT,
}
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class OrderCast(Protocol):
    """What words of orders need to know of the story."""

    images: dict[str, Instrument]

    def now_us(self) -> int: ...
    def new_label(self) -> str: ...


def read_order(text: str, account: int, cast: OrderCast) -> PlaceOrder:
    """Return the order that words like `buy 1 at 99` ask for. Raises WordFault."""
    words = Words(text)
    side = words.next("buy or sell")
    if side not in SIDES:
        raise WordFault(f"'{side}' is neither buy nor sell")
    order = PlaceOrder(
        account=account,
        instrument=next(iter(cast.images.values())).instrument,
        side=SIDES[side],
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        stp=STP_OF_INSTRUMENT,
        client_id="",
    )
    if words.take("for"):
        order = msgspec.structs.replace(order, quote_quantity=words.number(2**96), flags=RequestFlag.BY_QUOTE)
    elif not words.take("all"):
        order = msgspec.structs.replace(order, quantity=words.number())
    reader = _Options(words, order, cast)
    order = reader.read()
    return order if order.client_id else msgspec.structs.replace(order, client_id=cast.new_label())


class _Options:
    """Reads what follows side and quantity, in any order."""

    def __init__(self, words: Words, order: PlaceOrder, cast: OrderCast) -> None:
        self.words = words
        self.order = order
        self.cast = cast
        self.trigger = ""
        self.at = ""
        self.is_maker = False

    def set(self, **changes: int | str) -> None:
        """Change the order."""
        self.order = msgspec.structs.replace(self.order, **changes)

    def read(self) -> PlaceOrder:
        """Return the order when every word is read. Raises WordFault."""
        for word in self.words:
            if word.startswith("#") and len(word) > 1:
                self.set(client_id=word[1:])
            elif word in TimeInForce.__members__:
                self.set(time_in_force=TimeInForce[word])
            elif word in SelfTradePrevention.__members__:
                self.set(stp=SelfTradePrevention[word])
            else:
                self.read_option(word)
        if not self.at:
            raise WordFault("say at what price: at 99, at market, at peg")
        is_market = self.at == "market"
        if self.trigger:
            self.set(type=_TRIGGERED[self.trigger, is_market])
        elif self.is_maker or is_market:
            self.set(type=OrderType.LIMIT_MAKER if self.is_maker else OrderType.MARKET)
        return self.order

    def read_option(self, word: str) -> None:
        """Take one option."""
        match word:
            case "at":
                self.at = self.words.take("market", "peg") or "price"
                if self.at == "price":
                    self.set(price=self.words.number())
                elif self.at == "peg":
                    self.read_peg()
            case "maker":
                self.is_maker = True
            case "stop" | "profit":
                self.trigger = word
                if self.words.is_number():
                    self.set(stop_price=self.words.number())
            case "trail":
                self.set(trailing_delta=read_percent(self.words.next("a percentage")))
            case "iceberg":
                self.set(iceberg=self.words.number())
            case "peg":
                self.read_peg()
            case "until":
                # Whole milliseconds: a client cannot say it finer.
                self.set(expires_us=(self.cast.now_us() + read_span(self.words)) // 1_000 * 1_000)
            case "test":
                self.set(flags=self.order.flags | RequestFlag.TEST)
            case "on":
                symbol = self.words.next("an instrument")
                if symbol not in self.cast.images:
                    unknown("the instrument", symbol)
                self.set(instrument=self.cast.images[symbol].instrument)
            case "strategy":
                number, kind = (self.words.number() // UNIT for _ in range(2))
                self.set(strategy_id=number, strategy_type=kind, flags=self.order.flags | RequestFlag.HAS_STRATEGY)
            case _:
                raise WordFault(f"'{word}' is nothing that an order has")

    def read_peg(self) -> None:
        """Take `primary`, `market` and how many levels from the best."""
        self.set(peg_type=PegType[self.words.next("primary or market").upper()])
        if self.words.is_number():
            self.set(peg_offset=self.words.number() // UNIT)


def read_list(form: str, text: str, account: int, cast: OrderCast) -> PlaceOrderList:
    """Return the list that words like `#L sell 1 at 110 maker / sell 1 at market stop 90` ask for. Raises WordFault."""
    label = ""
    if text.startswith("#"):
        label, _, text = text[1:].partition(" ")
    legs = tuple(read_order(leg, account, cast) for leg in text.split(" / "))
    if len(legs) != FORMS[form].legs:
        raise WordFault(f"an {form} has {FORMS[form].legs} orders with / between them")
    return PlaceOrderList(FORMS[form], label or cast.new_label(), legs)


def read_percent(word: str) -> int:
    """Return `1.5%` in hundredths of a percent. Raises WordFault."""
    if not word.endswith("%"):
        raise WordFault(f"'{word}' is no percentage")
    return Words(word[:-1]).number() * 100 // UNIT


def read_span(words: Words) -> int:
    """Return `10 s`, `5 m`, `2 h` or `1 d` in microseconds; the number may have a sign. Raises WordFault."""
    number = words.next("a number")
    unit = words.next("s, m, h or d")
    if unit not in _SECONDS:
        raise WordFault(f"'{unit}' is none of s, m, h, d")
    span = Words(number.removeprefix("-")).number() * _SECONDS[unit] * 1_000_000 // UNIT
    return -span if number.startswith("-") else span
