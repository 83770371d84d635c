"""The templates as committed keep every rule of ours, and each planted fault breaks one."""

from collections.abc import Iterator, Sequence

import pytest

from infra import plan
from infra.check import account_rules, region_rules
from infra.check.assembly import Assembly
from infra.check.assertions import RULES, assembly_of, broken, judge, stacks_of
from infra.check.faults import FAULTS, OWN, Fault, planted
from infra.environments import DEV, ENVIRONMENTS
from infra.recorded import recorded
from infra.templates import Template
from openbourse.adapters import gateway_keys_aws

FAULTS_MIN = 24


@pytest.fixture(scope="module")
def templates() -> Sequence[Template]:
    return recorded()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_templates_keep_every_rule(templates: Sequence[Template], name: str) -> None:
    verdict = judge(ENVIRONMENTS[name], templates)
    assert {rule: problems for rule, problems in verdict.items() if problems} == {}


@pytest.fixture(scope="module")
def found(templates: Sequence[Template]) -> dict[str, set[str]]:
    """Return the rules that each fault breaks."""
    rules = {}
    for fault in FAULTS:
        ill = planted(stacks_of(ENVIRONMENTS[fault.environment], templates), fault)
        verdict = judge(ENVIRONMENTS[fault.environment], ill)
        rules[fault.name] = {rule for rule, problems in verdict.items() if problems}
    return rules


@pytest.mark.parametrize("fault", [each for each in FAULTS if each.rung == OWN], ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(found: dict[str, set[str]], fault: Fault) -> None:
    assert found[fault.name]


def test_every_rule_is_broken_by_some_fault(found: dict[str, set[str]]) -> None:
    broken_by_some = {rule.partition(" (")[0] for rules in found.values() for rule in rules}
    assert broken_by_some == {rule.__name__ for rule in (*RULES, *region_rules.RULES, *account_rules.RULES)}


def test_the_tag_that_rights_are_bound_to_is_the_one_that_the_program_puts_on_keys() -> None:
    assert plan.PLAN_TAG == gateway_keys_aws.PLAN_TAG


def test_the_inner_balancer_reaches_whom_it_routes_to_and_nobody_else() -> None:
    reached = {flow.target for flow in plan.flows() if flow.source == "inner-balancer"}
    assert reached == {fleet.name for _, fleet in plan.metered_paths()}


def test_there_are_as_many_faults_as_were_asked_for() -> None:
    assert len(FAULTS) >= FAULTS_MIN
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_a_template_that_cannot_be_read_breaks_the_rule(templates: Sequence[Template]) -> None:
    def stumbles(assembly: Assembly) -> Iterator[str]:
        yield str(assembly.environment.fleets["nobody"])

    assert broken(assembly_of(DEV, templates), stumbles)
