"""Alarms on what AWS runs for us, as data. Those on the exchange itself stand in openbourse/monitor/slo.py."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from infra.environments import Environment

RUNBOOKS: Final = "docs/runbooks"
"""Where whoever is woken reads what to do, in the checkout that the venue was deployed from."""


class Subject(StrEnum):
    """What an alarm looks at; monitoring.py turns it into namespace and dimensions."""

    GROUP = "the Auto Scaling group of a fleet"
    TARGETS = "a fleet behind the public balancer"
    BALANCER = "the public balancer"
    API = "the API of account and control"
    DATABASE = "each database instance"
    REPLICA = "each replica that follows another instance, in this Region or from the first to the second"
    CACHE = "each cache node"
    QUEUE = "the queue of notices"
    DEAD_LETTERS = "the queue of notices that could not be sent"
    FUNCTION = "the function that sends notices"
    REPORTER = "the function that writes daily reports"
    ROTATION = "each function that changes a password"
    ROLLING = "the rule that has edges take up a changed login"
    TELLING = "each rule that tells operators of an event"
    REPORTS_LEFT = "the queue of calls for a report that came to nothing"


@dataclass(frozen=True, slots=True)
class Alarm:
    """When somebody must look at a resource of AWS."""

    name: str
    subject: Subject
    metric: str
    statistic: str
    breach: str  # ">" or "<"
    threshold: float
    period_s: int
    periods: int
    missing: str
    pages: bool
    runbook: str
    why: str
    fleet: str = ""


STANDING_BY: Final = Alarm(
    "standing-by", Subject.GROUP, "GroupDesiredCapacity", "Maximum", "<", 1, 60, 1, "breaching", False,
    "region.md", "nobody is to lead here: nobody is woken for what has no instances", "sequencer",
)  # fmt: skip
"""Of a Region that stands by: while it lasts its alarms are told and wake nobody."""
GIB: Final = 2**30
_QUIET, _BAD = "notBreaching", "breaching"
_G, _T, _B = Subject.GROUP, Subject.TARGETS, Subject.BALANCER

ALARMS: Final = (
    Alarm("sequencers-few", _G, "GroupInServiceInstances", "Minimum", "<", 2, 60, 5, _BAD, True,
          "rebuild-a-standby.md", "without a standby the next fault costs a restart", "sequencer"),
    Alarm("gateways-few", _T, "HealthyHostCount", "Minimum", "<", 2, 60, 3, _BAD, True,
          "zone.md", "one more lost and nobody can trade", "gateway"),
    Alarm("streams-few", _T, "HealthyHostCount", "Minimum", "<", 2, 60, 3, _BAD, True,
          "zone.md", "one more lost and nobody sees the market", "streams"),
    Alarm("control-few", _T, "HealthyHostCount", "Minimum", "<", 1, 60, 3, _BAD, False,
          "zone.md", "nobody can sign in; trading by keys goes on", "control"),
    *(
        Alarm(f"{fleet}-ill", _T, "UnHealthyHostCount", "Maximum", ">", 0, 60, 15, _QUIET, False,
              "zone.md", "one answers no check and is not replaced: Auto Scaling looks at machines alone", fleet)
        for fleet in ("gateway", "streams", "control")
    ),
    Alarm("answers-slow", _B, "TargetResponseTime", "p99", ">", 0.1, 60, 5, _QUIET, True,
          "overload.md", "the goal is 100 ms for 99 % of requests, seen from the balancer"),
    Alarm("answers-failing", _B, "HTTPCode_Target_5XX_Count", "Sum", ">", 30, 60, 3, _QUIET, True,
          "failover.md", "at 500 requests/s one in a thousand"),
    Alarm("balancer-failing", _B, "HTTPCode_ELB_5XX_Count", "Sum", ">", 30, 60, 3, _QUIET, True,
          "overload.md", "no target took the request: a fleet is down or full"),
    Alarm("account-failing", Subject.API, "5XXError", "Sum", ">", 10, 60, 5, _QUIET, False,
          "failover.md", "account and control answer with errors"),
    Alarm("account-slow", Subject.API, "Latency", "p99", ">", 1_000, 60, 5, _QUIET, False,
          "overload.md", "account and control take longer than a second"),
    Alarm("account-limit-near", Subject.API, "Count", "Sum", ">", 480_000, 60, 3, _QUIET, False,
          "overload.md", "eight tenths of the 10,000 requests/s that all APIs of the account share"),
    Alarm("database-busy", Subject.DATABASE, "CPUUtilization", "Average", ">", 70, 60, 10, _QUIET, False,
          "database.md", "commits will slow down next"),
    Alarm("database-full", Subject.DATABASE, "FreeStorageSpace", "Minimum", "<", 20 * GIB, 300, 2, _QUIET, True,
          "database.md", "a full disk ends trading; growing it takes minutes, and hours until the next growth"),
    Alarm("database-memory", Subject.DATABASE, "FreeableMemory", "Minimum", "<", GIB // 4, 300, 3, _QUIET, False,
          "database.md", "swapping ends in a restart"),
    Alarm("replica-behind", Subject.REPLICA, "ReplicaLag", "Maximum", ">", 60, 60, 5, _BAD, False,
          "database.md", "history is read from the primary; in the second Region: a minute of trading would be lost with the first"),
    Alarm("cache-busy", Subject.CACHE, "EngineCPUUtilization", "Average", ">", 70, 60, 10, _BAD, False,
          "cache.md", "the feed will lag next; without figures the node is away, and the journal carries the feed"),
    Alarm("cache-full", Subject.CACHE, "DatabaseMemoryUsagePercentage", "Maximum", ">", 80, 300, 2, _QUIET, False,
          "cache.md", "keys will be dropped that have to be made again"),
    Alarm("notices-dead", Subject.DEAD_LETTERS, "ApproximateNumberOfMessagesVisible", "Maximum", ">", 0, 60, 1, _QUIET,
          False, "workers.md", "a notice could not be sent after five attempts"),
    Alarm("notices-late", Subject.QUEUE, "ApproximateAgeOfOldestMessage", "Maximum", ">", 300, 60, 3, _QUIET, False,
          "workers.md", "people hear of their fills five minutes late"),
    Alarm("notices-failing", Subject.FUNCTION, "Errors", "Sum", ">", 5, 300, 1, _QUIET, False,
          "workers.md", "the function itself fails"),
    Alarm("reports-failing", Subject.REPORTER, "Errors", "Sum", ">", 0, 300, 1, _QUIET, False,
          "workers.md", "a daily report was not written at once; it is tried again"),
    Alarm("reports-dead", Subject.REPORTS_LEFT, "ApproximateNumberOfMessagesVisible", "Maximum", ">", 0, 60, 1, _QUIET,
          False, "workers.md", "the schedule or its function gave up; the workers write the report when they can"),
    Alarm("rotation-failing", Subject.ROTATION, "Errors", "Sum", ">", 0, 300, 1, _QUIET, False,
          "leaked-credential.md", "a password was not changed: the former one stays good"),
    Alarm("login-not-taken-up", Subject.ROLLING, "FailedInvocations", "Sum", ">", 0, 300, 1, _QUIET, False,
          "leaked-credential.md", "nothing restarts the edges: they have a password that a new connection is refused for"),
    Alarm("events-untold", Subject.TELLING, "FailedInvocations", "Sum", ">", 0, 300, 1, _QUIET, False,
          "workers.md", "an event did not reach the operators' topic: its policy, or its key's, refuses EventBridge"),
)  # fmt: skip


def threshold(row: Alarm, environment: Environment) -> float:
    """Return when a row alarms in an environment: of a fleet that is smaller by intent, when it is less than that."""
    if not row.fleet or row.breach != "<" or environment.standby_of:
        return row.threshold
    return min(row.threshold, environment.fleets[row.fleet].least)
