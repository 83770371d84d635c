"""Notices to people and to operators: topic, queue with a dead-letter queue, function, mail."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.environments import Environment
from infra.mail import add_domain
from infra.observing import retention
from infra.permissions import arn
from infra.plan import UNNAMED, telling_rule
from infra.storage import Storage
from openbourse.notifier.lambda_handler import HANDLER, LAMBDA_FILES
from openbourse.roles import Bucket

SOURCE: Final = Path(__file__).parents[1] / "src"
TIMEOUT_S: Final = 30
VISIBILITY_S: Final = 6 * TIMEOUT_S
"""A message is hidden while it is worked on: six times the function's time, so that its own retries do not double it."""
ATTEMPTS: Final = 5
KEPT_DAYS: Final = 14
BATCH: Final = 10
CONCURRENCY: Final = 10  # mails are sent at the pace that SES allows, and no flood takes the account's functions


@dataclass(frozen=True, slots=True)
class Notices:
    """What other stacks need of it."""

    operators: sns.Topic
    topic: sns.Topic
    queue: sqs.Queue
    dead: sqs.Queue
    function: lambda_.CfnFunction


def add_notifications(scope: Construct, environment: Environment, storage: Storage) -> Notices:
    """Add what carries notices, to people by queue and function, to operators by a topic of their own."""
    operators = _topic(scope, "Operators", storage)
    sns.CfnSubscription(
        scope, "OperatorsMail", topic_arn=operators.topic_arn, protocol="email", endpoint=environment.mail
    )
    topic = _topic(scope, "Notices", storage)
    dead = add_queue(scope, "NoticesDead", storage, None)
    queue = add_queue(scope, "NoticesQueue", storage, sqs.DeadLetterQueue(max_receive_count=ATTEMPTS, queue=dead))
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["sqs:SendMessage"],
            principals=[iam.ServicePrincipal("sns.amazonaws.com")],
            resources=[queue.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": topic.topic_arn}},
        )
    )
    sns.CfnSubscription(
        scope, "NoticesToQueue",
        topic_arn=topic.topic_arn, protocol="sqs", endpoint=queue.queue_arn, raw_message_delivery=True,
    )  # fmt: skip
    function = _function(scope, environment, storage, queue)
    _reports(scope, environment, storage, operators)
    return Notices(operators, topic, queue, dead, function)


def _topic(scope: Construct, name: str, storage: Storage) -> sns.Topic:
    topic = sns.Topic(scope, name, master_key=storage.key, enforce_ssl=True)
    account = {"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
    for service in ("cloudwatch", "budgets", "costalerts", "events") if name == "Operators" else ():
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions=None if service == UNNAMED else account,
            )
        )
    return topic


def add_queue(scope: Construct, name: str, storage: Storage, dead: sqs.DeadLetterQueue | None) -> sqs.Queue:
    """Add a queue under our key; without a dead-letter queue it is one."""
    return sqs.Queue(
        scope, name,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=storage.key,
        data_key_reuse=cdk.Duration.hours(1),
        enforce_ssl=True,
        visibility_timeout=cdk.Duration.seconds(VISIBILITY_S),
        retention_period=cdk.Duration.days(KEPT_DAYS),
        receive_message_wait_time=cdk.Duration.seconds(20),
        dead_letter_queue=dead,
    )  # fmt: skip


def package() -> Path:
    """Copy what the function needs, and nothing else, into a folder of its own; return it."""
    folder = Path(tempfile.mkdtemp(prefix="openbourse-notifier-"))
    for name in LAMBDA_FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SOURCE / name, folder / name)
    return folder


def _function(scope: Construct, environment: Environment, storage: Storage, queue: sqs.Queue) -> lambda_.CfnFunction:
    group = logs.LogGroup(
        scope, "NotifierLog",
        log_group_name=f"/openbourse/{environment.name}/notifier-function",
        retention=retention(environment.log_days),
        encryption_key=storage.key,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )  # fmt: skip
    identity, configuration = add_domain(scope, environment)
    role = iam.Role(
        scope, "NotifierRole",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"notify": iam.PolicyDocument(statements=_permissions(environment, storage, queue, group))},
    )  # fmt: skip
    folder = package()
    function = lambda_.Function(
        scope, "Notifier",
        description="sends notices by mail",
        runtime=lambda_.Runtime.PYTHON_3_14,
        architecture=lambda_.Architecture.ARM_64,
        code=lambda_.Code.from_asset(str(folder)),
        handler=HANDLER,
        role=role,
        memory_size=256,
        timeout=cdk.Duration.seconds(TIMEOUT_S),
        reserved_concurrent_executions=CONCURRENCY if environment.reserves_functions else None,
        tracing=lambda_.Tracing.ACTIVE,
        log_group=group,
        environment={
            "OPENBOURSE_MAIL_FROM": f"notices@{environment.domain}",
            "OPENBOURSE_MAIL_CONFIGURATION_SET": environment.prefix,
        },
        environment_encryption=storage.key,
    )  # fmt: skip
    shutil.rmtree(folder)
    function.node.add_dependency(identity, configuration)
    lambda_.CfnEventSourceMapping(
        scope, "NotifierSource",
        function_name=function.function_arn,
        event_source_arn=queue.queue_arn,
        batch_size=BATCH,
        maximum_batching_window_in_seconds=1,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(maximum_concurrency=CONCURRENCY),
    )  # fmt: skip
    child = function.node.default_child
    assert isinstance(child, lambda_.CfnFunction)
    return child


def _permissions(
    environment: Environment, storage: Storage, queue: sqs.Queue, group: logs.LogGroup
) -> list[iam.PolicyStatement]:
    return [
        iam.PolicyStatement(
            actions=[
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ChangeMessageVisibility",
            ],
            resources=[queue.queue_arn],
        ),
        iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[storage.key.key_arn]),
        iam.PolicyStatement(
            actions=["ses:SendEmail"],
            resources=[
                arn("ses", f"identity/{environment.domain}"),
                arn("ses", f"configuration-set/{environment.prefix}"),
            ],
        ),
        iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[f"{group.log_group_arn}"]
        ),
    ]


def _reports(scope: Construct, environment: Environment, storage: Storage, operators: sns.Topic) -> None:
    """Tell operators of each report that is written: the one that does not come is told by the alarm archive-behind."""
    events.CfnRule(
        scope, "ReportWritten",
        name=telling_rule(environment, "ReportWritten"),
        description="a report lies in the bucket",
        event_pattern={
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [storage.buckets[Bucket.REPORTS].bucket_name]}},
        },
        targets=[
            events.CfnRule.TargetProperty(
                id="operators",
                arn=operators.topic_arn,
                input_transformer=events.CfnRule.InputTransformerProperty(
                    input_paths_map={"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"},
                    input_template=f'"{environment.name}: a report was written to s3://<bucket>/<key>"',
                ),
            )
        ],
    )  # fmt: skip
