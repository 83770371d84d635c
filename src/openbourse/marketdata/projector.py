"""Folds events into the rows of projection_marketdata."""

from decimal import Decimal
from typing import Any, Final

import msgspec

from openbourse.marketdata.bars import LENGTHS_S, SECOND_US, Bar, bar_of
from openbourse.marketdata.rollup import RollUp
from openbourse.marketdata.view import Trade
from openbourse.protocol import events
from openbourse.protocol.codec import encode_image, encode_rules
from openbourse.protocol.commands import SetAssetLimit
from openbourse.protocol.frames import PackedEvent
from openbourse.protocol.instruments import Side

_LEVEL: Final = """
INSERT INTO projection_marketdata.level VALUES ($1,$2,$3,$4)
ON CONFLICT (instrument, side, price) DO UPDATE SET quantity = excluded.quantity
"""
_BOOK: Final = """
INSERT INTO projection_marketdata.book VALUES ($1,$2)
ON CONFLICT (instrument) DO UPDATE SET update_id = excluded.update_id
"""
_LISTING: Final = """
INSERT INTO projection_marketdata.listing VALUES ($1,$2,$3)
ON CONFLICT (kind, key) DO UPDATE SET event = excluded.event
"""
_TRADE: Final = "INSERT INTO projection_marketdata.trade VALUES ($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT DO NOTHING"

_BAR: Final = """
INSERT INTO projection_marketdata.candle AS kept VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)
ON CONFLICT (instrument, seconds, open_us) DO UPDATE SET high = greatest(kept.high, excluded.high),
low = least(kept.low, excluded.low), close = excluded.close, volume = kept.volume + excluded.volume,
quote = kept.quote + excluded.quote, count = kept.count + excluded.count,
taker_volume = kept.taker_volume + excluded.taker_volume, taker_quote = kept.taker_quote + excluded.taker_quote,
last_trade = excluded.last_trade
"""


class MarketProjector:
    """Keeps the newest quantity of each level and the newest definition of each listed thing since the last write."""

    def __init__(self) -> None:
        self._levels: dict[tuple[int, int, int], int] = {}
        self._updates: dict[int, int] = {}
        self._listing: dict[tuple[int, str], bytes] = {}
        self._trades: list[tuple[object, ...]] = []
        self._bars: dict[tuple[int, int, int], Bar] = {}
        self._rolled, self._time_us = RollUp(), 0

    def take(self, event: events.Event, time_us: int) -> None:
        """Fold one event."""
        self._time_us = time_us
        match event:
            case events.LevelChanged():
                self._levels[event.instrument, event.side, event.price] = event.quantity
                self._updates[event.instrument] = event.update
            case events.Traded():
                self._note_bars(event, time_us)
                self._trades.append(
                    (
                        event.instrument,
                        event.trade,
                        event.aggregate,
                        event.price,
                        event.quantity,
                        Decimal(event.quote),
                        time_us,
                        event.taker_side == Side.SELL,
                    )
                )
            case _:
                entry = listing_entry(event)
                if entry is not None:
                    self._listing[entry[:2]] = entry[2]

    def _note_bars(self, event: events.Traded, time_us: int) -> None:
        trade = Trade(event.trade, 0, event.price, event.quantity, event.quote, time_us, event.taker_side == Side.SELL)
        for seconds in LENGTHS_S:
            length = seconds * SECOND_US
            opened = time_us // length * length
            key = (event.instrument, seconds, opened)
            bar = bar_of(trade, opened)
            if key in self._bars:
                self._bars[key].join(bar)
            else:
                self._bars[key] = bar

    async def write(self, connection: Any) -> None:
        """Write what was gathered, and forget it."""
        gone = [key for key, quantity in self._levels.items() if quantity == 0]
        kept = [(*key, Decimal(quantity)) for key, quantity in self._levels.items() if quantity]
        if gone:
            await connection.executemany(
                "DELETE FROM projection_marketdata.level WHERE instrument = $1 AND side = $2 AND price = $3", gone
            )
        for statement, rows in (
            (_LEVEL, kept),
            (_BOOK, list(self._updates.items())),
            (_LISTING, [(*key, body) for key, body in self._listing.items()]),
            (_TRADE, self._trades),
            (_BAR, [_bar_row(*key[:2], bar) for key, bar in self._bars.items()]),
        ):
            if rows:
                await connection.executemany(statement, rows)
        await self._rolled.write(connection, self._time_us)
        self._levels, self._updates, self._listing, self._trades, self._bars = {}, {}, {}, [], {}


def _bar_row(instrument: int, seconds: int, bar: Bar) -> tuple[object, ...]:
    sums = (Decimal(bar.volume), Decimal(bar.quote), bar.count, Decimal(bar.taker_volume), Decimal(bar.taker_quote))
    prices = (bar.open_us, bar.open, bar.high, bar.low, bar.close)
    return (instrument, seconds, *prices, *sums, bar.first, bar.last)


def listing_entry(event: events.Event) -> tuple[int, str, bytes] | None:
    """Return kind, key and body of an event that lists or changes something, so that it can be read as an event again."""
    match event:
        case events.AssetCreated():
            code = event.code.encode()
            return event.kind, str(event.asset), event.asset.to_bytes(4, "little") + bytes((len(code),)) + code
        case events.InstrumentDefined():
            return event.kind, str(event.image.instrument), encode_image(event.image)
        case events.InstrumentStatusChanged():
            body = event.layout.pack(event.instrument, event.status)
            return event.kind, str(event.instrument), body
        case events.AccountDefined():
            body = event.layout.pack(event.account, event.trade_group, event.permissions)
            return event.kind, str(event.account), body
        case events.FeeSet():
            body = event.layout.pack(event.account, event.instrument, event.maker_rate, event.taker_rate)
            return event.kind, f"{event.account}/{event.instrument}", body
        case events.InstrumentRulesSet():
            return event.kind, str(event.image.instrument), encode_rules(event.image)
        case events.AssetLimitSet():
            return event.kind, str(event.asset), SetAssetLimit(event.asset, event.limit).body()
        case events.RulesSet() | events.VenueRulesSet() | events.DiscountSet():
            return event.kind, "", _packed(event)
        case events.TierDefined():
            return event.kind, str(event.tier), _packed(event)
        case events.KillSwitchSet() | events.TierAssigned() | events.DiscountUsed():
            return event.kind, str(event.account), _packed(event)
    return None


def _packed(event: PackedEvent) -> bytes:
    """Return the body of an event whose layout is its fields in order."""
    return event.layout.pack(*msgspec.structs.astuple(event)[2:])
