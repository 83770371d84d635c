"""Stores: PostgreSQL that keeps the journal, Valkey that carries the feed, and the secrets for both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.environments import STRIPED_GIB, Database, Environment
from infra.network import Network
from infra.observing import retention
from infra.plan import PARAMETERS, POSTGRES_FAMILY, POSTGRES_PORT, VALKEY_PORT, secret_name
from infra.storage import Storage
from openbourse.roles import Need

POSTGRES_VERSION: Final = "18.6"  # the one that `openbourse up` runs
VALKEY_VERSION: Final = "8.1"
MAINTENANCE: Final = "sun:06:00-sun:07:00"
BACKUP_WINDOW: Final = "04:00-05:00"
EXPORTS: Final = ("postgresql", "upgrade")
"""Text of the database that goes to CloudWatch."""
LOGINS: Final[Mapping[Need, str]] = {Need.JOURNAL: "openbourse_journal", Need.DATABASE: "openbourse_rows"}
"""Logins of the program; `openbourse migrate` makes them with the master login. Neither may make others."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """The database, in whichever form it runs."""

    kind: str
    ref: str
    arn: str
    writer: str  # host name that follows the primary
    reader: str  # host name of what may be behind: for reports, never for a decision
    ids: tuple[str, ...]
    replicas: tuple[str, ...] = ()  # of these, which follow another one by themselves


@dataclass(frozen=True, slots=True)
class Stores:
    """What other stacks need of it."""

    secrets: Mapping[Need, str]  # their ARNs
    master_secret: str  # of a database whose master password RDS does not keep
    database: Postgres
    cache: str
    cache_ids: tuple[str, ...]


def add_data(scope: Construct, environment: Environment, network: Network, storage: Storage) -> Stores:
    """Add the stores of an environment."""
    secrets = _secrets(scope, environment, storage)
    subnets = rds.CfnDBSubnetGroup(
        scope, "DatabaseSubnets",
        db_subnet_group_description="zones of the database",
        subnet_ids=network.subnets("store"),
    )  # fmt: skip
    add = _cluster if environment.database is Database.CLUSTER else _instances
    database = add(scope, environment, network, storage, subnets)
    for need in LOGINS:
        # Writes host and port into the secret, so that it is all that a connection needs.
        secretsmanager.CfnSecretTargetAttachment(
            scope, f"{need.value.title()}Attachment",
            secret_id=secrets[need].secret_arn, target_type=database.kind, target_id=database.ref,
        )  # fmt: skip
    cache, cache_ids = add_cache(scope, environment, network, storage, secrets[Need.VALKEY].secret_arn)
    master = scope.node.try_find_child("DatabaseMasterSecret")
    if isinstance(master, secretsmanager.CfnSecret):
        secretsmanager.CfnSecretTargetAttachment(
            scope, "MasterAttachment",
            secret_id=master.ref, target_type=database.kind, target_id=database.ref,
        )  # fmt: skip
    arns = {need: secret.secret_arn for need, secret in secrets.items()}
    return Stores(arns, master.ref if isinstance(master, secretsmanager.CfnSecret) else "", database, cache, cache_ids)


def _secrets(scope: Construct, environment: Environment, storage: Storage) -> dict[Need, secretsmanager.Secret]:
    second = environment.second
    # Under that Region's own key for secrets: ours would have to be there before this stack, and that after it.
    replicas = [secretsmanager.ReplicaRegion(region=second.region)] if second is not None else []
    secrets = {}
    for need in (Need.JOURNAL, Need.DATABASE, Need.VALKEY, Need.MASTER_KEY):
        login = LOGINS.get(need)
        length = 64
        secrets[need] = secretsmanager.Secret(
            scope, "".join(part.title() for part in need.value.split()) + "Secret",
            secret_name=secret_name(environment, need),
            description=f"what the program needs of: {need.value}",
            encryption_key=storage.key,
            replica_regions=replicas or None,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=f'{{"username": "{login}"}}' if login else None,
                generate_string_key="password" if login else None,
                password_length=length,
                exclude_punctuation=True,
                # The master key is 64 hexadecimal characters: what is left when these are taken out.
                exclude_characters="GHIJKLMNOPQRSTUVWXYZghijklmnopqrstuvwxyzABCDEF" if need is Need.MASTER_KEY else None,
                require_each_included_type=need is not Need.MASTER_KEY,
            ),
            removal_policy=cdk.RemovalPolicy.RETAIN if environment.is_protected else cdk.RemovalPolicy.DESTROY,
        )  # fmt: skip
    return secrets


def _monitoring_role(scope: Construct) -> iam.Role:
    return iam.Role(
        scope, "DatabaseMonitoring",
        assumed_by=iam.ServicePrincipal("monitoring.rds.amazonaws.com"),
        inline_policies={
            "measure": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        actions=["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                        resources=[
                            f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
                            ":log-group:RDSOSMetrics:log-stream:*"
                        ],
                    ),
                    iam.PolicyStatement(
                        actions=["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
                        resources=[
                            f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:log-group:RDSOSMetrics"
                        ],
                    ),
                ]
            )
        },
    )  # fmt: skip


def _cluster(
    scope: Construct, environment: Environment, network: Network, storage: Storage, subnets: rds.CfnDBSubnetGroup
) -> Postgres:
    """Add a writer and two readers in three zones: a fail-over is typically over in 35 s, and reading is free."""
    parameters = rds.CfnDBClusterParameterGroup(
        scope, "DatabaseParameters",
        family=POSTGRES_FAMILY, description="commits that last", parameters=dict(PARAMETERS),
    )  # fmt: skip
    name = f"{environment.prefix}-journal"
    cluster = rds.CfnDBCluster(
        scope, "Database",
        db_cluster_identifier=name,
        engine="postgres",
        engine_version=POSTGRES_VERSION,
        db_cluster_instance_class=environment.database_class,
        allocated_storage=environment.database_gib,
        storage_type="gp3",
        iops=environment.database_iops,
        storage_encrypted=True,
        kms_key_id=storage.key.key_arn,
        database_name="openbourse",
        port=POSTGRES_PORT,
        master_username="openbourse_master",
        manage_master_user_password=True,  # RDS makes it, keeps it and rotates it every seven days
        master_user_secret=rds.CfnDBCluster.MasterUserSecretProperty(kms_key_id=storage.key.key_arn),
        db_subnet_group_name=subnets.ref,
        vpc_security_group_ids=[network.group("database")],
        db_cluster_parameter_group_name=parameters.ref,
        backup_retention_period=environment.backup_days,
        preferred_backup_window=BACKUP_WINDOW,
        preferred_maintenance_window=MAINTENANCE,
        copy_tags_to_snapshot=True,
        delete_automated_backups=False,
        deletion_protection=environment.is_protected,
        enable_cloudwatch_logs_exports=list(EXPORTS),
        monitoring_interval=15,
        monitoring_role_arn=_monitoring_role(scope).role_arn,
        performance_insights_enabled=True,
        performance_insights_kms_key_id=storage.key.key_arn,
        performance_insights_retention_period=7,
        auto_minor_version_upgrade=True,
        publicly_accessible=False,
    )  # fmt: skip
    cluster.apply_removal_policy(cdk.RemovalPolicy.SNAPSHOT)
    forget_text(scope, environment, storage, cluster, f"cluster/{name}")
    # RDS names the three instances after the cluster.
    return Postgres(
        "AWS::RDS::DBCluster",
        cluster.ref,
        cluster.attr_db_cluster_arn,
        cluster.attr_endpoint_address,
        cluster.attr_read_endpoint_address,
        tuple(f"{name}-instance-{number}" for number in (1, 2, 3)),
    )


def forget_text(
    scope: Construct, environment: Environment, storage: Storage, database: cdk.CfnResource, place: str
) -> None:
    """Make the groups of a database's text before it: RDS would make them itself, without a key and kept for ever."""
    for kind in EXPORTS:
        group = logs.LogGroup(
            scope, f"{database.node.id}{kind.title()}Log",
            log_group_name=f"/aws/rds/{place}/{kind}",
            retention=retention(environment.log_days),
            encryption_key=storage.key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )  # fmt: skip
        child = group.node.default_child
        assert isinstance(child, logs.CfnLogGroup)
        database.add_resource_dependency(child)


