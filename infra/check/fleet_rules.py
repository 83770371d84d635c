"""Rules on instances: every role in every zone, the sequencer never Spot, nobody with more rights than needs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.check.assembly import Assembly, Resource, Rule, attributes, listed, statements
from infra.plan import ENVIRONMENT_TAG, PLAN_TAG, flows, needs_of, pascal
from openbourse.roles import FLEETS, INTAKE_PORT, Fleet, Need, Purchase

SPOT_TYPES_MIN: Final = 4
NEVER_SPOT: Final = ("sequencer", "gateway")
"""Orders go through these: whatever the table says, they are not taken away with two minutes' notice."""
ANY_RESOURCE: Final = frozenset(
    {
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
        "cloudwatch:PutMetricData",
        "ec2:DescribeTags",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DeleteNetworkInterface",
        "ssm:ListCommands",
        "ssm:ListCommandInvocations",
        "ssm:DescribeInstanceInformation",
    }
)
"""Actions that AWS offers for no single resource; every other must name what it is for."""
KEYS_TAGGED: Final = "/tags/arn%3A?%3Aapigateway%3A?%3A%3A%2Fapikeys%2F*"
KEY_RIGHTS: Final = {
    ("apigateway:POST", "/apikeys", "aws:RequestTag"),
    ("apigateway:PUT", KEYS_TAGGED, "aws:RequestTag"),
    ("apigateway:POST", "/usageplans/PLAN/keys", ""),
    ("apigateway:GET", "/apikeys", ""),
    ("apigateway:DELETE", "/apikeys/*", "aws:ResourceTag"),
}
"""What identity may do at API Gateway, and by which tag; ids of keys are not known before they are made."""


def group_of(assembly: Assembly, fleet: Fleet) -> Resource | None:
    """Return the Auto Scaling group of a fleet."""
    wanted = f"{assembly.environment.prefix}-{fleet.name}"
    groups = [
        each for each in assembly.of("AutoScaling::AutoScalingGroup")
        if each.properties.get("AutoScalingGroupName") == wanted
    ]  # fmt: skip
    return groups[0] if len(groups) == 1 else None


def every_fleet_has_one_group(assembly: Assembly) -> Iterator[str]:
    """Every fleet of roles.py is one group, and there is no other."""
    for fleet in FLEETS:
        if group_of(assembly, fleet) is None:
            yield f"{fleet.name}: not exactly one Auto Scaling group"
    count = len(assembly.of("AutoScaling::AutoScalingGroup"))
    if count != len(FLEETS):
        yield f"{count} groups for {len(FLEETS)} fleets"


def every_fleet_stands_in_every_zone(assembly: Assembly) -> Iterator[str]:
    """The subnets of a group lie in every zone of the environment, and there are three."""
    for fleet in FLEETS:
        group = group_of(assembly, fleet)
        if group is None:
            continue
        subnets = [assembly.target(group, each) for each in group.properties.get("VPCZoneIdentifier", [])]
        zones = {subnet.properties["AvailabilityZone"] for subnet in subnets if subnet is not None}
        if zones != set(assembly.environment.zones) or len(zones) < 3:
            yield f"{fleet.name}: in {sorted(zones)}"


def sizes_are_the_environments(assembly: Assembly) -> Iterator[str]:
    """A group is as large as the environment says; two sequencers at least, and two of all where a zone may be lost."""
    for fleet in FLEETS:
        group = group_of(assembly, fleet)
        if group is None:
            continue
        size = assembly.environment.fleets[fleet.name]
        least, most = int(group.properties["MinSize"]), int(group.properties["MaxSize"])
        if (least, most) != (size.least, size.most) or least > most:
            yield f"{fleet.name}: {least} to {most}"
        is_needed = fleet.name == "sequencer" or assembly.environment.is_available
        if least < 2 and is_needed and not assembly.environment.standby_of:
            yield f"{fleet.name}: may stand alone"


