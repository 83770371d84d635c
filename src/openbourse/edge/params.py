"""Request parameters, read by a strict grammar with Binance's errors (binance-api.md section 4.1)."""

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Final, TypeVar

import msgspec

from openbourse.edge.errors import ApiError
from openbourse.protocol.amounts import INT64_MAX, AmountError, parse_units

E = TypeVar("E", bound=IntEnum)

EARLIEST_US: Final = 1_483_228_800_000_000
"""2017 in µs; what is less is taken for ms."""
LATEST_US: Final = 253_370_764_800_000_000
"""The year 9999 begins: whatever a time zone and a month add is a date still, and a count in 64 bits."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_CLIENT_ID: Final = re.compile(r"[a-zA-Z0-9\-_]{1,36}", re.ASCII)
_SYMBOL: Final = re.compile(r"[A-Z0-9\-_.]{1,20}", re.ASCII)
_NAME: Final = re.compile(r"[A-Z0-9_]{1,64}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_NUMBER_RANGE: Final = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"


class Params(Mapping[str, str]):
    """The parameters of one request as text. Getters raise ApiError with the code and message clients know."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def text(self, name: str) -> str:
        """Return a mandatory text. -1102 when absent or empty."""
        value = self._values.get(name)
        if not value:
            raise ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return _plain(name, value)

    def optional(self, name: str) -> str | None:
        """Return a text, or None when absent. -1105 when it is sent empty."""
        value = self._values.get(name)
        if value == "":
            raise ApiError(-1105, f"Parameter '{name}' was empty.")
        return None if value is None else _plain(name, value)

    def integer(self, name: str, default: int | None = None, minimum: int = 0, maximum: int = INT64_MAX) -> int:
        """Return an integer within bounds; -1102 without a default, -1100 for what is none, -1130 out of bounds."""
        value = self._values.get(name)
        if value is None or value == "":
            if default is None or value == "":
                raise ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
            return default
        if _INTEGER.fullmatch(value) is None:
            raise ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
        number = int(value)
        if not minimum <= number <= maximum:
            raise ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")
        return number

    def moment(self, name: str) -> int | None:
        """Return a time in µs, None without one; it is written in ms or in µs, as its size tells. What no date follows is cut."""
        if name not in self:
            return None
        value = self.integer(name)
        return min(value if value >= EARLIEST_US else value * 1_000, LATEST_US)

    def limit(self, default: int, maximum: int) -> int:
        """Return `limit`: 1 or more, cut at the maximum as Binance does."""
        return min(self.integer("limit", default, minimum=1), maximum)

    def decimal(self, name: str, maximum: int = INT64_MAX) -> int | None:
        """Return a decimal in 1e-8 units, or None when absent. -1100 syntax, -1111 precision, -1108 overflow."""
        value = self._values.get(name)
        if value is None:
            return None
        if value == "":
            raise ApiError(-1105, f"Parameter '{name}' was empty.")
        if _NUMBER.fullmatch(value) is None:
            raise ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{_NUMBER_RANGE}'.")
        try:
            return parse_units(value, maximum)
        except AmountError as fault:
            if fault.reason == "precision":
                raise ApiError(-1111, f"Parameter '{name}' has too much precision.") from None
            raise ApiError(-1108, f"Parameter '{name}' overflowed.") from None

    def boolean(self, name: str, default: bool) -> bool:
        """Return a flag written true or false in any case. -1130 else."""
        value = self._values.get(name)
        if value is None:
            return default
        if value.lower() not in ("true", "false"):
            raise ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")
        return value.lower() == "true"

    def choice(self, name: str, kind: type[E], code: int, message: str) -> E | None:
        """Return a member of an enum by its name, or None when absent; the given error for any other text."""
        value = self._values.get(name)
        if value is None:
            return None
        if value == "":
            raise ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        try:
            return kind[value]
        except KeyError:
            raise ApiError(code, message) from None

    def symbol(self) -> str:
        """Return the mandatory `symbol`. -1100 for characters no symbol has."""
        value = self.text("symbol")
        if _SYMBOL.fullmatch(value) is None:
            raise ApiError(
                -1100, "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."
            )
        return value

    def symbols(self) -> list[str] | None:
        """Return `symbols`, a JSON array of text, or None when absent. -1100 when it is none, -1151 on repetition."""
        value = self._values.get("symbols")
        if value is None:
            return None
        try:
            names = msgspec.json.decode(value.encode(), type=list[str])
        except msgspec.DecodeError:
            raise ApiError(
                -1100,
                "Illegal characters found in parameter 'symbols'; legal range is "
                '\'^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$\'.',
            ) from None
        if len(set(names)) != len(names):
            raise ApiError(-1151, "Symbol is present multiple times in the list.")
        return names

    def names(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return one name, or a JSON array of them; the default when absent. -1105 empty, -1100 for what is neither."""
        value = self.optional(name)
        if value is None:
            return default
        try:
            found = msgspec.json.decode(value, type=tuple[str, ...]) if value.startswith("[") else (value,)
        except msgspec.DecodeError:
            found = ()
        if not found or not all(_NAME.fullmatch(each) for each in found):
            raise ApiError(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[A-Z0-9_]{{1,64}}$'."
            )
        return found

    def client_id(self, name: str) -> str | None:
        """Return a client order id, or None when absent. -1105 empty, -1100 for what it may not be made of."""
        value = self.optional(name)
        if value is None:
            return None
        if _CLIENT_ID.fullmatch(value) is None:
            raise ApiError(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[a-zA-Z0-9-_]{{1,36}}$'."
            )
        return value


def _plain(name: str, value: str) -> str:
    """Return a text that a database can hold: PostgreSQL's have no NUL. Raises ApiError -1100."""
    if "\0" in value:
        raise ApiError(-1100, f"Illegal characters found in parameter '{name}'.")
    return value
