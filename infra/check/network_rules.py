"""Rules on the way to AWS: by the internet, or by endpoints in the network for each service that is called, and no other way."""

from collections.abc import Iterator
from typing import Any, Final

from infra.check.assembly import Assembly, Resource, Rule
from infra.plan import HANDLERS, HTTPS_PORT, endpoints, of_objects, of_the_internet
from openbourse.roles import FLEETS

WORLD: Final = "0.0.0.0/0"


def callers_reach_what_they_call(assembly: Assembly) -> Iterator[str]:
    """Each caller may go to AWS's services at 443, by their endpoints or by the world, and nowhere else."""
    is_closed = assembly.environment.interface_endpoints
    everybody = {*(fleet.name for fleet in FLEETS), *HANDLERS}
    wanted = {(user, WORLD) for user in (of_the_internet() if is_closed else everybody)}
    if is_closed:
        wanted |= {(user, "endpoints") for users in endpoints().values() for user in users}
        wanted |= {(user, assembly.environment.s3_prefix_list) for user in of_objects()}
    found = set()
    for rule in assembly.of("EC2::SecurityGroupEgress"):
        own = rule.properties
        group = assembly.target(rule, own.get("DestinationSecurityGroupId"))
        name = _name(assembly.target(rule, own["GroupId"]))
        where = own.get("CidrIp") or own.get("DestinationPrefixListId") or _name(group)
        if (own["FromPort"], own["ToPort"]) == (HTTPS_PORT, HTTPS_PORT) and name in everybody:
            found.add((name, str(where)))
        elif group is None:
            yield f"{rule}: {name} may go to {where} at {own['FromPort']} to {own['ToPort']}"
    yield from (f"{user} may not go to {where}" for user, where in sorted(wanted - found))
    yield from (f"{user} may go to {where}, which it does not call" for user, where in sorted(found - wanted))
    for each in assembly.of("EC2::SecurityGroup"):
        if any(rule.get("CidrIp") == WORLD for rule in each.properties.get("SecurityGroupEgress", [])):
            yield f"{each}: lets everything out"


def nobody_stands_in_the_default_group(assembly: Assembly) -> Iterator[str]:
    """Whatever has an address in the network names its groups: the network's own lets its members reach each other."""
    places = {
        "RDS::DBCluster": ("VpcSecurityGroupIds",),
        "RDS::DBInstance": ("VPCSecurityGroups",),
        "ElastiCache::ReplicationGroup": ("SecurityGroupIds",),
        "ElasticLoadBalancingV2::LoadBalancer": ("SecurityGroups",),
        "ApiGatewayV2::VpcLink": ("SecurityGroupIds",),
        "Lambda::Function": ("VpcConfig", "SecurityGroupIds"),
        "EC2::LaunchTemplate": ("LaunchTemplateData", "NetworkInterfaces", "Groups"),
    }
    for kind, path in places.items():
        for each in assembly.of(kind):
            found: Any = each.properties
            if kind == "Lambda::Function" and "VpcConfig" not in found:
                continue  # in no network
            for step in path:
                found = (found[0] if isinstance(found, list) else found).get(step, [])
                if not found:
                    yield f"{each}: in the network's default group"
                    break


def endpoints_answer_their_callers(assembly: Assembly) -> Iterator[str]:
    """A service that is called has an endpoint in every zone, under its own name, that lets in who calls AWS alone."""
    found = {}
    callers = {user for users in endpoints().values() for user in users}
    for each in assembly.of("EC2::VPCEndpoint"):
        own = each.properties
        if own.get("VpcEndpointType") != "Interface":
            continue
        name = own["ServiceName"]
        service = str(name["Fn::Join"][1][-1] if isinstance(name, dict) else name).rpartition(".")[2]
        found[service] = each
        subnets = [assembly.target(each, one) for one in own["SubnetIds"]]
        zones = {one.properties["AvailabilityZone"] for one in subnets if one is not None}
        if zones != set(assembly.environment.zones):
            yield f"{each}: in {sorted(zones)}"
        if own.get("PrivateDnsEnabled") is not True:
            yield f"{each}: under a name that no program asks for"
        let_in = {
            (_name(assembly.target(group, rule.get("SourceSecurityGroupId"))), rule["FromPort"])
            for value in own.get("SecurityGroupIds", [])
            if (group := assembly.target(each, value)) is not None
            for rule in group.properties.get("SecurityGroupIngress", [])
        }
        if let_in != {(user, HTTPS_PORT) for user in callers}:
            yield f"{each}: lets in {sorted(let_in)}"
    wanted = set(endpoints()) if assembly.environment.interface_endpoints else set()
    if set(found) != wanted:
        yield f"endpoints of {sorted(found)}, called are {sorted(wanted)}"


def _name(group: Resource | None) -> str:
    return "?" if group is None else str(group.properties["GroupDescription"]).removeprefix("openbourse ")


RULES: Final[tuple[Rule, ...]] = (
    callers_reach_what_they_call,
    nobody_stands_in_the_default_group,
    endpoints_answer_their_callers,
)
