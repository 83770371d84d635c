"""What production gives each fleet."""

import pytest

from deploy.services import SERVICES, SIZES, service_named
from openbourse.roles import FLEETS, ROLES, Purchase


def test_every_fleet_has_a_size_and_no_other() -> None:
    assert set(SIZES) == {fleet.name for fleet in FLEETS}


def test_every_public_path_is_served_by_one_fleet() -> None:
    served = [path for service in SERVICES for path in service.paths]
    assert sorted(served) == sorted(path for role in ROLES for path in role.paths)


def test_what_trading_needs_is_there_twice() -> None:
    assert all(service.size.replicas_min >= 2 for service in SERVICES)
    assert service_named("sequencer").fleet.purchase is Purchase.ON_DEMAND
    with pytest.raises(KeyError):
        service_named("nothing")
