"""What follows a rotation: edges are restarted, one at a time, and operators hear of what failed.

A restart in place, by Run Command, and not an instance refresh: a password wants no new machine, and no zone that has
one to spare. Run Command alone would restart fifty at once, so an automation stands before it. Sequencers and workers
are left alone: they end when a new connection is refused for its password, and come back with the new one.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.environments import Environment
from infra.notifications import Notices
from infra.permissions import arn
from infra.plan import pascal, rolled_fleets, rolling_rule, telling_rule

RESTART_S_MAX: Final = 600
ROLL_S_MAX: Final = 7_200
"""Of a fleet at its largest: twelve instances, each gone after 35 s, ready after ten and believed in after twelve."""
RESTART: Final = """\
set -eu
fleet=$(sed -n 's/^OPENBOURSE_FLEET=//p' /etc/openbourse/instance.env)
for unit in $(systemctl list-units --plain --no-legend --state=active "openbourse-$fleet@*.service" | cut -d ' ' -f 1); do
    systemctl restart "$unit"
    sleep 12
done
"""
"""An edge leaves the balancer before it ends and is started when it serves (`Type=notify`). What it had kept of the
secret is older than a quarter of an hour, or refused once and then forgotten. The pause is two checks of the balancer's."""


def add_rolling(
    scope: Construct, environment: Environment, notices: Notices, logins: Mapping[str, str], rotated: Mapping[str, str]
) -> None:
    """Add the rule on a login's change, what it begins, and the rules on what fails."""
    restart = ssm.CfnDocument(
        scope, "Restart",
        name=f"{environment.prefix}-restart",
        document_type="Command",
        document_format="JSON",
        update_method="NewVersion",
        content=_command(),
    )  # fmt: skip
    name = f"{environment.prefix}-take-up-login"
    worker = _role(scope, "RollRole", "ssm", _may_restart(environment, restart))
    automation = ssm.CfnDocument(
        scope, "TakeUpLogin",
        name=name,
        document_type="Automation",
        document_format="JSON",
        update_method="NewVersion",
        content=_automation(environment, restart, worker),
    )  # fmt: skip
    definition = arn("ssm", f"automation-definition/{name}")
    starter = _role(
        scope, "RollStartRole", "events",
        [
            iam.PolicyStatement(actions=["ssm:StartAutomationExecution"], resources=[f"{definition}:*"]),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[worker.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
            ),
        ],
    )  # fmt: skip
    rule = events.CfnRule(
        scope, "LoginChanged",
        name=rolling_rule(environment),
        description="a login's password was changed: the edges take it up",
        state="ENABLED",
        # Secrets Manager's own word, which needs no trail: told when the new password is the one that is good.
        event_pattern={
            "source": ["aws.secretsmanager"],
            "detail-type": ["Secret Label Updated"],
            "resources": list(logins.values()),
            "detail": {"labelUpdated": ["AWSCURRENT"]},
        },
        targets=[
            events.CfnRule.TargetProperty(
                id="roll",
                arn=f"{definition}:$DEFAULT",
                role_arn=starter.role_arn,
                input_transformer=events.CfnRule.InputTransformerProperty(
                    input_paths_map={"login": "$.detail.name"}, input_template='{"Login":[<login>]}'
                ),
                retry_policy=events.CfnRule.RetryPolicyProperty(
                    maximum_retry_attempts=10, maximum_event_age_in_seconds=3_600
                ),
            )
        ],
    )  # fmt: skip
    rule.add_resource_dependency(automation)
    _tell_of_failures(scope, environment, notices, rotated, name)


