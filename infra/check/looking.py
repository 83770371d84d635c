"""What stands on an emulator, asked of the services themselves: wiring and values, never availability."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from infra.check.assembly import Assembly
from infra.check.emulators import Client

Ids = Mapping[str, Mapping[str, str]]
"""By stack, then by logical name."""
Question = Callable[[Client, Assembly, Ids], list[str]]


def _listing(service: str, operation: str, key: str, *names: str) -> Callable[[Client], set[str]]:
    """Return what asks a service for everything of a kind; each is known by any of the names it goes by."""

    def ask(client: Client) -> set[str]:
        own = client(service)
        pages: Any = [getattr(own, operation)()]
        if own.can_paginate(operation):
            pages = own.get_paginator(operation).paginate()
        found = [each for page in pages for each in page[key]]
        return {each if isinstance(each, str) else each.get(name, "") for each in found for name in names or ("",)}

    return ask


SEEN_BY: Final[Mapping[str, Callable[[Client], set[str]]]] = {
    "AWS::AutoScaling::AutoScalingGroup": _listing(
        "autoscaling",
        "describe_auto_scaling_groups",
        "AutoScalingGroups",
        "AutoScalingGroupName",
        "AutoScalingGroupARN",
    ),
    "AWS::CloudWatch::Alarm": _listing("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "AWS::EC2::InternetGateway": _listing("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    "AWS::EC2::LaunchTemplate": _listing("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    "AWS::EC2::NatGateway": _listing("ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId"),
    "AWS::EC2::RouteTable": _listing("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    "AWS::EC2::SecurityGroup": _listing("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    "AWS::EC2::Subnet": _listing("ec2", "describe_subnets", "Subnets", "SubnetId"),
    "AWS::EC2::VPC": _listing("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    "AWS::EC2::VPCEndpoint": _listing("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _listing(
        "elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": _listing(
        "elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"
    ),
    "AWS::Events::Rule": _listing("events", "list_rules", "Rules", "Name", "Arn"),
    "AWS::IAM::InstanceProfile": _listing(
        "iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName", "Arn"
    ),
    "AWS::IAM::Role": _listing("iam", "list_roles", "Roles", "RoleName"),
    "AWS::KMS::Alias": _listing("kms", "list_aliases", "Aliases", "AliasName"),
    "AWS::KMS::Key": _listing("kms", "list_keys", "Keys", "KeyId", "KeyArn"),
    "AWS::Lambda::Function": _listing("lambda", "list_functions", "Functions", "FunctionName", "FunctionArn"),
    "AWS::Logs::LogGroup": _listing("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "AWS::RDS::DBSubnetGroup": _listing("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
    "AWS::S3::Bucket": _listing("s3", "list_buckets", "Buckets", "Name"),
    "AWS::SNS::Topic": _listing("sns", "list_topics", "Topics", "TopicArn"),
    "AWS::SQS::Queue": _listing("sqs", "list_queues", "QueueUrls"),
    "AWS::SSM::Document": _listing("ssm", "list_documents", "DocumentIdentifiers", "Name"),
    "AWS::SSM::Parameter": _listing("ssm", "describe_parameters", "Parameters", "Name"),
    "AWS::Scheduler::Schedule": _listing("scheduler", "list_schedules", "Schedules", "Name"),
    "AWS::SecretsManager::Secret": _listing("secretsmanager", "list_secrets", "SecretList", "ARN", "Name"),
}


def _ingress(client: Client) -> int:
    pages = client("ec2").get_paginator("describe_security_group_rules").paginate()
    rules = [each for page in pages for each in page["SecurityGroupRules"]]
    return sum(not each["IsEgress"] and each.get("FromPort", -1) > 0 for each in rules)  # -1: the default group's own


def _apis(client: Client) -> list[str]:
    return [each["id"] for each in client("apigateway").get_rest_apis()["items"]]


def _methods(client: Client) -> int:
    found = [client("apigateway").get_resources(restApiId=each, limit=500)["items"] for each in _apis(client)]
    return sum(len(each.get("resourceMethods", {})) for items in found for each in items)


def _deployments(client: Client) -> int:
    return sum(len(client("apigateway").get_deployments(restApiId=each)["items"]) for each in _apis(client))


COUNTED: Final[Mapping[str, Callable[[Client], int]]] = {
    "AWS::ApiGateway::Deployment": _deployments,
    "AWS::ApiGateway::Method": _methods,
    "AWS::EC2::SecurityGroupIngress": _ingress,
    "AWS::RDS::DBSubnetGroup": lambda client: len(SEEN_BY["AWS::RDS::DBSubnetGroup"](client)),
}
"""How many of a type stand, where an emulator gives them no id."""


def _id(assembly: Assembly, ids: Ids, kind: str, part: str = "") -> str:
    """Return the id of the one resource of a type whose name begins so."""
    [found] = [each for each in assembly.of(kind) if each.name.startswith(part)]
    return ids[found.template.stack][found.name]


def _subnets(client: Client, assembly: Assembly, ids: Ids) -> Iterator[str]:
    vpc = _id(assembly, ids, "EC2::VPC")
    told = client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    if (count := len(assembly.of("EC2::Subnet"))) != len(told):
        yield f"{len(told)} subnets of {count}"
    asked = {each.properties["CidrBlock"] for each in assembly.of("EC2::Subnet")}
    yield from (f"a subnet {block} that nobody asked for" for block in {each["CidrBlock"] for each in told} - asked)


def _groups(client: Client, assembly: Assembly, ids: Ids) -> Iterator[str]:
    """Every fleet's instances come from the launch template of that fleet, into subnets of ours."""
    told = {
        each["AutoScalingGroupName"]: each
        for each in client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    }
    subnets = set(ids[assembly.of("EC2::Subnet")[0].template.stack].values())
    for each in assembly.of("AutoScaling::AutoScalingGroup"):
        own = told.get(each.properties["AutoScalingGroupName"], {})
        placed = set(filter(None, own.get("VPCZoneIdentifier", "").split(",")))
        if not placed or not placed <= subnets:
            yield f"{each} is in {sorted(placed)}"
        if own.get("MaxSize") != int(each.properties["MaxSize"]):
            yield f"{each} grows to {own.get('MaxSize')}"


