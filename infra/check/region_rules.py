"""Rules on a venue of two Regions: the data is in both, and names lead to the one that answers."""

from collections.abc import Iterator
from typing import Final

from infra.check.assembly import Assembly, Rule
from openbourse.roles import Bucket

COPIED: Final = (Bucket.ARCHIVE, Bucket.BACKUPS, Bucket.REPORTS)


def the_second_region_has_the_data(assembly: Assembly) -> Iterator[str]:
    """A replica of the database, copies of the buckets that matter, copies of every secret."""
    second = assembly.environment.second
    region = "" if second is None else second.region
    source = f":db:{assembly.environment.prefix}-journal"
    replicas = [
        each for each in assembly.of("RDS::DBInstance")
        if source in str(each.properties.get("SourceDBInstanceIdentifier"))
    ]  # fmt: skip
    if len(replicas) != 1 or replicas[0].properties.get("SourceRegion") != assembly.environment.region:
        yield f"{len(replicas)} replicas of the database"
    for kind in COPIED:
        buckets = [
            each for each in assembly.of("S3::Bucket")
            if each.name.startswith(kind.value.title()) and "ReplicationConfiguration" in each.properties
        ]  # fmt: skip
        targets = [
            str(rule["Destination"]["Bucket"])
            for each in buckets
            for rule in each.properties["ReplicationConfiguration"]["Rules"]
            if rule["Status"] == "Enabled"
        ]
        if not any(region in target for target in targets):
            yield f"{kind}: has no copy in {region}"
    for secret in assembly.of("SecretsManager::Secret"):
        is_master = "master" in str(secret.properties.get("Name")) and "key" not in str(secret.properties.get("Name"))
        copies = [each["Region"] for each in secret.properties.get("ReplicaRegions", [])]
        if copies != [region] and not is_master:
            yield f"{secret}: copied to {copies}"


def names_lead_to_the_region_that_answers(assembly: Assembly) -> Iterator[str]:
    """The public's name and the account's have two records each, and one question moves both: no venue trades in two."""
    turns: dict[str, set[str]] = {}
    asked = set()
    for record in assembly.of("Route53::RecordSet"):
        turn = str(record.properties.get("Failover"))
        turns.setdefault(str(record.properties["Name"]), set()).add(turn)
        if turn == "PRIMARY":
            check = assembly.target(record, record.properties.get("HealthCheckId"))
            if check is None or check.type != "AWS::Route53::HealthCheck":
                yield f"{record}: nobody asks whether it answers"
            asked.add(str(check))
    if len(asked) > 1:
        yield f"names move by {sorted(asked)}, apart from each other"
    wanted = {f"{label}.{assembly.environment.domain}" for label in ("api", "account")}
    yield from (f"{name}: leads nowhere" for name in wanted - turns.keys())
    yield from (f"{name}: {sorted(found)}" for name, found in turns.items() if found != {"PRIMARY", "SECONDARY"})


RULES: Final[tuple[Rule, ...]] = (the_second_region_has_the_data, names_lead_to_the_region_that_answers)
