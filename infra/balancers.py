"""Balancers: the public one for orders, market data and sockets, and the inner one behind API Gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from infra.environments import Environment
from infra.network import Network
from infra.plan import (
    DRAIN_S,
    HEALTH_INTERVAL_S,
    HEALTH_TIMEOUT_S,
    HIDDEN,
    IDLE_S,
    REGION_PATH,
    STANDS_BY,
    TLS_POLICY,
    metered_paths,
    pascal,
    public_paths,
)
from infra.storage import Storage
from openbourse.roles import FLEETS, Fleet


@dataclass(frozen=True, slots=True)
class Balancer:
    """A balancer and what it sends to."""

    balancer: elb.CfnLoadBalancer
    targets: Mapping[str, elb.CfnTargetGroup]


def add_public_balancer(
    scope: Construct, environment: Environment, network: Network, storage: Storage, certificate: str
) -> Balancer:
    """Add the balancer that the public reaches."""
    balancer = _balancer(scope, "Public", environment, network, storage)
    targets = {
        fleet.name: _targets(scope, "Public", environment, network, fleet) for fleet in FLEETS if fleet.health_path
    }
    listener = _listener(scope, "Public", balancer, certificate)
    elb.CfnListener(
        scope, "PublicHttp",
        load_balancer_arn=balancer.ref, port=80, protocol="HTTP",
        default_actions=[
            elb.CfnListener.ActionProperty(
                type="redirect",
                redirect_config=elb.CfnListener.RedirectConfigProperty(
                    protocol="HTTPS", port="443", status_code="HTTP_301"
                ),
            )
        ],
    )  # fmt: skip
    elb.CfnListenerRule(
        scope, "PublicHidden",
        listener_arn=listener.ref, priority=1,
        conditions=[_paths([each for path in HIDDEN for each in (path, f"{path}/*")])],
        actions=[_nothing(elb.CfnListenerRule.ActionProperty, elb.CfnListenerRule.FixedResponseConfigProperty)],
    )  # fmt: skip
    if environment.standby_of:
        _says_whether_it_trades(scope, listener)
    for number, (path, fleet) in enumerate(public_paths(), 1):
        _rule(scope, f"Public{pascal(path.strip('/').replace('/', '-')) or 'Page'}", listener, number * 10,
              [path, f"{path}/*"] if path != "/" else ["/*"], targets[fleet.name])  # fmt: skip
    return Balancer(balancer, targets)


def _says_whether_it_trades(scope: Construct, listener: elb.CfnListener) -> None:
    """Add the answer that names follow: `python -m infra.region` changes it, and no deploy changes it back."""
    rule = elb.CfnListenerRule
    answer = rule.FixedResponseConfigProperty(status_code="503", content_type="text/plain", message_body=STANDS_BY)
    elb.CfnListenerRule(
        scope, "PublicRegion",
        listener_arn=listener.ref, priority=2,
        conditions=[_paths([REGION_PATH])],
        actions=[rule.ActionProperty(type="fixed-response", fixed_response_config=answer)],
    )  # fmt: skip


def add_inner_balancer(
    scope: Construct, environment: Environment, network: Network, storage: Storage, certificate: str, stage: str
) -> tuple[Balancer, elb.CfnListener]:
    """Add the balancer that only API Gateway reaches."""
    balancer = _balancer(scope, "Inner", environment, network, storage)
    routes = metered_paths()
    fleets = {fleet.name: fleet for _, fleet in routes}
    targets = {name: _targets(scope, "Inner", environment, network, fleet) for name, fleet in fleets.items()}
    listener = _listener(scope, "Inner", balancer, certificate)
    for number, (path, fleet) in enumerate(routes, 1):
        # API Gateway puts its stage before the path; the fleets know no stage.
        _rule(scope, f"Inner{pascal(path.strip('/').replace('/', '-'))}", listener, number * 10,
              [f"{path}/*", f"/{stage}{path}/*"], targets[fleet.name], f"^/{stage}/(.*)$")  # fmt: skip
    return Balancer(balancer, targets), listener


def _balancer(
    scope: Construct, name: str, environment: Environment, network: Network, storage: Storage
) -> elb.CfnLoadBalancer:
    is_public = name == "Public"
    attributes = {
        # Connections and not requests (decision 17): a request's line has signatures and listen keys in its query, and a
        # balancer can leave nothing of it out.
        "access_logs.s3.enabled": "false",
        "connection_logs.s3.enabled": "true",
        "connection_logs.s3.bucket": storage.logs.bucket_name,
        "connection_logs.s3.prefix": f"balancer/{name.lower()}",
        "deletion_protection.enabled": str(environment.is_protected).lower(),
        "idle_timeout.timeout_seconds": str(IDLE_S if is_public else 60),
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "routing.http.desync_mitigation_mode": "strictest" if not is_public else "defensive",
        "routing.http.xff_header_processing.mode": "append",
        "routing.http2.enabled": "true",
        "load_balancing.cross_zone.enabled": "true",
        "zonal_shift.config.enabled": "true",
        # When WAF itself does not answer, refuse: what it keeps out must not come in because it is ill.
        "waf.fail_open.enabled": "false",
    }
    return elb.CfnLoadBalancer(
        scope, f"{name}Balancer",
        type="application",
        scheme="internet-facing" if is_public else "internal",
        subnets=network.subnets("public" if is_public else "fleet"),
        security_groups=[network.group("balancer" if is_public else "inner-balancer")],
        load_balancer_attributes=[
            elb.CfnLoadBalancer.LoadBalancerAttributeProperty(key=key, value=value)
            for key, value in attributes.items()
        ],
    )  # fmt: skip


def _targets(
    scope: Construct, name: str, environment: Environment, network: Network, fleet: Fleet
) -> elb.CfnTargetGroup:
    attributes = {
        "deregistration_delay.timeout_seconds": str(DRAIN_S[fleet.name]),
        # Sockets stay for hours: the least loaded target is the one with the fewest open requests, sockets among them.
        "load_balancing.algorithm.type": "least_outstanding_requests",
        "stickiness.enabled": "false",
        "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    }
    return elb.CfnTargetGroup(
        scope, f"{name}{pascal(fleet.name)}Targets",
        vpc_id=network.vpc.vpc_id,
        target_type="instance",
        protocol="HTTP",
        port=fleet.port,
        health_check_enabled=True,
        health_check_protocol="HTTP",
        health_check_path=fleet.health_path,
        health_check_interval_seconds=HEALTH_INTERVAL_S,
        health_check_timeout_seconds=HEALTH_TIMEOUT_S,
        healthy_threshold_count=2,
        unhealthy_threshold_count=2,
        matcher=elb.CfnTargetGroup.MatcherProperty(http_code="200"),
        target_group_attributes=[
            elb.CfnTargetGroup.TargetGroupAttributeProperty(key=key, value=value) for key, value in attributes.items()
        ],
    )  # fmt: skip


def _listener(scope: Construct, name: str, balancer: elb.CfnLoadBalancer, certificate: str) -> elb.CfnListener:
    return elb.CfnListener(
        scope, f"{name}Https",
        load_balancer_arn=balancer.ref,
        port=443,
        protocol="HTTPS",
        ssl_policy=TLS_POLICY,
        certificates=[elb.CfnListener.CertificateProperty(certificate_arn=certificate)],
        default_actions=[_nothing(elb.CfnListener.ActionProperty, elb.CfnListener.FixedResponseConfigProperty)],
    )  # fmt: skip


def _rule(
    scope: Construct,
    name: str,
    listener: elb.CfnListener,
    priority: int,
    paths: list[str],
    targets: elb.CfnTargetGroup,
    stage_pattern: str = "",
) -> None:
    rule = elb.CfnListenerRule
    transforms = None
    if stage_pattern:
        rewrite = rule.RewriteConfigProperty(regex=stage_pattern, replace="/$1")
        transforms = [
            rule.TransformProperty(
                type="url-rewrite", url_rewrite_config=rule.RewriteConfigObjectProperty(rewrites=[rewrite])
            )
        ]
    elb.CfnListenerRule(
        scope, name,
        listener_arn=listener.ref,
        priority=priority,
        conditions=[_paths(paths)],
        actions=[rule.ActionProperty(type="forward", target_group_arn=targets.ref)],
        transforms=transforms,
    )  # fmt: skip


def _paths(paths: list[str]) -> elb.CfnListenerRule.RuleConditionProperty:
    rule = elb.CfnListenerRule
    return rule.RuleConditionProperty(
        field="path-pattern", path_pattern_config=rule.PathPatternConfigProperty(values=paths)
    )


def _nothing(action: Any, config: Any) -> Any:
    """Return the answer to what no rule knows, in the form that listeners or rules want it in."""
    body = '{"code":-1099,"msg":"Not found, unauthenticated, or unauthorized."}'
    answer = config(status_code="404", content_type="application/json", message_body=body)
    return action(type="fixed-response", fixed_response_config=answer)