def purchase_is_the_fleets(assembly: Assembly) -> Iterator[str]:
    """No sequencer and no gateway is Spot, ever; base and share of the others are what roles.py and the environment say."""
    for fleet in FLEETS:
        if fleet.name in NEVER_SPOT and fleet.purchase is not Purchase.ON_DEMAND:
            yield f"{fleet.name}: bought as {fleet.purchase}"
        group = group_of(assembly, fleet)
        if group is None:
            continue
        size = assembly.environment.fleets[fleet.name]
        mix = group.properties.get("MixedInstancesPolicy", {})
        spread = mix.get("InstancesDistribution", {})
        base, above = spread.get("OnDemandBaseCapacity", 0), spread.get("OnDemandPercentageAboveBaseCapacity", 100)
        if fleet.purchase is Purchase.ON_DEMAND:
            if above != 100 or base < size.most:
                yield f"{fleet.name}: may be given Spot"
            if group.properties.get("CapacityRebalance"):
                yield f"{fleet.name}: is rebalanced like Spot"
        else:
            wanted = size.base if fleet.purchase is Purchase.MIXED else 0
            if base != wanted or above != 0:
                yield f"{fleet.name}: {base} On-Demand and {above} % above"
            if not group.properties.get("CapacityRebalance"):
                yield f"{fleet.name}: Spot without capacity rebalancing"
            types = mix.get("LaunchTemplate", {}).get("Overrides", [])
            if assembly.environment.is_available and len(types) < SPOT_TYPES_MIN:
                yield f"{fleet.name}: Spot of {len(types)} types"
    for template in assembly.of("EC2::LaunchTemplate"):
        if "InstanceMarketOptions" in template.properties["LaunchTemplateData"]:
            yield f"{template}: asks for Spot by itself"


def sequencers_are_left_alone(assembly: Assembly) -> Iterator[str]:
    """Sequencers are not scaled, and not taken away by the group."""
    group = group_of(assembly, next(each for each in FLEETS if each.name == "sequencer"))
    if group is None:
        return
    if group.properties.get("NewInstancesProtectedFromScaleIn") is not True:
        yield "not protected from scale-in"
    for policy in assembly.of("AutoScaling::ScalingPolicy"):
        scaled = assembly.target(policy, policy.properties["AutoScalingGroupName"])
        if scaled is not None and scaled.name == group.name and scaled.template.stack == group.template.stack:
            yield f"scaled by {policy}"


def others_scale_and_drain(assembly: Assembly) -> Iterator[str]:
    """Every other fleet scales on processor time and is not replaced for being not ready; those that serve drain first."""
    policies = assembly.of("AutoScaling::ScalingPolicy")
    for fleet in FLEETS:
        group = group_of(assembly, fleet)
        if group is None:
            continue
        if group.properties.get("HealthCheckType") != "EC2":
            yield f"{fleet.name}: a database's fail-over would replace every instance"
        if fleet.name == "sequencer":
            continue
        metrics = [
            policy.properties["TargetTrackingConfiguration"]
            for policy in policies
            if (found := assembly.target(policy, policy.properties["AutoScalingGroupName"]))
            and found.name == group.name
        ]
        if not any("PredefinedMetricSpecification" in each for each in metrics):
            yield f"{fleet.name}: not scaled on processor time"
        if fleet.health_path and not group.properties.get("TargetGroupARNs"):
            yield f"{fleet.name}: in no balancer, whose draining the group would wait for"


def nobody_waits_for_an_answer(assembly: Assembly) -> Iterator[str]:
    """No group has a hook that nothing answers, and no instance a right over groups that nothing uses."""
    hooks = [
        (each, each.properties.get("LifecycleHookSpecificationList", []))
        for each in assembly.of("AutoScaling::AutoScalingGroup")
    ]
    yield from (f"{each}: waits for {hook}" for each, found in hooks for hook in found)
    yield from (f"{each}: waits for an answer" for each in assembly.of("AutoScaling::LifecycleHook"))
    for role in assembly.of("IAM::Role"):
        actions = {action for statement in statements(role) for action in listed(statement["Action"])}
        yield from (f"{role}: may {each}" for each in sorted(actions) if each.startswith("autoscaling:"))


def instances_are_closed(assembly: Assembly) -> Iterator[str]:
    """Instances take metadata by token only, have no public address, encrypted disks and the released image."""
    for template in assembly.of("EC2::LaunchTemplate"):
        data = template.properties["LaunchTemplateData"]
        if data.get("MetadataOptions", {}).get("HttpTokens") != "required":
            yield f"{template}: metadata without a token"
        if any(each.get("AssociatePublicIpAddress") is not False for each in data.get("NetworkInterfaces", [{}])):
            yield f"{template}: may have a public address"
        if any(each["Ebs"].get("Encrypted") is not True for each in data.get("BlockDeviceMappings", [])):
            yield f"{template}: a disk in the clear"
        if data.get("ImageId") != f"resolve:ssm:/openbourse/{assembly.environment.name}/ami":
            yield f"{template}: not the released image"
        if "KeyName" in data:
            yield f"{template}: has a key pair; the shell is Session Manager's"


