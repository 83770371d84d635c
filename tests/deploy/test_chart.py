"""The chart's values are those of the roles' table; `make deploy-check` renders and validates it."""

from deploy.balancer import IDLE_S
from deploy.chart import CHART, VALUES, text, values
from deploy.services import SERVICES
from openbourse.edge.server import PROXY_KEEP_ALIVE_S
from openbourse.roles import FLEETS, ROLES, Need, Purchase


def test_the_committed_values_are_those_of_the_table() -> None:
    assert VALUES.read_text() == text(), "write them anew: python -m deploy.chart"


def test_every_fleet_path_and_purchase_is_in_it() -> None:
    made = values()
    assert [fleet["name"] for fleet in made["fleets"]] == [fleet.name for fleet in FLEETS]
    assert {route["path"] for route in made["ingress"]["routes"]} == {path for role in ROLES for path in role.paths}
    for fleet, service in zip(made["fleets"], SERVICES, strict=True):
        assert fleet["isOnDemand"] == (service.fleet.purchase is Purchase.ON_DEMAND)
        assert fleet["stopS"] > fleet["leaveS"]
    assert made["commanders"] == [service.name for service in SERVICES if Need.SEQUENCER in service.needs]
    assert made["ingress"]["idleS"] == IDLE_S < PROXY_KEEP_ALIVE_S


def test_every_value_is_used() -> None:
    templates = "".join(path.read_text() for path in (CHART / "templates").iterdir())
    assert [name for name in values() if f".Values.{name}" not in templates] == []
    assert [name for name in values()["fleets"][0] if f"$fleet.{name}" not in templates] == []
