"""Metrics and goals as data: every alarm, dashboard and scaling rule, here and in infra/, is made from these tables.

A metric has one name everywhere: `edge_new_order_ms` is that in CloudWatch, and `openbourse_edge_new_order_ms` at /metrics.
In CloudWatch each stands twice: without a dimension, for the whole venue (alarms look there), and by the dimension Role.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from openbourse.roles import EDGE_ROLES

NAMESPACE: Final = "openbourse"
"""The default of OPENBOURSE_EMF_NAMESPACE; one a venue, where several share an account."""
ROLE: Final = "Role"
"""The one dimension: the roles of a process, joined by a plus sign."""


class Kind(StrEnum):
    """How a metric is counted, and so which statistics of it mean something."""

    COUNTER = "grows; each interval tells by how much"
    GAUGE = "stands; each interval tells how high"
    DISTRIBUTION = "each interval tells all measurements, as values and counts"


class Unit(StrEnum):
    """CloudWatch's words for units."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"
    BYTES = "Bytes"


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that processes of some roles tell."""

    group: str
    counter: str
    kind: Kind
    unit: Unit
    roles: tuple[str, ...]
    summary: str

    @property
    def name(self) -> str:
        """The name in CloudWatch; at /metrics with `openbourse_` before it."""
        return f"{self.group}_{self.counter}"


@dataclass(frozen=True, slots=True)
class Slo:
    """A goal, and the alarm that tells when it is missed."""

    name: str
    metric: str
    statistic: str
    """CloudWatch's word: Sum, Minimum, Maximum, Average or p99."""
    breach: str
    """">": above the threshold is bad; "<": below."""
    threshold: float
    period_s: int
    periods: int
    breaching: int
    """Of so many periods so many must be bad."""
    missing: str
    """CloudWatch's word for periods without data: breaching, notBreaching or ignore."""
    pages: bool
    """Somebody is woken; otherwise somebody looks in the morning."""
    runbook: str
    why: str
    share_of: str = ""
    """When named: the threshold is one of the metric's statistic divided by that metric's."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a role's group of machines is scaled on."""

    role: str
    metric: str
    statistic: str
    value: float
    why: str


_EDGE: Final = EDGE_ROLES
_LEADER: Final = ("sequencer",)

METRICS: Final[tuple[Metric, ...]] = (
    Metric("edge", "connections", Kind.GAUGE, Unit.COUNT, _EDGE, "open connections of a process"),
    Metric(
        "edge", "connections_refused", Kind.COUNTER, Unit.COUNT, _EDGE, "connections that were cut for want of room"
    ),
    Metric("edge", "calls", Kind.COUNTER, Unit.COUNT, _EDGE, "calls that were let in and proven, REST and sockets"),
    Metric("edge", "faults", Kind.COUNTER, Unit.COUNT, _EDGE, "of these, answered with 5xx: nobody's fault but ours"),
    Metric("edge", "shed", Kind.COUNTER, Unit.COUNT, _EDGE, "calls refused for overload, before they were looked at"),
    Metric("edge", "new_order_ms", Kind.DISTRIBUTION, Unit.MILLISECONDS, _EDGE, "a new order, proof to answer"),
    Metric("edge", "cancel_ms", Kind.DISTRIBUTION, Unit.MILLISECONDS, _EDGE, "a cancel, proof to answer"),
    Metric("edge", "query_ms", Kind.DISTRIBUTION, Unit.MILLISECONDS, _EDGE, "a query, proof to answer"),
    Metric("edge", "pages", Kind.COUNTER, Unit.COUNT, ("gateway",), "pages of the past that were answered"),
    Metric(
        "edge", "pages_by_primary", Kind.COUNTER, Unit.COUNT, ("gateway",), "of these, by the primary for its replica"
    ),
    Metric(
        "audit", "breaches", Kind.GAUGE, Unit.COUNT, ("monitor",), "invariants found broken by the continuous audit"
    ),
    Metric("audit", "rounds", Kind.COUNTER, Unit.COUNT, ("monitor",), "audits done"),
    Metric(
        "withdrawals", "waiting", Kind.GAUGE, Unit.COUNT, ("monitor",), "withdrawals that are to be approved or paid"
    ),
    Metric("withdrawals", "oldest_s", Kind.GAUGE, Unit.SECONDS, ("monitor",), "age of the oldest of them"),
    Metric("sequencer", "leading", Kind.GAUGE, Unit.COUNT, _LEADER, "1 from the process that leads"),
    Metric("sequencer", "commands", Kind.COUNTER, Unit.COUNT, _LEADER, "commands committed"),
    Metric("sequencer", "append_ms", Kind.DISTRIBUTION, Unit.MILLISECONDS, _LEADER, "appends to the journal"),
    Metric("sequencer", "queue", Kind.GAUGE, Unit.COUNT, _LEADER, "commands that wait"),
    Metric("sequencer", "overloaded", Kind.COUNTER, Unit.COUNT, _LEADER, "commands refused because the queue was full"),
    Metric("sequencer", "standbys", Kind.GAUGE, Unit.COUNT, _LEADER, "standbys that could take over at once"),
    Metric("standby", "behind", Kind.GAUGE, Unit.COUNT, _LEADER, "commands that a standby has not applied yet"),
    Metric("standby", "is_diverged", Kind.GAUGE, Unit.COUNT, _LEADER, "1 when a standby's state is not the leader's"),
    Metric("history", "behind", Kind.GAUGE, Unit.COUNT, ("history",), "commands committed and not in the rows yet"),
    Metric(
        "archive", "behind_s", Kind.GAUGE, Unit.SECONDS, ("archive",), "age of the oldest batch that is not archived"
    ),
    Metric("archive", "segments", Kind.COUNTER, Unit.COUNT, ("archive",), "segments written"),
    Metric("archive", "bytes", Kind.COUNTER, Unit.BYTES, ("archive",), "bytes written, compressed"),
    Metric("archive", "reports", Kind.COUNTER, Unit.COUNT, ("archive",), "daily reports written"),
    Metric("archive", "faults", Kind.COUNTER, Unit.COUNT, ("archive",), "writes to the objects store that failed"),
    Metric("notifier", "behind", Kind.GAUGE, Unit.COUNT, ("notifier",), "commands committed and not looked at yet"),
    Metric("notifier", "handed", Kind.COUNTER, Unit.COUNT, ("notifier",), "notifications handed over"),
    Metric("notifier", "faults", Kind.COUNTER, Unit.COUNT, ("notifier",), "hand-overs that failed, to be done again"),
    Metric("notifier", "waiting", Kind.GAUGE, Unit.COUNT, ("notifier",), "notices that no outlet has taken yet"),
)

