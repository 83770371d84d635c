"""What the wallet needs to see of accounts; wiring gives views that have read the caller's own writes."""

from typing import Protocol

import msgspec


class Balance(msgspec.Struct, frozen=True):
    """One account's balance of an asset, in 1e-8 units."""

    asset: int
    available: int
    held: int


class Deposit(msgspec.Struct, frozen=True):
    """A credited deposit."""

    sequence: int
    asset: int
    amount: int
    identity: bytes
    time_us: int


class Prices(Protocol):
    """Last prices of the venue's own markets."""

    def last(self, asset: int, quote: int) -> int | None:
        """Return what an asset was last traded for in another; None where it was not, or is not listed."""
        ...


class Accounts(Protocol):
    """Committed balances and deposits, never older than the question."""

    async def balances(self, account: int) -> list[Balance]:
        """Return balances that are not zero."""
        ...

    async def deposits(
        self, account: int, asset: int | None, since_us: int, until_us: int, offset: int, limit: int
    ) -> list[Deposit]:
        """Return deposits of a time, newest first."""
        ...
