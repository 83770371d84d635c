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

    async def trades_since(self, instrument: int, since_us: int) -> Sequence[Trade]:
        """Return stored trades since a moment, oldest first; the newest may be missing."""
        ...

    def candle_bounds(self, interval: str, time_us: int) -> tuple[int, int]:
        """Return when the candle around a moment opens and when the next one does."""
        ...
