"""The default security group of an environment's networks lets nothing in and nothing out, and no other group is touched."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.closing import NetworkFault, close, open_rules
from infra.environments import PRODUCTION, STAGING, TWO_REGIONS
from infra.plan import ENVIRONMENT_TAG


def clients(service: str, region: str) -> Any:
    return boto3.client(service, region_name=region)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


def network(region: str, environment: str) -> tuple[str, str]:
    """Make a network; return it and a group of its own beside the default one."""
    ec2 = clients("ec2", region)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": ENVIRONMENT_TAG, "Value": environment}])
    group = ec2.create_security_group(GroupName="ours", Description="ours", VpcId=vpc)["GroupId"]
    return vpc, group


def test_every_rule_of_the_default_group_is_taken_in_both_regions_and_of_no_other() -> None:
    _, ours = network(PRODUCTION.region, PRODUCTION.name)
    assert TWO_REGIONS.second is not None
    for region in (TWO_REGIONS.region, TWO_REGIONS.second.region):
        network(region, TWO_REGIONS.name)
    assert open_rules(clients, PRODUCTION) > 0
    assert close(clients, PRODUCTION) > 0
    assert open_rules(clients, PRODUCTION) == close(clients, PRODUCTION) == 0
    [kept] = clients("ec2", PRODUCTION.region).describe_security_groups(GroupIds=[ours])["SecurityGroups"]
    assert kept["IpPermissionsEgress"]
    assert close(clients, TWO_REGIONS) == 2 * close_of_one()
    assert open_rules(clients, TWO_REGIONS) == 0


def close_of_one() -> int:
    """Return how many rules a default group has when it is made."""
    network(PRODUCTION.region, "staging")
    return close(clients, STAGING)


def test_a_network_that_is_not_there_is_said() -> None:
    with pytest.raises(NetworkFault, match="0 networks"):
        close(clients, PRODUCTION)
