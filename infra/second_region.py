"""A second Region that stands by: the data is there at all times, instances when it is brought up."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.data import Postgres, Stores, add_cache, forget_text, watching
from infra.environments import Environment
from infra.network import Network
from infra.plan import PARAMETERS, POSTGRES_FAMILY, secret_name
from infra.storage import Storage
from openbourse.roles import Bucket, Need

COPIED = (Bucket.ARCHIVE, Bucket.BACKUPS, Bucket.REPORTS)
"""Market files can be made again from the archive."""


def add_copies(scope: Construct, environment: Environment, storage: Storage) -> None:
    """Copy each new object to the bucket of the same kind in the second Region, within fifteen minutes."""
    assert environment.second is not None
    region = environment.second.region
    copies = {kind: _bucket_arn(environment, kind, region) for kind in COPIED}
    role = iam.Role(
        scope, "CopyRole",
        assumed_by=iam.ServicePrincipal("s3.amazonaws.com"),
        inline_policies={"copy": iam.PolicyDocument(statements=_rights(environment, storage, copies))},
    )  # fmt: skip
    for kind, copy in copies.items():
        bucket: Any = storage.buckets[kind].node.default_child
        rule = s3.CfnBucket
        bucket.replication_configuration = rule.ReplicationConfigurationProperty(
            role=role.role_arn,
            rules=[
                rule.ReplicationRuleProperty(
                    id="second-region",
                    priority=0,
                    status="Enabled",
                    filter=rule.ReplicationRuleFilterProperty(prefix=""),
                    delete_marker_replication=rule.DeleteMarkerReplicationProperty(status="Disabled"),
                    source_selection_criteria=rule.SourceSelectionCriteriaProperty(
                        sse_kms_encrypted_objects=rule.SseKmsEncryptedObjectsProperty(status="Enabled")
                    ),
                    destination=rule.ReplicationDestinationProperty(
                        bucket=copy,
                        encryption_configuration=rule.EncryptionConfigurationProperty(
                            replica_kms_key_id=_key_alias(environment, region)
                        ),
                        metrics=rule.MetricsProperty(
                            status="Enabled", event_threshold=rule.ReplicationTimeValueProperty(minutes=15)
                        ),
                        replication_time=rule.ReplicationTimeProperty(
                            status="Enabled", time=rule.ReplicationTimeValueProperty(minutes=15)
                        ),
                    ),
                )
            ],
        )


def _bucket_arn(environment: Environment, kind: Bucket, region: str) -> str:
    return f"arn:{cdk.Aws.PARTITION}:s3:::{environment.prefix}-{kind.value}-{cdk.Aws.ACCOUNT_ID}-{region}"


def _key_alias(environment: Environment, region: str) -> str:
    return f"arn:{cdk.Aws.PARTITION}:kms:{region}:{cdk.Aws.ACCOUNT_ID}:alias/{environment.prefix}"


def _rights(environment: Environment, storage: Storage, copies: dict[Bucket, str]) -> list[iam.PolicyStatement]:
    assert environment.second is not None
    region = environment.second.region
    # By name: a bucket waits for the role that copies it, so the role cannot wait for the bucket.
    sources = [_bucket_arn(environment, kind, environment.region) for kind in copies]
    return [
        iam.PolicyStatement(actions=["s3:GetReplicationConfiguration", "s3:ListBucket"], resources=sources),
        iam.PolicyStatement(
            actions=[
                "s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging",
                "s3:GetObjectRetention", "s3:GetObjectLegalHold",
            ],
            resources=[f"{each}/*" for each in sources],
        ),
        iam.PolicyStatement(
            actions=["s3:ReplicateObject", "s3:ReplicateTags"], resources=[f"{copy}/*" for copy in copies.values()]
        ),
        iam.PolicyStatement(actions=["kms:Decrypt"], resources=[storage.key.key_arn]),
        iam.PolicyStatement(
            # The key there is known by its alias only; a policy cannot name an alias but by this condition.
            actions=["kms:GenerateDataKey", "kms:Encrypt"],
            resources=[f"arn:{cdk.Aws.PARTITION}:kms:{region}:{cdk.Aws.ACCOUNT_ID}:key/*"],
            conditions={"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{environment.prefix}"}},
        ),
    ]  # fmt: skip


def add_standby_data(scope: Construct, environment: Environment, network: Network, storage: Storage) -> Stores:
    """Add a replica of the database of the first Region, a small cache, and the names of the copied secrets."""
    subnets = rds.CfnDBSubnetGroup(
        scope, "DatabaseSubnets",
        db_subnet_group_description="zones of the database", subnet_ids=network.subnets("store"),
    )  # fmt: skip
    parameters = rds.CfnDBParameterGroup(
        scope, "DatabaseParameters",
        family=POSTGRES_FAMILY, description="commits that last", parameters=dict(PARAMETERS),
    )  # fmt: skip
    name = f"{environment.prefix}-journal"
    replica = rds.CfnDBInstance(
        scope, "Replica",
        db_instance_identifier=name,
        source_db_instance_identifier=(
            f"arn:{cdk.Aws.PARTITION}:rds:{environment.standby_of}:{cdk.Aws.ACCOUNT_ID}:db:{name}"
        ),
        source_region=environment.standby_of,
        db_instance_class=environment.database_class,
        storage_type="gp3",
        kms_key_id=storage.key.key_arn,
        multi_az=True,  # a synchronous standby from the moment of its promotion, not an hour after it
        db_subnet_group_name=subnets.ref,
        vpc_security_groups=[network.group("database")],
        db_parameter_group_name=parameters.ref,
        backup_retention_period=environment.backup_days,
        deletion_protection=environment.is_protected,
        copy_tags_to_snapshot=True,
        publicly_accessible=False,
        **watching(scope, storage),
    )  # fmt: skip
    replica.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    forget_text(scope, environment, storage, replica, f"instance/{name}")
    secrets: dict[Need, str] = {
        need: f"arn:{cdk.Aws.PARTITION}:secretsmanager:{environment.region}:{cdk.Aws.ACCOUNT_ID}"
        f":secret:{secret_name(environment, need)}-??????"
        for need in Need
        if need is not Need.SEQUENCER
    }
    cache, cache_ids = add_cache(
        scope, environment, network, storage, f"openbourse/{environment.name}/{Need.VALKEY.value}"
    )
    host = replica.attr_endpoint_address
    database = Postgres("AWS::RDS::DBInstance", replica.ref, replica.attr_db_instance_arn, host, host, (name,), (name,))
    return Stores(secrets, "", database, cache, cache_ids)
