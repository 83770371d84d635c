"""The chart's values are those of the roles' table; `make deploy-check` renders and validates it."""

from deploy.balancer import IDLE_S
from deploy.chart import CHART, VALUES, text, values
from deploy.services import SERVICES
from deploy.stage import ROOT
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


def test_each_fleet_is_given_its_own_secrets_and_no_other() -> None:
    made = {fleet["name"]: fleet for fleet in values()["fleets"]}
    assert len({fleet["settingsSecret"] for fleet in made.values()}) == len(FLEETS)
    logins = {Need.JOURNAL: "JOURNAL_URL", Need.DATABASE: "DATABASE_URL", Need.VALKEY: "VALKEY_URL"}
    for service in SERVICES:
        given = {setting["name"] for setting in made[service.name]["secretSettings"] if not setting["isOptional"]}
        assert given == {name for need, name in logins.items() if need in service.needs}
    optional = {
        name: {each["name"] for each in fleet["secretSettings"] if each["isOptional"]} for name, fleet in made.items()
    }
    assert optional["sequencer"] == set()
    assert "NOTIFY_URL" in optional["workers"]
    assert not any("NOTIFY_URL" in found for name, found in optional.items() if name != "workers")
    template = (CHART / "templates" / "fleets.yaml").read_text()
    assert "secretRef" not in template, "a Secret whole would give more than its fleet reads"
    assert "name: {{ $fleet.settingsSecret }}" in template


def test_every_setting_that_is_given_is_one_that_a_process_reads() -> None:
    source = (ROOT / "src" / "openbourse" / "settings.py").read_text()
    names = {each["name"] for fleet in values()["fleets"] for each in fleet["secretSettings"]}
    assert {name for name in names if f'"{name}"' not in source} == set()


def test_every_value_is_used() -> None:
    templates = "".join(path.read_text() for path in (CHART / "templates").iterdir())
    assert [name for name in values() if f".Values.{name}" not in templates] == []
    assert [name for name in values()["fleets"][0] if f"$fleet.{name}" not in templates] == []
