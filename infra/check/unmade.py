"""What an emulator does not make of our templates, each with its reason. A type that it does make fails the ladder, and
so does an attribute that nobody asks for: the lists can only shrink."""

from collections.abc import Mapping
from typing import Final

_UNKNOWN: Final = "its CloudFormation does not know the type"


def _unknown(*types: str) -> dict[str, str]:
    return {f"AWS::{each}": _UNKNOWN for each in types}


UNMADE: Final[Mapping[str, Mapping[str, str]]] = {
    "moto": {
        **_unknown(
            "ApiGateway::ApiKey", "ApiGateway::BasePathMapping", "ApiGateway::DomainName",
            "ApiGateway::Stage", "ApiGateway::UsagePlan", "ApiGateway::UsagePlanKey", "ApiGatewayV2::VpcLink",
            "AutoScaling::ScalingPolicy", "Budgets::Budget", "CE::AnomalyMonitor", "CE::AnomalySubscription",
            "CertificateManager::Certificate", "CloudWatch::Alarm", "CloudWatch::CompositeAlarm",
            "EC2::SecurityGroupEgress", "ElastiCache::ReplicationGroup", "ElastiCache::SubnetGroup",
            "Lambda::EventInvokeConfig", "RDS::DBCluster", "RDS::DBClusterParameterGroup", "S3::BucketPolicy", "SES::ConfigurationSet",
            "SES::EmailIdentity", "SNS::Subscription", "Scheduler::Schedule", "SNS::TopicPolicy", "SQS::QueuePolicy",
            "SecretsManager::RotationSchedule", "SecretsManager::Secret", "SecretsManager::SecretTargetAttachment",
            "WAFv2::LoggingConfiguration", "WAFv2::WebACL", "WAFv2::WebACLAssociation",
        ),
        "AWS::EC2::FlowLog": "it looks for a bucket by the whole destination, prefix and all, and crashes",
    },
    "ministack": {
        **_unknown(
            "ApiGatewayV2::VpcLink", "Budgets::Budget", "CE::AnomalyMonitor", "CE::AnomalySubscription",
            "CloudWatch::CompositeAlarm", "EC2::EIP", "EC2::FlowLog", "EC2::NatGateway", "EC2::SecurityGroupEgress",
            "EC2::SecurityGroupIngress", "SSM::Document", "SecretsManager::RotationSchedule",
            "WAFv2::LoggingConfiguration", "WAFv2::WebACLAssociation",
        ),
        "AWS::CloudWatch::Alarm/GoalAvailability": "a share of two metrics is metric math, which it does not do",
        "AWS::CloudWatch::Alarm/GoalReplicaUnused": "a share of two metrics is metric math, which it does not do",
        "AWS::CloudWatch::Alarm/GoalShedding": "a share of two metrics is metric math, which it does not do",
    },
}  # fmt: skip

UNTOLD: Final[Mapping[str, Mapping[tuple[str, str], str]]] = {
    "moto": {
        ("AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroupFullName"): "GetAtt does not know it",
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerFullName"): "GetAtt does not know it",
    },
    "ministack": {
        ("AWS::SES::EmailIdentity", f"DkimDNSToken{part}{number}"): "it makes no tokens for a domain"
        for part in ("Name", "Value")
        for number in (1, 2, 3)
    },
}

UNANSWERED: Final[Mapping[str, Mapping[str, str]]] = {
    "moto": {},
    "ministack": {
        "buckets are encrypted as asked for": "its CloudFormation makes each bucket with AES256, whatever the template says"
    },
}
"""Questions to which an emulator is known to have the wrong answer."""
