"""Alarms replayed on ministack: the metric goes in, the alarm changes, and the queue behind its topic hears of it.

An alarm on a share of two metrics is judged here first, by series that it must tell apart.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from infra.check.assembly import Assembly, Properties
from infra.check.emulators import clients, ministack
from infra.check.metric_math import Series, is_in_alarm, share_of

HEARD_S_MAX: Final = 30.0
TWIN: Final = "-quiet"
CALLS: Final = 1_000.0


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
            own = each.properties
            name = own["AlarmName"]
            if "Metrics" in own:
                yield from _shares(own)
                own = _of_one_metric(own)
            _raise(stage, own)
            yield name, [] if stage.heard(name) else ["nobody heard of it"]
        yield "alarms to which the same values are well stay quiet", stage.loud()


def _shares(own: Properties) -> Iterator[tuple[str, list[str]]]:
    """Hold an alarm on a share of two metrics against series that it must tell apart."""
    name, periods, least = own["AlarmName"], own["EvaluationPeriods"], own["DatapointsToAlarm"]
    for story, part, whole, fires in _stories(own["Threshold"], periods, least):
        series = dict(zip(_metrics(own), (part, whole), strict=True))
        try:
            problems = [] if is_in_alarm(own, share_of(own, series)) is fires else [f"{part} of {whole}"]
        except (KeyError, ValueError) as fault:
            problems = [f"{type(fault).__name__}: {fault}"]
        yield f"{name} {'fires' if fires else 'stays quiet'}: {story}", problems


def _stories(threshold: float, periods: int, least: int) -> Iterator[tuple[str, Series, Series, bool]]:
    calls: Series = [CALLS] * periods
    good, bad = 0.0, threshold * CALLS * 2
    yield "twice the share in every period", [bad] * periods, calls, True
    yield "in as many periods as it takes, others well", [bad] * least + [good] * (periods - least), calls, True
    yield "in one period fewer", [bad] * (least - 1) + [good] * (periods - least + 1), calls, False
    yield "just the share that is allowed", [threshold * CALLS] * periods, calls, False
    yield "as many failures among ten times the calls", [bad] * periods, [CALLS * 10] * periods, False
    yield "nobody calls", [0.0] * periods, [0.0] * periods, False
    yield "no data", [None] * periods, [None] * periods, False


def _metrics(own: Properties) -> list[str]:
    """Return the two metrics' names, as the expression has them: part, then whole."""
    named = {each["Id"]: each["MetricStat"]["Metric"]["MetricName"] for each in own["Metrics"] if "MetricStat" in each}
    return [named["part"], named["whole"]]


def _of_one_metric(own: Properties) -> dict[str, Any]:
    """Return the alarm as one of a plain metric: ministack has no metric math, so the share itself goes in."""
    [stat] = {
        (each["MetricStat"]["Period"], each["MetricStat"]["Metric"]["Namespace"])
        for each in own["Metrics"]
        if "MetricStat" in each
    }
    plain = {key: value for key, value in own.items() if key != "Metrics"}
    return plain | {
        "MetricName": f"share-of-{own['AlarmName']}",
        "Statistic": "Maximum",
        "Period": stat[0],
        "Namespace": stat[1],
    }


def _raise(stage: Stage, own: Any) -> None:
    # ministack takes a metric's points of all dimensions together: each alarm is given a namespace of its own.
    own = own | {"Namespace": f"{own['Namespace']}/{own['AlarmName']}"}
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
