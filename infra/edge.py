"""The edge: the only parts that the public reaches. A balancer for what is many, API Gateway for what is metered."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.balancers import Balancer, add_inner_balancer, add_public_balancer
from infra.environments import Environment
from infra.firewall import add_firewall, guard
from infra.names import add_names
from infra.network import Network
from infra.observing import retention
from infra.plan import STAGE, STAGE_RATE, TIMEOUT_MS, metered_paths, pascal, photograph
from infra.storage import Storage

STAGE_BURST: Final = 500
PHOTOGRAPHED: Final = (apigateway.CfnResource, apigateway.CfnMethod)
ACCESS_LOG: Final = {
    "time": "$context.requestTimeEpoch",
    "id": "$context.requestId",
    "path": "$context.path",
    "method": "$context.httpMethod",
    "status": "$context.status",
    "ms": "$context.responseLatency",
    "backendMs": "$context.integrationLatency",
    "keyId": "$context.identity.apiKeyId",
    "address": "$context.identity.sourceIp",
    "fault": "$context.error.message",
}


@dataclass(frozen=True, slots=True)
class Edge:
    """What other stacks need of it."""

    public: Balancer
    inner: Balancer
    api: apigateway.CfnRestApi
    plan: str  # the usage plan that keys of users are made in

    def targets(self) -> dict[str, list[str]]:
        """Return the target groups of each fleet."""
        found: dict[str, list[str]] = {}
        for balancer in (self.public, self.inner):
            for name, group in balancer.targets.items():
                found.setdefault(name, []).append(group.ref)
        return found


def add_edge(scope: Construct, environment: Environment, network: Network, storage: Storage) -> Edge:
    """Add both fronts, their firewalls and their names."""
    certificate = acm.CfnCertificate(
        scope, "Certificate",
        domain_name=environment.domain,
        subject_alternative_names=[f"*.{environment.domain}"],
        validation_method="DNS",
        domain_validation_options=[
            acm.CfnCertificate.DomainValidationOptionProperty(
                domain_name=environment.domain, hosted_zone_id=environment.zone_id
            )
        ],
    )  # fmt: skip
    public = add_public_balancer(scope, environment, network, storage, certificate.ref)
    guard(scope, "public", add_firewall(scope, "Public", environment, storage, environment.rate_per_address),
          public.balancer.ref)  # fmt: skip
    inner, listener = add_inner_balancer(scope, environment, network, storage, certificate.ref, STAGE)
    api, stage, plan = _api(scope, environment, network, storage, inner.balancer, listener)
    association = guard(
        scope, "account", add_firewall(scope, "Account", environment, storage, environment.rate_per_address // 10),
        f"arn:{cdk.Aws.PARTITION}:apigateway:{cdk.Aws.REGION}::/restapis/{api.ref}/stages/{STAGE}",
    )  # fmt: skip
    association.add_resource_dependency(stage)
    domain = _account_domain(scope, environment, certificate.ref, api, stage)
    add_names(
        scope, environment,
        {
            "api": (public.balancer.attr_dns_name, public.balancer.attr_canonical_hosted_zone_id),
            "account": (domain.attr_regional_domain_name, domain.attr_regional_hosted_zone_id),
        },
    )  # fmt: skip
    return Edge(public, inner, api, plan)


def _account_domain(
    scope: Construct,
    environment: Environment,
    certificate: str,
    api: apigateway.CfnRestApi,
    stage: apigateway.CfnStage,
) -> apigateway.CfnDomainName:
    domain = apigateway.CfnDomainName(
        scope, "AccountDomain",
        domain_name=f"account.{environment.domain}",
        regional_certificate_arn=certificate,
        security_policy="TLS_1_2",
        endpoint_configuration=apigateway.CfnDomainName.EndpointConfigurationProperty(types=["REGIONAL"]),
    )  # fmt: skip
    mapping = apigateway.CfnBasePathMapping(
        scope, "AccountMapping", domain_name=domain.ref, rest_api_id=api.ref, stage=STAGE
    )
    mapping.add_resource_dependency(stage)
    return domain


def _api(
    scope: Construct,
    environment: Environment,
    network: Network,
    storage: Storage,
    balancer: elb.CfnLoadBalancer,
    listener: elb.CfnListener,
) -> tuple[apigateway.CfnRestApi, apigateway.CfnStage, str]:
    api = apigateway.CfnRestApi(
        scope, "AccountApi",
        name=f"{environment.prefix}-account",
        description="account and control: " + ", ".join(path for path, _ in metered_paths()),
        api_key_source_type="HEADER",
        endpoint_configuration=apigateway.CfnRestApi.EndpointConfigurationProperty(types=["REGIONAL"]),
        disable_execute_api_endpoint=True,  # by its name only: then the certificate and the logs are ours
        minimum_compression_size=1_024,
    )  # fmt: skip
    link = apigatewayv2.CfnVpcLink(
        scope, "Link",
        name=f"{environment.prefix}-account",
        subnet_ids=network.subnets("fleet"),
        security_group_ids=[network.group("link")],
    )  # fmt: skip
    methods = _methods(scope, environment, api, link, balancer)
    # A deployment is a photograph of the API: whatever is changed in it needs a new one, so its hash is in the name.
    parts = [api, *(each for each in scope.node.children if isinstance(each, PHOTOGRAPHED))]
    number = photograph(_told(parts)) + photograph(_told([link]))
    deployment = apigateway.CfnDeployment(scope, f"AccountDeployment{number}", rest_api_id=api.ref)
    deployment.node.add_dependency(listener)
    for method in methods:
        deployment.add_resource_dependency(method)
    stage = _stage(scope, environment, storage, api, deployment)
    return api, stage, _plans(scope, environment, api, stage)


def _told(parts: Sequence[cdk.CfnResource]) -> dict[str, Any]:
    """Return resources as their template will have them."""
    told: dict[str, Any] = {}
    for part in parts:
        stack = cdk.Stack.of(part)
        told[stack.get_logical_id(part)] = stack.resolve(part._render_properties(part._cfn_properties))
    return told


def _methods(
    scope: Construct,
    environment: Environment,
    api: apigateway.CfnRestApi,
    link: apigatewayv2.CfnVpcLink,
    balancer: elb.CfnLoadBalancer,
) -> list[apigateway.CfnMethod]:
    known: dict[str, str] = {"": api.attr_root_resource_id}
    methods = []
    for path, _ in metered_paths():
        parts = [*path.strip("/").split("/"), "{proxy+}"]
        for count in range(1, len(parts) + 1):
            whole, parent = "/".join(parts[:count]), "/".join(parts[: count - 1])
            if whole not in known:
                known[whole] = apigateway.CfnResource(
                    scope, f"Path{pascal(whole.replace('{proxy+}', 'rest').replace('/', '-'))}",
                    rest_api_id=api.ref, parent_id=known[parent], path_part=parts[count - 1],
                ).ref  # fmt: skip
        method = apigateway.CfnMethod
        methods.append(
            apigateway.CfnMethod(
                scope, f"Any{pascal(path.strip('/').replace('/', '-'))}",
                rest_api_id=api.ref,
                resource_id=known["/".join(parts)],
                http_method="ANY",
                authorization_type="NONE",  # the exchange proves each caller itself: signature, session, permission
                api_key_required=True,
                request_parameters={"method.request.path.proxy": True},
                integration=method.IntegrationProperty(
                    type="HTTP_PROXY",
                    integration_http_method="ANY",
                    uri=f"https://account.{environment.domain}{path}/{{proxy}}",
                    connection_type="VPC_LINK",
                    connection_id=link.ref,
                    integration_target=balancer.ref,
                    timeout_in_millis=TIMEOUT_MS,
                    request_parameters={"integration.request.path.proxy": "method.request.path.proxy"},
                ),
            )
        )  # fmt: skip
    return methods


def _stage(
    scope: Construct,
    environment: Environment,
    storage: Storage,
    api: apigateway.CfnRestApi,
    deployment: apigateway.CfnDeployment,
) -> apigateway.CfnStage:
    group = logs.LogGroup(
        scope, "AccountLog",
        log_group_name=f"/openbourse/{environment.name}/account-api",
        retention=retention(environment.log_days),
        encryption_key=storage.key,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )  # fmt: skip
    stage = apigateway.CfnStage(
        scope, "AccountStage",
        rest_api_id=api.ref,
        deployment_id=deployment.ref,
        stage_name=STAGE,
        tracing_enabled=True,
        access_log_setting=apigateway.CfnStage.AccessLogSettingProperty(
            destination_arn=f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
            f":log-group:{group.log_group_name}",
            format=json.dumps(ACCESS_LOG, sort_keys=True),
        ),
        method_settings=[
            apigateway.CfnStage.MethodSettingProperty(
                http_method="*", resource_path="/*",
                throttling_rate_limit=STAGE_RATE, throttling_burst_limit=STAGE_BURST,
                logging_level="ERROR", data_trace_enabled=False, metrics_enabled=True,
            )
        ],
    )  # fmt: skip
    # API Gateway would make this one itself, without a key and kept for ever: its name is API Gateway's choice.
    faults = logs.LogGroup(
        scope, "AccountFaultsLog",
        log_group_name=f"API-Gateway-Execution-Logs_{api.ref}/{STAGE}",
        retention=retention(environment.log_days),
        encryption_key=storage.key,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )  # fmt: skip
    stage.node.add_dependency(faults)
    return stage


def _plans(scope: Construct, environment: Environment, api: apigateway.CfnRestApi, stage: apigateway.CfnStage) -> str:
    """Add the plans; return the first, which users begin in."""
    made: list[str] = []
    for plan in environment.plans:
        usage = apigateway.CfnUsagePlan(
            scope, f"{pascal(plan.name)}Plan",
            usage_plan_name=f"{environment.prefix}-{plan.name}",
            api_stages=[apigateway.CfnUsagePlan.ApiStageProperty(api_id=api.ref, stage=STAGE)],
            throttle=apigateway.CfnUsagePlan.ThrottleSettingsProperty(
                rate_limit=plan.rate_per_s, burst_limit=plan.burst
            ),
            quota=apigateway.CfnUsagePlan.QuotaSettingsProperty(limit=plan.per_day, period="DAY"),
        )  # fmt: skip
        usage.add_resource_dependency(stage)
        # One key a plan from the start, for the checks after a deploy; those of users are made by identity.
        key = apigateway.CfnApiKey(scope, f"{pascal(plan.name)}Key", enabled=True, description=f"checks: {plan.name}")
        apigateway.CfnUsagePlanKey(
            scope, f"{pascal(plan.name)}PlanKey", key_id=key.ref, key_type="API_KEY", usage_plan_id=usage.ref
        )
        made.append(usage.ref)
    return made[0]
