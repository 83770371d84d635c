"""Orders per account: fixed windows aligned to the clock, counted where orders get their one order.

Placing adds one; an order's first fill takes back one as taker, five as maker (floored at zero), because a market maker
whose orders fill should not run into the limit (binance-api.md section 4.4).
"""

from typing import Final

TEN_SECONDS_US: Final = 10_000_000
DAY_US: Final = 86_400_000_000
TAKER_FILL: Final = 1
MAKER_FILL: Final = 5


class OrderLimits:
    """Counts new orders by account in the current 10 s and the current UTC day.

    Kept in memory: after a restart the windows begin anew, which lets an account place at most one more window's worth.
    """

    def __init__(self, per_10s: int, per_day: int) -> None:
        self.per_10s = per_10s
        self.per_day = per_day
        self._ten: dict[int, int] = {}
        self._day: dict[int, int] = {}
        self._ten_window = self._day_window = 0

    def roll(self, now_us: int) -> None:
        """Begin new windows when the clock has passed the old ones' end."""
        if now_us // TEN_SECONDS_US != self._ten_window:
            self._ten_window = now_us // TEN_SECONDS_US
            self._ten.clear()
        if now_us // DAY_US != self._day_window:
            self._day_window = now_us // DAY_US
            self._day.clear()

    def counts(self, account: int) -> tuple[int, int]:
        """Return an account's count in the 10 s and in the day."""
        return self._ten.get(account, 0), self._day.get(account, 0)

    def admit(self, account: int) -> str | None:
        """Count an order; return "10 SECOND" or "1 DAY" instead when the account has used up that window."""
        ten, day = self.counts(account)
        if day >= self.per_day:
            return "1 DAY"
        if ten >= self.per_10s:
            return "10 SECOND"
        self._ten[account] = ten + 1
        self._day[account] = day + 1
        return None

    def give_back(self, account: int, as_maker: bool) -> None:
        """Give back for an order that was filled for the first time."""
        back = MAKER_FILL if as_maker else TAKER_FILL
        for window in (self._ten, self._day):
            if account in window:
                window[account] = max(0, window[account] - back)

    def retry_after_s(self, interval: str, now_us: int) -> int:
        """Return the whole seconds until a window ends."""
        length = TEN_SECONDS_US if interval == "10 SECOND" else DAY_US
        return int((length - now_us % length) // 1_000_000) + 1
