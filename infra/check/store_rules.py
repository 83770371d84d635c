"""Rules on what is kept: in more than one zone, encrypted, backed up, and hard to delete."""

import ipaddress
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from infra.check.assembly import Assembly, Resource, Rule, listed, statements
from infra.environments import Database
from infra.plan import KEY_USE, PARAMETERS, STARTERS
from openbourse.cost.model import Workload
from openbourse.cost.storage import storage_gb
from openbourse.roles import Bucket

CACHE_CLASS: Final = re.compile(r"cache\.(?:t4g\.(?:micro|small|medium)|[mr]7g\.(?:large|(?:2|4|8|12|16)?xlarge))")
DATABASE_CLASS: Final = re.compile(r"db\.(?:t4g\.(?:medium|large)|[mr]7g\.(?:\d*x)?large|[mrc]6gd\.(?:\d*x)?large)")
DURABLE: Final = {"synchronous_commit": {"on"}, "rds.force_ssl": {"1"}, "statement_timeout": {"0"}}
SECRET_WORDS: Final = ("password", "authtoken", "secretstring")
MOVED_DAYS_MAX: Final = 90
MEANT_FOR_500: Final = ("production", "global", "closed")
GIB_IN_GB: Final = Decimal(2**30) / 10**9


def databases(assembly: Assembly) -> list[Resource]:
    """Return what PostgreSQL runs as."""
    return assembly.of("RDS::DBCluster", "RDS::DBInstance")


def the_database_survives_a_zone(assembly: Assembly) -> Iterator[str]:
    """A cluster, or an instance with a synchronous standby and a replica; its subnets in every zone."""
    kind = assembly.environment.database
    found = databases(assembly)
    clusters = [each for each in found if each.type == "AWS::RDS::DBCluster"]
    sources = [each for each in found if "SourceDBInstanceIdentifier" not in each.properties and each not in clusters]
    replicas = [each for each in found if "SourceDBInstanceIdentifier" in each.properties]
    if (len(clusters) == 1) is not (kind is Database.CLUSTER):
        yield f"{len(clusters)} clusters"
    if kind is Database.STANDBY and not (len(sources) == 1 and sources[0].properties.get("MultiAZ") is True):
        yield "no synchronous standby in another zone"
    if kind is Database.STANDBY and not replicas:
        yield "no replica to read from"
    for each in found:
        name = each.properties.get("DBClusterInstanceClass") or each.properties.get("DBInstanceClass")
        if not isinstance(name, str) or not DATABASE_CLASS.fullmatch(name):
            yield f"{each}: no such class: {name}"
    for group in assembly.of("RDS::DBSubnetGroup", "ElastiCache::SubnetGroup"):
        subnets = [assembly.target(group, each) for each in group.properties["SubnetIds"]]
        zones = {each.properties["AvailabilityZone"] for each in subnets if each is not None}
        if zones != set(assembly.environment.zones):
            yield f"{group}: in {sorted(zones)}"


def commits_last(assembly: Assembly) -> Iterator[str]:
    """An acknowledged commit is durable, connections are encrypted, and no commit is cancelled by the server."""
    groups = assembly.of("RDS::DBParameterGroup", "RDS::DBClusterParameterGroup")
    if not groups:
        yield "no parameters of our own"
    for group in groups:
        found = group.properties.get("Parameters", {})
        yield from (f"{name} is {found.get(name)}" for name, good in DURABLE.items() if found.get(name) not in good)
        yield from (f"{name} is not {value}" for name, value in PARAMETERS.items() if found.get(name) != value)
    for each in databases(assembly):
        key = "DBClusterParameterGroupName" if each.type == "AWS::RDS::DBCluster" else "DBParameterGroupName"
        if assembly.target(each, each.properties.get(key)) is None:
            yield f"{each}: has other parameters"


def databases_can_be_restored(assembly: Assembly) -> Iterator[str]:
    """Backups for as many days as the environment says, a last snapshot, and no deletion by mistake."""
    for each in databases(assembly):
        is_replica = "SourceDBInstanceIdentifier" in each.properties
        days = each.properties.get("BackupRetentionPeriod", 0)
        if not is_replica and (days != assembly.environment.backup_days or days < 1):
            yield f"{each}: backups of {days} days"
        if assembly.environment.is_available and not is_replica and days < 7:
            yield f"{each}: no restore to a moment a week ago"
        if bool(each.properties.get("DeletionProtection")) is not assembly.environment.is_protected:
            yield f"{each}: deletion protection is {each.properties.get('DeletionProtection')}"
        if not is_replica and each.body.get("DeletionPolicy") not in ("Snapshot", "Retain"):
            yield f"{each}: gone with its stack"


