"""Rules on what an account has once in a Region: it stands in a stack of its own, and in no environment's."""

import json
from collections.abc import Iterator
from typing import Any, Final

from infra.check.assembly import Assembly, Rule, listed, statements
from infra.plan import API_GREETING, API_WRITES, OS_METRICS, account_stack_name

DAYS_MAX: Final = 90


def the_account_is_set_once(assembly: Assembly) -> Iterator[str]:
    """API Gateway's setting and the group that RDS writes into are the account's stack's: none is undone by another deploy."""
    second = assembly.environment.second
    regions = [assembly.environment.region, *([] if second is None else [second.region])]
    wanted = sorted(account_stack_name(region) for region in regions)
    settings = assembly.of("ApiGateway::Account")
    if sorted(each.template.stack for each in settings) != wanted:
        yield f"set by {sorted(map(str, settings))}"
    for each in settings:
        if assembly.target(each, each.properties["CloudWatchRoleArn"]) is None:
            yield f"{each}: names a role of elsewhere"
        if each.body.get("DeletionPolicy") != "Retain":
            yield f"{each}: taken from all environments with its stack"
    groups = [each for each in assembly.of("Logs::LogGroup") if each.properties.get("LogGroupName") == OS_METRICS]
    if sorted(each.template.stack for each in groups) != wanted:
        yield f"{OS_METRICS} is made by {sorted(map(str, groups))}"
    for each in groups:
        if not 0 < each.properties.get("RetentionInDays", 0) <= DAYS_MAX:
            yield f"{each}: kept for {each.properties.get('RetentionInDays')} days"


def apis_may_greet(assembly: Assembly) -> Iterator[str]:
    """API Gateway's role may do all that AWS's own policy for it does, where it tries at once whether the role is good."""
    for each in assembly.of("ApiGateway::Account"):
        role = assembly.target(each, each.properties["CloudWatchRoleArn"])
        given = list(statements(role)) if role is not None else []
        for action in (*API_WRITES, "logs:DescribeLogGroups"):
            places = [
                place
                for one in given
                if one["Effect"] == "Allow" and action in listed(one["Action"])
                for place in listed(one["Resource"])
            ]
            if not any(_reaches(place, API_GREETING if action in API_WRITES else "") for place in places):
                yield f"{each}: its role has no {action}, so that AWS refuses it"


def _reaches(place: Any, group: str) -> bool:
    return json.dumps(place).endswith(f':log-group:{group}*"]]}}')


RULES: Final[tuple[Rule, ...]] = (the_account_is_set_once, apis_may_greet)
