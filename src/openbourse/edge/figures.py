"""What the calls of an edge process took and how they ended, counted where every call passes."""

from openbourse.distribution import Distribution
from openbourse.edge.operations import Priority

NAMES = {Priority.NEW_ORDER: "new_order_ms", Priority.CANCEL: "cancel_ms", Priority.QUERY: "query_ms"}


class Figures:
    """Counts of one process, REST and the WebSocket API together."""

    def __init__(self) -> None:
        self.calls = 0
        self.faults = 0
        """Answered with 5xx: not the caller's doing."""
        self.took = {kind: Distribution() for kind in Priority}

    def note(self, kind: Priority, seconds: float, is_fault: bool) -> None:
        """Count a call that was let in and proven, whatever its answer."""
        self.calls += 1
        self.faults += is_fault
        self.took[kind].note(int(seconds * 1e6))

    def values(self) -> dict[str, int | Distribution]:
        """Return them by the names of monitor/slo.py."""
        return {
            "calls": self.calls,
            "faults": self.faults,
            **{NAMES[kind]: distribution for kind, distribution in self.took.items()},
        }
