"""What docs/aws shows of the templates is what they are."""

import re
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from infra import page, picture
from infra.alarms import ALARMS
from infra.check.assembly import Assembly
from infra.check.assertions import assembly_of
from infra.environments import PRODUCTION, TWO_REGIONS
from infra.recorded import recorded
from openbourse.cost import model, observing, storage
from openbourse.cost import page as cost
from openbourse.cost import second as second_region
from openbourse.monitor.slo import SLOS
from openbourse.roles import FLEETS

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"


def test_the_table_is_current() -> None:
    assert page.FILE.read_text() == page.page(assembly_of(PRODUCTION, recorded())), "python -m infra.page"


def test_the_picture_is_current_and_shows_every_fleet() -> None:
    text = picture.FILE.read_text()
    assert text == picture.picture(assembly_of(PRODUCTION, recorded())), "python -m infra.picture"
    shown = "".join(ElementTree.fromstring(text).itertext())
    assert all(fleet.name in shown for fleet in FLEETS)


def alarm_metrics(assembly: Assembly) -> int:
    """Return how many metrics the alarms look at."""
    looked_at = [
        [query for query in alarm.properties.get("Metrics", [{"MetricStat": ...}]) if "MetricStat" in query]
        for alarm in assembly.of("CloudWatch::Alarm")
    ]
    return sum(map(len, looked_at))


def test_the_bill_counts_what_the_templates_have() -> None:
    assembly = assembly_of(PRODUCTION, recorded())
    assert alarm_metrics(assembly) == observing.ALARM_METRICS
    assert alarm_metrics(assembly_of(TWO_REGIONS.in_second_region(), recorded())) == observing.SECOND_ALARM_METRICS
    assert len(assembly.of("CloudWatch::CompositeAlarm")) == observing.PAGING_ALARMS
    assert len(assembly.of("SecretsManager::Secret")) == model.SECRETS
    assert len(assembly.of("KMS::Key")) == second_region.KMS_KEYS
    second = assembly_of(TWO_REGIONS.in_second_region(), recorded())
    assert len(second.of("KMS::Key")) == second_region.KMS_KEYS
    copied = [
        each.properties["ReplicaRegions"] for each in assembly_of(TWO_REGIONS, recorded()).of("SecretsManager::Secret")
    ]
    assert len(copied) == second_region.SECRETS_COPIED == model.SECRETS + 1
    assert [len(each.properties["Rules"]) for each in assembly.of("WAFv2::WebACL")] == [second_region.WAF_RULES] * 2


def test_the_bill_pays_for_the_disk_that_the_database_has() -> None:
    kept = int(PRODUCTION.settings["JOURNAL_DAYS"])
    assert kept == storage.JOURNAL_DAYS
    assert PRODUCTION.backup_days == storage.BACKUP_DAYS
    gigabytes = PRODUCTION.database_gib * Decimal(2**30) / 10**9
    paid = storage.storage_gb(model.Workload(page.LOAD_RPS).commands)
    assert paid <= gigabytes <= paid * Decimal("1.1")


def test_the_bill_pays_for_every_instance_that_is_watched_each_minute() -> None:
    assembly = assembly_of(PRODUCTION, recorded())
    detailed = [each.properties["LaunchTemplateData"]["Monitoring"] for each in assembly.of("EC2::LaunchTemplate")]
    assert detailed == [{"Enabled": True}] * len(FLEETS)
    load = model.Workload(page.LOAD_RPS)
    found = model.instances(load, model.Layout.CLUSTER)
    assert found == {name: size.least for name, size in PRODUCTION.fleets.items()}
    [every] = [each for each in assembly.of("SSM::Parameter") if each.properties["Name"].endswith("/EMF_EVERY_S")]
    assert int(every.properties["Value"]) == observing.EMF_EVERY_S


def test_the_bill_pays_for_the_fleets_that_stand() -> None:
    lines = [line.what for line in page.production_bill().lines if line.service == "EC2"]
    for fleet, beginning in page.FLEET_LINES.items():
        [line] = [what for what in lines if what.startswith(beginning)]
        size, (on_demand, *spot) = PRODUCTION.fleets[fleet], line.removeprefix(beginning).split("+")
        assert sum(int(part.split()[0]) for part in (on_demand, *spot)) == size.least, line
        assert on_demand.split()[1].rstrip(",") == size.types[0], line
    gigabytes = sum(size.least * size.disk_gib for size in PRODUCTION.fleets.values())
    assert f"disks, {gigabytes} GB" in lines


def test_the_rows_are_the_bill_and_a_line_in_no_row_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    found, assembly = page.production_bill(), assembly_of(PRODUCTION, recorded())
    rows = [line.split("|") for line in page.page(assembly).splitlines() if line.count("|") == 8 and "$" not in line]
    shown = [int(row[-2].strip().replace(",", "")) for row in rows if row[-2].strip()[0].isdigit()]
    assert abs(sum(shown) - found.total()) <= Decimal(len(shown)) / 2, "each row is rounded to a dollar"
    assert cost.ours(page.LOAD_RPS, page.COMMITMENT) == found, "the bill that people see is production's"
    more = model.Bill((*found.lines, model.Line("Network", "something new", Decimal(1))))
    monkeypatch.setattr(page, "production_bill", lambda: more)
    with pytest.raises(ValueError, match="in no row"):
        page.page(assembly)


def test_the_alarms_that_runbooks_name_are_there() -> None:
    known = {slo.name for slo in SLOS} | {row.name for row in ALARMS}
    named = {
        (path.name, word)
        for path in RUNBOOKS.glob("*.md")
        for line in re.findall(r"^Alarms? .*$", path.read_text(), re.MULTILINE)
        for word in re.findall(r"[*`]([a-z -]+)[*`]", line)
    }
    assert named
    assert {each for each in named if each[1] not in known} == set()
    assert all((RUNBOOKS / slo.runbook).is_file() for slo in SLOS if slo.runbook)
