"""The network: three zones, who may talk to whom, and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.environments import Environment
from infra.plan import HANDLERS, HTTP_PORT, HTTPS_PORT, endpoints, flows, of_objects, of_the_internet, pascal
from openbourse.roles import FLEETS


@dataclass(frozen=True, slots=True)
class Network:
    """What other stacks need of it."""

    vpc: ec2.Vpc
    groups: Mapping[str, ec2.CfnSecurityGroup]

    def group(self, name: str) -> str:
        """Return the id of the security group of a fleet, a balancer or a store."""
        return str(self.groups[name].attr_group_id)

    def subnets(self, kind: str) -> list[str]:
        """Return the ids of the subnets of a kind: public, fleet or store."""
        selected = self.vpc.select_subnets(subnet_group_name=kind)
        return [str(each) for each in selected.subnet_ids]


def add_network(scope: Construct, environment: Environment, logs: s3.IBucket) -> Network:
    """Add the network of an environment, with every rule between its parts."""
    vpc = ec2.Vpc(
        scope, "Vpc",
        ip_addresses=ec2.IpAddresses.cidr(environment.cidr),
        availability_zones=list(environment.zones),
        nat_gateways=environment.nat_gateways,
        subnet_configuration=[
            ec2.SubnetConfiguration(
                name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
            ),
            ec2.SubnetConfiguration(name="fleet", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20),
            ec2.SubnetConfiguration(name="store", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
        ],
        gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
    )  # fmt: skip
    ec2.CfnFlowLog(
        scope, "FlowLog",
        resource_id=vpc.vpc_id,
        resource_type="VPC",
        traffic_type="ALL",
        log_destination_type="s3",
        log_destination=f"{logs.bucket_arn}/flow/",
        max_aggregation_interval=600,
    )  # fmt: skip
    network = Network(vpc, _groups(scope, vpc))
    _allow(scope, network)
    if environment.interface_endpoints:
        _endpoints(scope, environment, network)
    else:
        _let_out(scope, network, [*(fleet.name for fleet in FLEETS), *HANDLERS])
    return network


def _groups(scope: Construct, vpc: ec2.Vpc) -> dict[str, ec2.CfnSecurityGroup]:
    names = [
        "balancer",
        "inner-balancer",
        "link",
        "database",
        "cache",
        *HANDLERS,
        *(fleet.name for fleet in FLEETS),
    ]
    groups = {}
    for name in names:
        groups[name] = ec2.CfnSecurityGroup(
            scope, f"{pascal(name)}Group",
            group_description=f"openbourse {name}",
            vpc_id=vpc.vpc_id,
            security_group_egress=[_no_way_out()],
            tags=[cdk.CfnTag(key="Name", value=f"openbourse {name}")],
        )  # fmt: skip
    return groups


def _no_way_out() -> ec2.CfnSecurityGroup.EgressProperty:
    """Return a rule that lets nothing out: without one of its own a group gets one that lets out everything."""
    return ec2.CfnSecurityGroup.EgressProperty(
        ip_protocol="icmp", cidr_ip="255.255.255.255/32", from_port=252, to_port=86,
        description="nothing goes out but what rules of this stack allow",
    )  # fmt: skip


def _allow(scope: Construct, network: Network) -> None:
    for port in (HTTPS_PORT, HTTP_PORT):
        ec2.CfnSecurityGroupIngress(
            scope, f"WorldTo{port}",
            group_id=network.group("balancer"), ip_protocol="tcp", from_port=port, to_port=port, cidr_ip="0.0.0.0/0",
            description="the public" if port == HTTPS_PORT else "the public, to be told to use https",
        )  # fmt: skip
    for flow in flows():
        name = f"{pascal(flow.source)}To{pascal(flow.target)}"
        source, target = network.group(flow.source), network.group(flow.target)
        ec2.CfnSecurityGroupIngress(
            scope, f"{name}In",
            group_id=target, source_security_group_id=source, ip_protocol="tcp",
            from_port=flow.port, to_port=flow.port, description=flow.why,
        )  # fmt: skip
        ec2.CfnSecurityGroupEgress(
            scope, f"{name}Out",
            group_id=source, destination_security_group_id=target, ip_protocol="tcp",
            from_port=flow.port, to_port=flow.port, description=flow.why,
        )  # fmt: skip


def _let_out(scope: Construct, network: Network, names: Iterable[str]) -> None:
    for name in names:
        ec2.CfnSecurityGroupEgress(
            scope, f"{pascal(name)}ToServices",
            group_id=network.group(name), cidr_ip="0.0.0.0/0", ip_protocol="tcp",
            from_port=HTTPS_PORT, to_port=HTTPS_PORT, description="AWS services, webhooks",
        )  # fmt: skip


def _endpoints(scope: Construct, environment: Environment, network: Network) -> None:
    """Add an endpoint in every zone for each service that is called, and the way to it for who calls it.

    Eight of them in three zones cost 8 x 3 x $7.30 = $175 a month, two NAT gateways less save $66: for those who must.
    """
    called = endpoints()
    users = sorted(set().union(*called.values()))
    # One group for all: whom a service answers is IAM's matter, and eight groups make the stack too large.
    group = ec2.CfnSecurityGroup(
        scope, "EndpointGroup",
        group_description="openbourse endpoints",
        vpc_id=network.vpc.vpc_id,
        security_group_ingress=[
            ec2.CfnSecurityGroup.IngressProperty(
                ip_protocol="tcp", from_port=HTTPS_PORT, to_port=HTTPS_PORT,
                source_security_group_id=network.group(user), description=f"{user} to AWS services",
            )
            for user in users
        ],
        security_group_egress=[_no_way_out()],
    )  # fmt: skip
    for service in called:
        ec2.CfnVPCEndpoint(
            scope, f"{pascal(service)}Endpoint",
            vpc_id=network.vpc.vpc_id,
            vpc_endpoint_type="Interface",
            service_name=f"com.amazonaws.{cdk.Aws.REGION}.{service}",
            private_dns_enabled=True,
            subnet_ids=network.subnets("fleet"),
            security_group_ids=[group.attr_group_id],
        )  # fmt: skip
    for user in users:
        ec2.CfnSecurityGroupEgress(
            scope, f"{pascal(user)}ToEndpoints",
            group_id=network.group(user), destination_security_group_id=group.attr_group_id,
            ip_protocol="tcp", from_port=HTTPS_PORT, to_port=HTTPS_PORT, description="AWS services",
        )  # fmt: skip
    for user in sorted(of_objects()):
        ec2.CfnSecurityGroupEgress(
            scope, f"{pascal(user)}ToObjects",
            group_id=network.group(user), destination_prefix_list_id=environment.s3_prefix_list,
            ip_protocol="tcp", from_port=HTTPS_PORT, to_port=HTTPS_PORT, description="S3, through its gateway",
        )  # fmt: skip
    _let_out(scope, network, sorted(of_the_internet()))
