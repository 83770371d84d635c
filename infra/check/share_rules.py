"""Rules on what environments that share an account must not share: metrics, and the money that each costs."""

import json
from collections.abc import Iterator
from typing import Final

from infra.check.assembly import Assembly, Rule
from infra.plan import ENVIRONMENT_TAG, namespace


def metrics_are_the_environments(assembly: Assembly) -> Iterator[str]:
    """What the program tells, what alarms ask and what fleets scale on stand in one place, no other environment's."""
    wanted = namespace(assembly.environment)
    told = [each for each in assembly.of("SSM::Parameter") if str(each.properties["Name"]).endswith("/EMF_NAMESPACE")]
    if [each.properties["Value"] for each in told] != [wanted]:
        yield f"the program is not told to write to {wanted}"
    for each in assembly.of("AutoScaling::ScalingPolicy"):
        own = each.properties["TargetTrackingConfiguration"].get("CustomizedMetricSpecification", {"Namespace": wanted})
        if own["Namespace"] != wanted:
            yield f"{each}: scales on {own['Namespace']}"


def money_is_watched(assembly: Assembly) -> Iterator[str]:
    """There is a budget of the environment's height that tells somebody, and an eye on surprises."""
    budgets = assembly.of("Budgets::Budget")
    limits = [each.properties["Budget"].get("BudgetLimit", {}).get("Amount") for each in budgets]
    if limits != [assembly.environment.budget_usd]:
        yield f"budgets of {limits}"
    for each in budgets:
        if len(each.properties.get("NotificationsWithSubscribers", [])) < 2:
            yield f"{each}: tells nobody before and after"
        filters = each.properties["Budget"].get("CostFilters", {}).get("TagKeyValue")
        if filters != [f"user:{ENVIRONMENT_TAG}${assembly.environment.name}"]:
            yield f"{each}: counts {filters or 'the whole account'}"
    if not assembly.of("CE::AnomalySubscription"):
        yield "no eye on surprises"
    for each in assembly.of("CE::AnomalyMonitor"):
        told = json.loads(each.properties.get("MonitorSpecification", "{}")).get("Tags", {})
        if each.properties["MonitorType"] != "CUSTOM" or told.get("Values") != [assembly.environment.name]:
            yield f"{each}: of a kind that an account has once, or of other things"


RULES: Final[tuple[Rule, ...]] = (metrics_are_the_environments, money_is_watched)