def instances_know_their_roles(assembly: Assembly) -> Iterator[str]:
    """What an instance is told at its first start are the roles of its fleet, as roles.py has them."""
    for fleet in FLEETS:
        found = [each for each in assembly.of("EC2::LaunchTemplate") if each.name.startswith(pascal(fleet.name))]
        told = [each.properties["LaunchTemplateData"].get("UserData", {}).get("Fn::Base64", "") for each in found]
        if not any(f"OPENBOURSE_ROLES={' '.join(fleet.roles)}" in text.splitlines() for text in told):
            yield f"{fleet.name}: is not told its roles"


def instances_write_where_they_may(assembly: Assembly) -> Iterator[str]:
    """The log group that an instance is told of exists, and its role may write there."""
    groups = [each.properties.get("LogGroupName") for each in assembly.of("Logs::LogGroup")]
    for fleet in FLEETS:
        name = f"/openbourse/{assembly.environment.name}/{fleet.name}"
        found = [each for each in assembly.of("EC2::LaunchTemplate") if each.name.startswith(pascal(fleet.name))]
        told = [each.properties["LaunchTemplateData"].get("UserData", {}).get("Fn::Base64", "") for each in found]
        if not any(f"OPENBOURSE_LOG_GROUP={name}" in text.splitlines() for text in told):
            yield f"{fleet.name}: is not told of {name}"
        if name not in groups:
            yield f"{fleet.name}: there is no log group {name}"
        own = [
            statement
            for role in assembly.of("IAM::Role")
            if role.name.startswith(f"{pascal(fleet.name)}Role")
            for statement in statements(role)
        ]
        allowed = [str(each["Resource"]) for each in own if "logs:PutLogEvents" in listed(each["Action"])]
        if not any("ec2:DescribeTags" in listed(each["Action"]) for each in own):
            yield f"{fleet.name}: its agent cannot read the group's name, and drops its metrics"
        if not any(f":log-group:{name}:*" in resource for resource in allowed):
            yield f"{fleet.name}: may not write to {name}"


def connections_follow_needs(assembly: Assembly) -> Iterator[str]:
    """The rules between security groups are those that the roles' needs make, no more and no fewer."""
    wanted = {(flow.source, flow.target, flow.port) for flow in flows()}
    found = set()
    for rule in assembly.of("EC2::SecurityGroupIngress"):
        source, target = rule.properties.get("SourceSecurityGroupId"), rule.properties.get("GroupId")
        if source is None:
            continue
        pair = [assembly.target(rule, each) for each in (source, target)]
        names = [
            "?" if each is None else each.properties["GroupDescription"].removeprefix("openbourse ") for each in pair
        ]
        found.add((names[0], names[1], rule.properties["FromPort"]))
    for extra in sorted(found - wanted):
        yield f"{extra[0]} may reach {extra[1]} at {extra[2]}, and no role needs it"
    for missing in sorted(wanted - found):
        yield f"{missing[0]} may not reach {missing[1]} at {missing[2]}"
    reached = {source for source, target, port in found if target == "sequencer" and port == INTAKE_PORT}
    if "workers" in reached:
        yield "workers reach the sequencer"


def nobody_may_do_everything(assembly: Assembly) -> Iterator[str]:
    """No policy has `*` for its actions, and `*` for its resources only where AWS knows no resource."""
    for role in assembly.of("IAM::Role", "IAM::Policy", "IAM::ManagedPolicy"):
        for each in role.properties.get("ManagedPolicyArns", []):
            yield f"{role}: a policy that AWS may widen: {each}"
        for statement in statements(role):
            actions = listed(statement.get("Action", []))
            if statement.get("Effect") != "Allow":
                continue
            if any(action == "*" or action.endswith(":*") for action in actions):
                yield f"{role}: may do {actions}"
            if "*" in listed(statement.get("Resource", [])) and not set(actions) <= ANY_RESOURCE:
                yield f"{role}: may do {sorted(set(actions) - ANY_RESOURCE)} to anything"


def fleets_read_their_secrets_only(assembly: Assembly) -> Iterator[str]:
    """A fleet may read the secrets that its roles need, and no other."""
    for fleet in FLEETS:
        roles = [each for each in assembly.of("IAM::Role") if each.name.startswith(f"{pascal(fleet.name)}Role")]
        found = set()
        for role in roles:
            for statement in statements(role):
                if "secretsmanager:GetSecretValue" in listed(statement["Action"]):
                    secrets = [assembly.target(role, each) for each in listed(statement["Resource"])]
                    found |= {"?" if each is None else str(each.properties.get("Name")) for each in secrets}
        kept = needs_of(fleet) - {Need.SEQUENCER}
        wanted = {f"openbourse/{assembly.environment.name}/{need.value.replace(' ', '-')}" for need in kept}
        if found != wanted or len(roles) != 1:
            yield f"{fleet.name}: reads {sorted(found)}, needs {sorted(wanted)}"


