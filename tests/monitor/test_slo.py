"""The table of metrics and goals agrees with itself, with the roles and with the runbooks."""

from pathlib import Path

import pytest

from openbourse.monitor.slo import METRICS, SLOS, TARGETS, Kind, Slo, metric_named
from openbourse.roles import role_named

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
STATISTICS = {
    Kind.COUNTER: {"Sum"},
    Kind.GAUGE: {"Minimum", "Maximum", "Average"},
    Kind.DISTRIBUTION: {"p99"},
}


def test_names_are_unique_and_fit_one_line_of_metrics() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names)) <= 100
    assert len({slo.name for slo in SLOS}) == len(SLOS)


@pytest.mark.parametrize("slo", SLOS, ids=lambda slo: slo.name)
def test_a_goal_is_one_that_an_alarm_can_be_made_of(slo: Slo) -> None:
    metric = metric_named(slo.metric)
    assert slo.statistic in STATISTICS[metric.kind]
    assert not slo.share_of or metric_named(slo.share_of).kind is Kind.COUNTER
    assert slo.breach in "<>"
    assert slo.missing in ("breaching", "notBreaching", "ignore")
    assert 1 <= slo.breaching <= slo.periods
    assert slo.period_s % 60 == 0
    assert slo.period_s * slo.periods <= 86_400
    assert not slo.runbook or (RUNBOOKS / slo.runbook).exists()
    assert len(slo.why) > 20


def test_scaling_looks_at_metrics_that_the_role_tells() -> None:
    for target in TARGETS:
        metric = metric_named(target.metric)
        assert target.role in metric.roles
        assert target.statistic in STATISTICS[metric.kind]
        assert role_named(target.role) is not None


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(KeyError):
        metric_named("edge_nothing")
