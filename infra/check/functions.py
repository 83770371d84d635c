"""The functions, and the API, at work on ministack: created from the templates with their code.

The notices' function is the very one that is deployed. The daily report's is called by its schedule and fails here, for
want of a database: what is seen is that the call comes and is laid aside. Its success is in tests/wiring, on PostgreSQL.
"""

import json
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from infra.check.assembly import Assembly, Resource
from infra.check.creation import bootstrap, created
from infra.check.emulators import Client, clients, ministack
from infra.check.metering import metered
from infra.check.shim import Shim, in_order
from infra.check.unmade import UNMADE, UNTOLD
from infra.plan import REPORT_HANDLER
from openbourse.notifier.rendering import render
from openbourse.protocol.notifications import Notification, Topic

STACKS: Final = ("storage", "network", "data", "notifications", "reports", "edge")
SEEN_S_MAX: Final = 60.0
POLL_S: Final = 0.5
HIDDEN_S: Final = 1
"""A message comes again at once: nobody waits three minutes five times for it to be laid aside."""
FACTS: Final = {"amount": "1.50000000", "asset": "BTC"}
GOOD: Final = Notification("0-1-deposit", Topic.DEPOSIT, 1, "alice@example.com", 1_764_000_000_000, FACTS)
UNREADABLE: Final = '{"version":9}'
CALLED: Final = "called with "
FAILS: Final = f"""\
import json

def lambda_handler(event, context):
    print("{CALLED}" + json.dumps(event))
    raise RuntimeError("no database here")
""".encode()


def run_functions(assembly: Assembly, out: Path) -> Iterator[tuple[str, list[str]]]:
    """Run an environment's functions; `out` is where their code was written at synthesis."""

    def code(function: Resource) -> Mapping[str, bytes]:
        if function.properties["Handler"] == REPORT_HANDLER:
            return {f"{REPORT_HANDLER.rpartition('.')[0].replace('.', '/')}.py": FAILS}
        folder = out / f"asset.{function.properties['Code']['S3Key'].removesuffix('.zip')}"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    with ministack() as url:
        client = clients(url)
        shim = Shim(set(UNMADE["ministack"]), set(UNTOLD["ministack"]), bootstrap(client, assembly, code))
        ids: dict[str, dict[str, str]] = defaultdict(dict)
        for template in in_order(assembly.templates):
            if template.stack.endswith(STACKS):
                problems = created(client, template.stack, shim.apply(template), ids[template.stack])
                yield f"the stack {template.stack} is created with its code", problems
        notices = ids[f"{assembly.environment.prefix}-notifications"]
        yield "a notice becomes a mail", _mailed(client, url, assembly, notices)
        yield "a notice that nobody can read is laid aside", _laid_aside(client, notices)
        reports = ids[f"{assembly.environment.prefix}-reports"]
        yield "the schedule calls the function of reports and tells it the time", _called(client, reports)
        yield "a call for a report that fails is laid aside", _kept(client, reports)
        yield from metered(client, url, assembly, ids[f"{assembly.environment.prefix}-edge"])


def _named(ids: Mapping[str, str], beginning: str) -> str:
    [found] = [id_ for name, id_ in ids.items() if name.startswith(beginning) and "Policy" not in name]
    return found


def _mailed(client: Client, url: str, assembly: Assembly, ids: Mapping[str, str]) -> list[str]:
    topic = next(id_ for name, id_ in ids.items() if name.startswith("Notices") and id_.startswith("arn:aws:sns"))
    client("sns").publish(TopicArn=topic, Message=GOOD.body())

    def mails() -> list[Any]:
        with urllib.request.urlopen(f"{url}/_ministack/ses/messages", timeout=10) as answer:
            return [mail for mails in json.load(answer)["messages"].values() for mail in mails]

    found = _await(mails)
    told = [(mail["Source"], mail["To"], mail["Subject"], mail["BodyText"]) for mail in found]
    subject, text = render(GOOD)
    wanted = [(f"notices@{assembly.environment.domain}", [GOOD.address], subject, text)]
    return [] if told == wanted else [f"{len(told)} mails: {told}"[:300]]


def _laid_aside(client: Client, ids: Mapping[str, str]) -> list[str]:
    sqs, queue, dead = client("sqs"), _named(ids, "NoticesQueue"), _named(ids, "NoticesDead")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(HIDDEN_S)})
    sqs.send_message(QueueUrl=queue, MessageBody=UNREADABLE)
    found = _await(lambda: _messages(sqs, dead))
    return [] if found == [UNREADABLE] else [f"laid aside: {found}"[:300]]


def _called(client: Client, ids: Mapping[str, str]) -> list[str]:
    """Have a twin of the schedule come due now, in which nothing but the time is another; read what it called with."""
    scheduler, name = client("scheduler"), _named(ids, "DailyReport")
    told = scheduler.get_schedule(Name=name)
    kept = {key: told[key] for key in ("State", "Target", "FlexibleTimeWindow")}
    due = datetime.now(UTC) - timedelta(minutes=1)
    scheduler.create_schedule(Name=f"{name}-now", ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})", **kept)
    logs, group = client("logs"), _named(ids, "ReporterLog")

    def lines() -> list[str]:
        found = [each["message"] for each in logs.filter_log_events(logGroupName=group)["events"]]
        return [line for text in found for line in text.splitlines() if CALLED in line]

    said = _await(lines)
    try:
        [event] = [json.loads(line.partition(CALLED)[2]) for line in said]
        datetime.fromisoformat(event["time"])
        return [] if event["source"] == "aws.scheduler" else [f"called by {event['source']}"]
    except (ValueError, KeyError, TypeError) as fault:
        return [f"the function is not told the time: {fault}: {said}"[:300]]


def _kept(client: Client, ids: Mapping[str, str]) -> list[str]:
    """Call as the schedule does, without waiting, and fail.

    The emulator's own schedule drops a call that fails, and its CloudFormation the function's dead-letter queue: it is
    told of it here; rung 1 holds the templates to both.
    """
    sqs, dead = client("sqs"), _named(ids, "ReportsDead")
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("lambda").update_function_configuration(FunctionName=ids["Reporter"], DeadLetterConfig={"TargetArn": arn})
    event = {"source": "aws.scheduler", "time": "2026-11-21T00:05:00Z"}
    client("lambda").invoke(FunctionName=ids["Reporter"], InvocationType="Event", Payload=json.dumps(event))
    found = [json.loads(body) for body in _await(lambda: _messages(sqs, dead))]
    told = [each.get("requestPayload", each) for each in found]
    return [] if told == [event] else [f"laid aside: {found}"[:300]]


def _messages(sqs: Any, queue: str) -> list[str]:
    told = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    return [each["Body"] for each in told.get("Messages", [])]


def _await(look: Callable[[], list[Any]]) -> list[Any]:
    """Return what is seen as soon as anything is, within a bound."""
    limit = time.monotonic() + SEEN_S_MAX
    while not (found := look()) and time.monotonic() < limit:
        time.sleep(POLL_S)
    return found