def one_fleet_makes_keys_of_one_plan(assembly: Assembly) -> Iterator[str]:
    """Keys of the API are made by the fleet of identity alone: made, found and removed, and put into the plan it is told."""
    told = [each for each in assembly.of("SSM::Parameter") if str(each.properties["Name"]).endswith("/GATEWAY_PLAN")]
    plans = {str(assembly.target(each, each.properties["Value"])) for each in told}
    if not plans or not plans <= {str(each) for each in assembly.of("ApiGateway::UsagePlan")}:
        yield f"identity is told of {sorted(plans)}"
    for role in assembly.of("IAM::Role"):
        may = {
            (action, _of_gateway(assembly, role, where, plans), _tag_of(assembly, role, statement, plans))
            for statement in statements(role)
            for action in listed(statement["Action"])
            if action.startswith("apigateway:")
            for where in listed(statement["Resource"])
        }
        is_identity = any(
            role.name.startswith(f"{pascal(fleet.name)}Role") and "identity" in fleet.roles for fleet in FLEETS
        )
        wanted = KEY_RIGHTS if is_identity else set()
        if may != wanted:
            yield f"{role}: may {sorted(may - wanted)}, may not {sorted(wanted - may)}"


def _tag_of(assembly: Assembly, role: Resource, statement: Mapping[str, Any], plans: set[str]) -> str:
    """Return by which tag a statement is bound to a plan that identity is told of."""
    for key, value in statement.get("Condition", {}).get("StringEquals", {}).items():
        if key.endswith(f"/{PLAN_TAG}") and str(assembly.target(role, value)) in plans:
            return str(key.partition("/")[0])
    return ""


def _of_gateway(assembly: Assembly, role: Resource, arn: Any, plans: set[str]) -> str:
    """Return what an ARN of API Gateway names after the Region; PLAN for a plan that identity is told of."""
    shown = ""
    for part in arn["Fn::Join"][1] if isinstance(arn, Mapping) else [arn]:
        is_plan = isinstance(part, Mapping) and str(assembly.target(role, part)) in plans
        shown += part if isinstance(part, str) else "PLAN" if is_plan else "?"
    return shown.partition("::")[2]


def tags_say_whose_it_is(assembly: Assembly) -> Iterator[str]:
    """Instances carry the environment and the fleet: cost and access are told apart by them."""
    for fleet in FLEETS:
        group = group_of(assembly, fleet)
        tags = {} if group is None else attributes(group.properties.get("Tags", []))
        if (tags.get(ENVIRONMENT_TAG), tags.get("openbourse:fleet")) != (
            assembly.environment.name,
            fleet.name,
        ):
            yield f"{fleet.name}: {tags}"
    for template in assembly.of("EC2::LaunchTemplate"):
        told = template.properties["LaunchTemplateData"].get("TagSpecifications", [])
        volumes = [attributes(each["Tags"]) for each in told if each["ResourceType"] == "volume"]
        if volumes != [{ENVIRONMENT_TAG: assembly.environment.name}]:
            yield f"{template}: nobody knows whose its disks are"


def settings_are_there_before_instances(assembly: Assembly) -> Iterator[str]:
    """A stack with instances waits for the one with settings: they are read once, at the first start."""
    settings = {each.template.stack for each in assembly.of("SSM::Parameter")}
    for each in assembly.of("AutoScaling::AutoScalingGroup"):
        if not settings or not settings <= set(each.template.waits):
            yield f"{each}: its instances may start before {sorted(settings - set(each.template.waits))}"


RULES: Final[tuple[Rule, ...]] = (
    every_fleet_has_one_group,
    every_fleet_stands_in_every_zone,
    sizes_are_the_environments,
    purchase_is_the_fleets,
    sequencers_are_left_alone,
    others_scale_and_drain,
    nobody_waits_for_an_answer,
    instances_are_closed,
    instances_know_their_roles,
    instances_write_where_they_may,
    connections_follow_needs,
    nobody_may_do_everything,
    fleets_read_their_secrets_only,
    one_fleet_makes_keys_of_one_plan,
    tags_say_whose_it_is,
    settings_are_there_before_instances,
)
