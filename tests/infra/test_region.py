"""Which of two Regions trades is one answer of the second one's balancer, and stays what a person made it."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.environments import PRODUCTION, TWO_REGIONS
from infra.plan import REGION_PATH, STANDS_BY
from infra.recorded import recorded
from infra.region import RegionFault, lead_names_to, trading
from openbourse.roles import Turn

assert TWO_REGIONS.second is not None
REGION = TWO_REGIONS.second.region


def clients(service: str, region: str) -> Any:
    return boto3.client(service, region_name=region)


def balancer(name: str, scheme: str, environment: str, rules: list[dict[str, Any]]) -> None:
    """Make a balancer with rules, as the second Region has one."""
    elb, ec2 = clients("elbv2", REGION), clients("ec2", REGION)
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"][:2]]
    tags = [{"Key": "openbourse:environment", "Value": environment}]
    [made] = elb.create_load_balancer(Name=name, Subnets=subnets, Scheme=scheme, Tags=tags)["LoadBalancers"]
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    certificate = clients("acm", REGION).request_certificate(DomainName=f"*.{TWO_REGIONS.domain}")
    [listener] = elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTPS", Port=443, DefaultActions=[answer],
        Certificates=[{"CertificateArn": certificate["CertificateArn"]}],
    )["Listeners"]  # fmt: skip
    for rule in rules:
        elb.create_rule(ListenerArn=listener["ListenerArn"], **rule)


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


@pytest.fixture
def standing(second: None) -> None:
    """Make the rule as the template has it, beside balancers of others."""
    [template] = [each for each in recorded() if each.stack == "openbourse-global-second-edge"]
    rule = template.resources["PublicRegion"]["Properties"]
    own = {key: rule[key] for key in ("Priority", "Conditions", "Actions")}
    balancer("of-others", "internet-facing", "staging", [own])
    balancer("inner", "internal", "global", [])
    balancer("public", "internet-facing", "global", [own])


def test_names_lead_to_the_first_region_until_a_person_says_otherwise_and_back(standing: None) -> None:
    assert trading(clients, TWO_REGIONS) is Turn.FIRST
    for turn in (Turn.SECOND, Turn.SECOND, Turn.FIRST):
        lead_names_to(clients, TWO_REGIONS, turn)
        assert trading(clients, TWO_REGIONS) is turn


def test_no_other_venue_is_touched(standing: None) -> None:
    lead_names_to(clients, TWO_REGIONS, Turn.SECOND)
    elb = clients("elbv2", REGION)
    said = []
    for each in elb.describe_load_balancers(Names=["of-others"])["LoadBalancers"]:
        for listener in elb.describe_listeners(LoadBalancerArn=each["LoadBalancerArn"])["Listeners"]:
            for rule in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
                if any(REGION_PATH in c["PathPatternConfig"]["Values"] for c in rule["Conditions"]):
                    said.append(rule["Actions"][0]["FixedResponseConfig"]["MessageBody"])
    assert said == [STANDS_BY]


def test_where_nothing_stands_nothing_is_said(second: None) -> None:
    with pytest.raises(RegionFault, match="is the edge deployed"):
        trading(clients, TWO_REGIONS)
    with pytest.raises(RegionFault, match="one Region"):
        lead_names_to(clients, PRODUCTION, Turn.SECOND)
