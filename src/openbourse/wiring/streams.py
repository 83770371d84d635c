"""The market view as streams see it."""

from collections.abc import Mapping, Sequence
from typing import Any

from openbourse.edge.listing import Listing
from openbourse.marketdata import tickers
from openbourse.marketdata.candles import TradeStore, next_open, open_of
from openbourse.marketdata.view import DAY_MINUTES, MarketView
from openbourse.streams.markets import Levels, Trade


class StreamedMarkets:
    """Fits streams.markets.Markets over a market view and the stored trades."""

    def __init__(self, view: MarketView, pool: Any) -> None:
        self._view = view
        self._store = TradeStore(pool)

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

    async def trades_since(self, instrument: int, since_us: int) -> Sequence[Trade]:
        """Return stored trades since a moment."""
        return await self._store.between(instrument, since_us, 2**62)

    def candle_bounds(self, interval: str, time_us: int) -> tuple[int, int]:
        """Return when the candle around a moment opens and when the next one does."""
        opened = open_of(interval, time_us)
        return opened, next_open(interval, opened)
