"""Roles and fleets agree."""

import re
from pathlib import Path

import openbourse
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


def test_the_balancer_finds_every_operation() -> None:
    source = Path(openbourse.__file__).parent
    served = {"gateway": "gateway", "history": "gateway", "wallet": "gateway"}
    served |= {"streams": "gateway", "identity": "identity"}
    seen = set()
    for file in (path for name in served for path in (source / name).glob("*.py")):
        text = file.read_text()
        named = re.findall(r'"(/(?:api|sapi|bourse)/v\d/[^"{]+)"', text)
        for path in named:
            routed = [
                prefix for role in ROLES for prefix in role.paths if path == prefix or path.startswith(prefix + "/")
            ]
            assert routed, f"no role has {path}: the balancer would send it to the page"
            owner = next(role for role in ROLES if max(routed, key=len) in role.paths)
            # What a signed-in person does is identity's, whichever service has it (wiring/edge.py).
            assert owner.name == ("identity" if path.startswith("/bourse/") else served[file.parent.name]), path
            seen.add(file.parent.name)
    assert seen == set(served)


def test_a_path_that_no_role_has_has_no_fleet() -> None:
    assert fleet_of("/nowhere") is None


def test_what_serves_may_ask_all_that_an_edge_process_asks() -> None:
    for name in set(EDGE_ROLES) - {"web"}:
        role = role_named(name)
        assert role is not None
        assert {Need.SEQUENCER, Need.JOURNAL, Need.DATABASE, Need.VALKEY, Need.MASTER_KEY} == set(role.needs)
