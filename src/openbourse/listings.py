"""What the venue lists from its first start: data only. Filters as Binance's live ones at the end of 2026."""

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import Feature, Instrument, InstrumentRules, NotionalFlag, SelfTradePrevention

ASSETS: Final[dict[str, int]] = {"USDT": 1, "BTC": 2, "ETH": 3, "BNB": 4}
"""Ids of the assets listed at the first start."""
ASSET_NAMES: Final[dict[str, str]] = {"USDT": "TetherUS", "BTC": "Bitcoin", "ETH": "Ethereum", "BNB": "BNB"}
HASHED_ID_LEAST: Final = 1 << 16
INSTRUMENT_ID_LEAST: Final = 1 << 10
INSTRUMENT_ID_MAX: Final = (1 << 16) - 1
"""Of pairs listed later. Short, so that ids of order lists, which hold it, stay whole in JavaScript's numbers."""

_BOTH_SIDES: Final = {"bid_up": 5 * UNIT, "bid_down": UNIT // 5, "ask_up": 5 * UNIT, "ask_down": UNIT // 5}

INSTRUMENTS: Final[tuple[Instrument, ...]] = (
    Instrument(
        instrument=1,
        symbol="BTCUSDT",
        base=ASSETS["BTC"],
        quote=ASSETS["USDT"],
        price_min=UNIT // 100,
        price_max=1_000_000 * UNIT,
        tick=UNIT // 100,
        quantity_min=1_000,
        quantity_max=9_000 * UNIT,
        step=1_000,
        market_quantity_max=100 * UNIT,
        notional_min=5 * UNIT,
        notional_max=9_000_000 * UNIT,
        notional_flags=NotionalFlag.MIN_APPLIES_TO_MARKET,
        **_BOTH_SIDES,
    ),
    Instrument(
        instrument=2,
        symbol="ETHUSDT",
        base=ASSETS["ETH"],
        quote=ASSETS["USDT"],
        price_min=UNIT // 100,
        price_max=1_000_000 * UNIT,
        tick=UNIT // 100,
        quantity_min=10_000,
        quantity_max=9_000 * UNIT,
        step=10_000,
        market_quantity_max=3_000 * UNIT,
        notional_min=5 * UNIT,
        notional_max=9_000_000 * UNIT,
        notional_flags=NotionalFlag.MIN_APPLIES_TO_MARKET,
        **_BOTH_SIDES,
    ),
    Instrument(
        instrument=3,
        symbol="ETHBTC",
        base=ASSETS["ETH"],
        quote=ASSETS["BTC"],
        price_min=1_000,
        price_max=922_327 * UNIT // 1_000,
        tick=1_000,
        quantity_min=10_000,
        quantity_max=100_000 * UNIT,
        step=100_000,
        market_quantity_max=1_000 * UNIT,
        notional_min=10_000,
        notional_max=9_000_000 * UNIT,
        notional_flags=NotionalFlag.MIN_APPLIES_TO_MARKET,
        **_BOTH_SIDES,
    ),
    Instrument(
        instrument=4,
        symbol="BNBUSDT",
        base=ASSETS["BNB"],
        quote=ASSETS["USDT"],
        price_min=UNIT // 100,
        price_max=100_000 * UNIT,
        tick=UNIT // 100,
        quantity_min=100_000,
        quantity_max=900_000 * UNIT,
        step=100_000,
        market_quantity_max=5_000 * UNIT,
        notional_min=5 * UNIT,
        notional_max=9_000_000 * UNIT,
        notional_flags=NotionalFlag.MIN_APPLIES_TO_MARKET,
        **_BOTH_SIDES,
    ),
)


RULES_VERSION: Final = 2
"""The engine's rules that the venue is on."""
TYPES: Final = 0b11111110
"""Every order type."""
FEATURES: Final = (
    Feature.ICEBERG
    | Feature.TRAILING
    | Feature.OCO
    | Feature.OTO
    | Feature.OPO
    | Feature.PEG
    | Feature.AMEND
    | Feature.GOOD_TILL
    | Feature.DISCOUNT
)


def offering_all(image: Instrument) -> Instrument:
    """Return an instrument with every order type and self-trade prevention of rules version 2."""
    return msgspec.structs.replace(
        image, types_allowed=TYPES, stp_allowed=image.stp_allowed | 1 << SelfTradePrevention.TRANSFER
    )


def first_rules(instrument: int) -> InstrumentRules:
    """Return the rules that an instrument begins with: every feature, bounds as Binance's live ones."""
    return InstrumentRules(
        instrument=instrument,
        features=FEATURES,
        algo_orders_max=5,
        iceberg_orders_max=10,
        iceberg_parts_max=100,
        lists_max=20,
        amends_max=10,
        trailing_above_min=10,
        trailing_above_max=2_000,
        trailing_below_min=10,
        trailing_below_max=2_000,
    )


def asset_id(code: str) -> int:
    """Return an asset's id: that of the first listing, else one that follows from the code alone."""
    # Whoever lists a pair twice, from whatever process, names the same ids: the second command changes nothing.
    return ASSETS.get(code) or HASHED_ID_LEAST + _hashed("asset", code) % (2**31 - HASHED_ID_LEAST)


def instrument_id(symbol: str, taken: Mapping[int, Instrument]) -> int:
    """Return an instrument's id: the one that it has, else that of the first listing, else one that nobody has.

    Where to look first follows from the symbol alone. Raises ValueError when there is none left.
    """
    for image in (*taken.values(), *INSTRUMENTS):
        if image.symbol == symbol:
            return image.instrument
    count = INSTRUMENT_ID_MAX - INSTRUMENT_ID_LEAST + 1
    first = _hashed("instrument", symbol) % count
    for step in range(count):
        number = INSTRUMENT_ID_LEAST + (first + step) % count
        if number not in taken:
            return number
    raise ValueError("every id of an instrument is taken")


def _hashed(kind: str, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{kind}:{name}".encode()).digest()[:4], "little")
