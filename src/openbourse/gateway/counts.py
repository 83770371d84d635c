"""Order counts of accounts as the sequencer last told this process."""

from typing import Final

from openbourse.edge.operations import OrderCounts

ACCOUNTS_MAX: Final = 100_000
TEN_SECONDS_US: Final = 10_000_000
DAY_US: Final = 86_400_000_000


class SeenCounts:
    """The counts in each account's last answer. An order that went through another gateway process shows at the next one."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[OrderCounts, int]] = {}

    def saw(self, account: int, counts: OrderCounts, time_us: int) -> None:
        """Note the counts of an answer."""
        self._seen.pop(account, None)
        if len(self._seen) >= ACCOUNTS_MAX:
            del self._seen[next(iter(self._seen))]
        self._seen[account] = (counts, time_us)

    def of(self, account: int, now_us: int) -> OrderCounts:
        """Return the counts, zero in windows that have begun since."""
        counts, time_us = self._seen.get(account, (OrderCounts(0, 0), 0))
        return OrderCounts(
            counts.ten_seconds if now_us // TEN_SECONDS_US == time_us // TEN_SECONDS_US else 0,
            counts.day if now_us // DAY_US == time_us // DAY_US else 0,
        )
