"""Who and what a story speaks of: its accounts, assets and instruments, and the settings it begins with."""

from collections.abc import Iterator
from typing import Any, Final, Protocol

import msgspec

from openbourse import listings
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.commands import (
    ChangeInstrument,
    Command,
    CreditDeposit,
    ListInstrument,
    SetInstrumentRules,
)
from openbourse.protocol.instruments import Feature, Instrument, InstrumentRules, OrderType, SelfTradePrevention
from sim.story import Story, StoryError, WordFault, Words, units, unknown

ASSETS: Final = ("BTC", "USDT", "ETH", "BNB")
MARKET: Final = ("market seller", "market buyer")
"""Who trades in a line like `market trades at 100`."""
_MARKET_FUNDS: Final = 10**17
_COUNTS: Final = (
    "notional_flags", "average_minutes", "orders_max", "algo_orders_max", "iceberg_orders_max", "iceberg_parts_max",
    "lists_max", "amends_max", "trailing_above_min", "trailing_above_max", "trailing_below_min", "trailing_below_max",
)  # fmt: skip
_INSTRUMENT: Final = Instrument(
    instrument=0,
    symbol="",
    base=0,
    quote=0,
    price_min=UNIT // 100,
    price_max=1_000_000 * UNIT,
    tick=UNIT // 100,
    quantity_min=1_000,
    quantity_max=9_000 * UNIT,
    step=1_000,
    notional_min=0,
    average_minutes=0,
    maker_rate=0,
    taker_rate=0,
    stp_allowed=0b111111,
    types_allowed=listings.TYPES,
)
_RULES_1: Final = msgspec.structs.replace(_INSTRUMENT, stp_allowed=0b11111)


class Grounds(Protocol):
    """Where a story is played: gives its names to what is there."""

    def asset(self, code: str) -> int: ...
    def instrument(self, symbol: str) -> tuple[int, str]: ...
    def account(self, name: str, group: int) -> int: ...
    def now_us(self) -> int: ...
    def identity(self, name: str) -> bytes: ...


