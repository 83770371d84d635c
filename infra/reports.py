"""Daily reports by the clock: a schedule, the function that writes yesterday's, and where a call goes that failed."""

from dataclasses import dataclass
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.data import Stores
from infra.environments import Environment
from infra.network import Network
from infra.notifications import add_queue
from infra.observing import retention
from infra.permissions import settings_path
from infra.plan import FUNCTION_RDS_CA, POSTGRES_PORT, REPORT_HANDLER, REPORT_TIMEOUT_S, REPORT_WHEN, secret_name
from infra.storage import Storage
from openbourse.roles import Bucket, Need

ATTEMPTS: Final = 2
"""After the first: of the schedule to call, and of the function to write. What is missed all the same the workers write."""
REPORTS_AT_ONCE: Final = 1
AGE_MAX_S: Final = 6 * 3_600
ASSETS: Final = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
"""The bucket that `cdk bootstrap` makes: a release puts the function's archive there."""


@dataclass(frozen=True, slots=True)
class Reports:
    """What other stacks need of it."""

    dead: sqs.Queue
    function: lambda_.CfnFunction


def add_reports(
    scope: Construct, environment: Environment, network: Network, storage: Storage, stores: Stores
) -> Reports:
    """Add what writes the report of each day soon after its end."""
    dead = add_queue(scope, "ReportsDead", storage, None)
    function = _function(scope, environment, network, storage, stores, dead)
    lambda_.CfnEventInvokeConfig(
        scope, "ReporterCalls",
        function_name=function.ref,
        qualifier="$LATEST",
        maximum_retry_attempts=ATTEMPTS,
        maximum_event_age_in_seconds=AGE_MAX_S,
    )  # fmt: skip
    caller = iam.Role(
        scope, "ScheduleRole",
        assumed_by=iam.ServicePrincipal(
            "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
        ),
        inline_policies={
            "call": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.attr_arn]),
                    *_lays_aside(storage, dead),
                ]
            )
        },
    )  # fmt: skip
    schedule = scheduler.CfnSchedule
    scheduler.CfnSchedule(
        scope, "DailyReport",
        name=f"{environment.prefix}-daily-report",
        description="the trade report of the day that has ended",
        schedule_expression=REPORT_WHEN,
        schedule_expression_timezone="UTC",
        state="ENABLED",
        flexible_time_window=schedule.FlexibleTimeWindowProperty(mode="OFF"),
        # Without an input the function is told the time, and writes the day before it.
        target=schedule.TargetProperty(
            arn=function.attr_arn,
            role_arn=caller.role_arn,
            dead_letter_config=schedule.DeadLetterConfigProperty(arn=dead.queue_arn),
            retry_policy=schedule.RetryPolicyProperty(
                maximum_retry_attempts=ATTEMPTS, maximum_event_age_in_seconds=AGE_MAX_S
            ),
        ),
    )  # fmt: skip
    return Reports(dead, function)


def _function(
    scope: Construct, environment: Environment, network: Network, storage: Storage, stores: Stores, dead: sqs.Queue
) -> lambda_.CfnFunction:
    group = logs.LogGroup(
        scope, "ReporterLog",
        log_group_name=f"/openbourse/{environment.name}/report-function",
        retention=retention(environment.log_days),
        encryption_key=storage.key,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )  # fmt: skip
    role = iam.Role(
        scope, "ReporterRole",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"report": iam.PolicyDocument(statements=_permissions(storage, stores, dead, group))},
    )  # fmt: skip
    own = lambda_.CfnFunction
    return lambda_.CfnFunction(
        scope, "Reporter",
        description="writes the daily trade report",
        runtime="python3.14",
        architectures=["arm64"],
        handler=REPORT_HANDLER,
        # Baked by a release like the image, which names it the same way; later releases update the function alone.
        code=own.CodeProperty(
            s3_bucket=cdk.Fn.sub(ASSETS), s3_key=f"{{{{resolve:ssm:{settings_path(environment)}/report-function}}}}"
        ),
        role=role.role_arn,
        memory_size=512,
        timeout=REPORT_TIMEOUT_S,
        reserved_concurrent_executions=REPORTS_AT_ONCE if environment.reserves_functions else None,
        tracing_config=own.TracingConfigProperty(mode="Active"),
        logging_config=own.LoggingConfigProperty(log_group=group.log_group_name),
        kms_key_arn=storage.key.key_arn,
        dead_letter_config=own.DeadLetterConfigProperty(target_arn=dead.queue_arn),
        vpc_config=own.VpcConfigProperty(
            subnet_ids=network.subnets("fleet"), security_group_ids=[network.group("reports")]
        ),
        environment=own.EnvironmentProperty(variables=_settings(environment, storage, stores)),
    )  # fmt: skip


