"""How faults are planted: what changes a template by a path, and each mistake that takes more than that."""

from collections.abc import Callable, Mapping
from typing import Any

from infra.templates import WAITS

Documents = dict[str, dict[str, Any]]
"""Templates by their stacks, to be changed."""


def one(documents: Documents, kind: str, name: str = "", index: int = 0) -> dict[str, Any]:
    """Return a resource by its type and how its logical id begins."""
    found = [
        body
        for document in documents.values()
        for label, body in document["Resources"].items()
        if body["Type"] == f"AWS::{kind}" and label.startswith(name)
    ]
    resource: dict[str, Any] = found[index]
    return resource


def change(kind: str, path: str, value: Any, name: str = "") -> Callable[[Documents], None]:
    """Return what sets a property, given by a dotted path; None takes it away."""

    def plant(documents: Documents) -> None:
        holder: Any = one(documents, kind, name)["Properties"]
        *way, last = path.split(".")
        for step in way:
            holder = holder[int(step)] if step.isdigit() else holder[step]
        if value is None:
            del holder[last]
        else:
            holder[int(last) if last.isdigit() else last] = value

    return plant


def attribute(kind: str, path: str, key: str, value: str, name: str = "") -> Callable[[Documents], None]:
    def plant(documents: Documents) -> None:
        pairs = one(documents, kind, name)["Properties"][path]
        next(each for each in pairs if each["Key"] == key)["Value"] = value

    return plant


def drop(kind: str, name: str = "") -> Callable[[Documents], None]:
    def plant(documents: Documents) -> None:
        for document in documents.values():
            for label, body in document["Resources"].items():
                if body["Type"] == f"AWS::{kind}" and label.startswith(name):
                    del document["Resources"][label]
                    return

    return plant


def add(kind: str, properties: Mapping[str, Any]) -> Callable[[Documents], None]:
    def plant(documents: Documents) -> None:
        document = next(iter(documents.values()))
        document["Resources"]["Planted"] = {"Type": f"AWS::{kind}", "Properties": dict(properties)}

    return plant


def one_subnet(documents: Documents) -> None:
    own = one(documents, "AutoScaling::AutoScalingGroup", "Gateway")["Properties"]
    own["VPCZoneIdentifier"] = own["VPCZoneIdentifier"][:1]


def world_to_database(documents: Documents) -> None:
    for document in documents.values():
        for body in document["Resources"].values():
            own = body.get("Properties", {})
            if body["Type"] == "AWS::EC2::SecurityGroupIngress" and own.get("FromPort") == 5_432:
                del own["SourceSecurityGroupId"]
                own["CidrIp"] = "0.0.0.0/0"
                return


def everything(documents: Documents) -> None:
    policy = one(documents, "IAM::Role", "GatewayRole")["Properties"]["Policies"][0]
    policy["PolicyDocument"]["Statement"].append({"Effect": "Allow", "Action": "*", "Resource": "*"})


