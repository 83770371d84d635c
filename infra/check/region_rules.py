"""Rules on a venue of two Regions: the data is in both, and names lead to the one that answers."""

from collections.abc import Iterator
from typing import Final

from infra.check.assembly import Assembly, Resource, Rule
from infra.plan import REGION_PATH, TRADES, TRADES_HERE, region_name, trades_name
from openbourse.roles import TURN_ADDRESSES, Bucket

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
        copies = [each["Region"] for each in secret.properties.get("ReplicaRegions", [])]
        if copies != [region]:
            yield f"{secret}: copied to {copies}"


def the_second_regions_data_waits_for_the_first(assembly: Assembly) -> Iterator[str]:
    """The replica's source and the copied secrets are of the first Region's stack: it is deployed before."""
    firsts = {each.template.stack for each in assembly.of("SecretsManager::Secret")}
    for each in assembly.of("RDS::DBInstance"):
        waits = set(each.template.waits)
        if "SourceRegion" in each.properties and (not firsts or not firsts <= waits):
            yield f"{each}: waits for {sorted(waits)}, and not for {sorted(firsts)}"


def names_move_together_and_by_a_person(assembly: Assembly) -> Iterator[str]:
    """Every name has a record in each Region, and one answer moves all: that of the Region that stands by."""
    turns: dict[str, set[str]] = {}
    asked = set()
    for record in _names(assembly):
        own, turn = record.properties, str(record.properties.get("Failover"))
        turns.setdefault(str(own["Name"]), set()).add(turn)
        if own.get("AliasTarget", {}).get("EvaluateTargetHealth"):
            yield f"{record}: moves by what its targets do"
        check = assembly.target(record, own.get("HealthCheckId"))
        if turn == "PRIMARY":
            asked.add(str(check))
            yield from _not_the_pin(assembly, record, check)
        elif check is not None:
            yield f"{record}: moves back by {check}"
    if len(asked) > 1:
        yield f"names move by {sorted(asked)}, apart from each other"
    wanted = {f"{label}.{assembly.environment.domain}" for label in ("api", "account", TRADES)}
    yield from (f"{name}: leads nowhere" for name in wanted - turns.keys())
    yield from (f"{name}: {sorted(found)}" for name, found in turns.items() if found != {"PRIMARY", "SECONDARY"})


def _names(assembly: Assembly) -> list[Resource]:
    """Return the records of names that lead to one of two Regions; each Region's own name is not one of them."""
    return [
        each for each in assembly.of("Route53::RecordSet")
        if each.properties["Type"] == "A" and not _is_a_regions_own(assembly, each)
    ]  # fmt: skip


def _is_a_regions_own(assembly: Assembly, record: Resource) -> bool:
    second = assembly.environment.second
    assert second is not None
    return bool(record.properties["Name"] == region_name(assembly.environment, second.region))


def _not_the_pin(assembly: Assembly, record: Resource, check: Resource | None) -> Iterator[str]:
    """Yield what is wrong with the question that moves a name: what the first Region does must not be asked."""
    second = assembly.environment.second
    assert second is not None
    if check is None or check.type != "AWS::Route53::HealthCheck":
        yield f"{record}: nobody asks who trades"
        return
    asked = check.properties["HealthCheckConfig"]
    wanted = {
        "Type": "HTTPS_STR_MATCH",
        "FullyQualifiedDomainName": region_name(assembly.environment, second.region),
        "ResourcePath": REGION_PATH,
        "SearchString": TRADES_HERE,
        "Inverted": True,
    }
    yield from (f"{check}: {key} is {asked.get(key)}" for key, value in wanted.items() if asked.get(key) != value)


def the_second_region_says_that_it_stands_by(assembly: Assembly) -> Iterator[str]:
    """It has a name of its own, and its front says there, before anything else, that it does not trade."""
    own = [each for each in assembly.of("Route53::RecordSet") if _is_a_regions_own(assembly, each)]
    if [record.properties.get("Failover") for record in own] != [None]:
        yield f"its own name: {[str(each) for each in own]}"
    answers = [
        rule for rule in assembly.of("ElasticLoadBalancingV2::ListenerRule")
        if REGION_PATH in rule.properties["Conditions"][0]["PathPatternConfig"]["Values"]
    ]  # fmt: skip
    if len(answers) != 1:
        yield f"{len(answers)} answers to who trades"
    for rule in answers:
        said = rule.properties["Actions"][0].get("FixedResponseConfig", {})
        if not str(said.get("StatusCode")).startswith("5") or TRADES_HERE in str(said.get("MessageBody")):
            yield f"{rule}: says {said}"
        before = [
            each for each in assembly.of("ElasticLoadBalancingV2::ListenerRule")
            if each.template is rule.template and each.name.startswith("Public")
            and each.properties["Priority"] < rule.properties["Priority"]
            and any("/*" in path for path in each.properties["Conditions"][0]["PathPatternConfig"]["Values"])
            and each.properties["Actions"][0]["Type"] == "forward"
        ]  # fmt: skip
        yield from (f"{rule}: {each} answers before it" for each in before)


def sequencers_know_which_region_they_are(assembly: Assembly) -> Iterator[str]:
    """Each Region's settings name the one that asks who trades, and the address that means itself."""
    addresses = {
        "first" if each.properties.get("Failover") == "PRIMARY" else "second": each.properties.get("ResourceRecords")
        for each in _names(assembly)
        if each.properties["Name"] == trades_name(assembly.environment)
    }
    if addresses != {turn.value: [address] for turn, address in TURN_ADDRESSES.items()}:
        yield f"who trades is told by {addresses}"
    told: dict[str, list[str]] = {"REGION_NAME": [], "REGION_TURN": []}
    for each in assembly.of("SSM::Parameter"):
        name = str(each.properties["Name"]).rpartition("/")[2]
        if name in told:
            told[name].append(
                f"{'second' if '-second-' in each.template.stack else 'first'}: {each.properties['Value']}"
            )
    name = trades_name(assembly.environment)
    if sorted(told["REGION_NAME"]) != [f"first: {name}", f"second: {name}"]:
        yield f"asked is {told['REGION_NAME']}"
    if sorted(told["REGION_TURN"]) != ["first: first", "second: second"]:
        yield f"they take themselves for {told['REGION_TURN']}"


RULES: Final[tuple[Rule, ...]] = (
    the_second_region_has_the_data,
    the_second_regions_data_waits_for_the_first,
    names_move_together_and_by_a_person,
    the_second_region_says_that_it_stands_by,
    sequencers_know_which_region_they_are,
)
