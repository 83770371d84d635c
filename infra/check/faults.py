"""Faults to plant: each a mistake that somebody could make, and the rung that must find it."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.templates import Template

Documents = dict[str, dict[str, Any]]
OWN: Final = "own rules"
LINT: Final = "cfn-lint"


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake."""

    name: str
    rung: str
    plant: Callable[[Documents], None]
    environment: str = "production"


def planted(templates: Sequence[Template], fault: Fault) -> list[Template]:
    """Return a copy of the templates with the mistake in it; it must change something."""
    documents: Documents = {each.stack: copy.deepcopy(dict(each.document)) for each in templates}
    fault.plant(documents)
    found = [Template(each.stack, documents[each.stack], each.size) for each in templates]
    assert any(before.document != after.document for before, after in zip(templates, found, strict=True)), fault.name
    return found


def _one(documents: Documents, kind: str, name: str = "", index: int = 0) -> dict[str, Any]:
    """Return a resource by its type and how its logical id begins."""
    found = [
        body
        for document in documents.values()
        for label, body in document["Resources"].items()
        if body["Type"] == f"AWS::{kind}" and label.startswith(name)
    ]
    resource: dict[str, Any] = found[index]
    return resource


def _set(kind: str, path: str, value: Any, name: str = "") -> Callable[[Documents], None]:
    """Return what sets a property, given by a dotted path; None takes it away."""

    def plant(documents: Documents) -> None:
        holder: Any = _one(documents, kind, name)["Properties"]
        *way, last = path.split(".")
        for step in way:
            holder = holder[int(step)] if step.isdigit() else holder[step]
        if value is None:
            del holder[last]
        else:
            holder[int(last) if last.isdigit() else last] = value

    return plant


def _attribute(kind: str, path: str, key: str, value: str, name: str = "") -> Callable[[Documents], None]:
    def plant(documents: Documents) -> None:
        pairs = _one(documents, kind, name)["Properties"][path]
        next(each for each in pairs if each["Key"] == key)["Value"] = value

    return plant


def _drop(kind: str, name: str = "") -> Callable[[Documents], None]:
    def plant(documents: Documents) -> None:
        for document in documents.values():
            for label, body in document["Resources"].items():
                if body["Type"] == f"AWS::{kind}" and label.startswith(name):
                    del document["Resources"][label]
                    return

    return plant


def _add(kind: str, properties: Mapping[str, Any]) -> Callable[[Documents], None]:
    def plant(documents: Documents) -> None:
        document = next(iter(documents.values()))
        document["Resources"]["Planted"] = {"Type": f"AWS::{kind}", "Properties": dict(properties)}

    return plant


def _one_subnet(documents: Documents) -> None:
    own = _one(documents, "AutoScaling::AutoScalingGroup", "Gateway")["Properties"]
    own["VPCZoneIdentifier"] = own["VPCZoneIdentifier"][:1]


def _world_to_database(documents: Documents) -> None:
    for document in documents.values():
        for body in document["Resources"].values():
            own = body.get("Properties", {})
            if body["Type"] == "AWS::EC2::SecurityGroupIngress" and own.get("FromPort") == 5_432:
                del own["SourceSecurityGroupId"]
                own["CidrIp"] = "0.0.0.0/0"
                return


def _everything(documents: Documents) -> None:
    policy = _one(documents, "IAM::Role", "GatewayRole")["Properties"]["Policies"][0]
    policy["PolicyDocument"]["Statement"].append({"Effect": "Allow", "Action": "*", "Resource": "*"})


