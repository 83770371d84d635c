"""Alarms replayed on ministack: the metric goes in, the alarm changes, and the queue behind its topic hears of it."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from infra.check.assembly import Assembly
from infra.check.emulators import clients, ministack

HEARD_S_MAX: Final = 30.0
TWIN: Final = "-quiet"
UNREPLAYED: Final = frozenset({"GoalAvailability", "GoalShedding"})
"""A share of two metrics is metric math, which ministack does not do; rung 1 holds both of their metrics and times."""


class Stage:
    """One emulator's clients, a topic, and a queue that hears what the topic says."""

    def __init__(self, url: str) -> None:
        client = clients(url)
        self.cloudwatch, self._sqs, sns = client("cloudwatch"), client("sqs"), client("sns")
        self._queue = self._sqs.create_queue(QueueName="pages")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        self.topic = sns.create_topic(Name="pages")["TopicArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        self._heard: set[str] = set()

    def loud(self) -> list[str]:
        """Return the twins that were heard of and should not have been: they look at the same, and it is well for them."""
        return sorted(name for name in self._heard if name.endswith(TWIN))

    def heard(self, name: str) -> bool:
        """Tell whether the queue has heard of this alarm, waiting for it within a bound."""
        deadline = time.monotonic() + HEARD_S_MAX
        while name not in self._heard and time.monotonic() < deadline:
            found = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in found.get("Messages", []):
                told = json.loads(json.loads(message["Body"])["Message"])
                if told.get("NewStateValue") == "ALARM":
                    self._heard.add(told["AlarmName"])
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return name in self._heard


def replay(assembly: Assembly) -> Iterator[tuple[str, list[str]]]:
    """Replay each alarm of an environment; yield its name and what went wrong."""
    alarms = assembly.of("CloudWatch::Alarm")
    with ministack() as url:
        stage = Stage(url)
        for each in alarms:
            if each.name in UNREPLAYED:
                continue
            name = each.properties["AlarmName"]
            _raise(stage, each.properties)
            yield name, [] if stage.heard(name) else ["nobody heard of it"]
        yield "alarms to which the same values are well stay quiet", stage.loud()
    known = {each.name for each in alarms}
    yield "every alarm that is not replayed exists", sorted(UNREPLAYED - known)


def _raise(stage: Stage, own: Any) -> None:
    dimensions = [
        {"Name": each["Name"], "Value": each["Value"] if isinstance(each["Value"], str) else "replayed"}
        for each in own.get("Dimensions", [])
    ]
    known = {
        key: own[key]
        for key in (
            "AlarmName", "Namespace", "MetricName", "Statistic", "ExtendedStatistic", "ComparisonOperator", "Threshold",
            "EvaluationPeriods", "DatapointsToAlarm", "Period", "TreatMissingData",
        )
        if key in own
    }  # fmt: skip
    is_low = own["ComparisonOperator"].startswith("Less")
    value = own["Threshold"] - 1 if is_low else own["Threshold"] * 2 + 1
    now = datetime.now(UTC)
    data = [
        {
            "MetricName": own["MetricName"], "Dimensions": dimensions, "Value": value,
            "Timestamp": now - timedelta(seconds=own["Period"] * number),
        }
        for number in range(own["EvaluationPeriods"])
    ]  # fmt: skip
    stage.cloudwatch.put_metric_data(Namespace=own["Namespace"], MetricData=data)
    quiet = {"AlarmName": own["AlarmName"] + TWIN, "Threshold": value - 1 if is_low else value * 20 + 1}
    # ministack sums over all periods of an alarm, not over one: a twin stands above that too.
    for alarm in (known | quiet, known):
        stage.cloudwatch.put_metric_alarm(**alarm, Dimensions=dimensions, AlarmActions=[stage.topic])
    stage.cloudwatch.put_metric_data(Namespace=own["Namespace"], MetricData=data[:1])
