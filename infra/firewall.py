"""WAF: managed lists, floods and sizes, before a request costs anything of ours."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.environments import Environment
from infra.observing import retention
from infra.plan import HARMLESS, MANAGED, SIGN_IN_PATH, UNWRITTEN, pascal
from infra.storage import Storage

WINDOW_S: Final = 300
BODY_BYTES_MAX: Final = 8_192  # as much as WAF sees of it before a balancer; no request of the API is half of it
QUERY_BYTES_MAX: Final = 4_096
HEADER_BYTES_MAX: Final = 8_192
SIGN_IN_LIMIT: Final = 300
"""Requests to the sign-in paths of one address in five minutes: passwords are guessed there."""


def add_firewall(scope: Construct, name: str, environment: Environment, storage: Storage, rate: int) -> waf.CfnWebACL:
    """Add a firewall for one front; `rate` is what an address may ask for in five minutes."""
    # Cheap refusals first: sizes, then floods, then the lists.
    statements = [
        ("sizes", _sizes(), True),
        ("flood", _rate(rate), True),
        ("sign-in", _rate(SIGN_IN_LIMIT, f"{SIGN_IN_PATH}/"), True),
        *((each, _managed(each), False) for each in MANAGED),
    ]
    acl = waf.CfnWebACL
    rules = [
        acl.RuleProperty(
            name=label,
            priority=priority,
            statement=statement,
            action=acl.RuleActionProperty(block=_block()) if is_ours else None,
            override_action=None if is_ours else acl.OverrideActionProperty(none={}),
            visibility_config=_visibility(label),
        )
        for priority, (label, statement, is_ours) in enumerate(statements)
    ]
    firewall = waf.CfnWebACL(
        scope, f"{name}Firewall",
        scope="REGIONAL",
        default_action=acl.DefaultActionProperty(allow={}),
        rules=rules,
        visibility_config=_visibility(f"{environment.prefix}-{name.lower()}"),
    )  # fmt: skip
    group = logs.LogGroup(
        scope, f"{name}FirewallLog",
        log_group_name=f"aws-waf-logs-{environment.prefix}-{name.lower()}",  # WAF writes to no other name
        retention=retention(environment.log_days),
        encryption_key=storage.key,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )  # fmt: skip
    waf.CfnLoggingConfiguration(
        scope, f"{name}FirewallLogging",
        resource_arn=firewall.attr_arn,
        log_destination_configs=[
            f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:log-group:{group.log_group_name}"
        ],
        # What passed is counted by metrics; here only what was kept out, or the text costs more than WAF.
        logging_filter={
            "DefaultBehavior": "DROP",
            "Filters": [
                {
                    "Behavior": "KEEP",
                    "Requirement": "MEETS_ANY",
                    "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
                }
            ],
        },
        # A query holds signatures and listen keys, a socket's path a listen key, a header the API key: none of them is
        # written down. Which rule kept a request out says enough of where it went.
        redacted_fields=[
            waf.CfnLoggingConfiguration.FieldToMatchProperty(uri_path={}),
            waf.CfnLoggingConfiguration.FieldToMatchProperty(query_string={}),
            *(waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": each}) for each in UNWRITTEN),
        ],
    )  # fmt: skip
    return firewall


def guard(scope: Construct, name: str, firewall: waf.CfnWebACL, resource_arn: str) -> waf.CfnWebACLAssociation:
    """Put a front behind a firewall."""
    return waf.CfnWebACLAssociation(
        scope, f"{pascal(name)}Guarded", web_acl_arn=firewall.attr_arn, resource_arn=resource_arn
    )


def _visibility(label: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True,
        metric_name=label,
        # Samples are shown whole, whatever the log leaves out; what was kept out is in the log.
        sampled_requests_enabled=False,
    )


def _block() -> waf.CfnWebACL.BlockActionProperty:
    return waf.CfnWebACL.BlockActionProperty(
        custom_response=waf.CfnWebACL.CustomResponseProperty(
            response_code=403,
            response_headers=[waf.CfnWebACL.CustomHTTPHeaderProperty(name="retry-after", value="60")],
        )
    )


def _sizes() -> waf.CfnWebACL.StatementProperty:
    acl = waf.CfnWebACL
    limits = (
        (acl.FieldToMatchProperty(body=acl.BodyProperty(oversize_handling="MATCH")), BODY_BYTES_MAX),
        (acl.FieldToMatchProperty(query_string={}), QUERY_BYTES_MAX),
        (
            acl.FieldToMatchProperty(
                headers=acl.HeadersProperty(
                    match_pattern=acl.HeaderMatchPatternProperty(all={}), match_scope="ALL", oversize_handling="MATCH"
                )
            ),
            HEADER_BYTES_MAX,
        ),
    )
    return acl.StatementProperty(
        or_statement=acl.OrStatementProperty(
            statements=[
                acl.StatementProperty(
                    size_constraint_statement=acl.SizeConstraintStatementProperty(
                        comparison_operator="GT",
                        field_to_match=field,
                        size=size,
                        text_transformations=[acl.TextTransformationProperty(priority=0, type="NONE")],
                    )
                )
                for field, size in limits
            ]
        )
    )


def _rate(limit: int, path: str = "") -> waf.CfnWebACL.StatementProperty:
    acl = waf.CfnWebACL
    only = None
    if path:
        only = acl.StatementProperty(
            byte_match_statement=acl.ByteMatchStatementProperty(
                field_to_match=acl.FieldToMatchProperty(uri_path={}),
                positional_constraint="CONTAINS",  # API Gateway puts its stage before it
                search_string=path,
                text_transformations=[acl.TextTransformationProperty(priority=0, type="LOWERCASE")],
            )
        )
    return acl.StatementProperty(
        rate_based_statement=acl.RateBasedStatementProperty(
            aggregate_key_type="IP", limit=limit, evaluation_window_sec=WINDOW_S, scope_down_statement=only
        )
    )


def _managed(name: str) -> waf.CfnWebACL.StatementProperty:
    acl = waf.CfnWebACL
    counted = [
        acl.RuleActionOverrideProperty(name=each, action_to_use=acl.RuleActionProperty(count={}))
        for each in HARMLESS.get(name, ())
    ]
    return acl.StatementProperty(
        managed_rule_group_statement=acl.ManagedRuleGroupStatementProperty(
            vendor_name="AWS", name=name, rule_action_overrides=counted or None
        )
    )
