"""Exact amounts: integers in 1e-8 units, text at the edges."""

import re
from typing import Final, NewType

Price = NewType("Price", int)
"""Quote per base, in 1e-8 units."""
Quantity = NewType("Quantity", int)
"""Base quantity, in 1e-8 units."""
Amount = NewType("Amount", int)
"""Amount of an asset, in 1e-8 units."""
Rate = NewType("Rate", int)
"""A fraction in 1e-8 units: 0.1 % is 100_000."""

DECIMALS: Final = 8
UNIT: Final = 10**DECIMALS
INT64_MAX: Final = 2**63 - 1
AMOUNT_MAX: Final = 2**96 - 1

_GRAMMAR: Final = re.compile(r"([0-9]{1,30})(?:\.([0-9]{1,30}))?|\.([0-9]{1,30})", re.ASCII)


class AmountError(ValueError):
    """Text that is not an amount. `reason` is one of "syntax", "precision", "overflow"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_units(text: str, maximum: int = INT64_MAX) -> int:
    """Return the 1e-8 units that a decimal text names: digits with an optional point, no sign, no exponent.

    Raises AmountError: "syntax", "precision" (more than 8 decimals that are not zero) or "overflow" (above maximum).
    """
    matched = _GRAMMAR.fullmatch(text)
    if matched is None:
        raise AmountError("syntax")
    whole, fraction = matched[1] or "0", matched[2] or matched[3] or ""
    if len(fraction) > DECIMALS:
        if fraction[DECIMALS:].strip("0"):
            raise AmountError("precision")
        fraction = fraction[:DECIMALS]
    units = int(whole) * UNIT + int(fraction.ljust(DECIMALS, "0"))
    if units > maximum:
        raise AmountError("overflow")
    return units


def format_units(units: int) -> str:
    """Return units as text with eight decimals: 150_000_000 -> "1.50000000"."""
    if units < 0:
        return "-" + format_units(-units)
    return f"{units // UNIT}.{units % UNIT:08d}"


def notional(price: int, quantity: int) -> int:
    """Return price times quantity in quote units; exact for prices on tick and quantities on step."""
    return price * quantity // UNIT
