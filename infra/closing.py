"""`python -m infra.closing --environment NAME [--check]`: take every rule from the network's default security group.

AWS makes that group with each network, lets its members reach each other and the world, and lets no template change it.
Nothing of ours stands in it; what somebody makes by hand without naming a group does, and shall reach nothing.
"""

import argparse
import sys
from typing import Any

from infra.environments import ENVIRONMENTS, Environment
from infra.plan import ENVIRONMENT_TAG
from infra.release import AWS_FAULTS, Clients, clients


class NetworkFault(Exception):
    """The network is not there, or there are several."""


def close(clients: Clients, environment: Environment) -> int:
    """Take every rule from the default groups; return how many there were. Raises NetworkFault."""
    return sum(_close(clients("ec2", region), environment) for region in _regions(environment))


def open_rules(clients: Clients, environment: Environment) -> int:
    """Return how many rules the default groups have. Raises NetworkFault."""
    found = 0
    for region in _regions(environment):
        ec2 = clients("ec2", region)
        group = _default_group(ec2, environment)
        found += len(group["IpPermissions"]) + len(group["IpPermissionsEgress"])
    return found


def _regions(environment: Environment) -> list[str]:
    second = environment.second
    return [environment.region, *([] if second is None else [second.region])]


def _default_group(ec2: Any, environment: Environment) -> dict[str, Any]:
    tags = [{"Name": f"tag:{ENVIRONMENT_TAG}", "Values": [environment.name]}]
    networks = ec2.describe_vpcs(Filters=tags)["Vpcs"]
    if len(networks) != 1:
        raise NetworkFault(f"{len(networks)} networks of {environment.name}: deploy its stack network first")
    named = [{"Name": "vpc-id", "Values": [networks[0]["VpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
    [group] = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    return dict(group)


def _close(ec2: Any, environment: Environment) -> int:
    group = _default_group(ec2, environment)
    into, out = group["IpPermissions"], group["IpPermissionsEgress"]
    if into:
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=into)
    if out:
        ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=out)
    return len(into) + len(out)


def main() -> int:
    """Close, or check."""
    parser = argparse.ArgumentParser(prog="python -m infra.closing", description=__doc__)
    parser.add_argument("--environment", choices=list(ENVIRONMENTS), required=True)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    environment = ENVIRONMENTS[given.environment]

    try:
        closed = 0 if given.check else close(clients, environment)
        left = open_rules(clients, environment)
    except (NetworkFault, *AWS_FAULTS) as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    sys.stdout.write(f"{closed} rules taken, {left} left\n")
    return 0 if left == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