def _master_key_for_workers(documents: Documents) -> None:
    gateway = _one(documents, "IAM::Role", "GatewayRole")["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    workers = _one(documents, "IAM::Role", "WorkersRole")["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    mine = next(each for each in workers if each.get("Sid") == "Secrets")
    mine["Resource"] = next(each for each in gateway if each.get("Sid") == "Secrets")["Resource"]


def _statement(documents: Documents, role: str, action: str) -> dict[str, Any]:
    """Return the statement of a role that allows an action."""
    policy = _one(documents, "IAM::Role", role)["Properties"]["Policies"][0]["PolicyDocument"]
    return next(each for each in policy["Statement"] if action in each["Action"])


def _reporter_sends(documents: Documents) -> None:
    policy = _one(documents, "IAM::Role", "ReporterRole")["Properties"]["Policies"][0]["PolicyDocument"]
    policy["Statement"].append(
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": "arn:aws:sns:us-east-1:1:notices"}
    )


def _reporter_reads_the_master_key(documents: Documents) -> None:
    gateway = _one(documents, "IAM::Role", "GatewayRole")["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    own = _statement(documents, "ReporterRole", "secretsmanager:GetSecretValue")
    own["Resource"] = next(each for each in gateway if each.get("Sid") == "Secrets")["Resource"]


def _without_logins(documents: Documents) -> None:
    del documents["openbourse-production-rotation"]["Parameters"]["LoginsMade"]


def _rolled(documents: Documents, key: str, value: Any) -> None:
    steps = _one(documents, "SSM::Document", "TakeUpLogin")["Properties"]["Content"]["mainSteps"]
    steps[0]["inputs"][key] = value


def _all_at_once(documents: Documents) -> None:
    _rolled(documents, "MaxConcurrency", "50")


def _restart_anybody(documents: Documents) -> None:
    policy = _one(documents, "IAM::Role", "RollRole")["Properties"]["Policies"][0]["PolicyDocument"]
    next(each for each in policy["Statement"] if "Condition" in each).pop("Condition")


def _schedule_calls_anything(documents: Documents) -> None:
    _statement(documents, "ScheduleRole", "lambda:InvokeFunction")["Resource"] = "arn:aws:lambda:us-east-1:1:function:*"


def _agent_without_tags(documents: Documents) -> None:
    _statement(documents, "GatewayRole", "ec2:DescribeTags")["Action"] = "ec2:DescribeVpcs"


def _dangling(documents: Documents) -> None:
    _one(documents, "AutoScaling::AutoScalingGroup", "Sequencer")["Properties"]["PlacementGroup"] = {"Ref": "Nowhere"}


def _alarm_gone(documents: Documents) -> None:
    for document in documents.values():
        document["Resources"].pop("GoalNoLeader", None)


def _equal_priorities(documents: Documents) -> None:
    rules = _one(documents, "WAFv2::WebACL", "Public")["Properties"]["Rules"]
    rules[1]["Priority"] = rules[0]["Priority"]


def _plain_bucket(documents: Documents) -> None:
    for body in documents.values():
        for each in body["Resources"].values():
            if each["Type"] == "AWS::S3::BucketPolicy":
                statements = each["Properties"]["PolicyDocument"]["Statement"]
                statements[:] = [one for one in statements if one["Effect"] != "Deny"]
                return


def _wrong_path(documents: Documents) -> None:
    rule = _one(documents, "ElasticLoadBalancingV2::ListenerRule", "PublicApiV3")["Properties"]
    rule["Conditions"][0]["PathPatternConfig"]["Values"] = ["/api/v4", "/api/v4/*"]


def _health_to_the_public(documents: Documents) -> None:
    rule = _one(documents, "ElasticLoadBalancingV2::ListenerRule", "PublicHidden")["Properties"]
    rule["Conditions"][0]["PathPatternConfig"]["Values"] = ["/health", "/health/*"]


def _other_roles(documents: Documents) -> None:
    data = _one(documents, "EC2::LaunchTemplate", "Control")["Properties"]["LaunchTemplateData"]
    data["UserData"]["Fn::Base64"] = data["UserData"]["Fn::Base64"].replace("identity web monitor", "identity monitor")


def _other_log(documents: Documents) -> None:
    data = _one(documents, "EC2::LaunchTemplate", "Gateway")["Properties"]["LaunchTemplateData"]
    data["UserData"]["Fn::Base64"] = data["UserData"]["Fn::Base64"].replace("/production/gateway", "/venue")


def _keys_of_all_plans(documents: Documents) -> None:
    policies = _one(documents, "IAM::Role", "ControlRole")["Properties"]["Policies"]
    [statement] = [each for each in policies[0]["PolicyDocument"]["Statement"] if each.get("Sid") == "MakeKeys"]
    statement["Resource"] = "arn:aws:apigateway:us-east-1::/usageplans/*"


def _setting_gone(documents: Documents) -> None:
    for document in documents.values():
        document["Resources"].pop("JournalUrlSetting", None)


def _graph_gone(documents: Documents) -> None:
    own = _one(documents, "CloudWatch::Dashboard")["Properties"]["DashboardBody"]
    own["Fn::Sub"] = own["Fn::Sub"].replace("edge_new_order_ms", "edge_new_order")


def _no_copies(documents: Documents) -> None:
    for document in documents.values():
        for body in document["Resources"].values():
            body.get("Properties", {}).pop("ReplicationConfiguration", None)


def _one_name(documents: Documents) -> None:
    del documents["openbourse-global-second-edge"]["Resources"]["ApiName"]


def _public_second(documents: Documents) -> None:
    own = documents["openbourse-global-second-data"]["Resources"]["Replica"]["Properties"]
    own["PubliclyAccessible"] = True


def _subnets_meet(documents: Documents) -> None:
    subnets = [
        body["Properties"]
        for document in documents.values()
        for body in document["Resources"].values()
        if body["Type"] == "AWS::EC2::Subnet"
    ]
    subnets[1]["CidrBlock"] = subnets[0]["CidrBlock"]


_MIX: Final = "MixedInstancesPolicy.InstancesDistribution"
_GROUP: Final = "AutoScaling::AutoScalingGroup"
_TARGETS: Final = "ElasticLoadBalancingV2::TargetGroup"
_LAUNCH: Final = "EC2::LaunchTemplate"
_CACHE: Final = "ElastiCache::ReplicationGroup"
_QUEUE: Final = "SQS::Queue"

FAULTS: Final[tuple[Fault, ...]] = (
    Fault("the engine on Spot", OWN, _set(_GROUP, f"{_MIX}.OnDemandBaseCapacity", 0, "Sequencer")),
    Fault("the engine half on Spot", OWN, _set(_GROUP, f"{_MIX}.OnDemandPercentageAboveBaseCapacity", 50, "Sequencer")),
    Fault("one sequencer", OWN, _set(_GROUP, "MinSize", "1", "Sequencer")),
    Fault("a sequencer taken away by scale-in", OWN,
          _set(_GROUP, "NewInstancesProtectedFromScaleIn", False, "Sequencer")),
    Fault("no hand-over before termination", OWN, _set(_GROUP, "LifecycleHookSpecificationList", [], "Sequencer")),
    Fault("a fleet in one zone", OWN, _one_subnet),
    Fault("a smallest size above the largest", OWN, _set(_GROUP, "MinSize", "99", "Streams")),
    Fault("a fleet replaced for being not ready", OWN, _set(_GROUP, "HealthCheckType", "ELB", "Gateway")),
    Fault("Spot without rebalancing", OWN, _set(_GROUP, "CapacityRebalance", False, "Workers")),
    Fault("a fleet gone", OWN, _drop(_GROUP, "Workers")),
    Fault("metadata without a token", OWN,
          _set(_LAUNCH, "LaunchTemplateData.MetadataOptions.HttpTokens", "optional", "Gateway")),
    Fault("a disk in the clear", OWN,
          _set(_LAUNCH, "LaunchTemplateData.BlockDeviceMappings.0.Ebs.Encrypted", False, "Streams")),
    Fault("an instance with a public address", OWN,
          _set(_LAUNCH, "LaunchTemplateData.NetworkInterfaces.0.AssociatePublicIpAddress", True, "Gateway")),
    Fault("the database's port open to the world", OWN, _world_to_database),
    Fault("everything allowed to everything", OWN, _everything),
    Fault("an agent that drops its metrics", OWN, _agent_without_tags),
    Fault("workers read the master key", OWN, _master_key_for_workers),
    Fault("no deletion protection", OWN, _set("RDS::DBCluster", "DeletionProtection", False)),
    Fault("backups of a day", OWN, _set("RDS::DBCluster", "BackupRetentionPeriod", 1)),
    Fault("commits that do not last", OWN,
          _set("RDS::DBClusterParameterGroup", "Parameters.synchronous_commit", "off")),
    Fault("the database in the clear", OWN, _set("RDS::DBCluster", "StorageEncrypted", False)),
    Fault("a database class that does not exist", OWN, _set("RDS::DBCluster", "DBClusterInstanceClass", "db.m6gd.huge")),
    Fault("a database version that does not exist", LINT, _set("RDS::DBCluster", "EngineVersion", "18.99")),
    Fault("a cache node type that does not exist", OWN, _set(_CACHE, "CacheNodeType", "cache.m7g.small")),
    Fault("cache without fail-over", OWN, _set(_CACHE, "AutomaticFailoverEnabled", False)),
    Fault("cache without TLS", OWN, _set(_CACHE, "TransitEncryptionEnabled", False)),
    Fault("a bucket that may be made public", OWN,
          _set("S3::Bucket", "PublicAccessBlockConfiguration.BlockPublicPolicy", False, "Reports")),
    Fault("a bucket spoken to in the clear", OWN, _plain_bucket),
    Fault("an archive that can be deleted", OWN, _set("S3::Bucket", "ObjectLockConfiguration", None, "Archive")),
    Fault("subnets that meet", OWN, _subnets_meet),
    Fault("a health check as long as its interval", OWN,
          _set(_TARGETS, "HealthCheckTimeoutSeconds", 5, "PublicGateway")),
    Fault("a health path that nobody serves", OWN, _set(_TARGETS, "HealthCheckPath", "/", "PublicStreams")),
    Fault("a fleet that does not drain", OWN,
          _attribute(_TARGETS, "TargetGroupAttributes", "deregistration_delay.timeout_seconds", "0", "PublicStreams")),
    Fault("a path routed elsewhere", OWN, _wrong_path),
    Fault("metrics for the public", OWN, _health_to_the_public),
    Fault("a listener in the clear", OWN, _set("ElasticLoadBalancingV2::Listener", "Protocol", "HTTP", "PublicHttps")),
    Fault("sockets cut after a minute", OWN,
          _attribute("ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerAttributes", "idle_timeout.timeout_seconds",
                     "60", "Public")),
    Fault("a usage plan without a throttle", OWN, _set("ApiGateway::UsagePlan", "Throttle", None)),
    Fault("a method without a key", OWN, _set("ApiGateway::Method", "ApiKeyRequired", False)),
    Fault("an API that waits ten minutes", OWN, _set("ApiGateway::Method", "Integration.TimeoutInMillis", 600_000)),
    Fault("WAF rules of one priority", OWN, _equal_priorities),
    Fault("a front without its firewall", OWN, _drop("WAFv2::WebACLAssociation")),
    Fault("a list of AWS that only counts", OWN,
          _set("WAFv2::WebACL", "Rules.3.OverrideAction", {"Count": {}}, "Public")),
    Fault("sockets refused for want of a program's name", OWN,
          _set("WAFv2::WebACL", "Rules.5.Statement.ManagedRuleGroupStatement.RuleActionOverrides", [], "Public")),
    Fault("a queue without a dead-letter queue", OWN, _set(_QUEUE, "RedrivePolicy", None, "NoticesQueue")),
    Fault("messages shown again too early", OWN, _set(_QUEUE, "VisibilityTimeout", 30, "NoticesQueue")),
    Fault("a function on a Python that is gone", OWN, _set("Lambda::Function", "Runtime", "python3.8")),
    Fault("text kept for ever", OWN, _set("Logs::LogGroup", "RetentionInDays", None)),
    Fault("text of the database kept for ever", OWN, _drop("Logs::LogGroup", "DatabasePostgresqlLog")),
    Fault("text of API Gateway kept for ever", OWN, _drop("Logs::LogGroup", "AccountFaultsLog")),
    Fault("a password changed in no database", OWN, _drop("SecretsManager::SecretTargetAttachment")),
    Fault("a rotation before there are logins", OWN, _without_logins),
    Fault("two rotations on one day", OWN,
          _set("SecretsManager::RotationSchedule", "RotationRules.ScheduleExpression", "cron(0 9 16 * ? *)", "Journal")),
    Fault("a changed login that nobody takes up", OWN, _set("Events::Rule", "State", "DISABLED", "LoginChanged")),
    Fault("a changed login of another secret", OWN,
          _set("Events::Rule", "EventPattern.resources", [], "LoginChanged")),
    Fault("edges restarted all at once", OWN, _all_at_once),
    Fault("an automation that may restart anybody", OWN, _restart_anybody),
    Fault("a failed rotation unseen", OWN, _drop("CloudWatch::Alarm", "RotationFailing1")),
    Fault("a failed rotation untold", OWN, _drop("Events::Rule", "RotationFailed")),
    Fault("a failed restart untold", OWN, _drop("Events::Rule", "RollFailed")),
    Fault("no daily report is called for", OWN, _drop("Scheduler::Schedule")),
    Fault("a schedule that is switched off", OWN, _set("Scheduler::Schedule", "State", "DISABLED")),
    Fault("a report at somebody's local midnight", OWN,
          _set("Scheduler::Schedule", "ScheduleExpressionTimezone", "America/New_York")),
    Fault("a call for a report that is forgotten", OWN, _set("Scheduler::Schedule", "Target.DeadLetterConfig", None)),
    Fault("a failed report that is forgotten", OWN, _set("Lambda::Function", "DeadLetterConfig", None, "Reporter")),
    Fault("a report that is tried once", OWN, _set("Lambda::EventInvokeConfig", "MaximumRetryAttempts", 0)),
    Fault("a report's function that may write orders", OWN, _reporter_sends),
    Fault("a report's function with the master key", OWN, _reporter_reads_the_master_key),
    Fault("a schedule that may call anything", OWN, _schedule_calls_anything),
    Fault("a goal without its alarm", OWN, _alarm_gone),
    Fault("an alarm at another threshold", OWN, _set("CloudWatch::Alarm", "Threshold", 10_000, "GoalOrderLatency")),
    Fault("a share upside down", OWN,
          _set("CloudWatch::Alarm", "Metrics.0.Expression", "whole / part", "GoalAvailability")),
    Fault("a share of other minutes", OWN,
          _set("CloudWatch::Alarm", "Metrics.1.MetricStat.Period", 60, "GoalShedding")),
    Fault("an alarm that tells nobody", OWN, _set("CloudWatch::Alarm", "AlarmActions", [], "GoalNoLeader")),
    Fault("an alarm's operator misspelt", OWN,
          _set("CloudWatch::Alarm", "ComparisonOperator", "GreaterThen", "GoalOrderLatency")),
    Fault("a full database unseen", OWN, _set("CloudWatch::Alarm", "MetricName", "CPUUtilization", "DatabaseFull1")),
    Fault("a graph of another metric", OWN, _graph_gone),
    Fault("an instance told other roles", OWN, _other_roles),
    Fault("text sent where nobody may write", OWN, _other_log),
    Fault("reports that nobody hears of", OWN, _set("S3::Bucket", "NotificationConfiguration", None, "Reports")),
    Fault("reports from a database that the program refuses", OWN,
          _set("Lambda::Function", "Environment.Variables.OPENBOURSE_DATABASE_URL", "postgresql://reader/openbourse",
               "Report")),
    Fault("keys put into any plan", OWN, _keys_of_all_plans),
    Fault("a secret by a pattern", OWN,
          _set("SSM::Parameter", "Value", "arn:aws:secretsmanager:eu-west-1:1:secret:journal-??????", "JournalSecret")),
    Fault("a setting not written", OWN, _setting_gone),
    Fault("a database that nobody can believe", OWN,
          _set("SSM::Parameter", "Value", "postgresql://journal/openbourse?sslmode=verify-full", "JournalUrlSetting")),
    Fault("no budget", OWN, _drop("Budgets::Budget")),
    Fault("one NAT gateway for three zones", OWN, _drop("EC2::NatGateway")),
    Fault("a second Region without copies", OWN, _no_copies, "global"),
    Fault("a name that leads to one Region only", OWN, _one_name, "global"),
    Fault("a replica with a public address", OWN, _public_second, "global"),
    Fault("a reference to nothing", OWN, _dangling),
    Fault("a password written down", OWN,
          _add("RDS::DBInstance", {"MasterUserPassword": "correct horse", "PubliclyAccessible": False})),
    Fault("a property misspelt", LINT, _set(_GROUP, "HealthCheckTyp", "EC2", "Gateway")),
    Fault("an instance type that does not exist", LINT,
          _set(_LAUNCH, "LaunchTemplateData.InstanceType", "c7g.huge", "Gateway")),
)  # fmt: skip
