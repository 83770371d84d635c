"""The rules of our own, all together: what the exchange asks of its templates, whoever wrote them."""

from collections.abc import Sequence
from typing import Final

from infra.check import (
    account_rules,
    edge_rules,
    fleet_rules,
    network_rules,
    region_rules,
    report_rules,
    rotation_rules,
    share_rules,
    silence_rules,
    store_rules,
    watch_rules,
)
from infra.check.assembly import Assembly, Rule
from infra.environments import Environment
from infra.plan import account_stack_name
from infra.templates import Template

RULES: Final[tuple[Rule, ...]] = (
    *fleet_rules.RULES,
    *network_rules.RULES,
    *store_rules.RULES,
    *edge_rules.RULES,
    *watch_rules.RULES,
    *share_rules.RULES,
    *silence_rules.RULES,
    *report_rules.RULES,
    *rotation_rules.RULES,
)
NOT_OF_A_STANDBY: Final = {
    fleet_rules.fleets_read_their_secrets_only,  # copies of secrets are known there by their names alone
    store_rules.the_database_survives_a_zone,  # a replica until it is promoted
    store_rules.the_cache_survives_a_zone,
    share_rules.money_is_watched,  # one budget for both Regions
    watch_rules.fleets_as_small_as_meant_are_well,  # its fleets are empty until it is brought up
    *report_rules.RULES,  # once it is brought up its workers write what is missing
    *rotation_rules.RULES,  # passwords are changed where the database is written to
}
STANDBY_RULES: Final = tuple(rule for rule in RULES if rule not in NOT_OF_A_STANDBY)


def assembly_of(environment: Environment, templates: Sequence[Template]) -> Assembly:
    """Return the templates of one environment out of those of all; a second Region's are an assembly of their own."""
    prefix, second = f"{environment.prefix}-", f"{environment.prefix}-second-"
    wanted = second if environment.standby_of else prefix
    is_first = not environment.standby_of
    return Assembly(
        environment,
        [
            each
            for each in templates
            if each.stack.startswith(wanted) and not (is_first and each.stack.startswith(second))
        ],
    )


def stacks_of(environment: Environment, templates: Sequence[Template]) -> list[Template]:
    """Return what an environment is judged by: its own templates, and those of its account."""
    second = environment.second
    regions = [environment.region, *([] if second is None else [second.region])]
    accounts = {account_stack_name(region) for region in regions}
    own = [each for each in templates if each.stack.startswith(f"{environment.prefix}-")]
    return [*own, *(each for each in templates if each.stack in accounts)]


def judge(environment: Environment, templates: Sequence[Template]) -> dict[str, list[str]]:
    """Return what breaks each rule in an environment, by the rule's name; its second Region counts too."""
    first = assembly_of(environment, templates)
    found = {rule.__name__: broken(first, rule) for rule in RULES}
    if environment.second is not None:
        second = assembly_of(environment.in_second_region(), templates)
        found |= {f"{rule.__name__} (second Region)": broken(second, rule) for rule in STANDBY_RULES}
        both = Assembly(environment, [*first.templates, *second.templates])
        found |= {rule.__name__: broken(both, rule) for rule in region_rules.RULES}
    every = Assembly(environment, stacks_of(environment, templates))
    return found | {rule.__name__: broken(every, rule) for rule in account_rules.RULES}


def broken(assembly: Assembly, rule: Rule) -> list[str]:
    """Return what breaks a rule; a template that the rule cannot even read breaks it too."""
    try:
        return list(rule(assembly))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as fault:
        return [f"cannot be read: {type(fault).__name__}: {fault}"]
