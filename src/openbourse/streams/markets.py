"""What streams need to see of markets."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from openbourse.edge.listing import Listing

Levels = Sequence[tuple[int, int]]
Shape = dict[str, object]


class Trade(Protocol):
    """A public trade."""

    @property
    def trade(self) -> int: ...
    @property
    def price(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def quote(self) -> int: ...
    @property
    def time_us(self) -> int: ...
    @property
    def buyer_is_maker(self) -> bool: ...


class Bar(Protocol):
    """What was traded in a stretch of time."""

    @property
    def open(self) -> int: ...
    @property
    def high(self) -> int: ...
    @property
    def low(self) -> int: ...
    @property
    def close(self) -> int: ...
    @property
    def volume(self) -> int: ...
    @property
    def quote(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def taker_volume(self) -> int: ...
    @property
    def taker_quote(self) -> int: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...


class Markets(Protocol):
    """Markets as of the batch that was seen last."""

    @property
    def listing(self) -> Listing: ...

    def update_id(self, instrument: int) -> int:
        """Return the book's last update id."""
        ...

    def depth(self, instrument: int, limit: int) -> tuple[Levels, Levels]:
        """Return the best bids and asks as price and quantity, best first."""
        ...

    def figures(self, instrument: int, minutes: int, now_us: int) -> Mapping[str, object]:
        """Return the fields of a full ticker over the last minutes, as the REST API names them."""
        ...

    def average(self, instrument: int, minutes: int, now_us: int) -> tuple[int, int]:
        """Return the average price and the time of the last trade in µs; zeros without trades."""
        ...

    def recent(self, instrument: int) -> Sequence[Trade]:
        """Return the newest trades, oldest first."""
        ...

    async def bars_since(self, instrument: int, interval: str, since_us: int) -> Sequence[Bar]:
        """Return what was traded since a moment as bars, oldest first; the newest trades may be missing."""
        ...

    def candle_bounds(self, interval: str, time_us: int) -> tuple[int, int]:
        """Return when the candle around a moment opens and when the next one does."""
        ...
