"""What is listed: assets, instruments and fees as of the events seen, for lookups by name and by id."""

from collections.abc import Iterable
from typing import Final

import msgspec

from openbourse.edge.errors import invalid_symbol
from openbourse.protocol import events
from openbourse.protocol.instruments import Instrument

KINDS: Final = frozenset(
    {
        events.EventKind.ASSET_CREATED,
        events.EventKind.INSTRUMENT_DEFINED,
        events.EventKind.INSTRUMENT_STATUS_CHANGED,
        events.EventKind.FEE_SET,
        events.EventKind.ACCOUNT_DEFINED,
    }
)


class Listing:
    """Assets, instruments, own fee rates and account permissions; grows by `apply`, is read by everybody."""

    def __init__(self) -> None:
        self.assets: dict[int, str] = {}
        self.asset_ids: dict[str, int] = {}
        self.instruments: dict[int, Instrument] = {}
        self.by_symbol: dict[str, Instrument] = {}
        self.fees: dict[tuple[int, int], tuple[int, int]] = {}
        self.permissions: dict[int, int] = {}

    def apply(self, seen: Iterable[events.Event]) -> None:
        """Take in events of KINDS; others are passed over. Applying one twice changes nothing."""
        for event in seen:
            match event:
                case events.AssetCreated():
                    self.assets[event.asset] = event.code
                    self.asset_ids[event.code] = event.asset
                case events.InstrumentDefined():
                    self.define(event.image)
                case events.InstrumentStatusChanged():
                    self.define(msgspec.structs.replace(self.instruments[event.instrument], status=event.status))
                case events.FeeSet():
                    key = (event.account, event.instrument)
                    self.fees.pop(key, None)
                    if event.maker_rate >= 0:
                        self.fees[key] = (event.maker_rate, event.taker_rate)
                case events.AccountDefined():
                    self.permissions[event.account] = event.permissions

    def define(self, image: Instrument) -> None:
        """Put an instrument in force."""
        self.instruments[image.instrument] = image
        self.by_symbol[image.symbol] = image

    def find(self, symbol: str) -> Instrument:
        """Return the instrument of a symbol. Raises ApiError -1121."""
        image = self.by_symbol.get(symbol)
        if image is None:
            raise invalid_symbol()
        return image

    def rates(self, account: int, instrument: int) -> tuple[int, int]:
        """Return an account's maker and taker rate on an instrument, as the engine resolves them."""
        image = self.instruments[instrument]
        return (
            self.fees.get((account, instrument)) or self.fees.get((account, 0)) or (image.maker_rate, image.taker_rate)
        )