def watching(scope: Construct, storage: Storage) -> dict[str, Any]:
    return {
        "enable_cloudwatch_logs_exports": list(EXPORTS),
        "monitoring_interval": 15,
        "monitoring_role_arn": _monitoring_role(scope).role_arn,
        "enable_performance_insights": True,
        "performance_insights_kms_key_id": storage.key.key_arn,
        "performance_insights_retention_period": 7,
        "ca_certificate_identifier": "rds-ca-rsa2048-g1",
    }


def _instances(
    scope: Construct, environment: Environment, network: Network, storage: Storage, subnets: rds.CfnDBSubnetGroup
) -> Postgres:
    has_replica = environment.database is Database.STANDBY
    parameters = rds.CfnDBParameterGroup(
        scope, "DatabaseParameters",
        family=POSTGRES_FAMILY, description="commits that last", parameters=dict(PARAMETERS),
    )  # fmt: skip
    watched = watching(scope, storage)
    name = f"{environment.prefix}-journal"
    # RDS cannot keep the password of a database that has a replica: then the secret is ours, and rotated like others.
    master = _master_secret(scope, environment, storage) if has_replica else None
    database = rds.CfnDBInstance(
        scope, "Database",
        db_instance_identifier=name,
        engine="postgres",
        engine_version=POSTGRES_VERSION,
        db_instance_class=environment.database_class,
        allocated_storage=str(environment.database_gib),
        max_allocated_storage=environment.database_gib * 4,
        storage_type="gp3",
        iops=environment.database_iops if environment.database_gib >= STRIPED_GIB else None,
        storage_encrypted=True,
        kms_key_id=storage.key.key_arn,
        multi_az=environment.is_available,
        db_name="openbourse",
        port=str(POSTGRES_PORT),
        master_username="openbourse_master",
        manage_master_user_password=None if master else True,
        master_user_secret=None
        if master
        else rds.CfnDBInstance.MasterUserSecretProperty(kms_key_id=storage.key.key_arn),
        master_user_password=f"{{{{resolve:secretsmanager:{master.ref}:SecretString:password}}}}" if master else None,
        db_subnet_group_name=subnets.ref,
        vpc_security_groups=[network.group("database")],
        db_parameter_group_name=parameters.ref,
        backup_retention_period=environment.backup_days,
        preferred_backup_window=BACKUP_WINDOW,
        preferred_maintenance_window=MAINTENANCE,
        copy_tags_to_snapshot=True,
        delete_automated_backups=not environment.is_protected,
        deletion_protection=environment.is_protected,
        auto_minor_version_upgrade=True,
        publicly_accessible=False,
        **watched,
    )  # fmt: skip
    database.apply_removal_policy(cdk.RemovalPolicy.SNAPSHOT)
    forget_text(scope, environment, storage, database, f"instance/{name}")
    kind, writer, arn = "AWS::RDS::DBInstance", database.attr_endpoint_address, database.attr_db_instance_arn
    if not has_replica:
        return Postgres(kind, database.ref, arn, writer, writer, (name,))
    replica = rds.CfnDBInstance(
        scope, "Replica",
        db_instance_identifier=f"{name}-replica",
        source_db_instance_identifier=database.ref,
        db_instance_class=environment.database_class,
        storage_type="gp3",
        vpc_security_groups=[network.group("database")],
        db_parameter_group_name=parameters.ref,
        deletion_protection=environment.is_protected,
        copy_tags_to_snapshot=True,
        auto_minor_version_upgrade=True,
        publicly_accessible=False,
        **watched,
    )  # fmt: skip
    forget_text(scope, environment, storage, replica, f"instance/{name}-replica")
    near = f"{name}-replica"
    return Postgres(kind, database.ref, arn, writer, replica.attr_endpoint_address, (name, near), (near,))