def _redrive(client: Client, assembly: Assembly, ids: Ids) -> Iterator[str]:
    sqs = client("sqs")
    queue, dead = _id(assembly, ids, "SQS::Queue", "NoticesQueue"), _id(assembly, ids, "SQS::Queue", "NoticesDead")
    policy = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"].get("RedrivePolicy", "")
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    if arn not in policy:
        yield f"a message that cannot be handled goes to {policy or 'nobody'}, not to {arn}"


def _source(client: Client, assembly: Assembly, ids: Ids) -> Iterator[str]:
    mappings = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    queue = _id(assembly, ids, "SQS::Queue", "NoticesQueue").rpartition("/")[2]
    if not any(each["EventSourceArn"].endswith(queue) for each in mappings):
        yield "the function does not read the queue of notices"


def _encryption(client: Client, assembly: Assembly, ids: Ids) -> Iterator[str]:
    for each in assembly.of("S3::Bucket"):
        told = client("s3").get_bucket_encryption(Bucket=ids[each.template.stack][each.name])
        [rule] = told["ServerSideEncryptionConfiguration"]["Rules"]
        asked = each.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
        if (
            rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
            != (asked["ServerSideEncryptionByDefault"]["SSEAlgorithm"])
        ):
            yield f"{each} is encrypted by {rule}"


def _settings(client: Client, assembly: Assembly, ids: Ids) -> Iterator[str]:
    """What an instance reads at its first start is there, and no value of it is empty."""
    path = f"/openbourse/{assembly.environment.name}/settings"
    pages = client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    told = {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]}
    if (count := len(assembly.of("SSM::Parameter"))) != len(told):
        yield f"{len(told)} settings of {count}"
    yield from (f"{name} is empty" for name, value in told.items() if not value)


def _rules(client: Client, assembly: Assembly, ids: Ids) -> Iterator[str]:
    """Every path leads to a target group that stands."""
    elbv2 = client("elbv2")
    groups = {each["TargetGroupArn"] for each in elbv2.describe_target_groups()["TargetGroups"]}
    count = 0
    for each in assembly.of("ElasticLoadBalancingV2::Listener"):
        listener = ids[each.template.stack][each.name]
        for rule in elbv2.describe_rules(ListenerArn=listener)["Rules"]:
            count += not rule.get("IsDefault", rule["Priority"] == "default")
            for action in rule["Actions"]:
                if action["Type"] == "forward" and action.get("TargetGroupArn", next(iter(groups))) not in groups:
                    yield f"{each} sends to {action}"
    if count != (asked := len(assembly.of("ElasticLoadBalancingV2::ListenerRule"))):
        yield f"{count} rules of {asked}"


def _question(ask: Callable[[Client, Assembly, Ids], Iterator[str]]) -> Question:
    def answered(client: Client, assembly: Assembly, ids: Ids) -> list[str]:
        try:
            return list(ask(client, assembly, ids))
        except (KeyError, ValueError) as fault:
            return [f"cannot be told: {type(fault).__name__}: {fault}"]

    return answered


QUESTIONS: Final[Mapping[str, Question]] = {
    "the network has the subnets asked for": _question(_subnets),
    "fleets stand in our subnets": _question(_groups),
    "the queue's failures go to the dead-letter queue": _question(_redrive),
    "the function reads the queue": _question(_source),
    "buckets are encrypted as asked for": _question(_encryption),
    "settings are there for an instance to read": _question(_settings),
    "paths lead to target groups": _question(_rules),
}