def the_cache_survives_a_zone(assembly: Assembly) -> Iterator[str]:
    """Valkey fails over to another zone where a zone may be lost, and its nodes are of a type that exists."""
    groups = assembly.of("ElastiCache::ReplicationGroup")
    if len(groups) != 1:
        yield f"{len(groups)} replication groups"
    for group in groups:
        if not CACHE_CLASS.fullmatch(str(group.properties.get("CacheNodeType"))):
            yield f"{group}: no such type: {group.properties.get('CacheNodeType')}"
        if group.properties.get("Engine") != "valkey":
            yield f"{group}: runs {group.properties.get('Engine')}"
        if not assembly.environment.is_available:
            continue
        for key in ("AutomaticFailoverEnabled", "MultiAZEnabled"):
            if group.properties.get(key) is not True:
                yield f"{group}: {key} is off"
        if group.properties.get("NumCacheClusters", 0) < 2:
            yield f"{group}: stands alone"


def all_is_encrypted_at_rest(assembly: Assembly) -> Iterator[str]:
    """Whatever keeps data keeps it under a key."""
    wanted = {
        "RDS::DBCluster": "KmsKeyId",
        "RDS::DBInstance": "KmsKeyId",
        "ElastiCache::ReplicationGroup": "KmsKeyId",
        "SecretsManager::Secret": "KmsKeyId",
        "SQS::Queue": "KmsMasterKeyId",
        "SNS::Topic": "KmsMasterKeyId",
        "Logs::LogGroup": "KmsKeyId",
        "Lambda::Function": "KmsKeyArn",
    }
    for kind, key in wanted.items():
        for each in assembly.of(kind):
            # A replica in the same Region has the key of its source.
            if key not in each.properties and "SourceDBInstanceIdentifier" not in each.properties:
                yield f"{each}: has no key"
    for each in assembly.of("RDS::DBCluster", "RDS::DBInstance"):
        if each.properties.get("StorageEncrypted") is not True and "SourceDBInstanceIdentifier" not in each.properties:
            yield f"{each}: in the clear"
    for each in assembly.of("ElastiCache::ReplicationGroup"):
        if each.properties.get("AtRestEncryptionEnabled") is not True:
            yield f"{each}: in the clear"
    for each in assembly.of("S3::Bucket"):
        if "BucketEncryption" not in each.properties:
            yield f"{each}: in the clear"
    for each in assembly.of("KMS::Key"):
        if each.properties.get("EnableKeyRotation") is not True:
            yield f"{each}: a key for ever"


def stores_speak_tls_only(assembly: Assembly) -> Iterator[str]:
    """Valkey, buckets, queues and topics refuse what is not encrypted on its way; PostgreSQL too (commits_last)."""
    for each in assembly.of("ElastiCache::ReplicationGroup"):
        if each.properties.get("TransitEncryptionEnabled") is not True or "AuthToken" not in each.properties:
            yield f"{each}: takes anybody in the clear"
        if each.properties.get("TransitEncryptionMode") != "required":
            yield f"{each}: TLS is a choice"
    for kind, policies, key in (
        ("S3::Bucket", "S3::BucketPolicy", "Bucket"),
        ("SQS::Queue", "SQS::QueuePolicy", "Queues"),
        ("SNS::Topic", "SNS::TopicPolicy", "Topics"),
    ):
        closed = set()
        for policy in assembly.of(policies):
            if any(_denies_plain(statement) for statement in statements(policy)):
                for value in listed(policy.properties[key]):
                    target = assembly.target(policy, value)
                    closed.add("?" if target is None else target.name)
        yield from (f"{each}: can be spoken to in the clear" for each in assembly.of(kind) if each.name not in closed)


def _denies_plain(statement: Any) -> bool:
    secure = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return bool(statement.get("Effect") == "Deny" and secure == "false")


def buckets_keep_and_forget(assembly: Assembly) -> Iterator[str]:
    """Closed to the public, versioned, with an age; what auditors and restores rely on cannot be deleted."""
    found = {}
    for each in assembly.of("S3::Bucket"):
        block = each.properties.get("PublicAccessBlockConfiguration", {})
        if list(block.values()) != [True] * 4:
            yield f"{each}: may be made public"
        if each.properties.get("VersioningConfiguration", {}).get("Status") != "Enabled":
            yield f"{each}: an overwrite is final"
        if not each.properties.get("LifecycleConfiguration", {}).get("Rules"):
            yield f"{each}: grows for ever at the dearest price"
        found[each.name] = each
    for kind, mode in ((Bucket.ARCHIVE, "COMPLIANCE"), (Bucket.BACKUPS, "GOVERNANCE")):
        bucket = next((each for name, each in found.items() if name.startswith(kind.value.title())), None)
        lock = {} if bucket is None else bucket.properties.get("ObjectLockConfiguration", {})
        retention = lock.get("Rule", {}).get("DefaultRetention", {})
        if retention.get("Mode") != mode or retention.get("Days", 0) < 1:
            yield f"{kind}: no lock of mode {mode}"
        if kind is Bucket.ARCHIVE and retention.get("Days") != assembly.environment.archive_days:
            yield f"{kind}: locked for {retention.get('Days')} days"


