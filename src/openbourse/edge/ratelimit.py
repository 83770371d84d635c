"""Request weight per address in windows of one minute, shared with other processes through a port.

Each process counts locally and exchanges its own sums every 100 ms: the venue as a whole may overshoot a limit by what all
processes admit within one exchange. Without the exchange each process limits alone.
"""

import asyncio
import time
from typing import Final, Protocol

import structlog

from openbourse.edge.errors import ApiError

log: Final = structlog.get_logger()

MINUTE_S: Final = 60
EXCHANGE_S: Final = 0.1
ADDRESSES_MAX: Final = 100_000


class Exchange(Protocol):
    """What processes tell each other. Any OSError means that it is away."""

    async def add(self, window: int, sums: dict[str, int]) -> dict[str, int]:
        """Add this process's new weight by name and return everybody's totals of those names."""
        ...


class RateLimiter:
    """Counts weight by name (an address, or a pool and an address) and refuses beyond a limit."""

    def __init__(self, per_minute: int, exchange: Exchange | None) -> None:
        self.per_minute = per_minute
        self._exchange = exchange
        self._window = 0
        self._used: dict[str, int] = {}
        self._unsent: dict[str, int] = {}

    def used(self, name: str) -> int:
        """Return the weight used in this minute."""
        self._roll()
        return self._used.get(name, 0)

    def charge(self, name: str, weight: int, limit: int | None = None) -> int:
        """Add weight and return the sum. Raises ApiError -1003 (429) beyond the limit."""
        self._roll()
        limit = limit or self.per_minute
        used = self._used.get(name, 0) + weight
        if name in self._used or len(self._used) < ADDRESSES_MAX:
            self._used[name] = used
            self._unsent[name] = self._unsent.get(name, 0) + weight
        if used > limit:
            wait = MINUTE_S - int(time.time()) % MINUTE_S
            raise ApiError(
                -1003,
                f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API.",
                429,
                headers={"Retry-After": str(wait)},
            )
        return used

    def refund(self, name: str, weight: int) -> int:
        """Take back what a successful order does not cost; return the sum."""
        if name in self._used:
            self._used[name] = max(0, self._used[name] - weight)
            self._unsent[name] = self._unsent.get(name, 0) - weight
        return self._used.get(name, 0)

    def _roll(self) -> None:
        window = int(time.time()) // MINUTE_S
        if window != self._window:
            self._window = window
            self._used.clear()
            self._unsent.clear()

    async def run(self) -> None:
        """Exchange sums until cancelled."""
        while self._exchange is not None:
            await asyncio.sleep(EXCHANGE_S)
            sums, self._unsent = self._unsent, {}
            if not sums:
                continue
            window = self._window
            try:
                totals = await self._exchange.add(window, sums)
            except OSError as fault:
                log.debug("weights not exchanged", why=str(fault))
                continue
            if window == self._window:
                for name, total in totals.items():
                    self._used[name] = max(0, total + self._unsent.get(name, 0))
