"""Watching: an alarm for each goal and each resource, one that pages, a dashboard, a budget."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_ce as ce
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.alarms import ALARMS, RUNBOOKS, STANDING_BY, Alarm, Subject, threshold
from infra.data import LOGINS, Stores
from infra.edge import Edge
from infra.environments import Environment
from infra.notifications import Notices
from infra.plan import (
    ENVIRONMENT_TAG,
    OPERATORS,
    STAGE,
    TELLING,
    dashboard,
    namespace,
    pascal,
    rolling_rule,
    rotation_function,
    telling_rule,
)
from infra.reports import Reports
from openbourse.monitor.slo import SLOS, Slo

ANOMALY_USD: Final = 50
MANY: Final = (Subject.DATABASE, Subject.REPLICA, Subject.CACHE, Subject.ROTATION, Subject.TELLING)
FLEETS_COME_S: Final = 900
"""After a Region was told to have sequencers: instances start, fleets become healthy, and nobody is woken meanwhile."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What there is to watch."""

    stores: Stores
    edge: Edge
    notices: Notices
    reports: Reports | None  # none in a Region that stands by: its workers write what is missing once it is up
    groups: Mapping[str, autoscaling.CfnAutoScalingGroup]


def add_monitoring(scope: Construct, environment: Environment, watched: Watched) -> None:
    """Add alarms and budget."""
    topic = watched.notices.operators.topic_arn
    paging = []
    for slo in SLOS:
        name = f"{environment.prefix}-{slo.name}"
        alarm = cloudwatch.CfnAlarm(
            scope,
            pascal(f"goal-{slo.name}"),
            **_of_goal(slo, namespace(environment)),
            **_told(name, slo.why, slo.runbook, topic),
        )
        paging += [(name, alarm)] if slo.pages else []
    rows = (*ALARMS, STANDING_BY) if environment.standby_of else ALARMS
    for row in rows:
        for number, (space, dimensions) in enumerate(_subjects(environment, watched, row), 1):
            suffix = f"-{number}" if row.subject in MANY else ""
            name = f"{environment.prefix}-{row.name}{suffix}"
            alarm = cloudwatch.CfnAlarm(
                scope, pascal(f"{row.name}{suffix}"), **_of_resource(row, environment, space, dimensions),
                **_told(name, row.why, row.runbook, topic),
            )  # fmt: skip
            paging += [(name, alarm)] if row.pages else []
    _page(scope, environment, paging, topic)
    if not environment.standby_of:  # of both Regions together
        _budget(scope, environment, topic)


def add_dashboard(scope: Construct, environment: Environment) -> None:
    """Add the dashboard: a graph for each metric. In a stack of its own, for with the alarms the template is too large."""
    cloudwatch.CfnDashboard(
        scope, "Dashboard",
        # Dashboards are the account's, not a Region's.
        dashboard_name=f"{environment.prefix}-{environment.region}" if environment.standby_of else environment.prefix,
        dashboard_body=cdk.Fn.sub(json.dumps(dashboard(environment), sort_keys=True, separators=(",", ":"))),
    )  # fmt: skip


def _told(name: str, why: str, runbook: str, topic: str) -> dict[str, Any]:
    described = f"{why}. {RUNBOOKS}/{runbook}"
    return {"alarm_name": name, "alarm_description": described, "alarm_actions": [topic], "ok_actions": [topic]}


def _of_goal(slo: Slo, space: str) -> dict[str, Any]:
    """Return an alarm's properties: of one metric, or of a share of two."""
    common = {
        "comparison_operator": OPERATORS[slo.breach],
        "threshold": slo.threshold,
        "evaluation_periods": slo.periods,
        "datapoints_to_alarm": slo.breaching,
        "treat_missing_data": slo.missing,
    }
    if not slo.share_of:
        return common | _statistic(slo.statistic) | {
            "namespace": space, "metric_name": slo.metric, "period": slo.period_s,
        }  # fmt: skip
    alarm = cloudwatch.CfnAlarm

    def queried(label: str, metric: str) -> cloudwatch.CfnAlarm.MetricDataQueryProperty:
        return alarm.MetricDataQueryProperty(
            id=label,
            return_data=False,
            metric_stat=alarm.MetricStatProperty(
                metric=alarm.MetricProperty(namespace=space, metric_name=metric),
                period=slo.period_s,
                stat=slo.statistic,
            ),
        )

    share = alarm.MetricDataQueryProperty(id="share", expression="part / whole", return_data=True)
    return common | {"metrics": [share, queried("part", slo.metric), queried("whole", slo.share_of)]}


def _of_resource(row: Alarm, environment: Environment, space: str, dimensions: Mapping[str, str]) -> dict[str, Any]:
    return _statistic(row.statistic) | {
        "comparison_operator": OPERATORS[row.breach],
        "threshold": threshold(row, environment),
        "evaluation_periods": row.periods,
        "datapoints_to_alarm": row.periods,
        "treat_missing_data": row.missing,
        "namespace": space,
        "metric_name": row.metric,
        "period": row.period_s,
        "dimensions": [cloudwatch.CfnAlarm.DimensionProperty(name=key, value=each) for key, each in dimensions.items()],
    }


def _statistic(word: str) -> dict[str, str]:
    return {"extended_statistic": word} if word.startswith("p") else {"statistic": word}