def no_secret_is_written_down(assembly: Assembly) -> Iterator[str]:
    """Passwords are made by AWS and referred to, never in a template."""
    for resource in assembly.all:
        for path, value in _leaves(resource.properties):
            last = path[-1].lower() if path else ""
            is_secret = any(word in last for word in SECRET_WORDS) and "generate" not in "".join(path).lower()
            if is_secret and isinstance(value, str) and len(value) > 5 and "resolve:" not in value:
                yield f"{resource}: {'.'.join(path)}"


def changed_secrets_say_where(assembly: Assembly) -> Iterator[str]:
    """A password that the clock changes is changed in the database too: its secret says which one, and where."""
    attached = {
        target.name
        for each in assembly.of("SecretsManager::SecretTargetAttachment")
        if (target := assembly.target(each, each.properties["SecretId"])) is not None
    }
    for each in assembly.of("SecretsManager::RotationSchedule"):
        secret = assembly.target(each, each.properties["SecretId"])
        if secret is None or secret.name not in attached:
            yield f"{each}: {secret} names no database"


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        if set(value) == {"Fn::Join"}:
            yield path, json.dumps(value)
        else:
            for key, inner in value.items():
                yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    else:
        yield path, value


def events_are_sent(assembly: Assembly) -> Iterator[str]:
    """A bucket whose events a rule waits for sends them; by itself a bucket sends none."""
    for rule in assembly.of("Events::Rule"):
        pattern = rule.properties.get("EventPattern", {})
        for name in pattern.get("detail", {}).get("bucket", {}).get("name", []):
            bucket = assembly.target(rule, name)
            told = {} if bucket is None else bucket.properties.get("NotificationConfiguration", {})
            if told.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled") is not True:
                yield f"{rule}: waits for events of {bucket}, which sends none"


def starters_may_use_the_key(assembly: Assembly) -> Iterator[str]:
    """Auto Scaling and EC2's Spot may use the key and grant it to EC2: no instance starts from an image under it else."""
    for key in assembly.of("KMS::Key"):
        found = set()
        for statement in statements(key):
            condition = statement.get("Condition", {})
            for role in listed(condition.get("StringEquals", {}).get("aws:PrincipalArn", [])):
                for action in listed(statement["Action"]):
                    is_grant = condition.get("Bool", {}).get("kms:GrantIsForAWSResource") == "true"
                    found.add((str(role["Fn::Join"][1][-1]), action, is_grant))
            is_open = statement.get("Principal") in ("*", {"AWS": "*"})
            if is_open and not {"kms:CallerAccount", "aws:PrincipalArn"} <= set(condition.get("StringEquals", {})):
                yield f"{key}: may be used by anybody"
        wanted = {
            (f":role/aws-service-role/{service}.amazonaws.com/{role}", action, action == "kms:CreateGrant")
            for service, role in STARTERS
            for action in (*KEY_USE, "kms:CreateGrant")
        }
        if found != wanted:
            yield f"{key}: {sorted(wanted ^ found)}"


def the_journal_has_room(assembly: Assembly) -> Iterator[str]:
    """Archived batches are dropped, and what is kept of them has room beside a month of orders, where 500 requests/s are meant."""
    told = [each for each in assembly.of("SSM::Parameter") if str(each.properties["Name"]).endswith("/JOURNAL_DAYS")]
    days = [int(each.properties["Value"]) for each in told]
    if len(days) != 1 or days[0] < 1:
        yield f"the journal is dropped after {days} days"
        return
    if assembly.environment.name not in MEANT_FOR_500:
        return
    needed = storage_gb(Workload(500).commands, days[0])
    for each in databases(assembly):
        given = each.properties.get("AllocatedStorage")
        if given is not None and int(given) * GIB_IN_GB < needed:
            yield f"{each}: {given} GiB, and {days[0]} days and a month take {needed:.0f} GB"


def subnets_do_not_meet(assembly: Assembly) -> Iterator[str]:
    """Subnets lie in their network and beside each other."""
    known: list[tuple[Any, Resource]] = []
    network = ipaddress.ip_network(assembly.environment.cidr)
    for each in assembly.of("EC2::Subnet"):
        found = ipaddress.ip_network(each.properties["CidrBlock"])
        if not found.subnet_of(network):  # type: ignore[arg-type]
            yield f"{each}: {found} is not in {network}"
        yield from (f"{each}: {found} meets {other} of {name}" for other, name in known if found.overlaps(other))
        known.append((found, each))


RULES: Final[tuple[Rule, ...]] = (
    the_database_survives_a_zone,
    commits_last,
    databases_can_be_restored,
    the_cache_survives_a_zone,
    all_is_encrypted_at_rest,
    stores_speak_tls_only,
    buckets_keep_and_forget,
    no_secret_is_written_down,
    changed_secrets_say_where,
    events_are_sent,
    starters_may_use_the_key,
    the_journal_has_room,
    subnets_do_not_meet,
)
