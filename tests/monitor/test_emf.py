"""Lines of the embedded metric format are what CloudWatch's specification asks for, and tell what was counted."""

import json
from typing import Any

import pytest

from openbourse.distribution import Distribution
from openbourse.monitor.emf import EmfLines, Groups
from openbourse.monitor.slo import METRICS, NAMESPACE, Unit

LINE_BYTES_MAX = 256 * 1024
METRICS_MAX = 100
DIMENSIONS_MAX = 9
VALUES_MAX = 100
UNITS = {
    *("Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits"),
    *("Percent", "Count", "Count/Second", "Bytes/Second", "None"),
}


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_target(value: Any) -> None:
    """Hold a metric's value to the specification: a number, or at most a hundred, with counts where they repeat."""
    if isinstance(value, dict):
        assert set(value) == {"Values", "Counts"}
        assert len(value["Values"]) == len(value["Counts"])
        assert all(isinstance(count, int) and count > 0 for count in value["Counts"])
        value = value["Values"]
    values = value if isinstance(value, list) else [value]
    assert 0 < len(values) <= VALUES_MAX
    assert all(is_number(each) for each in values)


def check_line(line: bytes) -> dict[str, Any]:
    """Hold a line to CloudWatch's specification of the embedded metric format; return the document."""
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) <= LINE_BYTES_MAX
    document: dict[str, Any] = json.loads(line)
    metadata = document["_aws"]
    assert set(metadata) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(metadata["Timestamp"], int)
    assert metadata["Timestamp"] > 10**12, "milliseconds"
    assert metadata["CloudWatchMetrics"]
    for directive in metadata["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert 1 <= len(directive["Namespace"]) <= 255
        assert directive["Dimensions"]
        for dimensions in directive["Dimensions"]:
            assert len(dimensions) <= DIMENSIONS_MAX
            assert all(isinstance(document[name], str) and document[name] for name in dimensions)
        assert 0 < len(directive["Metrics"]) <= METRICS_MAX
        for metric in directive["Metrics"]:
            assert set(metric) <= {"Name", "Unit", "StorageResolution"}
            assert 1 <= len(metric["Name"]) <= 255
            assert metric["Unit"] in UNITS
            check_target(document[metric["Name"]])
    return document


def lines() -> EmfLines:
    return EmfLines(NAMESPACE, ("gateway", "monitor"))


NOW_MS = 1_764_000_000_000


def test_a_line_is_what_the_specification_asks_for() -> None:
    distribution = Distribution()
    for us in range(0, 60_000_000, 50_000):
        distribution.note(us)
    groups: Groups = {
        "edge": {"connections": 3, "calls": 10, "new_order_ms": distribution},
        "audit": {"breaches": 0},
    }
    document = check_line(lines().line(groups, NOW_MS))
    assert document["Role"] == "gateway+monitor"
    assert document["edge_connections"] == 3
    assert sum(document["edge_new_order_ms"]["Counts"]) == 1_200


def test_every_metric_of_the_table_can_be_told_in_one_line() -> None:
    groups: dict[str, dict[str, int | Distribution]] = {}
    for metric in METRICS:
        distribution = Distribution()
        distribution.note(1)
        is_number = metric.unit is not Unit.MILLISECONDS
        groups.setdefault(metric.group, {})[metric.counter] = 1 if is_number else distribution
    document = check_line(lines().line(groups, NOW_MS))
    assert {metric.name for metric in METRICS} <= set(document)


def test_counters_tell_by_how_much_they_grew() -> None:
    emf = lines()
    told = [
        json.loads(emf.line({"edge": {"calls": calls, "connections": 5}}, NOW_MS))["edge_calls"]
        for calls in (10, 25, 25, 4)
    ]
    assert told == [10, 15, 0, 4]  # 4: it began anew


def test_measurements_are_told_once() -> None:
    emf, distribution = lines(), Distribution()
    distribution.note(2_000)
    first = json.loads(emf.line({"edge": {"new_order_ms": distribution, "calls": 1}}, NOW_MS))
    distribution.note(3_000)
    second = json.loads(emf.line({"edge": {"new_order_ms": distribution, "calls": 2}}, NOW_MS))
    third = json.loads(emf.line({"edge": {"new_order_ms": distribution, "calls": 2}}, NOW_MS))
    assert first["edge_new_order_ms"]["Counts"] == second["edge_new_order_ms"]["Counts"] == [1]
    assert first["edge_new_order_ms"]["Values"] != second["edge_new_order_ms"]["Values"]
    assert "edge_new_order_ms" not in third
    assert all(metric["Name"] != "edge_new_order_ms" for metric in third["_aws"]["CloudWatchMetrics"][0]["Metrics"])


def test_what_the_table_does_not_know_is_not_paid_for() -> None:
    assert lines().line({"edge": {"something": 1}, "else": {"calls": 1}}, NOW_MS) == b""


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["_aws"].pop("Timestamp"),
        lambda document: document.pop("edge_calls"),
        lambda document: document.update(edge_calls="7"),
        lambda document: document.pop("Role"),
        lambda document: document.update(edge_calls=[1] * 101),
        lambda document: document["_aws"]["CloudWatchMetrics"][0]["Metrics"][0].update(Unit="Parsecs"),
    ],
)
def test_the_check_itself_refuses_what_is_wrong(change: Any) -> None:
    document = json.loads(lines().line({"edge": {"calls": 1}}, NOW_MS))
    check_line(json.dumps(document).encode() + b"\n")
    change(document)
    with pytest.raises((AssertionError, KeyError)):
        check_line(json.dumps(document).encode() + b"\n")
