"""Faults to plant: each a mistake that somebody could make, and the rung that must find it."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from infra.check import planting as plant
from infra.check.planting import Documents
from infra.templates import Template

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


_MIX: Final = "MixedInstancesPolicy.InstancesDistribution"
_GROUP: Final = "AutoScaling::AutoScalingGroup"
_TARGETS: Final = "ElasticLoadBalancingV2::TargetGroup"
_LAUNCH: Final = "EC2::LaunchTemplate"
_CACHE: Final = "ElastiCache::ReplicationGroup"
_QUEUE: Final = "SQS::Queue"

FAULTS: Final[tuple[Fault, ...]] = (
    Fault("the engine on Spot", OWN, plant.change(_GROUP, f"{_MIX}.OnDemandBaseCapacity", 0, "Sequencer")),
    Fault("the engine half on Spot", OWN, plant.change(_GROUP, f"{_MIX}.OnDemandPercentageAboveBaseCapacity", 50, "Sequencer")),
    Fault("one sequencer", OWN, plant.change(_GROUP, "MinSize", "1", "Sequencer")),
    Fault("a sequencer taken away by scale-in", OWN,
          plant.change(_GROUP, "NewInstancesProtectedFromScaleIn", False, "Sequencer")),
    Fault("a hook that nothing answers", OWN,
          plant.change(_GROUP, "LifecycleHookSpecificationList", [{"LifecycleHookName": "hand-over"}], "Sequencer")),
    Fault("a right over groups that nothing uses", OWN, plant.rights_over_groups),
    Fault("a fleet in no balancer", OWN, plant.change(_GROUP, "TargetGroupARNs", None, "Gateway")),
    Fault("a fleet in one zone", OWN, plant.one_subnet),
    Fault("a smallest size above the largest", OWN, plant.change(_GROUP, "MinSize", "99", "Streams")),
    Fault("a fleet replaced for being not ready", OWN, plant.change(_GROUP, "HealthCheckType", "ELB", "Gateway")),
    Fault("Spot without rebalancing", OWN, plant.change(_GROUP, "CapacityRebalance", False, "Workers")),
    Fault("a fleet gone", OWN, plant.drop(_GROUP, "Workers")),
    Fault("metadata without a token", OWN,
          plant.change(_LAUNCH, "LaunchTemplateData.MetadataOptions.HttpTokens", "optional", "Gateway")),
    Fault("a disk in the clear", OWN,
          plant.change(_LAUNCH, "LaunchTemplateData.BlockDeviceMappings.0.Ebs.Encrypted", False, "Streams")),
    Fault("an instance with a public address", OWN,
          plant.change(_LAUNCH, "LaunchTemplateData.NetworkInterfaces.0.AssociatePublicIpAddress", True, "Gateway")),
    Fault("the database's port open to the world", OWN, plant.world_to_database),
    Fault("everything allowed to everything", OWN, plant.everything),
    Fault("an agent that drops its metrics", OWN, plant.agent_without_tags),
    Fault("workers read the master key", OWN, plant.master_key_for_workers),
    Fault("no deletion protection", OWN, plant.change("RDS::DBCluster", "DeletionProtection", False)),
    Fault("backups of a day", OWN, plant.change("RDS::DBCluster", "BackupRetentionPeriod", 1)),
    Fault("commits that do not last", OWN,
          plant.change("RDS::DBClusterParameterGroup", "Parameters.synchronous_commit", "off")),
    Fault("the database in the clear", OWN, plant.change("RDS::DBCluster", "StorageEncrypted", False)),
    Fault("a database class that does not exist", OWN, plant.change("RDS::DBCluster", "DBClusterInstanceClass", "db.m6gd.huge")),
    Fault("a database version that does not exist", LINT, plant.change("RDS::DBCluster", "EngineVersion", "18.99")),
    Fault("a cache node type that does not exist", OWN, plant.change(_CACHE, "CacheNodeType", "cache.m7g.small")),
    Fault("cache without fail-over", OWN, plant.change(_CACHE, "AutomaticFailoverEnabled", False)),
    Fault("cache without TLS", OWN, plant.change(_CACHE, "TransitEncryptionEnabled", False)),
    Fault("a bucket that may be made public", OWN,
          plant.change("S3::Bucket", "PublicAccessBlockConfiguration.BlockPublicPolicy", False, "Reports")),
    Fault("a bucket spoken to in the clear", OWN, plant.plain_bucket),
    Fault("an archive that can be deleted", OWN, plant.change("S3::Bucket", "ObjectLockConfiguration", None, "Archive")),
    Fault("subnets that meet", OWN, plant.subnets_meet),
    Fault("a health check as long as its interval", OWN,
          plant.change(_TARGETS, "HealthCheckTimeoutSeconds", 5, "PublicGateway")),
    Fault("a health path that nobody serves", OWN, plant.change(_TARGETS, "HealthCheckPath", "/", "PublicStreams")),
    Fault("a fleet that does not drain", OWN,
          plant.attribute(_TARGETS, "TargetGroupAttributes", "deregistration_delay.timeout_seconds", "0", "PublicStreams")),
    Fault("a path routed elsewhere", OWN, plant.wrong_path),
    Fault("metrics for the public", OWN, plant.health_to_the_public),
    Fault("a listener in the clear", OWN, plant.change("ElasticLoadBalancingV2::Listener", "Protocol", "HTTP", "PublicHttps")),
    Fault("sockets cut after a minute", OWN,
          plant.attribute("ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerAttributes", "idle_timeout.timeout_seconds",
                     "60", "Public")),
    Fault("requests written down with their signatures", OWN,
          plant.attribute("ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerAttributes", "access_logs.s3.enabled",
                          "true", "Public")),
    Fault("a firewall that writes down queries", OWN,
          plant.change("WAFv2::LoggingConfiguration", "RedactedFields.0",
                       {"SingleHeader": {"Name": "user-agent"}})),
    Fault("a firewall that writes down listen keys of sockets", OWN,
          plant.change("WAFv2::LoggingConfiguration", "RedactedFields.1",
                       {"SingleHeader": {"Name": "user-agent"}})),
    Fault("samples that show whole requests", OWN,
          plant.change("WAFv2::WebACL", "Rules.0.VisibilityConfig.SampledRequestsEnabled", True)),
    Fault("bodies in the log of API Gateway", OWN,
          plant.change("ApiGateway::Stage", "MethodSettings.0.DataTraceEnabled", True)),
    Fault("a usage plan without a throttle", OWN, plant.change("ApiGateway::UsagePlan", "Throttle", None)),
    Fault("a method without a key", OWN, plant.change("ApiGateway::Method", "ApiKeyRequired", False)),
    Fault("an API that waits ten minutes", OWN, plant.change("ApiGateway::Method", "Integration.TimeoutInMillis", 600_000)),
    Fault("WAF rules of one priority", OWN, plant.equal_priorities),
    Fault("a front without its firewall", OWN, plant.drop("WAFv2::WebACLAssociation")),
    Fault("a list of AWS that only counts", OWN,
          plant.change("WAFv2::WebACL", "Rules.3.OverrideAction", {"Count": {}}, "Public")),
    Fault("sockets refused for want of a program's name", OWN,
          plant.change("WAFv2::WebACL", "Rules.5.Statement.ManagedRuleGroupStatement.RuleActionOverrides", [], "Public")),
    Fault("a queue without a dead-letter queue", OWN, plant.change(_QUEUE, "RedrivePolicy", None, "NoticesQueue")),
    Fault("messages shown again too early", OWN, plant.change(_QUEUE, "VisibilityTimeout", 30, "NoticesQueue")),
    Fault("a function on a Python that is gone", OWN, plant.change("Lambda::Function", "Runtime", "python3.8")),
    Fault("a function that may take all that the account has", OWN,
          plant.change("Lambda::Function", "ReservedConcurrentExecutions", None, "Notifier")),
    Fault("a function that reserves what a new account has not", OWN,
          plant.change("Lambda::Function", "ReservedConcurrentExecutions", 1, "Reporter"), "dev"),
    Fault("a domain that nobody can believe", OWN, plant.drop("Route53::RecordSet", "MailProof2")),
    Fault("mail without a signature", OWN,
          plant.change("SES::EmailIdentity", "DkimAttributes.SigningEnabled", False)),
    Fault("text kept for ever", OWN, plant.change("Logs::LogGroup", "RetentionInDays", None)),
    Fault("text of the database kept for ever", OWN, plant.drop("Logs::LogGroup", "DatabasePostgresqlLog")),
    Fault("text of API Gateway kept for ever", OWN, plant.drop("Logs::LogGroup", "AccountFaultsLog")),
    Fault("a password changed in no database", OWN, plant.drop("SecretsManager::SecretTargetAttachment")),
    Fault("a rotation before there are logins", OWN, plant.without_logins),
    Fault("two rotations on one day", OWN,
          plant.change("SecretsManager::RotationSchedule", "RotationRules.ScheduleExpression", "cron(0 9 16 * ? *)", "Journal")),
    Fault("a changed login that nobody takes up", OWN, plant.change("Events::Rule", "State", "DISABLED", "LoginChanged")),
    Fault("a changed login of another secret", OWN,
          plant.change("Events::Rule", "EventPattern.resources", [], "LoginChanged")),
    Fault("edges restarted all at once", OWN, plant.all_at_once),
    Fault("an automation that may restart anybody", OWN, plant.restart_anybody),
    Fault("a failed rotation unseen", OWN, plant.drop("CloudWatch::Alarm", "RotationFailing1")),
    Fault("a failed rotation untold", OWN, plant.drop("Events::Rule", "RotationFailed")),
    Fault("a failed restart untold", OWN, plant.drop("Events::Rule", "RollFailed")),
    Fault("no daily report is called for", OWN, plant.drop("Scheduler::Schedule")),
    Fault("a schedule that is switched off", OWN, plant.change("Scheduler::Schedule", "State", "DISABLED")),
    Fault("a report at somebody's local midnight", OWN,
          plant.change("Scheduler::Schedule", "ScheduleExpressionTimezone", "America/New_York")),
    Fault("a call for a report that is forgotten", OWN, plant.change("Scheduler::Schedule", "Target.DeadLetterConfig", None)),
    Fault("a failed report that is forgotten", OWN, plant.change("Lambda::Function", "DeadLetterConfig", None, "Reporter")),
    Fault("a report that is tried once", OWN, plant.change("Lambda::EventInvokeConfig", "MaximumRetryAttempts", 0)),
    Fault("a report's function that may write orders", OWN, plant.reporter_sends),
    Fault("a report's function with the master key", OWN, plant.reporter_reads_the_master_key),
    Fault("a schedule that may call anything", OWN, plant.schedule_calls_anything),
    Fault("a goal without its alarm", OWN, plant.alarm_gone),
    Fault("an alarm at another threshold", OWN, plant.change("CloudWatch::Alarm", "Threshold", 10_000, "GoalOrderLatency")),
    Fault("a share upside down", OWN,
          plant.change("CloudWatch::Alarm", "Metrics.0.Expression", "whole / part", "GoalAvailability")),
    Fault("a share of other minutes", OWN,
          plant.change("CloudWatch::Alarm", "Metrics.1.MetricStat.Period", 60, "GoalShedding")),
    Fault("an alarm that tells nobody", OWN, plant.change("CloudWatch::Alarm", "AlarmActions", [], "GoalNoLeader")),
    Fault("an alarm's operator misspelt", OWN,
          plant.change("CloudWatch::Alarm", "ComparisonOperator", "GreaterThen", "GoalOrderLatency")),
    Fault("a full database unseen", OWN, plant.change("CloudWatch::Alarm", "MetricName", "CPUUtilization", "DatabaseFull1")),
    Fault("a graph of another metric", OWN, plant.graph_gone),
    Fault("an instance told other roles", OWN, plant.other_roles),
    Fault("text sent where nobody may write", OWN, plant.other_log),
    Fault("reports that nobody hears of", OWN, plant.change("S3::Bucket", "NotificationConfiguration", None, "Reports")),
    Fault("reports from a database that the program refuses", OWN,
          plant.change("Lambda::Function", "Environment.Variables.OPENBOURSE_DATABASE_URL", "postgresql://reader/openbourse",
               "Report")),
    Fault("keys put into any plan", OWN, plant.keys_of_all_plans),
    Fault("keys of others removed", OWN, plant.keys_of_others),
    Fault("a secret by a pattern", OWN,
          plant.change("SSM::Parameter", "Value", "arn:aws:secretsmanager:eu-west-1:1:secret:journal-??????", "JournalSecret")),
    Fault("a setting not written", OWN, plant.setting_gone),
    Fault("a database that nobody can believe", OWN,
          plant.change("SSM::Parameter", "Value", "postgresql://journal/openbourse?sslmode=verify-full", "JournalUrlSetting")),
    Fault("an endpoint that nobody has", OWN, plant.drop("EC2::VPCEndpoint", "Sns"), "closed"),
    Fault("an endpoint under no name that a program asks for", OWN,
          plant.change("EC2::VPCEndpoint", "PrivateDnsEnabled", False, "Secretsmanager"), "closed"),
    Fault("an endpoint that lets nobody in", OWN,
          plant.change("EC2::SecurityGroup", "SecurityGroupIngress", [], "Endpoint"), "closed"),
    Fault("no way to an endpoint", OWN, plant.drop("EC2::SecurityGroupEgress", "WorkersToEndpoints"), "closed"),
    Fault("no way to objects", OWN, plant.drop("EC2::SecurityGroupEgress", "WorkersToObjects"), "closed"),
    Fault("a sequencer that reaches the world", OWN,
          plant.change("EC2::SecurityGroupEgress", "CidrIp", "0.0.0.0/0", "SequencerToEndpoints"), "closed"),
    Fault("no budget", OWN, plant.drop("Budgets::Budget")),
    Fault("one NAT gateway for three zones", OWN, plant.drop("EC2::NatGateway")),
    Fault("a second Region without copies", OWN, plant.no_copies, "global"),
    Fault("a master login that the second Region has not", OWN,
          plant.change("SecretsManager::Secret", "ReplicaRegions", None, "DatabaseMasterSecret"), "global"),
    Fault("a name that leads to one Region only", OWN, plant.one_name, "global"),
    Fault("the account's name in one Region only", OWN, plant.in_second("edge", "AccountName", "", None), "global"),
    Fault("names that move apart", OWN,
          plant.change("Route53::RecordSet", "HealthCheckId", {"Ref": "Certificate"}, "AccountName"), "global"),
    Fault("names that go back to a Region that comes back", OWN,
          plant.change("Route53::HealthCheck", "HealthCheckConfig.Inverted", False), "global"),
    Fault("names that follow the first Region's health", OWN,
          plant.change("Route53::HealthCheck", "HealthCheckConfig.FullyQualifiedDomainName", "api.openbourse.example"), "global"),
    Fault("a name that follows its targets", OWN,
          plant.change("Route53::RecordSet", "AliasTarget.EvaluateTargetHealth", True, "AccountName"), "global"),
    Fault("a second Region that is born trading", OWN,
          plant.in_second("edge", "PublicRegion", "Actions", [{"Type": "fixed-response", "FixedResponseConfig": {
              "StatusCode": "200", "ContentType": "text/plain", "MessageBody": "this Region trades"}}]), "global"),
    Fault("a second Region without a name to ask at", OWN, plant.in_second("edge", "RegionName", "", None), "global"),
    Fault("sequencers that ask nobody who trades", OWN,
          plant.in_second("configuration", "RegionNameSetting", "", None), "global"),
    Fault("a second Region that takes itself for the first", OWN,
          plant.in_second("configuration", "RegionTurnSetting", "Value", "first"), "global"),
    Fault("one address for both Regions", OWN,
          plant.in_second("edge", "TradesName", "ResourceRecords", ["192.0.2.1"]), "global"),
    Fault("a replica in the second Region that nobody watches", OWN,
          plant.in_second("monitoring", "ReplicaBehind1", "", None), "global"),
    Fault("a second Region that wakes somebody every day", OWN,
          plant.in_second("monitoring", "StandingBy", "MetricName", "GroupMaxSize"), "global"),
    Fault("a second Region without a goal's alarm", OWN,
          plant.in_second("monitoring", "GoalNoLeader", "", None), "global"),
    Fault("the first Region's page asleep", OWN, plant.page_asleep),
    Fault("a replica with a public address", OWN, plant.public_second, "global"),
    Fault("a reference to nothing", OWN, plant.dangling),
    Fault("a password written down", OWN,
          plant.add("RDS::DBInstance", {"MasterUserPassword": "correct horse", "PubliclyAccessible": False})),
    Fault("a property misspelt", LINT, plant.change(_GROUP, "HealthCheckTyp", "EC2", "Gateway")),
    Fault("an instance type that does not exist", LINT,
          plant.change(_LAUNCH, "LaunchTemplateData.InstanceType", "c7g.huge", "Gateway")),
)  # fmt: skip
