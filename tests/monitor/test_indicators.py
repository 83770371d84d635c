"""The tables of objectives, metrics and alarms agree with each other and with the roles."""

import pytest

from openbourse.monitor.indicators import ALARMS, METRICS, OBJECTIVES, Alarm, Subject, metric_named
from openbourse.roles import FLEETS, ROLES, fleet_of

FLEET_NAMES = {fleet.name for fleet in FLEETS}
OF_A_FLEET = {Subject.FLEET, Subject.GROUP, Subject.TARGETS}


def test_every_objective_has_an_alarm_and_every_alarm_an_objective() -> None:
    assert {alarm.objective for alarm in ALARMS} == {objective.name for objective in OBJECTIVES}


def test_names_are_given_once() -> None:
    for names in (
        [alarm.name for alarm in ALARMS],
        [metric.name for metric in METRICS],
        [each.name for each in OBJECTIVES],
    ):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_an_alarm_can_be_asked_of_the_cloud(alarm: Alarm) -> None:
    assert alarm.comparison in "<>"
    assert alarm.period_s % 60 == 0
    assert alarm.period_s * alarm.periods <= 86_400
    assert (alarm.fleet in FLEET_NAMES) is (alarm.subject in OF_A_FLEET)
    if alarm.subject is Subject.FLEET:
        metric = metric_named(alarm.metric)
        assert metric is not None
        assert alarm.fleet in metric.fleets


def test_every_role_but_the_demo_runs_in_a_fleet() -> None:
    placed = {name for fleet in FLEETS for name in fleet.roles}
    assert placed == {role.name for role in ROLES} - {"demo"}


def test_a_fleet_scales_on_a_metric_that_it_tells() -> None:
    for fleet in FLEETS:
        metric = metric_named(fleet.scales_on)
        assert (metric is not None and fleet.name in metric.fleets) or not fleet.scales_on
        assert bool(fleet.scales_at) is bool(fleet.scales_on)


def test_every_path_has_a_fleet_that_can_be_asked_for_its_health() -> None:
    for role in ROLES:
        assert set(role.metered) <= set(role.paths)
        for path in role.paths:
            fleet = fleet_of(path)
            assert fleet is not None
            assert fleet.port
            assert "monitor" in fleet.roles
            assert any(fleet.health_path.startswith(f"{path}/") for path in ("/health",))
