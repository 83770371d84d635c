"""The domain that notices are sent from: proven and signed by records that are made with it."""

from typing import Final

from aws_cdk import aws_route53 as route53
from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.environments import Environment

DKIM_TTL_S: Final = 1_800


def add_domain(scope: Construct, environment: Environment) -> tuple[ses.CfnEmailIdentity, ses.CfnConfigurationSet]:
    """Add the domain at SES, the three records that prove it, and how mail is sent. A person asks for production access."""
    identity = ses.CfnEmailIdentity(
        scope, "MailIdentity",
        email_identity=environment.domain,
        dkim_attributes=ses.CfnEmailIdentity.DkimAttributesProperty(signing_enabled=True),
    )  # fmt: skip
    tokens = (
        (identity.attr_dkim_dns_token_name1, identity.attr_dkim_dns_token_value1),
        (identity.attr_dkim_dns_token_name2, identity.attr_dkim_dns_token_value2),
        (identity.attr_dkim_dns_token_name3, identity.attr_dkim_dns_token_value3),
    )
    for number, (name, value) in enumerate(tokens, 1):
        # Tokens are a Region's: those of a second Region stand beside the first one's.
        route53.CfnRecordSet(
            scope, f"MailProof{number}",
            hosted_zone_id=environment.zone_id, name=name, type="CNAME", ttl=str(DKIM_TTL_S), resource_records=[value],
        )  # fmt: skip
    configuration = ses.CfnConfigurationSet(
        scope, "MailConfiguration",
        name=environment.prefix,
        delivery_options=ses.CfnConfigurationSet.DeliveryOptionsProperty(tls_policy="REQUIRE"),
        reputation_options=ses.CfnConfigurationSet.ReputationOptionsProperty(reputation_metrics_enabled=True),
        suppression_options=ses.CfnConfigurationSet.SuppressionOptionsProperty(
            suppressed_reasons=["BOUNCE", "COMPLAINT"]
        ),
    )  # fmt: skip
    return identity, configuration
