"""What an edge process needs of the sequencer: order, durably, and say what happened."""

from typing import Protocol

import msgspec

from openbourse.edge.operations import OrderCounts
from openbourse.protocol.commands import Command


class Answer(msgspec.Struct, frozen=True):
    """The committed result of one command."""

    sequence: int
    time_us: int
    events: bytes
    counts: OrderCounts
    """The account's new orders in the current windows (zeros for commands that are not orders)."""


class IntakeFault(Exception):
    """The sequencer gave no result; nothing is known to have happened unless said otherwise."""


class Overloaded(IntakeFault):
    """Refused before it was sequenced: a queue is full or no leader can be reached. It did not and will not happen. (-1008, 503)"""


class StatusUnknown(IntakeFault):
    """No answer in time; one query after `not_after` settles whether it happened. (-1007, 503)"""


class OutsideWindow(IntakeFault):
    """It reached the sequencer after its not-after time and was not sequenced. (-1021)"""


class OrderRateExceeded(IntakeFault):
    """The account has placed its allowed number of orders in a window; not sequenced. (-1015, 429)"""

    def __init__(self, limit: int, interval: str, retry_after_s: int) -> None:
        super().__init__(f"{limit} orders per {interval}")
        self.limit = limit
        self.interval = interval
        """"10 SECOND" or "1 DAY"."""
        self.retry_after_s = retry_after_s


class Intake(Protocol):
    """The way to the sequencer; safe to use from many tasks at once."""

    async def submit(self, command: Command, not_after_us: int) -> Answer:
        """Have a command ordered, made durable and applied. Raises IntakeFault."""
        ...

    async def committed(self) -> int:
        """Return the leader's last committed sequence; one question serves all who wait. Raises IntakeFault."""
        ...
