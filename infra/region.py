"""`python -m infra.region [second|first] --environment NAME`: which of two Regions trades, told or changed.

It changes one answer of the second Region's balancer, which every name follows (decision 18): no call to Route 53, none to
the first Region. It promotes nothing: the runbook says what comes before and after.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import Any, Final

from infra.environments import ENVIRONMENTS, Environment
from infra.plan import HTTPS_PORT, REGION_PATH, STANDS_BY, TRADES_HERE
from infra.release import AWS_FAULTS, Clients, clients
from openbourse.roles import Turn

ANSWERS: Final = {Turn.SECOND: ("200", TRADES_HERE), Turn.FIRST: ("503", STANDS_BY)}


class RegionFault(Exception):
    """The second Region has not what it should."""


def trading(clients: Clients, environment: Environment) -> Turn:
    """Return which Region the names lead to, by what the second one says. Raises RegionFault."""
    said = _rule(clients, environment)["Actions"][0]["FixedResponseConfig"]
    # As Route 53 sees it: the words, and a status that it takes for well.
    words, is_well = said.get("MessageBody", ""), str(said["StatusCode"])[0] in "23"
    return Turn.SECOND if is_well and TRADES_HERE in words else Turn.FIRST


def lead_names_to(clients: Clients, environment: Environment, turn: Turn) -> None:
    """Have the second Region say who trades. Raises RegionFault."""
    status, words = ANSWERS[turn]
    _elb(clients, environment).modify_rule(
        RuleArn=_rule(clients, environment)["RuleArn"],
        Actions=[
            {
                "Type": "fixed-response",
                "FixedResponseConfig": {"StatusCode": status, "ContentType": "text/plain", "MessageBody": words},
            }
        ],
    )


def _elb(clients: Clients, environment: Environment) -> Any:
    if environment.second is None:
        raise RegionFault(f"{environment.name} stands in one Region")
    return clients("elbv2", environment.second.region)


def _rule(clients: Clients, environment: Environment) -> dict[str, Any]:
    found = [rule for rule in _rules(_elb(clients, environment), environment) if REGION_PATH in _paths(rule)]
    if len(found) != 1:
        raise RegionFault(f"{len(found)} answers of {environment.prefix} at {REGION_PATH}: is the edge deployed there?")
    return found[0]


def _rules(elb: Any, environment: Environment) -> Iterator[dict[str, Any]]:
    balancers = [
        each["LoadBalancerArn"]
        for page in elb.get_paginator("describe_load_balancers").paginate()
        for each in page["LoadBalancers"]
        if each["Scheme"] == "internet-facing"
    ]
    for arn in balancers:
        [described] = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
        if {"Key": "openbourse:environment", "Value": environment.name} not in described["Tags"]:
            continue
        for listener in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
            if listener["Port"] == HTTPS_PORT:
                yield from elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]


def _paths(rule: dict[str, Any]) -> list[str]:
    return [path for each in rule["Conditions"] for path in each.get("PathPatternConfig", {}).get("Values", [])]


def parser() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    found = argparse.ArgumentParser(prog="python -m infra.region", description=__doc__)
    found.add_argument("turn", nargs="?", choices=[turn.value for turn in Turn])
    found.add_argument("--environment", choices=list(ENVIRONMENTS), default="global")
    return found


def main() -> int:
    """Tell, or change and tell."""
    given = parser().parse_args()
    environment = ENVIRONMENTS[given.environment]
    try:
        if given.turn:
            lead_names_to(clients, environment, Turn(given.turn))
        sys.stdout.write(f"names lead to the {trading(clients, environment)} Region\n")
    except (RegionFault, *AWS_FAULTS) as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
