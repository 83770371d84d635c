"""Keys and buckets: what outlives everything else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.environments import Environment
from infra.plan import KEY_USE, STARTERS, UNNAMED
from openbourse.roles import Bucket

BACKUP_LOCK_DAYS: Final = 35
LOG_EXPIRY_DAYS: Final = 400  # a year, and the month in which somebody asks for it


@dataclass(frozen=True, slots=True)
class Storage:
    """What other stacks need of it."""

    key: kms.Key
    logs: s3.Bucket
    buckets: Mapping[Bucket, s3.Bucket]


def add_storage(scope: Construct, environment: Environment) -> Storage:
    """Add the key and the buckets of an environment."""
    key = kms.Key(
        scope, "Key",
        alias=f"alias/{environment.prefix}",
        description=f"everything that {environment.prefix} keeps",
        enable_key_rotation=True,
        pending_window=cdk.Duration.days(30),
        removal_policy=_policy(environment),
    )  # fmt: skip
    _let_services_use(key)
    _let_instances_start(key)
    logs = _log_bucket(scope, environment)
    buckets = {kind: _bucket(scope, environment, kind, key, logs) for kind in Bucket}
    return Storage(key, logs, buckets)


def _policy(environment: Environment) -> cdk.RemovalPolicy:
    return cdk.RemovalPolicy.RETAIN if environment.is_protected else cdk.RemovalPolicy.DESTROY


def _let_services_use(key: kms.Key) -> None:
    """Let AWS services that act by themselves use the key, for this account only where they say whose they are."""
    account = {"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
    for service in ("cloudwatch", "sns", "budgets", "costalerts", "events", "ses"):
        key.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
                resources=["*"],  # in a key's own policy: this key
                conditions=None if service == UNNAMED else account,
            )
        )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            actions=list(KEY_USE),
            principals=[iam.ServicePrincipal(f"logs.{cdk.Aws.REGION}.amazonaws.com")],
            resources=["*"],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:"
                    f"{cdk.Aws.ACCOUNT_ID}:log-group:*"
                }
            },
        )
    )


def _let_instances_start(key: kms.Key) -> None:
    """Let Auto Scaling, and EC2 for Spot, start instances from images and disks under this key.

    By a condition, not by naming the roles: AWS makes them when the first group or Spot instance is made, and a key's
    policy that names a role which is not there yet is refused. Nor may a stack make them, for it is refused where they are.
    """
    roles = [
        f"arn:{cdk.Aws.PARTITION}:iam::{cdk.Aws.ACCOUNT_ID}:role/aws-service-role/{service}.amazonaws.com/{name}"
        for service, name in STARTERS
    ]
    asking = {"StringEquals": {"kms:CallerAccount": cdk.Aws.ACCOUNT_ID, "aws:PrincipalArn": roles}}
    for sid, actions, condition in (
        ("UseByStarters", list(KEY_USE), asking),
        # A grant for the volume, to be used by EC2 alone, for as long as it is attached.
        ("GrantByStarters", ["kms:CreateGrant"], {**asking, "Bool": {"kms:GrantIsForAWSResource": "true"}}),
    ):
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid, actions=actions, principals=[iam.AnyPrincipal()], resources=["*"], conditions=condition
            )
        )


def _log_bucket(scope: Construct, environment: Environment) -> s3.Bucket:
    """Add the bucket of access and flow logs: balancers can write to none that has a key of ours."""
    bucket = s3.Bucket(
        scope, "Logs",
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=True,
        removal_policy=_policy(environment),
        lifecycle_rules=[
            s3.LifecycleRule(
                id="age",
                abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                transitions=[_move(s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, 30)],
                expiration=cdk.Duration.days(LOG_EXPIRY_DAYS),
                noncurrent_version_expiration=cdk.Duration.days(7),
            )
        ],
    )  # fmt: skip
    for service, prefix in (("logdelivery.elasticloadbalancing", "balancer"), ("delivery.logs", "flow")):
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject"],
                principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
                resources=[bucket.arn_for_objects(f"{prefix}/*")],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
            )
        )
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["s3:GetBucketAcl"],
            principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
            resources=[bucket.bucket_arn],
            conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
        )
    )
    return bucket


def _move(storage_class: s3.StorageClass, days: int) -> s3.Transition:
    return s3.Transition(storage_class=storage_class, transition_after=cdk.Duration.days(days))


def _bucket(scope: Construct, environment: Environment, kind: Bucket, key: kms.Key, logs: s3.Bucket) -> s3.Bucket:
    # What auditors rely on cannot be deleted by anybody, the root user included; a backup can, by who may bypass it.
    lock = {
        Bucket.ARCHIVE: s3.ObjectLockRetention.compliance(cdk.Duration.days(environment.archive_days)),
        Bucket.BACKUPS: s3.ObjectLockRetention.governance(
            cdk.Duration.days(BACKUP_LOCK_DAYS if environment.is_protected else 1)
        ),
    }.get(kind)
    transitions = {
        Bucket.ARCHIVE: [_move(s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, 90)],
        Bucket.BACKUPS: [_move(s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, 30)],
        Bucket.REPORTS: [_move(s3.StorageClass.INFREQUENT_ACCESS, 90)],
        Bucket.MARKET: [_move(s3.StorageClass.INTELLIGENT_TIERING, 1)],
    }[kind]
    bucket = s3.Bucket(
        scope, kind.value.title(),
        # A name of our own, so that the copy in another Region can be told of it.
        bucket_name=f"{environment.prefix}-{kind.value}-{cdk.Aws.ACCOUNT_ID}-{environment.region}",
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=True,
        object_lock_enabled=True if lock else None,
        object_lock_default_retention=lock,
        server_access_logs_bucket=logs,
        server_access_logs_prefix=f"bucket/{kind.value}/",
        removal_policy=_policy(environment),
        lifecycle_rules=[
            s3.LifecycleRule(
                id="age",
                abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                transitions=transitions,
                expiration=cdk.Duration.days(LOG_EXPIRY_DAYS) if kind is Bucket.BACKUPS else None,
                noncurrent_version_expiration=cdk.Duration.days(90),
            )
        ],
    )  # fmt: skip
    if kind is Bucket.REPORTS:
        # The library's own switch brings a function of its own with it; the plain property does the same.
        child = bucket.node.default_child
        assert isinstance(child, s3.CfnBucket)
        child.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
    return bucket
