"""What a stream of commands brought about: counts that show whether a workload reaches everything."""

from collections import Counter
from collections.abc import Iterator

from openbourse.protocol.commands import CommandKind, split
from openbourse.protocol.events import EventKind, Execution, Expiry, OrderStatus
from openbourse.protocol.lists import ListForm, ListStatus
from openbourse.protocol.rejects import RejectReason
from sim.reference_codec import read_events, read_header
from sim.reference_record import Record


def name_of_kind(kind: int) -> str:
    """Return a command kind's name, or its number when it is none."""
    try:
        return CommandKind(kind).name
    except ValueError:
        return "NO_COMMAND"


class Statistics:
    """Counts of commands, events, rejects, steps of orders, and ends of lists."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.events: Counter[EventKind] = Counter()
        self.reasons: Counter[RejectReason] = Counter()
        self.executions: Counter[Execution] = Counter()
        self.expiries: Counter[Expiry] = Counter()
        self.list_ends: Counter[tuple[ListForm, str]] = Counter()

    def count(self, frames: bytes, events: bytes) -> None:
        """Count a batch and its events."""
        kinds = [(header.kind if header else 0) for header in map(read_header, split(frames))]
        first: int | None = None
        ending = "UNKNOWN"
        for kind, event in read_events(events):
            first = event.sequence if first is None else first
            self.events[EventKind(kind)] += 1
            if event.index == 0:
                is_rejected = kind == EventKind.COMMAND_REJECTED
                (self.rejected if is_rejected else self.accepted)[name_of_kind(kinds[event.sequence - first])] += 1
            if kind == EventKind.COMMAND_REJECTED:
                self.reasons[RejectReason(event.reason)] += 1
            elif kind == EventKind.CANCEL_REPLACED:
                self.reasons.update(RejectReason(one) for one in (event.cancel_reason, event.new_reason) if one)
            elif kind == EventKind.ORDER_UPDATED:
                self.executions[Execution(event.execution)] += 1
                self.expiries[Expiry(event.expiry)] += 1
                ending = self.ending(event)
            elif kind == EventKind.LIST_UPDATED and event.status_type == ListStatus.ALL_DONE:
                self.list_ends[ListForm(event.form), ending] += 1

    def ending(self, order: Record) -> str:
        """Return how an order ended, as it is told."""
        return Expiry(order.expiry).name if order.expiry else OrderStatus(order.status).name

    def lines(self) -> Iterator[str]:
        """Tell all of it, one line a count."""
        for name in sorted(self.accepted | self.rejected):
            yield f"{name}: {self.accepted[name]} accepted, {self.rejected[name]} rejected"
        for title, counter in (
            ("event", self.events),
            ("reason", self.reasons),
            ("execution", self.executions),
            ("expiry", self.expiries),
        ):
            yield f"{title}: " + ", ".join(f"{one.name} {count}" for one, count in sorted(counter.items()))
        ends = sorted(self.list_ends.items())
        yield "ends of lists: " + ", ".join(f"{form.name} {ending} {count}" for (form, ending), count in ends)
