"""Rules on faults that would be silent: an event that reaches nobody, an edge that is dead beside others that serve."""

from collections.abc import Iterator, Mapping
from typing import Final

from infra.check.assembly import Assembly, Resource, Rule, listed, statements
from infra.plan import OPERATORS, UNNAMED

KEY_OF_EVENTS: Final = ("kms:Decrypt", "kms:GenerateDataKey*")


def events_reach_operators(assembly: Assembly) -> Iterator[str]:
    """EventBridge may write to each topic that a rule tells, and use its key, on no condition; what it cannot is told."""
    watched = {
        str(dimension["Value"])
        for each in assembly.of("CloudWatch::Alarm")
        if each.properties.get("MetricName") == "FailedInvocations"
        for dimension in each.properties["Dimensions"]
    }
    for rule in assembly.of("Events::Rule"):
        if rule.properties.get("Name") not in watched:
            yield f"{rule}: nobody hears that it told nobody"
        for told in rule.properties["Targets"]:
            topic = assembly.target(rule, told["Arn"])
            if topic is None or topic.type != "AWS::SNS::Topic":
                continue
            policies = [
                each for each in assembly.of("SNS::TopicPolicy")
                if any(_is(assembly.target(each, value), topic) for value in each.properties["Topics"])
            ]  # fmt: skip
            key = assembly.target(topic, topic.properties.get("KmsMasterKeyId"))
            keys = [] if key is None else [key]
            asked = [("sns:Publish", policies), *((use, keys) for use in KEY_OF_EVENTS)]
            for wanted, holders in asked:
                if not any(_takes_events(each, wanted) for each in holders):
                    yield f"{rule}: EventBridge is not allowed {wanted} at {topic}"


def _is(one: Resource | None, other: Resource) -> bool:
    return one is not None and (one.template, one.name) == (other.template, other.name)


def _takes_events(holder: Resource, action: str) -> bool:
    return any(
        each["Effect"] == "Allow"
        and action in listed(each["Action"])
        and f"{UNNAMED}.amazonaws.com" in listed(each.get("Principal", {}).get("Service", []))
        and "Condition" not in each
        for each in statements(holder)
        if isinstance(each.get("Principal"), Mapping)
    )


def an_ill_target_is_noticed(assembly: Assembly) -> Iterator[str]:
    """One dead edge is told, though the others serve: a group that is replaced by its machines alone keeps it for ever."""
    watched = [
        assembly.target(each, dimension["Value"])
        for each in assembly.of("CloudWatch::Alarm")
        if (each.properties.get("MetricName"), each.properties["ComparisonOperator"], each.properties.get("Threshold"))
        == ("UnHealthyHostCount", OPERATORS[">"], 0)
        for dimension in each.properties["Dimensions"]
    ]
    for group in assembly.of("ElasticLoadBalancingV2::TargetGroup"):
        if group.name.startswith("Public") and not any(_is(each, group) for each in watched):
            yield f"{group}: nobody hears of one that is ill"


RULES: Final[tuple[Rule, ...]] = (events_reach_operators, an_ill_target_is_noticed)