def _subjects(environment: Environment, watched: Watched, row: Alarm) -> Iterator[tuple[str, dict[str, str]]]:
    balancer = {"LoadBalancer": watched.edge.public.balancer.attr_load_balancer_full_name}
    queue = {"QueueName": watched.notices.queue.queue_name}
    match row.subject:
        case Subject.GROUP:
            yield "AWS/AutoScaling", {"AutoScalingGroupName": watched.groups[row.fleet].ref}
        case Subject.TARGETS:
            targets = watched.edge.public.targets[row.fleet].attr_target_group_full_name
            yield "AWS/ApplicationELB", {**balancer, "TargetGroup": targets}
        case Subject.BALANCER:
            yield "AWS/ApplicationELB", balancer
        case Subject.API:
            yield "AWS/ApiGateway", {"ApiName": f"{environment.prefix}-account", "Stage": STAGE}
        case Subject.DATABASE:
            for name in watched.stores.database.ids:
                yield "AWS/RDS", {"DBInstanceIdentifier": name}
        case Subject.REPLICA:
            for name in watched.stores.database.replicas:
                yield "AWS/RDS", {"DBInstanceIdentifier": name}
        case Subject.CACHE:
            for name in watched.stores.cache_ids:
                yield "AWS/ElastiCache", {"CacheClusterId": name}
        case Subject.QUEUE:
            yield "AWS/SQS", queue
        case Subject.DEAD_LETTERS:
            yield "AWS/SQS", {"QueueName": watched.notices.dead.queue_name}
        case Subject.FUNCTION:
            yield "AWS/Lambda", {"FunctionName": watched.notices.function.ref}
        case Subject.TELLING:
            for name in TELLING[:1] if environment.standby_of else TELLING:
                yield "AWS/Events", {"RuleName": telling_rule(environment, name)}
        case _ if environment.standby_of or watched.reports is None:
            return  # neither reports by the clock nor rotation are in a Region that stands by
        case Subject.REPORTS_LEFT:
            yield "AWS/SQS", {"QueueName": watched.reports.dead.queue_name}
        case Subject.REPORTER:
            yield "AWS/Lambda", {"FunctionName": watched.reports.function.ref}
        case Subject.ROTATION:
            for name in [*(need.value for need in LOGINS), *(["master"] if watched.stores.master_secret else [])]:
                yield "AWS/Lambda", {"FunctionName": rotation_function(environment, name)}
        case Subject.ROLLING:
            yield "AWS/Events", {"RuleName": rolling_rule(environment)}


def _page(
    scope: Construct, environment: Environment, paging: list[tuple[str, cloudwatch.CfnAlarm]], topic: str
) -> None:
    """Add the one alarm that wakes somebody: many at once are one fault, and one call.

    In a Region that stands by it is the same one, and silent by itself until somebody has sequencers start there.
    """
    quiet: dict[str, Any] = {}
    if environment.standby_of:
        quiet = {
            "actions_suppressor": f"{environment.prefix}-{STANDING_BY.name}",
            "actions_suppressor_wait_period": STANDING_BY.period_s * 2,
            "actions_suppressor_extension_period": FLEETS_COME_S,
        }
    page = cloudwatch.CfnCompositeAlarm(
        scope, "Page",
        alarm_name=f"{environment.prefix}-page",
        alarm_description=f"trading is harmed, or the next fault would harm it. What to do: {RUNBOOKS}/README.md",
        alarm_rule=" OR ".join(f'ALARM("{name}")' for name, _ in paging),
        alarm_actions=[topic],
        ok_actions=[topic],
        **quiet,
    )  # fmt: skip
    for _, alarm in paging:
        page.add_resource_dependency(alarm)
    if environment.standby_of:
        suppressor = scope.node.find_child(pascal(STANDING_BY.name))
        assert isinstance(suppressor, cloudwatch.CfnAlarm)
        page.add_resource_dependency(suppressor)


def _budget(scope: Construct, environment: Environment, topic: str) -> None:
    budget = budgets.CfnBudget
    thresholds = (("ACTUAL", 80), ("FORECASTED", 100))
    budgets.CfnBudget(
        scope, "Budget",
        budget=budget.BudgetDataProperty(
            budget_name=environment.prefix,
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=budget.SpendProperty(amount=environment.budget_usd, unit="USD"),
            cost_filters={"TagKeyValue": [f"user:{ENVIRONMENT_TAG}${environment.name}"]},
        ),
        notifications_with_subscribers=[
            budget.NotificationWithSubscribersProperty(
                notification=budget.NotificationProperty(
                    notification_type=kind, comparison_operator="GREATER_THAN", threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[budget.SubscriberProperty(subscription_type="SNS", address=topic)],
            )
            for kind, percent in thresholds
        ],
    )  # fmt: skip
    # By our tag: an account has one monitor by service at most, and newer accounts have it from the start.
    monitor = ce.CfnAnomalyMonitor(
        scope, "CostMonitor",
        monitor_name=environment.prefix,
        monitor_type="CUSTOM",
        monitor_specification=json.dumps({"Tags": {"Key": ENVIRONMENT_TAG, "Values": [environment.name]}}),
    )  # fmt: skip
    ce.CfnAnomalySubscription(
        scope, "CostSurprise",
        subscription_name=environment.prefix,
        frequency="IMMEDIATE",
        monitor_arn_list=[monitor.attr_monitor_arn],
        subscribers=[ce.CfnAnomalySubscription.SubscriberProperty(type="SNS", address=topic)],
        threshold_expression=json.dumps(
            {
                "Dimensions": {
                    "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
                    "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
                    "Values": [str(ANOMALY_USD)],
                }
            }
        ),
    )  # fmt: skip
