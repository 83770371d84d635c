"""Rotation of passwords: AWS's own function changes them; every other secret says why it is not rotated by a clock."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.data import LOGINS, Stores
from infra.environments import Environment
from infra.network import Network
from infra.plan import pascal

TRANSFORM: Final = "AWS::SecretsManager-2024-09-16"
DAYS: Final = 30


def add_rotation(stack: cdk.Stack, environment: Environment, network: Network, stores: Stores) -> None:
    """Rotate what logs in to the database, each by itself.

    The password is changed in its place: open connections stay, and a new one that still has the old password is
    refused until it has read the secret anew. AWS's function comes by a macro, so it has a stack of its own, which is
    deployed with CAPABILITY_AUTO_EXPAND. RDS rotates the master password where it keeps it.
    """
    stack.add_transform(TRANSFORM)
    logins = {need.value: stores.secrets[need] for need in LOGINS}
    if stores.master_secret:
        logins["master"] = stores.master_secret
    for name, secret in logins.items():
        _rotate(stack, environment, network, name, secret)


def _rotate(scope: Construct, environment: Environment, network: Network, name: str, secret: str) -> None:
    schedule = secretsmanager.CfnRotationSchedule
    secretsmanager.CfnRotationSchedule(
        scope, f"{pascal(name)}Rotation",
        secret_id=secret,
        rotate_immediately_on_update=False,
        rotation_rules=schedule.RotationRulesProperty(automatically_after_days=DAYS),
        hosted_rotation_lambda=schedule.HostedRotationLambdaProperty(
            rotation_type="PostgreSQLSingleUser",
            rotation_lambda_name=f"{environment.prefix}-rotate-{name}",
            exclude_characters="/@\"'\\ ",
            vpc_subnet_ids=cdk.Fn.join(",", network.subnets("fleet")),
            vpc_security_group_ids=network.group("handlers"),
        ),
    )  # fmt: skip
