"""Metric math as CloudWatch does it: missing points, nothing to divide by, and so many of so many periods."""

import pytest

from infra.check.metric_math import evaluate, is_in_alarm

ALARM = {
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 0.5,
    "TreatMissingData": "notBreaching",
}


def test_arithmetic_goes_point_by_point_and_what_one_side_lacks_is_no_point() -> None:
    series = {"a": [1.0, None, 3.0, 4.0], "b": [2.0, 2.0, 0.0, None]}
    assert evaluate("a / b", series) == [0.5, None, None, None]
    assert evaluate("100 * (a - b) + 1", series) == [-99.0, None, 301.0, None]


@pytest.mark.parametrize("expression", ["c / a", "MAX([a, b])", "a ** b", "-a", "a if b else a"])
def test_what_is_not_known_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="not known here"):
        evaluate(expression, {"a": [1.0], "b": [2.0]})


def test_so_many_of_so_many_periods_make_an_alarm_and_older_ones_are_forgotten() -> None:
    assert is_in_alarm(ALARM, [0.0, 0.6, 0.6])
    assert is_in_alarm(ALARM, [0.6, 0.0, 0.6])
    assert not is_in_alarm(ALARM, [0.6, 0.5, 0.5])
    assert not is_in_alarm(ALARM, [0.6, 0.6, 0.0, 0.0, 0.6])


def test_missing_periods_count_as_the_alarm_says() -> None:
    assert not is_in_alarm(ALARM, [None, None, 0.6])
    assert is_in_alarm(ALARM | {"TreatMissingData": "breaching"}, [None, None, 0.0])
    low = ALARM | {"ComparisonOperator": "LessThanThreshold"}
    assert is_in_alarm(low, [0.4, 0.4, 0.6])
