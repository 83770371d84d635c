"""Rotation of passwords: AWS's own function changes them; every other secret says why it is not rotated by a clock."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.data import LOGINS, Stores
from infra.environments import Environment
from infra.network import Network
from infra.notifications import Notices
from infra.permissions import settings_path
from infra.plan import LOGINS_MADE, ROTATION_DAY, pascal, rotation_function
from infra.rolling import add_rolling
from infra.storage import Storage

TRANSFORM: Final = "AWS::SecretsManager-2024-09-16"
WINDOW: Final = "2h"


def add_rotation(
    stack: cdk.Stack, environment: Environment, network: Network, storage: Storage, stores: Stores, notices: Notices
) -> None:
    """Rotate what logs in to the database, each by itself and on a day of its own, and have the edges take it up.

    The password is changed in its place: open connections stay, and a new one that still has the old password is
    refused until it has read the secret anew. AWS's function comes by a macro, so it has a stack of its own, which is
    deployed with CAPABILITY_AUTO_EXPAND. RDS rotates the master password where it keeps it.
    """
    stack.add_transform(TRANSFORM)
    _wait_for_logins(stack, environment)
    logins = {need.value: stores.secrets[need] for need in LOGINS}
    masters = {"master": stores.master_secret} if stores.master_secret else {}
    for name, secret in (logins | masters).items():
        _rotate(stack, environment, network, storage.key.key_arn, name, secret)
    add_rolling(stack, environment, notices, logins, logins | masters)


def _wait_for_logins(stack: cdk.Stack, environment: Environment) -> None:
    """Have CloudFormation refuse this stack until somebody has written that `openbourse migrate` made the logins.

    A rotation before them would do no harm but an alarm: the function cannot sign in, and the password stays, which
    `migrate` then gives to the login that it makes.
    """
    made = cdk.CfnParameter(
        stack, "LoginsMade",
        type="AWS::SSM::Parameter::Value<String>",
        default=f"{settings_path(environment)}/{LOGINS_MADE}",
        description="the release whose migrate made the logins; written by whoever ran it",
    )  # fmt: skip
    cdk.CfnOutput(stack, "LoginsMadeBy", value=made.value_as_string)


def _rotate(scope: Construct, environment: Environment, network: Network, key_arn: str, name: str, secret: str) -> None:
    schedule = secretsmanager.CfnRotationSchedule
    secretsmanager.CfnRotationSchedule(
        scope, f"{pascal(name)}Rotation",
        secret_id=secret,
        rotate_immediately_on_update=False,
        rotation_rules=schedule.RotationRulesProperty(
            schedule_expression=f"cron(0 9 {ROTATION_DAY[name]} * ? *)", duration=WINDOW
        ),
        hosted_rotation_lambda=schedule.HostedRotationLambdaProperty(
            rotation_type="PostgreSQLSingleUser",
            rotation_lambda_name=rotation_function(environment, name),
            # The function's role, which the macro makes, is given the use of this key: without it, of AWS's own alone.
            kms_key_arn=key_arn,
            exclude_characters="/@\"'\\ ",
            vpc_subnet_ids=cdk.Fn.join(",", network.subnets("fleet")),
            vpc_security_group_ids=network.group("handlers"),
        ),
    )  # fmt: skip