class Cast:
    """The names of one story."""

    def __init__(self, story: Story, grounds: Grounds) -> None:
        self.grounds = grounds
        self.assets = {code: grounds.asset(code) for code in ASSETS}
        self.images: dict[str, Instrument] = {}
        self.rules: dict[str, InstrumentRules] = {}
        self.accounts: dict[str, int] = {}
        self.withdrawals: dict[str, int] = {}
        self.serial = 0
        self.version = int(story.setting("version") or listings.RULES_VERSION)
        groups = _groups(story)
        for name in names(story):
            self.accounts[name] = grounds.account(name, groups.get(name, -1))
        for symbol in ("BTCUSDT", *(story.setting("also") or "").split()):
            number, listed = grounds.instrument(symbol)
            self.images[symbol] = msgspec.structs.replace(
                _INSTRUMENT if self.version > 1 else _RULES_1,
                instrument=number,
                symbol=listed,
                base=self.asset(symbol[:3]),
                quote=self.asset(symbol[3:]),
            )
            self.rules[symbol] = InstrumentRules(instrument=number, features=listings.FEATURES, iceberg_parts_max=100)

    def now_us(self) -> int:
        """Return the story's time."""
        return self.grounds.now_us()

    def new_label(self) -> str:
        """Return a label for what the story does not name."""
        self.serial += 1
        return f"unnamed-{self.serial}"

    def asset(self, code: str) -> int:
        """Return an asset by its code. Raises WordFault."""
        return self.assets[code] if code in self.assets else unknown("the asset", code)

    def account(self, name: str) -> int:
        """Return an account by its name. Raises WordFault."""
        return self.accounts[name] if name in self.accounts else unknown("the account", name)

    def image(self, symbol: str) -> Instrument:
        """Return an instrument by its symbol in the story. Raises WordFault."""
        return self.images[symbol] if symbol in self.images else unknown("the instrument", symbol)

    def withdrawal(self, name: str) -> int:
        """Return the number that stands for a withdrawal's name."""
        own = int.from_bytes(self.grounds.identity(f"withdrawal {name}")[:7], "little")
        return self.withdrawals.setdefault(name, own)

    def changed(self, symbol: str, text: str) -> ChangeInstrument:
        """Return the change of an instrument that `tick 0.5, orders max 2` asks for, and take note of it."""
        image = msgspec.structs.replace(self.image(symbol), **dict(_fields(text, _INSTRUMENT)))
        self.images[symbol] = image
        return ChangeInstrument(image)

    def ruled(self, symbol: str, text: str) -> SetInstrumentRules:
        """Return the rules that `features without OCO, amends max 2` ask for, and take note of them."""
        rules = msgspec.structs.replace(self.rules[symbol], **dict(_fields(text, self.rules[symbol])))
        self.rules[symbol] = rules
        return SetInstrumentRules(rules)

    def opening(self, story: Story) -> Iterator[tuple[str, Command]]:
        """Yield the commands of the story's settings, each with its place in the file."""
        for symbol, image in self.images.items():
            yield story.place, ListInstrument(image)
            if self.version > 1:
                yield story.place, SetInstrumentRules(self.rules[symbol])
        for line in story.settings:
            try:
                if line.left == "instrument":
                    yield line.place, self.changed("BTCUSDT", line.right)
                elif line.left == "rules":
                    yield line.place, self.ruled("BTCUSDT", line.right)
                elif line.left == "funds":
                    for command in self.funds(line.right):
                        yield line.place, command
            except WordFault as fault:
                raise StoryError(f"{line.place}: {fault}") from fault
        if MARKET[0] in self.accounts:
            for name, code in zip(MARKET, ("BTC", "USDT"), strict=True):
                yield story.place, self.deposit(name, code, _MARKET_FUNDS)

    def funds(self, text: str) -> Iterator[Command]:
        """Yield the deposits of `alice 1 BTC, 100 USDT; bob nothing`."""
        for part in text.split(";"):
            words = Words(part)
            name = words.next("an account")
            if words.take("nothing"):
                words.end()
                continue
            for amount in " ".join(words).split(","):
                number, _, code = amount.strip().partition(" ")
                yield self.deposit(name, code, units(number))

    def deposit(self, name: str, code: str, amount: int, identity: str = "") -> CreditDeposit:
        """Return a deposit; without a name for it, one never seen before."""
        self.serial += 1
        proof = self.grounds.identity(f"deposit {identity or self.serial}")
        return CreditDeposit(self.account(name), self.asset(code), amount, proof)


def names(story: Story) -> list[str]:
    """Return the accounts of a story: those of its funds, and the market's if it trades by itself."""
    named = [part.split()[0] for part in (story.setting("funds") or "").split(";") if part.split()]
    return named + (list(MARKET) if any(line.left.startswith("market ") for line in story.steps) else [])


def _groups(story: Story) -> dict[str, int]:
    text = story.setting("groups") or ""
    return {name: int(group) for name, _, group in (part.strip().partition(" ") for part in text.split(",") if part)}


def _fields(text: str, known: Instrument | InstrumentRules) -> Iterator[tuple[str, Any]]:
    """Yield the fields of an image that `orders max 2, stp allowed NONE DECREMENT` name."""
    for part in text.split(","):
        words, names_read = Words(part), list[str]()
        while words and "_".join(names_read) not in known.__struct_fields__:
            names_read.append(words.next("a name"))
        name = "_".join(names_read)
        if name not in known.__struct_fields__:
            unknown("the field", part.strip())
        yield name, _field(name, words)
        words.end()


def _field(name: str, words: Words) -> int:
    if name == "features":
        return _features(words)
    if name == "stp_default":
        return SelfTradePrevention[words.next("a mode")]
    if name == "stp_allowed":
        return sum(1 << SelfTradePrevention[word] for word in words)
    if name == "types_allowed":
        return sum(1 << OrderType[word] for word in words)
    return words.number(2**96) // UNIT if name in _COUNTS else words.number(2**96)


def _features(words: Words) -> int:
    """Return the features of `without OCO OTO`, `with NO_QUOTE_MARKET`: beside every other one that offers something."""
    features = int(listings.FEATURES)
    if words.take("without"):
        return features & ~sum(Feature[word] for word in words)
    words.expect("with")
    return features | sum(Feature[word] for word in words)
