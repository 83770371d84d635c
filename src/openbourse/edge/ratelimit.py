"""Request weight per address in fixed windows aligned to the clock, shared with other processes through a port.

Each process counts locally and exchanges its own sums every 100 ms, and limits by the totals. So the venue as a whole may
overshoot a limit by at most what the other processes admit within one exchange; while the exchange is away each process
limits alone, and N processes admit at most N times the limit. Bans are each process's own.
"""

import asyncio
import time
from typing import Final, Protocol

import msgspec
import structlog

from openbourse.edge.addresses import limited_as
from openbourse.edge.errors import ApiError

log: Final = structlog.get_logger()

MINUTE_S: Final = 60
FIVE_MINUTES_S: Final = 300
EXCHANGE_S: Final = 0.1
EXCHANGE_WITHIN_S: Final = 1.0
NAMES_MAX: Final = 100_000
"""Names counted in one window; beyond it new ones are counted together, so that memory stays bounded."""
CROWD: Final = "crowd"
ASKED_MAX: Final = 256
"""Names, those used last, whose totals are asked for although nothing new is to be told of them."""
RAW_REQUESTS_MAX: Final = 300_000
CONNECTIONS_MAX: Final = 300
"""Connection attempts of an address in five minutes."""
BAN_AFTER_REFUSED: Final = 300
"""Requests refused within one minute that earn an address a ban."""
BAN_S: Final = 120
BAN_GROWTH: Final = 4
BAN_S_MAX: Final = 3 * 86_400
BANS_REMEMBERED_S: Final = 86_400
BANS_MAX: Final = 10_000


class Exchange(Protocol):
    """What processes tell each other. Any OSError means that it is away."""

    async def add(self, window: int, sums: dict[str, int]) -> dict[str, int]:
        """Add this process's new sums by name in the window that began at a minute; return everybody's totals of them."""
        ...


