"""The continuous audit: do the projections keep the invariants at their cursor."""

import asyncio
from typing import Final, Protocol

import msgspec
import structlog

log: Final = structlog.get_logger()

EVERY_S: Final = 10.0


class AssetTotals(msgspec.Struct, frozen=True):
    """What the rows say of one asset, all at one cursor."""

    asset: int
    balances: int
    """Sum of available and held over all accounts."""
    deposits: int
    withdrawals: int
    """Settled ones."""
    negative: int
    """Number of balances below zero."""


class Books(Protocol):
    """What the audit reads."""

    async def totals(self) -> tuple[int, list[AssetTotals]]:
        """Return the cursor and the totals of every asset, as of one snapshot of the rows."""
        ...

    def crossed(self) -> list[str]:
        """Return symbols whose best bid is not below the best ask."""
        ...


class Audit:
    """Checks again and again; a breach is an error in the log, in the metrics and in the readiness detail."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.cursor = 0
        self.rounds = 0
        self.faults = 0
        self.breaches: list[str] = []

    async def run(self) -> None:
        """Audit for ever."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.check()
            except (OSError, TimeoutError, RuntimeError) as fault:
                self.faults += 1
                log.warning("the audit could not read", why=str(fault))

    async def check(self) -> list[str]:
        """Audit once; return the breaches."""
        cursor, totals = await self._books.totals()
        breaches = [f"{symbol}: the book is crossed" for symbol in self._books.crossed()]
        for each in totals:
            if each.balances != each.deposits - each.withdrawals:
                breaches.append(
                    f"asset {each.asset}: balances {each.balances} are not deposits {each.deposits}"
                    f" minus withdrawals {each.withdrawals}"
                )
            if each.negative:
                breaches.append(f"asset {each.asset}: {each.negative} balances are negative")
        for breach in breaches:
            if breach not in self.breaches:
                log.error("invariant broken", breach=breach, cursor=cursor)
        self.cursor, self.breaches = cursor, breaches
        self.rounds += 1
        return breaches

    def counters(self) -> dict[str, int]:
        """Return the audit's counters."""
        return {
            "cursor": self.cursor,
            "rounds": self.rounds,
            "faults": self.faults,
            "breaches": len(self.breaches),
        }
