"""What the bill says of metrics is what the processes tell."""

import random

import pytest

from openbourse.cost.observing import HOST_METRICS, custom_metrics, emf_bytes, emf_gigabytes, told_by
from openbourse.distribution import Distribution
from openbourse.monitor.emf import EmfLines, Value
from openbourse.monitor.slo import METRICS, Kind
from openbourse.roles import FLEETS, Fleet


def test_every_series_is_counted_once() -> None:
    series = {(metric.name, "") for metric in METRICS}
    series |= {(metric.name, "+".join(fleet.roles)) for fleet in FLEETS for metric in told_by(fleet)}
    assert custom_metrics() == len(series) + HOST_METRICS * len(FLEETS)
    assert {metric.name for fleet in FLEETS for metric in told_by(fleet)} == {metric.name for metric in METRICS}


@pytest.mark.parametrize("fleet", FLEETS, ids=lambda fleet: fleet.name)
def test_a_line_is_as_long_as_the_bill_takes_it_for(fleet: Fleet) -> None:
    dice, groups = random.Random(1), dict[str, dict[str, Value]]()
    for metric in told_by(fleet):
        value: Value = dice.randrange(100_000)
        if metric.kind is Kind.DISTRIBUTION:
            value = Distribution()
            for _ in range(1_000):
                value.note(int(dice.lognormvariate(9, 0.7)))
        groups.setdefault(metric.group, {})[metric.counter] = value
    line = EmfLines("openbourse", fleet.roles).line(groups, 1_764_000_000_000)
    assert abs(len(line) - emf_bytes(fleet)) < len(line) / 8


def test_more_instances_write_more() -> None:
    few = {fleet.name: 1 for fleet in FLEETS}
    assert emf_gigabytes({**few, "gateway": 10}) > emf_gigabytes(few) > 0