def _settings(environment: Environment, storage: Storage, stores: Stores) -> dict[str, str]:
    """Return the function's settings: secrets are named, and looked up at each call, so a rotated one is met."""

    def database(need: Need, host: str) -> str:
        name = secret_name(environment, need)
        login = f"${{secretsmanager:{name}#username}}:${{secretsmanager:{name}#password}}"
        return (
            f"postgresql://{login}@{host}:{POSTGRES_PORT}/openbourse?sslmode=verify-full&sslrootcert={FUNCTION_RDS_CA}"
        )

    return {
        # The journal says how far the day goes; the rows are read beside it, or of the writer where the reader lacks them.
        "OPENBOURSE_JOURNAL_URL": database(Need.JOURNAL, stores.database.writer),
        "OPENBOURSE_DATABASE_URL": database(Need.DATABASE, stores.database.writer),
        "OPENBOURSE_READER_URL": database(Need.DATABASE, stores.database.reader),
        "OPENBOURSE_REPORTS_URL": f"s3://{storage.buckets[Bucket.REPORTS].bucket_name}",
        "OPENBOURSE_MARKET_URL": f"s3://{storage.buckets[Bucket.MARKET].bucket_name}",
        **{f"OPENBOURSE_{name}": value for name, value in environment.settings.items()},
    }


def _permissions(storage: Storage, stores: Stores, dead: sqs.Queue, group: logs.LogGroup) -> list[iam.PolicyStatement]:
    def through(service: str) -> dict[str, dict[str, str]]:
        return {"StringEquals": {"kms:ViaService": f"{service}.{cdk.Aws.REGION}.amazonaws.com"}}

    key, reports, market = [storage.key.key_arn], storage.buckets[Bucket.REPORTS], storage.buckets[Bucket.MARKET]
    files = [reports.arn_for_objects("daily/*"), market.arn_for_objects("data/*")]
    secrets = [stores.secrets[need] for need in (Need.JOURNAL, Need.DATABASE)]
    return [
        iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=secrets),
        iam.PolicyStatement(actions=["kms:Decrypt"], resources=key, conditions=through("secretsmanager")),
        iam.PolicyStatement(actions=["s3:PutObject", "s3:GetObject"], resources=files),
        iam.PolicyStatement(actions=["s3:ListBucket"], resources=[reports.bucket_arn, market.bucket_arn]),
        iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=key, conditions=through("s3")),
        iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[group.log_group_arn]),
        # A function in a network makes its interfaces itself; these actions and those of tracing know no resource.
        iam.PolicyStatement(
            actions=["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"],
            resources=["*"],
        ),
        iam.PolicyStatement(actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"]),
        *_lays_aside(storage, dead),
    ]


def _lays_aside(storage: Storage, dead: sqs.Queue) -> list[iam.PolicyStatement]:
    return [
        iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[dead.queue_arn]),
        iam.PolicyStatement(
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[storage.key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"sqs.{cdk.Aws.REGION}.amazonaws.com"}},
        ),
    ]