class _Window:
    """Sums by name in windows of one length."""

    __slots__ = ("_length_s", "_recent", "_start", "_unsent", "_used")

    def __init__(self, length_s: int) -> None:
        self._length_s = length_s
        self._start = 0
        self._used: dict[str, int] = {}
        self._unsent: dict[str, int] = {}
        self._recent: dict[str, None] = {}
        """Names, the one used last at the end."""

    def add(self, name: str, weight: int, now: float) -> int:
        """Add to a name's sum and return it."""
        self.roll(now)
        if name not in self._used and len(self._used) >= NAMES_MAX:
            name = CROWD
        used = self._used[name] = max(0, self._used.get(name, 0) + weight)
        self._unsent[name] = self._unsent.get(name, 0) + weight
        self._recent.pop(name, None)
        self._recent[name] = None
        if len(self._recent) > ASKED_MAX:
            del self._recent[next(iter(self._recent))]
        return used

    def used(self, name: str, now: float) -> int:
        """Return a name's sum."""
        self.roll(now)
        return self._used.get(name, 0)

    def left_s(self, now: float) -> int:
        """Return the whole seconds until the window ends, at least 1."""
        return self._length_s - int(now) % self._length_s

    def roll(self, now: float) -> None:
        """Begin anew when the clock has passed the window's end."""
        start = int(now) // self._length_s * self._length_s
        if start != self._start:
            self._start = start
            self._used.clear()
            self._unsent.clear()
            self._recent.clear()

    async def exchange(self, exchange: Exchange) -> None:
        """Tell what is new and take in the totals. Raises OSError."""
        self.roll(time.time())
        start, sums = self._start, self._unsent
        if not self._recent:
            return
        self._unsent = {}
        # What others let in meanwhile counts here, too, and is what a client reads in its next answer.
        asked = {name: 0 for name in self._recent if name not in sums}
        try:
            async with asyncio.timeout(EXCHANGE_WITHIN_S):
                totals = await exchange.add(start // MINUTE_S, sums | asked)
        except OSError:
            # Told again later: some may be counted twice then, which errs on the side of the limit.
            if start == self._start:
                for name, weight in sums.items():
                    self._unsent[name] = self._unsent.get(name, 0) + weight
            raise
        if start == self._start:
            for name, total in totals.items():
                self._used[name] = max(0, total + self._unsent.get(name, 0))


class _Ban(msgspec.Struct):
    until: float
    length_s: int


class RateLimiter:
    """Counts weight by name (an address, or a pool and an address) and refuses beyond a limit."""

    def __init__(self, per_minute: int, exchange: Exchange | None) -> None:
        self.per_minute = per_minute
        self._exchange = exchange
        self._minute = _Window(MINUTE_S)
        self._five_minutes = _Window(FIVE_MINUTES_S)
        self._refused = _Window(MINUTE_S)
        self._bans: dict[str, _Ban] = {}

    def used(self, name: str) -> int:
        """Return the weight used in this minute."""
        return self._minute.used(name, time.time())

    def admit(self, address: str) -> None:
        """Count one request of an address. Raises ApiError -1003: 418 while banned, 429 beyond RAW_REQUESTS."""
        now = time.time()
        name = limited_as(address)
        if self._bans:
            self._check_ban(name, now)
        if self._five_minutes.add(f"raw:{name}", 1, now) > RAW_REQUESTS_MAX:
            raise self._refusal(
                name,
                self._five_minutes,
                f"Too many requests; current limit is {RAW_REQUESTS_MAX} requests per 5 MINUTE.",
                now,
            )

    def charge(self, name: str, weight: int, limit: int | None = None, address: str = "") -> int:
        """Add weight and return the sum. Raises ApiError -1003 (429) beyond the limit; repeated by an address: a ban."""
        now = time.time()
        limit = limit or self.per_minute
        used = self._minute.add(name, weight, now)
        if used > limit:
            raise self._refusal(
                limited_as(address),
                self._minute,
                f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API.",
                now,
            )
        return used

    def refund(self, name: str, weight: int) -> int:
        """Take back what a successful order does not cost; return the sum."""
        return self._minute.add(name, -weight, time.time())

    def connection_wait_s(self, address: str) -> int:
        """Count an attempt to connect; return 0, or the seconds to wait when an address makes too many."""
        now = time.time()
        name = limited_as(address)
        ban = self._bans.get(name)
        if ban is not None and ban.until > now:
            return int(ban.until - now) + 1
        if self._five_minutes.add(f"connect:{name}", 1, now) > CONNECTIONS_MAX:
            return self._five_minutes.left_s(now)
        return 0

    async def run(self) -> None:
        """Exchange sums until cancelled."""
        while self._exchange is not None:
            await asyncio.sleep(EXCHANGE_S)
            try:
                await self._minute.exchange(self._exchange)
                await self._five_minutes.exchange(self._exchange)
            except OSError as fault:
                log.debug("weights not exchanged", why=str(fault))

    def _refusal(self, name: str, window: _Window, message: str, now: float) -> ApiError:
        if name and self._refused.add(name, 1, now) > BAN_AFTER_REFUSED:
            self._ban(name, now)
        return ApiError(-1003, message, 429, headers={"Retry-After": str(window.left_s(now))})

    def _ban(self, name: str, now: float) -> None:
        before = self._bans.pop(name, None)
        length_s = BAN_S if before is None else min(before.length_s * BAN_GROWTH, BAN_S_MAX)
        while len(self._bans) >= BANS_MAX:
            del self._bans[next(iter(self._bans))]
        self._bans[name] = _Ban(now + length_s, length_s)
        log.warning("address banned", address=name, seconds=length_s)

    def _check_ban(self, name: str, now: float) -> None:
        ban = self._bans.get(name)
        if ban is None:
            return
        if ban.until > now:
            raise ApiError(
                -1003,
                f"Way too much request weight used; IP banned until {int(ban.until * 1_000)}. "
                "Please use WebSocket Streams for live updates to avoid bans.",
                418,
                headers={"Retry-After": str(int(ban.until - now) + 1)},
            )
        if now - ban.until > BANS_REMEMBERED_S:
            del self._bans[name]
