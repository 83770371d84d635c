"""Names: where clients find the venue, and in two Regions which of them trades. One answer moves them all."""

from collections.abc import Mapping

from aws_cdk import aws_route53 as route53
from constructs import Construct

from infra.environments import Environment
from infra.plan import REGION_PATH, REGION_TTL_S, TRADES, TRADES_HERE, pascal, region_name, turn
from openbourse.roles import TURN_ADDRESSES, Turn


def add_names(scope: Construct, environment: Environment, fronts: Mapping[str, tuple[str, str]]) -> None:
    """Add the fronts' names, each with its target and that one's zone.

    In two Regions every name leads to the first unless the second says that it trades, which a person makes it say
    (decision 18). What the first one does is not asked: one that was lost and comes back changes no name.
    """
    check = _pin(scope, environment)
    for label, (target, zone) in fronts.items():
        alias = route53.CfnRecordSet.AliasTargetProperty(
            # Not the targets' health: it would move one name without the others.
            dns_name=target, hosted_zone_id=zone, evaluate_target_health=turn(environment) is None
        )  # fmt: skip
        _record(scope, environment, label, check, alias=alias)
    own = turn(environment)
    if own is not None:
        _record(scope, environment, TRADES, check, address=TURN_ADDRESSES[own])
    if own is Turn.SECOND:
        target, zone = fronts["api"]
        route53.CfnRecordSet(
            scope, "RegionName",
            hosted_zone_id=environment.zone_id, name=region_name(environment, environment.region), type="A",
            alias_target=route53.CfnRecordSet.AliasTargetProperty(
                dns_name=target, hosted_zone_id=zone, evaluate_target_health=False
            ),
        )  # fmt: skip


def _pin(scope: Construct, environment: Environment) -> str | None:
    """Add the question that moves the names: ill, once the second Region says the words. Asked from many Regions."""
    if environment.second is None:
        return None
    check = route53.CfnHealthCheck(
        scope, "SecondTrades",
        health_check_config=route53.CfnHealthCheck.HealthCheckConfigProperty(
            type="HTTPS_STR_MATCH",
            fully_qualified_domain_name=region_name(environment, environment.second.region),
            port=443,
            resource_path=REGION_PATH,
            search_string=TRADES_HERE,
            inverted=True,
            request_interval=10,
            failure_threshold=3,
            enable_sni=True,
        ),
    )  # fmt: skip
    return str(check.attr_health_check_id)


def _record(
    scope: Construct,
    environment: Environment,
    label: str,
    check: str | None,
    alias: route53.CfnRecordSet.AliasTargetProperty | None = None,
    address: str = "",
) -> None:
    own = turn(environment)
    route53.CfnRecordSet(
        scope, f"{pascal(label)}Name",
        hosted_zone_id=environment.zone_id,
        name=f"{label}.{environment.domain}",
        type="A",
        alias_target=alias,
        resource_records=[address] if address else None,
        ttl=str(REGION_TTL_S) if address else None,
        failover={Turn.FIRST: "PRIMARY", Turn.SECOND: "SECONDARY", None: None}[own],
        set_identifier=environment.region if own is not None else None,
        health_check_id=check,
    )  # fmt: skip