def _tell_of_failures(
    scope: Construct, environment: Environment, notices: Notices, rotated: Mapping[str, str], automation: str
) -> None:
    _tell(
        scope, environment, "RotationFailed", notices, f"{environment.name}: a password was not changed: <what>",
        {
            # Of CloudTrail: silent in an account without a trail, where the alarm rotation-failing speaks alone.
            "source": ["aws.secretsmanager"],
            "detail-type": ["AWS Service Event via CloudTrail"],
            "detail": {
                "eventSource": ["secretsmanager.amazonaws.com"],
                "eventName": ["RotationFailed", "RotationAbandoned"],
                "additionalEventData": {"SecretId": list(rotated.values())},
            },
        },
        "$.detail.additionalEventData.SecretId",
    )  # fmt: skip
    _tell(
        scope, environment, "RollFailed", notices, f"{environment.name}: edges still have a former password: <what>",
        {
            "source": ["aws.ssm"],
            "detail-type": ["EC2 Automation Execution Status-change Notification"],
            "detail": {"Definition": [automation], "Status": ["Failed", "TimedOut", "Cancelled"]},
        },
        "$.detail.ExecutionId",
    )  # fmt: skip


def _command() -> dict[str, Any]:
    return {
        "schemaVersion": "2.2",
        "description": "restart the fleet's processes of one instance, and wait until the balancer has them again",
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": "restart",
                "inputs": {"timeoutSeconds": str(RESTART_S_MAX), "runCommand": RESTART.splitlines()},
            }
        ],
    }


def _automation(environment: Environment, restart: ssm.CfnDocument, worker: iam.Role) -> dict[str, Any]:
    return {
        "schemaVersion": "0.3",
        "description": "edges take up a login's new password, one instance at a time",
        "assumeRole": worker.role_arn,
        "parameters": {"Login": {"type": "String", "description": "whose password was changed"}},
        "mainSteps": [
            {
                "name": pascal(fleet.name),
                "action": "aws:runCommand",
                "timeoutSeconds": ROLL_S_MAX,
                "onFailure": "Abort",
                "inputs": {
                    "DocumentName": restart.ref,
                    "Targets": [
                        {"Key": "tag:openbourse:environment", "Values": [environment.name]},
                        {"Key": "tag:openbourse:fleet", "Values": [fleet.name]},
                    ],
                    "MaxConcurrency": "1",
                    "MaxErrors": "0",  # what cannot be started stops it: the others serve on by what is open
                    "TimeoutSeconds": RESTART_S_MAX,
                },
            }
            for fleet in rolled_fleets()
        ],
    }


def _may_restart(environment: Environment, restart: ssm.CfnDocument) -> list[iam.PolicyStatement]:
    """Return the right to send this one command to the edges of this environment, and to see what came of it."""
    return [
        iam.PolicyStatement(actions=["ssm:SendCommand"], resources=[arn("ssm", f"document/{restart.ref}")]),
        iam.PolicyStatement(
            actions=["ssm:SendCommand"],
            resources=[arn("ec2", "instance/*")],
            conditions={
                "StringEquals": {
                    "ssm:resourceTag/openbourse:environment": environment.name,
                    "ssm:resourceTag/openbourse:fleet": [fleet.name for fleet in rolled_fleets()],
                }
            },
        ),
        iam.PolicyStatement(
            actions=["ssm:ListCommands", "ssm:ListCommandInvocations", "ssm:DescribeInstanceInformation"],
            resources=["*"],
        ),
    ]


def _role(scope: Construct, name: str, service: str, statements: list[iam.PolicyStatement]) -> iam.Role:
    return iam.Role(
        scope, name,
        assumed_by=iam.ServicePrincipal(
            f"{service}.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
        ),
        inline_policies={"roll": iam.PolicyDocument(statements=statements)},
    )  # fmt: skip


def _tell(
    scope: Construct, environment: Environment, name: str, notices: Notices, text: str, pattern: Mapping[str, Any],
    what: str,
) -> None:  # fmt: skip
    events.CfnRule(
        scope, name,
        name=telling_rule(environment, name),
        description=text,
        state="ENABLED",
        event_pattern=pattern,
        targets=[
            events.CfnRule.TargetProperty(
                id="operators",
                arn=notices.operators.topic_arn,
                input_transformer=events.CfnRule.InputTransformerProperty(
                    input_paths_map={"what": what}, input_template=json.dumps(text)
                ),
            )
        ],
    )  # fmt: skip