def _master_secret(scope: Construct, environment: Environment, storage: Storage) -> secretsmanager.CfnSecret:
    return secretsmanager.CfnSecret(
        scope, "DatabaseMasterSecret",
        name=f"openbourse/{environment.name}/database-master",
        description="the database's master login: used by migrations alone",
        kms_key_id=storage.key.key_arn,
        # Whoever promotes the replica there has no other login that may make logins.
        replica_regions=[secretsmanager.CfnSecret.ReplicaRegionProperty(region=environment.second.region)]
        if environment.second is not None
        else None,
        generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
            secret_string_template='{"username": "openbourse_master"}',
            generate_string_key="password",
            password_length=40,
            exclude_punctuation=True,
        ),
    )  # fmt: skip


def add_cache(
    scope: Construct, environment: Environment, network: Network, storage: Storage, secret_arn: str
) -> tuple[str, tuple[str, ...]]:
    """Add Valkey: whatever it holds can be made again from the journal, so its fail-over may lose the last writes."""
    many = environment.cache_nodes > 1
    subnets = elasticache.CfnSubnetGroup(
        scope, "CacheSubnets", description="zones of the cache", subnet_ids=network.subnets("store")
    )
    slow = logs.LogGroup(
        scope, "CacheLog",
        retention=retention(environment.log_days),
        encryption_key=storage.key,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )  # fmt: skip
    name = f"{environment.prefix}-feed"
    group = elasticache.CfnReplicationGroup(
        scope, "Cache",
        replication_group_id=name,
        replication_group_description="feed, limits, sessions: all can be made again from the journal",
        engine="valkey",
        engine_version=VALKEY_VERSION,
        cache_node_type=environment.cache_class,
        num_cache_clusters=environment.cache_nodes,
        automatic_failover_enabled=many,
        multi_az_enabled=many,
        port=VALKEY_PORT,
        at_rest_encryption_enabled=True,
        kms_key_id=storage.key.key_arn,
        transit_encryption_enabled=True,
        transit_encryption_mode="required",
        auth_token=f"{{{{resolve:secretsmanager:{secret_arn}:SecretString}}}}",
        cache_subnet_group_name=subnets.ref,
        security_group_ids=[network.group("cache")],
        snapshot_retention_limit=1 if many else 0,
        auto_minor_version_upgrade=True,
        preferred_maintenance_window=MAINTENANCE,
        log_delivery_configurations=[
            elasticache.CfnReplicationGroup.LogDeliveryConfigurationRequestProperty(
                destination_details=elasticache.CfnReplicationGroup.DestinationDetailsProperty(
                    cloud_watch_logs_details=elasticache.CfnReplicationGroup.CloudWatchLogsDestinationDetailsProperty(
                        log_group=slow.log_group_name
                    )
                ),
                destination_type="cloudwatch-logs", log_format="json", log_type="slow-log",
            )
        ],
    )  # fmt: skip
    ids = tuple(f"{name}-{number:03}" for number in range(1, environment.cache_nodes + 1))
    return group.attr_primary_end_point_address, ids
