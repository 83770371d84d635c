"""Roles and fleets agree."""

from openbourse.roles import EDGE_ROLES, FLEETS, ROLES, Need, fleet_of, role_named


def test_every_role_but_the_demo_runs_in_a_fleet() -> None:
    placed = {name for fleet in FLEETS for name in fleet.roles}
    assert placed == {role.name for role in ROLES} - {"demo"}


def test_a_fleet_behind_the_balancer_can_be_asked_for_its_health() -> None:
    for fleet in FLEETS:
        assert ("monitor" in fleet.roles) is bool(fleet.health_path), fleet.name
        assert any(name in EDGE_ROLES for name in fleet.roles) is bool(fleet.health_path), fleet.name


def test_every_path_has_one_fleet_that_serves_it() -> None:
    for role in ROLES:
        assert set(role.metered) <= set(role.paths)
        for path in role.paths:
            fleet = fleet_of(path)
            assert fleet is not None
            assert fleet.port
            assert role.name in fleet.roles


def test_a_path_that_no_role_has_has_no_fleet() -> None:
    assert fleet_of("/nowhere") is None


def test_what_serves_may_ask_all_that_an_edge_process_asks() -> None:
    for name in set(EDGE_ROLES) - {"web"}:
        role = role_named(name)
        assert role is not None
        assert {Need.SEQUENCER, Need.JOURNAL, Need.DATABASE, Need.VALKEY, Need.MASTER_KEY} == set(role.needs)
