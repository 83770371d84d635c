"""Folds events into the rows of projection_marketdata."""

from decimal import Decimal
from typing import Any, Final

from openbourse.protocol import events
from openbourse.protocol.codec import encode_image
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


class MarketProjector:
    """Keeps the newest quantity of each level and the newest definition of each listed thing since the last write."""

    def __init__(self) -> None:
        self._levels: dict[tuple[int, int, int], int] = {}
        self._updates: dict[int, int] = {}
        self._listing: dict[tuple[int, str], bytes] = {}
        self._trades: list[tuple[object, ...]] = []

    def take(self, event: events.Event, time_us: int) -> None:
        """Fold one event."""
        match event:
            case events.LevelChanged():
                self._levels[event.instrument, event.side, event.price] = event.quantity
                self._updates[event.instrument] = event.update
            case events.Traded():
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
        ):
            if rows:
                await connection.executemany(statement, rows)
        self._levels, self._updates, self._listing, self._trades = {}, {}, {}, []


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
    return None
