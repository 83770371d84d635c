"""What an account has once in a Region, whatever environments share it: a stack of its own, deployed before theirs."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.plan import API_GREETING, API_WRITES, OS_METRICS, account_stack_name

OS_METRICS_DAYS: Final = logs.RetentionDays.ONE_MONTH


def add_account(scope: Construct, region: str) -> cdk.Stack:
    """Add the stack: with an environment's own, the last one deployed would win, and the first removed take it away."""
    stack = cdk.Stack(
        scope, account_stack_name(region),
        suppress_template_indentation=True,
        env=cdk.Environment(region=region),
        description="openbourse: what all environments of an account share in a Region",
        termination_protection=True,
    )  # fmt: skip
    _let_apis_write(stack)
    # RDS would make this one itself, and keep it for ever. Under CloudWatch's own key: no environment's may go with it.
    logs.LogGroup(
        stack, "DatabaseMachinesLog",
        log_group_name=OS_METRICS, retention=OS_METRICS_DAYS, removal_policy=cdk.RemovalPolicy.RETAIN,
    )  # fmt: skip
    return stack


def _let_apis_write(scope: Construct) -> None:
    """Let API Gateway write logs: one role for all APIs of an account in a Region."""
    place = f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:log-group"
    # The third is where it greets, at once when the role is named, with a group that it makes: without that it refuses
    # the role, and the stack is taken back. Groups are described without a name.
    groups = [f"{place}:/openbourse/*", f"{place}:API-Gateway-*", f"{place}:{API_GREETING}*"]
    writer = iam.Role(
        scope, "AccountLogRole",
        assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
        inline_policies={
            "write": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(actions=list(API_WRITES), resources=groups),
                    iam.PolicyStatement(actions=["logs:DescribeLogGroups"], resources=[f"{place}:*"]),
                ]
            )
        },
    )  # fmt: skip
    account = apigateway.CfnAccount(scope, "AccountLogging", cloud_watch_role_arn=writer.role_arn)
    account.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
