"""Instruments as the public API describes them, and numbers that fit their filters."""

from dataclasses import dataclass
from typing import Any

from openbourse.protocol.amounts import UNIT, format_units, parse_units


@dataclass(frozen=True, slots=True)
class Traded:
    """A symbol with the filters that orders must fit, in 1e-8 units."""

    symbol: str
    base: str
    quote: str
    tick: int
    step: int
    quantity_min: int
    notional_min: int

    def price(self, value: float) -> int:
        """Return the nearest price on a tick."""
        return max(self.tick, round(value * UNIT / self.tick) * self.tick)

    def quantity(self, notional: float, price: int) -> int:
        """Return the quantity on a step that is worth about so much of the quote asset, and never too little."""
        wanted = int(notional * UNIT / price * UNIT)
        least = max(self.quantity_min, -(-self.notional_min * 11 // 10 * UNIT // price))
        return -(-max(wanted, least) // self.step) * self.step


def read_instruments(answer: Any, symbols: tuple[str, ...]) -> list[Traded]:
    """Return those of the symbols that exchangeInfo lists as trading."""
    found = []
    for entry in answer["symbols"]:
        if entry["symbol"] not in symbols or entry["status"] != "TRADING":
            continue
        filters = {each["filterType"]: each for each in entry["filters"]}
        notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {"minNotional": "0"}
        found.append(
            Traded(
                symbol=entry["symbol"],
                base=entry["baseAsset"],
                quote=entry["quoteAsset"],
                tick=parse_units(filters["PRICE_FILTER"]["tickSize"]),
                step=parse_units(filters["LOT_SIZE"]["stepSize"]),
                quantity_min=parse_units(filters["LOT_SIZE"]["minQty"]),
                notional_min=parse_units(notional["minNotional"]),
            )
        )
    return found


def text(units: int) -> str:
    """Return an amount as it is sent."""
    return format_units(units)