SLOS: Final[tuple[Slo, ...]] = (
    Slo(
        "order-latency", "edge_new_order_ms", "p99", ">", 100, 60, 5, 3, "notBreaching", True, "overload.md",
        "99 % of new orders are answered within 100 ms: the goal the exchange was asked for",
    ),
    Slo(
        "availability", "edge_faults", "Sum", ">", 0.001, 300, 3, 2, "notBreaching", True, "failover.md",
        "at most one call in a thousand ends with an error of ours", "edge_calls",
    ),
    Slo(
        "shedding", "edge_shed", "Sum", ">", 0.01, 300, 3, 3, "notBreaching", False, "overload.md",
        "shedding for a quarter of an hour is want of capacity, not a burst", "edge_calls",
    ),
    Slo(
        "replica-unused", "edge_pages_by_primary", "Sum", ">", 0.1, 300, 3, 3, "notBreaching", False, "database.md",
        "a replica that is away or behind for a quarter of an hour: its load is on the primary, beside the orders'",
        "edge_pages",
    ),
    Slo(
        "no-leader", "sequencer_leading", "Maximum", "<", 1, 60, 2, 2, "breaching", True, "failover.md",
        "a leader is back in seconds by itself; after two minutes it needs somebody",
    ),
    Slo(
        "no-standby", "sequencer_standbys", "Maximum", "<", 1, 60, 10, 10, "ignore", False, "rebuild-a-standby.md",
        "without a standby the next failure costs a restart; the group replaces a lost one in minutes",
    ),
    Slo(
        "standby-diverged", "standby_is_diverged", "Maximum", ">", 0, 60, 1, 1, "notBreaching", True,
        "rebuild-a-standby.md", "two replicas that differ: one of them is wrong",
    ),
    Slo(
        "queue", "sequencer_queue", "Maximum", ">", 8_192, 60, 3, 3, "notBreaching", False, "overload.md",
        "two thirds of where new orders are refused, for minutes: the journal or the leader is too slow",
    ),
    Slo(
        "append-latency", "sequencer_append_ms", "p99", ">", 50, 60, 5, 5, "notBreaching", False, "overload.md",
        "half of an order's time is the commit's; above it the database needs a look before clients notice",
    ),
    Slo(
        "broken-invariant", "audit_breaches", "Maximum", ">", 0, 60, 1, 1, "notBreaching", True, "broken-invariant.md",
        "balances that do not add up or a crossed book: halt first, ask later",
    ),
    Slo(
        "audit-stopped", "audit_rounds", "Sum", "<", 1, 300, 2, 2, "breaching", False, "workers.md",
        "an audit that does not run finds nothing",
    ),
    Slo(
        "history-behind", "history_behind", "Maximum", ">", 50_000, 60, 5, 5, "breaching", False, "workers.md",
        "private reads wait for the rows; beyond this they wait for minutes",
    ),
    Slo(
        "archive-behind", "archive_behind_s", "Maximum", ">", 900, 300, 3, 3, "breaching", False, "workers.md",
        "what is not archived has only the database's own backups",
    ),
    Slo(
        "archive-failing", "archive_faults", "Sum", ">", 0, 900, 4, 4, "notBreaching", False, "workers.md",
        "an hour of writes that fail: a place that refuses, or a day that was written otherwise before",
    ),
    Slo(
        "withdrawals-waiting", "withdrawals_oldest_s", "Maximum", ">", 14_400, 300, 3, 3, "notBreaching", False,
        "withdrawals.md", "somebody has waited for four hours for money that nobody approved, rejected or paid",
    ),
    Slo(
        "notifier-behind", "notifier_behind", "Maximum", ">", 50_000, 300, 3, 3, "breaching", False, "workers.md",
        "people hear of their fills too late",
    ),
    Slo(
        "notices-waiting", "notifier_waiting", "Maximum", ">", 100, 300, 3, 3, "notBreaching", False, "workers.md",
        "so many mailboxes that take nothing for a quarter of an hour are one fault: ours, or the mail server's",
    ),
)  # fmt: skip

TARGETS: Final[tuple[Target, ...]] = (
    Target("streams", "edge_connections", "Average", 4_000, "half of a process's connections: room for a lost zone"),
    Target("gateway", "edge_connections", "Average", 4_000, "as above; processor time is the first thing it scales on"),
)


def metric_named(name: str) -> Metric:
    """Return the metric of a name. Raises KeyError."""
    for metric in METRICS:
        if metric.name == name:
            return metric
    raise KeyError(name)
