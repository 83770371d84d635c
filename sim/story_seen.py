"""What can be seen of a venue after a step of a story, whatever it is played on."""

from dataclasses import dataclass
from typing import Protocol

from openbourse.protocol.commands import Command
from openbourse.protocol.instruments import Side
from sim.story_cast import Grounds


@dataclass(frozen=True)
class OrderSeen:
    """An order as its owner sees it; numbers in 1e-8 units."""

    status: str
    expiry: str
    price: int
    quantity: int
    executed: int
    quote: int
    prevented: int
    stop: int
    iceberg: int
    is_working: bool
    is_tracking: bool


@dataclass(frozen=True)
class TradeSeen:
    """A trade as everybody sees it."""

    quantity: int
    price: int

    def __str__(self) -> str:
        return f"{self.quantity} at {self.price}"


@dataclass(frozen=True)
class Half:
    """How one half of a cancel-replace ended."""

    result: str
    refusal: "Refusal | None"


class Refusal(Protocol):
    """A no."""

    def is_for(self, reason: str) -> bool: ...


class Stage(Grounds, Protocol):
    """What a story is played on. Trades, payments, refusals and endings are those since the step began."""

    @property
    def refusals(self) -> list[Refusal]: ...
    @property
    def halves(self) -> tuple[Half, Half] | None: ...
    @property
    def is_tested(self) -> bool: ...
    @property
    def is_duplicate(self) -> bool: ...
    def ready(self) -> None: ...
    def begin_step(self) -> None: ...
    def perform(self, command: Command) -> None: ...
    def pass_time(self, span_us: int) -> None: ...
    def resend(self) -> None: ...
    def end_step(self) -> None: ...
    def end(self) -> None: ...
    def order_number(self, label: str) -> int: ...
    def list_number(self, label: str) -> int: ...
    def order(self, label: str) -> OrderSeen | None: ...
    def order_list(self, label: str) -> str: ...
    def maker_and_taker(self, trade: int) -> tuple[str, str]: ...
    def trades(self) -> list[TradeSeen]: ...
    def paid(self, label: str) -> dict[int, int]: ...
    def balance(self, account: int, asset: int) -> tuple[int, int] | None: ...
    def levels(self, side: Side) -> list[tuple[int, int]]: ...
    def indication(self) -> tuple[int, int, int] | None: ...
    def endings(self) -> set[str]: ...
    def is_patient(self) -> bool: ...
