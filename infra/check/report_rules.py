"""Rules on daily reports: called for each day, written with no more rights than that takes, and kept when they fail."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.check.assembly import Assembly, Resource, Rule, listed, statements
from infra.plan import REPORT_HANDLER, REPORT_TIMEOUT_S, REPORT_WHEN
from openbourse.roles import Need

FOLDERS: Final = (("Reports", "daily/*"), ("Market", "data/*"))
DATABASES: Final = ("JOURNAL", "DATABASE", "READER")
CALLER: Final = frozenset({"lambda:InvokeFunction", "sqs:SendMessage", "kms:Decrypt", "kms:GenerateDataKey"})
WRITER: Final = frozenset(
    {
        "secretsmanager:GetSecretValue",
        "s3:PutObject",
        "s3:GetObject",
        "s3:ListBucket",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DeleteNetworkInterface",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "sqs:SendMessage",
    }
)


def daily_reports_are_called_for(assembly: Assembly) -> Iterator[str]:
    """One schedule, switched on, calls the function of reports each day in UTC, a bounded number of times."""
    schedules = assembly.of("Scheduler::Schedule")
    if len(schedules) != 1:
        yield f"{len(schedules)} schedules"
    for each in schedules:
        own = each.properties
        told = (own.get("State", "ENABLED"), own.get("ScheduleExpression"), own.get("ScheduleExpressionTimezone"))
        if told != ("ENABLED", REPORT_WHEN, "UTC"):
            yield f"{each}: {told}"
        function = assembly.target(each, own["Target"]["Arn"])
        if function is None or function.properties.get("Handler") != REPORT_HANDLER:
            yield f"{each}: calls {function}"
        if not own["Target"].get("RetryPolicy", {}).get("MaximumEventAgeInSeconds"):
            yield f"{each}: calls for a day of retries"
    for each in _functions(assembly):
        if each.properties.get("Timeout") != REPORT_TIMEOUT_S or not each.properties.get("VpcConfig"):
            yield f"{each}: cannot wait for the rows, or reach them"
        told = each.properties.get("Environment", {}).get("Variables", {})
        journal, rows, reader = (_hosts(told.get(f"OPENBOURSE_{name}_URL")) for name in DATABASES)
        # The program takes no reader for its database: it could not tell it from a primary that was demoted.
        if not rows or rows != journal or not reader:
            yield f"{each}: its database is {rows}, the writer {journal}, the reader {reader}"
        calls = [
            call
            for call in assembly.of("Lambda::EventInvokeConfig")
            if (found := assembly.target(call, call.properties["FunctionName"])) and found.name == each.name
        ]
        if len(calls) != 1 or calls[0].properties.get("MaximumRetryAttempts", 0) < 1:
            yield f"{each}: is not tried again"


def failed_reports_are_kept(assembly: Assembly) -> Iterator[str]:
    """A call that the schedule could not make, or the function not answer, lies in a queue."""
    kept = [
        *((each, each.properties["Target"].get("DeadLetterConfig", {}).get("Arn")) for each in _schedules(assembly)),
        *((each, each.properties.get("DeadLetterConfig", {}).get("TargetArn")) for each in _functions(assembly)),
    ]
    if len(kept) < 2:
        yield "no schedule, or no function"
    for each, where in kept:
        queue = assembly.target(each, where)
        if queue is None or queue.type != "AWS::SQS::Queue":
            yield f"{each}: what fails is forgotten"


def reports_need_no_more(assembly: Assembly) -> Iterator[str]:
    """The schedule's role calls one function; the function's role reads two logins and writes two folders."""
    prefix = f"openbourse/{assembly.environment.name}/"
    for each in _schedules(assembly):
        role = assembly.target(each, each.properties["Target"]["RoleArn"])
        yield from _beyond(role, CALLER, each)
        called = [assembly.target(role, one) for one in _resources(role, "lambda:InvokeFunction") if role is not None]
        if [str(one) for one in called] != [str(one) for one in _functions(assembly)]:
            yield f"{each}: may call {[str(one) for one in called]}"
    for each in _functions(assembly):
        role = assembly.target(each, each.properties["Role"])
        yield from _beyond(role, WRITER, each)
        read = [assembly.target(role, one) for one in _resources(role, "secretsmanager:GetSecretValue") if role]
        names = sorted(str(one.properties.get("Name")) if one else "?" for one in read)
        if names != sorted(prefix + need.value for need in (Need.JOURNAL, Need.DATABASE)):
            yield f"{each}: reads {names}"
        for where in _resources(role, "s3:PutObject"):
            if not any(bucket in str(where) and folder in str(where) for bucket, folder in FOLDERS):
                yield f"{each}: writes {where}"


def _hosts(url: Any) -> list[Any]:
    """Return what a URL takes from other resources: its host; a URL that takes nothing leads nowhere of ours."""
    return [part for part in url["Fn::Join"][1] if isinstance(part, Mapping)] if isinstance(url, Mapping) else []


def _schedules(assembly: Assembly) -> list[Resource]:
    return assembly.of("Scheduler::Schedule")


def _functions(assembly: Assembly) -> list[Resource]:
    return [each for each in assembly.of("Lambda::Function") if each.properties.get("Handler") == REPORT_HANDLER]


def _beyond(role: Resource | None, actions: frozenset[str], user: Resource) -> Iterator[str]:
    if role is None:
        yield f"{user}: has a role that nobody knows"
        return
    found = {action for statement in statements(role) for action in listed(statement["Action"])}
    if found != actions:
        yield f"{user}: may {sorted(found - actions)}, may not {sorted(actions - found)}"


def _resources(role: Resource | None, action: str) -> list[object]:
    if role is None:
        return []
    allowed = [each for each in statements(role) if action in listed(each["Action"])]
    return [one for each in allowed for one in listed(each["Resource"])]


RULES: Final[tuple[Rule, ...]] = (daily_reports_are_called_for, failed_reports_are_kept, reports_need_no_more)
