"""What the instances of a fleet may do: made from the needs of its roles, and nothing beside."""

from collections.abc import Iterable
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.data import Stores
from infra.environments import Environment
from infra.plan import PLAN_TAG, needs_of, pascal
from infra.storage import Storage
from openbourse.roles import Fleet, Need, role_named

# A shell for operators goes through Session Manager: no port, no key pair. These actions know no resources.
SESSION_ACTIONS: Final = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)


HOST_NAMESPACE: Final = "openbourse/host"
"""What the image's agent tells of memory and disks."""


def arn(service: str, resource: str) -> str:
    """Return the name of a resource of this account and Region."""
    return f"arn:{cdk.Aws.PARTITION}:{service}:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:{resource}"


def settings_path(environment: Environment) -> str:
    """Return where the settings of an environment lie in the parameter store."""
    return f"/openbourse/{environment.name}"


def add_role(
    scope: Construct, environment: Environment, fleet: Fleet, storage: Storage, stores: Stores, topic: str, plan: str
) -> iam.Role:
    """Add the role of a fleet's instances."""
    statements = [
        *_of_every_instance(environment, fleet),
        *_of_secrets(fleet, storage, stores),
        *_of_buckets(fleet, storage),
        *(_of_notices(storage, topic) if "notifier" in fleet.roles else ()),
        *(_of_gateway_keys(plan) if "identity" in fleet.roles else ()),
    ]
    return iam.Role(
        scope, f"{pascal(fleet.name)}Role",
        description=f"instances of the fleet {fleet.name}",
        assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
        inline_policies={"fleet": iam.PolicyDocument(statements=statements)},
    )  # fmt: skip


def _of_every_instance(environment: Environment, fleet: Fleet) -> Iterable[iam.PolicyStatement]:
    yield iam.PolicyStatement(
        sid="Settings",
        actions=["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"],
        resources=[arn("ssm", f"parameter{settings_path(environment)}/*")],
    )
    yield iam.PolicyStatement(
        sid="Logs",
        actions=["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
        resources=[f"{arn('logs', f'log-group:{log_group_name(environment, fleet)}')}:*"],
    )
    yield iam.PolicyStatement(
        sid="HostMetrics",
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        conditions={"StringEquals": {"cloudwatch:namespace": HOST_NAMESPACE}},
    )
    # Of memory and disks the agent tells nothing before it has read its group's name from the instance's tags.
    yield iam.PolicyStatement(sid="GroupName", actions=["ec2:DescribeTags"], resources=["*"])
    yield iam.PolicyStatement(sid="Shell", actions=list(SESSION_ACTIONS), resources=["*"])


def log_group_name(environment: Environment, fleet: Fleet) -> str:
    """Return where a fleet's text goes."""
    return f"/openbourse/{environment.name}/{fleet.name}"


def _of_secrets(fleet: Fleet, storage: Storage, stores: Stores) -> Iterable[iam.PolicyStatement]:
    needed = [need for need in Need if need in needs_of(fleet) and need in stores.secrets]
    if needed:
        yield iam.PolicyStatement(
            sid="Secrets",
            actions=["secretsmanager:GetSecretValue"],
            resources=[stores.secrets[need] for need in needed],
        )
        yield iam.PolicyStatement(
            sid="SecretsKey",
            actions=["kms:Decrypt"],
            resources=[storage.key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"secretsmanager.{cdk.Aws.REGION}.amazonaws.com"}},
        )


def _of_buckets(fleet: Fleet, storage: Storage) -> Iterable[iam.PolicyStatement]:
    roles = [role for role in map(role_named, fleet.roles) if role is not None]
    reads = sorted({kind for role in roles for kind in role.reads})
    writes = sorted({kind for role in roles for kind in role.writes})
    if reads:
        yield iam.PolicyStatement(
            sid="ReadObjects",
            actions=["s3:GetObject"],
            resources=[storage.buckets[kind].arn_for_objects("*") for kind in reads],
        )
    if writes:
        yield iam.PolicyStatement(
            sid="WriteObjects",
            actions=["s3:PutObject", "s3:AbortMultipartUpload"],
            resources=[storage.buckets[kind].arn_for_objects("*") for kind in writes],
        )
    if touched := sorted({*reads, *writes}):
        yield iam.PolicyStatement(
            sid="ListObjects",
            actions=["s3:ListBucket"],
            resources=[storage.buckets[kind].bucket_arn for kind in touched],
        )
        yield iam.PolicyStatement(
            sid="ObjectsKey",
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[storage.key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"s3.{cdk.Aws.REGION}.amazonaws.com"}},
        )


def _of_gateway_keys(plan: str) -> Iterable[iam.PolicyStatement]:
    """Yield making, finding and removing keys, and putting them into one plan; no plan, no API, no change of a key.

    Ids of keys are not known before they are made, and IAM knows no names of them: ours are told by a tag. A key may be
    made with that tag only, and removed with it only. What IAM cannot: who may tag what is made may tag what is there, so
    a thief removes another's key by two calls, both in the trail; a fault of the program's removes none.
    """
    gateway = f"arn:{cdk.Aws.PARTITION}:apigateway:{cdk.Aws.REGION}::"
    tags = f"{gateway}/tags/arn%3A{cdk.Aws.PARTITION}%3Aapigateway%3A{cdk.Aws.REGION}%3A%3A%2Fapikeys%2F*"
    asked = {"StringEquals": {f"aws:RequestTag/{PLAN_TAG}": plan}}
    theirs = {"StringEquals": {f"aws:ResourceTag/{PLAN_TAG}": plan}}
    yield iam.PolicyStatement(
        sid="MakeKeys", actions=["apigateway:POST"], resources=[f"{gateway}/apikeys"], conditions=asked
    )
    yield iam.PolicyStatement(sid="TagKeys", actions=["apigateway:PUT"], resources=[tags], conditions=asked)
    yield iam.PolicyStatement(
        sid="PlanKeys", actions=["apigateway:POST"], resources=[f"{gateway}/usageplans/{plan}/keys"]
    )
    yield iam.PolicyStatement(sid="FindKeys", actions=["apigateway:GET"], resources=[f"{gateway}/apikeys"])
    yield iam.PolicyStatement(
        sid="RemoveKeys", actions=["apigateway:DELETE"], resources=[f"{gateway}/apikeys/*"], conditions=theirs
    )


def _of_notices(storage: Storage, topic: str) -> Iterable[iam.PolicyStatement]:
    yield iam.PolicyStatement(sid="Notices", actions=["sns:Publish"], resources=[topic])
    yield iam.PolicyStatement(
        sid="NoticesKey",
        actions=["kms:Decrypt", "kms:GenerateDataKey"],
        resources=[storage.key.key_arn],
        conditions={"StringEquals": {"kms:ViaService": f"sns.{cdk.Aws.REGION}.amazonaws.com"}},
    )
