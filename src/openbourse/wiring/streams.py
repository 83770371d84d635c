"""The market view as streams see it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from openbourse.adapters.connection_postgres import LOST, DatabaseAway
from openbourse.edge.listing import Listing
from openbourse.marketdata import tickers
from openbourse.marketdata.bars import BarStore, length_for
from openbourse.marketdata.candles import INTERVALS, next_open, open_of
from openbourse.marketdata.view import DAY_MINUTES, MarketView
from openbourse.streams.markets import Bar, Levels, Trade

DAY_US: Final = 86_400_000_000
BARS_MAX: Final = 3_600
"""The open candle of any interval has fewer: a day of hours, an hour of minutes, a minute of seconds, a month of days."""


class StreamedMarkets:
    """Fits streams.markets.Markets over a market view and the stored trades."""

    def __init__(self, view: MarketView, pool: Any) -> None:
        self._view = view
        self._store = BarStore(pool)

    @property
    def listing(self) -> Listing:
        """Return what is listed."""
        return self._view.listing

    def update_id(self, instrument: int) -> int:
        """Return the book's last update id."""
        return self._view.market(instrument).update

    def depth(self, instrument: int, limit: int) -> tuple[Levels, Levels]:
        """Return the best bids and asks."""
        return self._view.market(instrument).depth(limit)

    def figures(self, instrument: int, minutes: int, now_us: int) -> Mapping[str, object]:
        """Return the fields of a full ticker."""
        symbol, market = self.listing.instruments[instrument].symbol, self._view.market(instrument)
        if minutes == DAY_MINUTES:
            return tickers.day(symbol, market, now_us)
        return tickers.rolling(symbol, market, minutes, now_us, is_full=True)

    def average(self, instrument: int, minutes: int, now_us: int) -> tuple[int, int]:
        """Return the average price and the time of the last trade."""
        market = self._view.market(instrument)
        if not market.trades:
            return 0, 0
        last = market.trades[-1]
        return tickers.average(market.last_minutes(minutes, now_us)) or last.price, last.time_us

    def recent(self, instrument: int) -> Sequence[Trade]:
        """Return the newest trades."""
        return self._view.market(instrument).trades

    async def bars_since(self, instrument: int, interval: str, since_us: int) -> Sequence[Bar]:
        """Return stored bars since a moment, in the longest kept length that fits. Raises DatabaseAway."""
        kept = length_for(INTERVALS[interval], since_us % DAY_US)
        try:
            return await self._store.between(instrument, kept, since_us, 2**62, BARS_MAX)
        except (asyncpg.PostgresError, *LOST) as fault:
            raise DatabaseAway(f"bars cannot be read: {fault}") from fault

    def candle_bounds(self, interval: str, time_us: int) -> tuple[int, int]:
        """Return when the candle around a moment opens and when the next one does."""
        opened = open_of(interval, time_us)
        return opened, next_open(interval, opened)
