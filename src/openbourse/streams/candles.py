"""The candle that is open now, of one instrument and interval, kept current trade by trade."""

from openbourse.protocol.amounts import format_units
from openbourse.streams.markets import Bar, Markets, Shape, Trade


class OpenCandle:
    """Begins empty, takes in stored trades once they are loaded, then every new one in order of their ids."""

    def __init__(self, markets: Markets, instrument: int, interval: str, shift_us: int, now_us: int) -> None:
        self._markets = markets
        self._instrument = instrument
        self.interval = interval
        self._shift_us = shift_us
        self._close = 0
        self.is_loaded = False
        self.is_changed = True
        self._begin(now_us)

    def _begin(self, now_us: int) -> None:
        opened, end = self._markets.candle_bounds(self.interval, now_us + self._shift_us)
        self.opened_us, self.end_us = opened - self._shift_us, end - self._shift_us
        self._open = self._high = self._low = self._close
        self._volume = self._quote = self._taker_volume = self._taker_quote = self._count = 0
        self._first = self._last = -1

    async def load(self) -> None:
        """Take in what was traded since the candle opened."""
        for bar in await self._markets.bars_since(self._instrument, self.interval, self.opened_us):
            self._take_bar(bar)
        for trade in self._markets.recent(self._instrument):
            self._take(trade)
        self.is_loaded = True

    def take(self, trade: Trade) -> Shape | None:
        """Take in a new trade; return the closed candle when the trade belongs to a later one."""
        if not self.is_loaded:
            # It is among the recent ones when loading ends.
            return None
        closed = self.roll(trade.time_us)
        self._take(trade)
        return closed

    def roll(self, now_us: int) -> Shape | None:
        """Go on to the candle around a moment; return the one that closed, if one did and it had anything to show."""
        if now_us < self.end_us:
            return None
        closed = self.shape(is_closed=True) if self._close else None
        self._begin(now_us)
        self.is_changed = True
        return closed

    def _take_bar(self, bar: Bar) -> None:
        if not self._count:
            self._open, self._high, self._low, self._first = bar.open, bar.high, bar.low, bar.first
        self._high, self._low = max(self._high, bar.high), min(self._low, bar.low)
        self._close, self._last = bar.close, bar.last
        self._volume += bar.volume
        self._quote += bar.quote
        self._count += bar.count
        self._taker_volume += bar.taker_volume
        self._taker_quote += bar.taker_quote
        self.is_changed = True

    def _take(self, trade: Trade) -> None:
        if trade.trade <= self._last:
            return
        if trade.time_us < self.opened_us:
            self._close = self._open = self._high = self._low = trade.price
            return
        if not self._count:
            self._open = self._high = self._low = trade.price
            self._first = trade.trade
        self._high, self._low = max(self._high, trade.price), min(self._low, trade.price)
        self._close, self._last = trade.price, trade.trade
        self._volume += trade.quantity
        self._quote += trade.quote
        self._count += 1
        if not trade.buyer_is_maker:
            self._taker_volume += trade.quantity
            self._taker_quote += trade.quote
        self.is_changed = True

    def shape(self, is_closed: bool) -> Shape:
        """Return the member `k` of the event; times in µs, for the sender to put into the unit asked for."""
        return {
            "t": self.opened_us,
            "T": self.end_us - 1,
            "s": self._markets.listing.instruments[self._instrument].symbol,
            "i": self.interval,
            "f": self._first,
            "L": self._last,
            "o": format_units(self._open),
            "c": format_units(self._close),
            "h": format_units(self._high),
            "l": format_units(self._low),
            "v": format_units(self._volume),
            "n": self._count,
            "x": is_closed,
            "q": format_units(self._quote),
            "V": format_units(self._taker_volume),
            "Q": format_units(self._taker_quote),
            "B": "0",
        }

    @property
    def has_shape(self) -> bool:
        """Tell whether there is anything to show."""
        return self.is_loaded and self._close > 0