def master_key_for_workers(documents: Documents) -> None:
    gateway = one(documents, "IAM::Role", "GatewayRole")["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    workers = one(documents, "IAM::Role", "WorkersRole")["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    mine = next(each for each in workers if each.get("Sid") == "Secrets")
    mine["Resource"] = next(each for each in gateway if each.get("Sid") == "Secrets")["Resource"]


def statement(documents: Documents, role: str, action: str) -> dict[str, Any]:
    """Return the statement of a role that allows an action."""
    policy = one(documents, "IAM::Role", role)["Properties"]["Policies"][0]["PolicyDocument"]
    return next(each for each in policy["Statement"] if action in each["Action"])


def reporter_sends(documents: Documents) -> None:
    policy = one(documents, "IAM::Role", "ReporterRole")["Properties"]["Policies"][0]["PolicyDocument"]
    policy["Statement"].append(
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": "arn:aws:sns:us-east-1:1:notices"}
    )


def reporter_reads_the_master_key(documents: Documents) -> None:
    gateway = one(documents, "IAM::Role", "GatewayRole")["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    own = statement(documents, "ReporterRole", "secretsmanager:GetSecretValue")
    own["Resource"] = next(each for each in gateway if each.get("Sid") == "Secrets")["Resource"]


def without_logins(documents: Documents) -> None:
    del documents["openbourse-production-rotation"]["Parameters"]["LoginsMade"]


def conditioned(kind: str, name: str = "") -> Callable[[Documents], None]:
    """Return what has EventBridge asked for the account that it does not name."""

    def plant(documents: Documents) -> None:
        own = one(documents, kind, name)["Properties"]
        for each in own.get("KeyPolicy", own.get("PolicyDocument"))["Statement"]:
            principal = each.get("Principal")
            if isinstance(principal, dict) and "events.amazonaws.com" in principal.get("Service", []):
                each["Condition"] = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}

    return plant


def unawaited(stack: str, other: str) -> Callable[[Documents], None]:
    """Return what has a stack deployed without waiting for another."""

    def plant(documents: Documents) -> None:
        documents[stack][WAITS].remove(other)

    return plant


def rolled(documents: Documents, key: str, value: Any) -> None:
    steps = one(documents, "SSM::Document", "TakeUpLogin")["Properties"]["Content"]["mainSteps"]
    steps[0]["inputs"][key] = value


def all_at_once(documents: Documents) -> None:
    rolled(documents, "MaxConcurrency", "50")


def restart_anybody(documents: Documents) -> None:
    policy = one(documents, "IAM::Role", "RollRole")["Properties"]["Policies"][0]["PolicyDocument"]
    next(each for each in policy["Statement"] if "Condition" in each).pop("Condition")


def schedule_calls_anything(documents: Documents) -> None:
    statement(documents, "ScheduleRole", "lambda:InvokeFunction")["Resource"] = "arn:aws:lambda:us-east-1:1:function:*"


def agent_without_tags(documents: Documents) -> None:
    statement(documents, "GatewayRole", "ec2:DescribeTags")["Action"] = "ec2:DescribeVpcs"


def rights_over_groups(documents: Documents) -> None:
    """Let an instance answer hooks that no group has."""
    policy = one(documents, "IAM::Role", "SequencerRole")["Properties"]["Policies"][0]["PolicyDocument"]
    where = "arn:aws:autoscaling:us-east-1:1:autoScalingGroup:*:autoScalingGroupName/openbourse-production-sequencer"
    action = "autoscaling:CompleteLifecycleAction"
    policy["Statement"].append({"Effect": "Allow", "Action": action, "Resource": where})


def dangling(documents: Documents) -> None:
    one(documents, "AutoScaling::AutoScalingGroup", "Sequencer")["Properties"]["PlacementGroup"] = {"Ref": "Nowhere"}


def alarm_gone(documents: Documents) -> None:
    for document in documents.values():
        document["Resources"].pop("GoalNoLeader", None)


def equal_priorities(documents: Documents) -> None:
    rules = one(documents, "WAFv2::WebACL", "Public")["Properties"]["Rules"]
    rules[1]["Priority"] = rules[0]["Priority"]


def plain_bucket(documents: Documents) -> None:
    for body in documents.values():
        for each in body["Resources"].values():
            if each["Type"] == "AWS::S3::BucketPolicy":
                statements = each["Properties"]["PolicyDocument"]["Statement"]
                statements[:] = [one for one in statements if one["Effect"] != "Deny"]
                return


def wrong_path(documents: Documents) -> None:
    rule = one(documents, "ElasticLoadBalancingV2::ListenerRule", "PublicApiV3")["Properties"]
    rule["Conditions"][0]["PathPatternConfig"]["Values"] = ["/api/v4", "/api/v4/*"]


def health_to_the_public(documents: Documents) -> None:
    rule = one(documents, "ElasticLoadBalancingV2::ListenerRule", "PublicHidden")["Properties"]
    rule["Conditions"][0]["PathPatternConfig"]["Values"] = ["/health", "/health/*"]


def other_roles(documents: Documents) -> None:
    data = one(documents, "EC2::LaunchTemplate", "Control")["Properties"]["LaunchTemplateData"]
    data["UserData"]["Fn::Base64"] = data["UserData"]["Fn::Base64"].replace("identity web monitor", "identity monitor")


def other_log(documents: Documents) -> None:
    data = one(documents, "EC2::LaunchTemplate", "Gateway")["Properties"]["LaunchTemplateData"]
    data["UserData"]["Fn::Base64"] = data["UserData"]["Fn::Base64"].replace("/production/gateway", "/venue")


def keys_of_all_plans(documents: Documents) -> None:
    policies = one(documents, "IAM::Role", "ControlRole")["Properties"]["Policies"]
    [statement] = [each for each in policies[0]["PolicyDocument"]["Statement"] if each.get("Sid") == "PlanKeys"]
    statement["Resource"] = "arn:aws:apigateway:us-east-1::/usageplans/*"


def keys_of_others(documents: Documents) -> None:
    """Let identity remove any key of the account."""
    del statement(documents, "ControlRole", "apigateway:DELETE")["Condition"]


def setting_gone(documents: Documents) -> None:
    for document in documents.values():
        document["Resources"].pop("JournalUrlSetting", None)


def graph_gone(documents: Documents) -> None:
    own = one(documents, "CloudWatch::Dashboard")["Properties"]["DashboardBody"]
    own["Fn::Sub"] = own["Fn::Sub"].replace("edge_new_order_ms", "edge_new_order")


def no_copies(documents: Documents) -> None:
    for document in documents.values():
        for body in document["Resources"].values():
            body.get("Properties", {}).pop("ReplicationConfiguration", None)


def one_name(documents: Documents) -> None:
    del documents["openbourse-global-second-edge"]["Resources"]["ApiName"]


def in_second(stack: str, name: str, key: str, value: Any) -> Callable[[Documents], None]:
    """Return what sets a property in the second Region; None takes the resource away."""

    def plant(documents: Documents) -> None:
        resources = documents[f"openbourse-global-second-{stack}"]["Resources"]
        if value is None:
            del resources[name]
        else:
            resources[name]["Properties"][key] = value

    return plant


def page_asleep(documents: Documents) -> None:
    one(documents, "CloudWatch::CompositeAlarm")["Properties"]["ActionsSuppressor"] = (
        "openbourse-production-standing-by"
    )


def public_second(documents: Documents) -> None:
    own = documents["openbourse-global-second-data"]["Resources"]["Replica"]["Properties"]
    own["PubliclyAccessible"] = True


def subnets_meet(documents: Documents) -> None:
    subnets = [
        body["Properties"]
        for document in documents.values()
        for body in document["Resources"].values()
        if body["Type"] == "AWS::EC2::Subnet"
    ]
    subnets[1]["CidrBlock"] = subnets[0]["CidrBlock"]


def _starters(documents: Documents, stack: str) -> list[Any]:
    key = next(body for body in documents[stack]["Resources"].values() if body["Type"] == "AWS::KMS::Key")
    found: list[Any] = key["Properties"]["KeyPolicy"]["Statement"]
    return found


def without_grants(documents: Documents) -> None:
    statements = _starters(documents, "openbourse-production-storage")
    statements[:] = [each for each in statements if each.get("Action") != "kms:CreateGrant"]


def without_grants_in_second(documents: Documents) -> None:
    statements = _starters(documents, "openbourse-global-second-storage")
    statements[:] = [each for each in statements if each.get("Action") != "kms:CreateGrant"]


def without_spot(documents: Documents) -> None:
    for each in _starters(documents, "openbourse-production-storage"):
        if "aws:PrincipalArn" in each.get("Condition", {}).get("StringEquals", {}):
            del each["Condition"]["StringEquals"]["aws:PrincipalArn"][1]


def key_for_everybody(documents: Documents) -> None:
    for each in _starters(documents, "openbourse-production-storage"):
        each.get("Condition", {}).get("StringEquals", {}).pop("kms:CallerAccount", None)


def account_goes(documents: Documents) -> None:
    one(documents, "ApiGateway::Account")["DeletionPolicy"] = "Delete"


def no_greeting(documents: Documents) -> None:
    """Return to what AWS refused: the groups that the venue's APIs write into, and no other."""
    role = one(documents, "IAM::Role", "AccountLogRole")["Properties"]["Policies"][0]
    for each in role["PolicyDocument"]["Statement"]:
        if isinstance(each["Resource"], list):
            each["Resource"] = [place for place in each["Resource"] if "welcome" not in str(place)]
