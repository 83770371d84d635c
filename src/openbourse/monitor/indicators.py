"""Objectives, metrics and alarms of a venue, as data: EMF lines, dashboards and infra/ are made from these tables."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NAMESPACE: Final = "openbourse"
"""Of our own metrics; each has the dimensions Environment and Fleet, and no other (a dimension more is another bill)."""


class Unit(StrEnum):
    """Units that the cloud's metrics know."""

    COUNT = "Count"
    PER_SECOND = "Count/Second"
    MILLISECONDS = "Milliseconds"


class Subject(StrEnum):
    """What an alarm looks at; infra/ turns it into dimensions."""

    FLEET = "our own metric of a fleet"
    GROUP = "the Auto Scaling group of a fleet"
    TARGETS = "a fleet behind the public balancer"
    BALANCER = "the public balancer"
    API = "the API of account and control"
    DATABASE = "every database instance"
    CACHE = "every cache node"
    QUEUE = "the queue of notices"
    DEAD_LETTERS = "the queue of notices that could not be sent"
    HANDLER = "the function that sends notices"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number that a process of ours tells every 10 s."""

    name: str
    unit: Unit
    fleets: tuple[str, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Objective:
    """What the venue promises, and over which time it is counted."""

    name: str
    promise: str
    window_days: int = 30


@dataclass(frozen=True, slots=True)
class Alarm:
    """When somebody or something must act."""

    name: str
    objective: str
    subject: Subject
    metric: str
    statistic: str
    comparison: str  # ">" or "<"
    threshold: float
    period_s: int
    periods: int
    missing_breaches: bool
    pages: bool
    runbook: str
    fleet: str = ""  # of the subjects FLEET, GROUP and TARGETS


METRICS: Final = (
    Metric("Leading", Unit.COUNT, ("sequencer",), "1 from the leader, 0 from a standby"),
    Metric("CommitTime", Unit.MILLISECONDS, ("sequencer",), "from a batch's stamp to its commit"),
    Metric("StandbyLag", Unit.COUNT, ("sequencer",), "commands that a standby has not applied yet"),
    Metric("Requests", Unit.PER_SECOND, ("gateway", "control"), "requests answered"),
    Metric(
        "RequestTime", Unit.MILLISECONDS, ("gateway", "control"), "from a request's last byte to its answer's first"
    ),
    Metric("Shed", Unit.PER_SECOND, ("gateway", "streams", "control"), "requests refused because of overload"),
    Metric("Connections", Unit.COUNT, ("gateway", "streams", "control"), "sockets open"),
    Metric("FeedLag", Unit.MILLISECONDS, ("gateway", "streams"), "from a batch's stamp to its push"),
    Metric("ProjectionLag", Unit.COUNT, ("workers",), "commands that the tables do not show yet"),
    Metric("AuditBreaches", Unit.COUNT, ("gateway", "streams", "control"), "invariants that the rows break now"),
)

OBJECTIVES: Final = (
    Objective("orders-answered", "99.99 % of requests are answered without a server's error"),
    Objective("orders-fast", "99 % of requests are answered within 100 ms at the balancer"),
    Objective(
        "orders-continue", "after any one fault orders are taken again within 4 s, 60 s if the database fails over"
    ),
    Objective("nothing-lost", "no acknowledged command is lost, no invariant is broken"),
    Objective("markets-fresh", "market data is pushed within 1 s of the commit"),
    Objective("history-fresh", "tables show a command within 10 s of the commit"),
    Objective("account-answered", "99.9 % of account and control requests are answered without a server's error"),
    Objective("notices-sent", "a notice is sent within 5 minutes"),
)

_F, _G, _T = Subject.FLEET, Subject.GROUP, Subject.TARGETS
_FAILOVER, _OVERLOAD, _RESTORE = "failover", "overload", "restore"

ALARMS: Final = (
    Alarm("no-leader", "orders-continue", _F, "Leading", "Maximum", "<", 1, 60, 1, True, True, _FAILOVER, "sequencer"),
    Alarm("no-standby", "orders-continue", _G, "GroupInServiceInstances", "Minimum", "<", 2, 60, 5, True, True,
          "rebuild-a-standby", "sequencer"),
    Alarm("standby-behind", "orders-continue", _F, "StandbyLag", "Maximum", ">", 5_000, 60, 5, False, False,
          "rebuild-a-standby", "sequencer"),
    Alarm("commits-slow", "orders-fast", _F, "CommitTime", "p99", ">", 50, 60, 5, False, False, _FAILOVER, "sequencer"),
    Alarm("orders-slow", "orders-fast", Subject.BALANCER, "TargetResponseTime", "p99", ">", 0.1, 60, 5, False, True,
          _OVERLOAD),
    Alarm("orders-failing", "orders-answered", Subject.BALANCER, "HTTPCode_Target_5XX_Count", "Sum", ">", 30, 60, 3,
          False, True, _OVERLOAD),
    Alarm("balancer-failing", "orders-answered", Subject.BALANCER, "HTTPCode_ELB_5XX_Count", "Sum", ">", 30, 60, 3,
          False, True, _OVERLOAD),
    Alarm("gateways-few", "orders-answered", _T, "HealthyHostCount", "Minimum", "<", 2, 60, 3, True, True, _OVERLOAD,
          "gateway"),
    Alarm("streams-few", "markets-fresh", _T, "HealthyHostCount", "Minimum", "<", 2, 60, 3, True, True, _OVERLOAD,
          "streams"),
    Alarm("shedding", "orders-answered", _F, "Shed", "Average", ">", 5, 60, 3, False, False, _OVERLOAD, "gateway"),
    Alarm("markets-stale", "markets-fresh", _F, "FeedLag", "p99", ">", 1_000, 60, 3, False, True, _FAILOVER, "streams"),
    Alarm("history-behind", "history-fresh", _F, "ProjectionLag", "Maximum", ">", 50_000, 60, 5, True, False,
          _OVERLOAD, "workers"),
    Alarm("books-do-not-balance", "nothing-lost", _F, "AuditBreaches", "Maximum", ">", 0, 60, 1, False, True, _RESTORE,
          "control"),
    Alarm("account-failing", "account-answered", Subject.API, "5XXError", "Sum", ">", 10, 60, 5, False, False,
          _OVERLOAD),
    Alarm("account-slow", "account-answered", Subject.API, "Latency", "p99", ">", 1_000, 60, 5, False, False,
          _OVERLOAD),
    # 10,000 requests/s is the account's limit in a Region, shared by every API in it.
    Alarm("account-limit-near", "account-answered", Subject.API, "Count", "Sum", ">", 480_000, 60, 3, False, False,
          _OVERLOAD),
    Alarm("database-busy", "orders-fast", Subject.DATABASE, "CPUUtilization", "Average", ">", 70, 60, 10, False, False,
          _OVERLOAD),
    Alarm("database-full", "nothing-lost", Subject.DATABASE, "FreeStorageSpace", "Minimum", "<", 20 * 2**30, 300, 2,
          False, True, _RESTORE),
    Alarm("cache-busy", "markets-fresh", Subject.CACHE, "EngineCPUUtilization", "Average", ">", 70, 60, 10, False,
          False, _OVERLOAD),
    Alarm("cache-full", "markets-fresh", Subject.CACHE, "DatabaseMemoryUsagePercentage", "Maximum", ">", 80, 300, 2,
          False, False, _OVERLOAD),
    Alarm("notices-dead", "notices-sent", Subject.DEAD_LETTERS, "ApproximateNumberOfMessagesVisible", "Maximum", ">", 0,
          60, 1, False, False, "notices"),
    Alarm("notices-late", "notices-sent", Subject.QUEUE, "ApproximateAgeOfOldestMessage", "Maximum", ">", 300, 60, 3,
          False, False, "notices"),
    Alarm("notices-failing", "notices-sent", Subject.HANDLER, "Errors", "Sum", ">", 5, 300, 1, False, False, "notices"),
)  # fmt: skip


def metric_named(name: str) -> Metric | None:
    """Return our own metric of this name, if it is one."""
    return next((metric for metric in METRICS if metric.name == name), None)
