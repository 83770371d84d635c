"""Findings of other people's tools that we keep as they are, each with its reason. One that nobody reports any more
fails the ladder too: the list can only shrink."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final


@dataclass(frozen=True, slots=True)
class Allowed:
    """A rule of a tool, the resources it may speak of (patterns of names), and why that is well."""

    rule: str
    resources: tuple[str, ...]
    reason: str

    def covers(self, rule: str, resource: str) -> bool:
        """Tell whether this finding is meant."""
        return fnmatchcase(rule, self.rule) and any(fnmatchcase(resource, each) for each in self.resources)


_ROLES: Final = tuple(f"*{fleet}Role*" for fleet in ("Sequencer", "Gateway", "Streams", "Control", "Workers"))

NAG: Final = (
    Allowed("AwsSolutions-EC23", ("*-network/WorldTo443", "*-network/WorldTo80"),
            "the public balancer: its WAF stands in front, and port 80 only sends to 443"),
    Allowed("AwsSolutions-ELB2", ("*-edge/PublicBalancer", "*-edge/InnerBalancer"),
            "connections are logged and not requests, whose lines have signatures and listen keys (decision 17)"),
    Allowed("AwsSolutions-SMG4", ("*-data/JournalSecret/*", "*-data/DatabaseSecret/*", "*-data/DatabaseMasterSecret"),
            "rotated in the stack rotation: the macro that does it may not touch the databases' stack"),
    Allowed("AwsSolutions-SMG4", ("*-data/ValkeySecret/*",),
            "a token is changed in two steps with the cache (ROTATE, then SET): runbook, not clock"),
    Allowed("AwsSolutions-SMG4", ("*-data/MasterKeySecret/*",),
            "what it sealed must be sealed anew with it: runbook, not clock"),
    Allowed("AwsSolutions-IAM5*", (*_ROLES, "*/CopyRole/*"),
            "below one path, one log group, one bucket, one group; or actions that know no resource (own rules check)"),
    Allowed("AwsSolutions-IAM5*", ("*/DatabaseMonitoring/*", "*/AccountLogRole/*"),
            "log streams below one name: RDS and API Gateway name them"),
    Allowed("AwsSolutions-IAM5*", ("*/NotifierRole/DefaultPolicy/*", "*/NotifierRole/*"), "tracing knows no resource"),
    Allowed("AwsSolutions-IAM5*", ("*/ReporterRole/*",),
            "objects below one folder; interfaces in a network and tracing know no resource (own rules check)"),
    Allowed("AwsSolutions-IAM5*", ("*/RollRole/*", "*/RollStartRole/*"),
            "edges by their tags, any version of one automation; or actions that know no resource (own rules check)"),
    Allowed("AwsSolutions-APIG2", ("*-edge/AccountApi",), "the exchange checks every request itself, by Binance's rules"),
    Allowed("AwsSolutions-APIG4", ("*-edge/Any*",), "the exchange proves each caller itself: signature or session"),
    Allowed("AwsSolutions-COG4", ("*-edge/Any*",), "as above: no Cognito in the venue"),
    Allowed("AwsSolutions-EC26", ("*Fleet",), "the rule cannot read a mixed-instances group; own rules see the disks"),
    Allowed("AwsSolutions-AS3", ("*Fleet",), "scaling is every day's; alarms tell when a fleet is short"),
    Allowed("AwsSolutions-RDS3", ("openbourse-dev-data/Database",), "development may lose a zone"),
    Allowed("AwsSolutions-RDS10", ("openbourse-dev-data/Database",), "development is thrown away"),
    Allowed("AwsSolutions-RDS11", ("*-data/*",), "no port is a secret; security groups name who may connect"),
    Allowed("AwsSolutions-AEC*", ("openbourse-dev-data/Cache",), "development has one node"),
    Allowed("AwsSolutions-AEC*", ("*-data/Cache",), "no port is a secret; security groups name who may connect"),
    Allowed("AwsSolutions-RDS2", ("*-data/Replica",), "a replica in the same Region has the key of its source"),
    Allowed("AwsSolutions-RDS3", ("*-data/Replica",), "a replica to read from; the source has the standby"),
)  # fmt: skip

LINT: Final = (
    Allowed("W3010", ("*",), "zones are values of the environment: a stack that looks them up is not the same twice"),
    Allowed("W3005", ("*",), "the library orders what it adds itself; saying it twice harms nobody"),
    Allowed("W1020", ("*-dashboard/Dashboard",), "the dashboard has no variable yet, and may have one"),
)

CHECKOV: Final = (
    Allowed(
        "CKV_AWS_33",
        ("*-storage/*Key*",),
        "service roles of this account, by a condition: naming one that is not there yet is refused (own rules check)",
    ),
    Allowed(
        "CKV_AWS_158",
        ("openbourse-account-*/*DatabaseMachinesLog*",),
        "under CloudWatch's own key: the group is the account's, and no environment's key may take it along",
    ),
    Allowed("CKV2_AWS_71", ("*Certificate*",), "one certificate for api., account. and those to come"),
    Allowed("CKV_AWS_111", _ROLES, "actions that know no resource: Session Manager, the agent's metrics"),
    Allowed("CKV_AWS_111", ("*ReporterRole*",), "actions that know no resource: interfaces in a network, tracing"),
    Allowed("CKV_AWS_91", ("*Balancer",), "connections are logged and not requests (decision 17)"),
    Allowed(
        "CKV_AWS_115",
        ("openbourse-dev-*Notifier*", "openbourse-dev-*Reporter*"),
        "a new account's quota of 10 leaves nothing to reserve: CloudFormation would refuse the stack",
    ),
    Allowed("CKV_AWS_116", ("*Notifier*",), "its queue has the dead-letter queue"),
    Allowed("CKV_AWS_117", ("*Notifier*",), "it reaches SES and nothing inside: a network would only add a NAT"),
    Allowed("CKV_AWS_120", ("*AccountStage",), "balances are not to be cached"),
    Allowed("CKV_AWS_162", ("*Database",), "a token each 15 minutes is a call at a time when nothing may be called"),
    Allowed("CKV_AWS_18", ("*Logs*",), "the bucket of access logs cannot log into itself"),
    Allowed("CKV_AWS_260", ("*WorldTo80",), "only sends to port 443"),
    Allowed(
        "CKV_AWS_157",
        ("*Replica", "openbourse-dev-data/*Database"),
        "a replica to read from: the source has the standby; development may lose a zone",
    ),
    Allowed("CKV_AWS_16", ("*Replica",), "a replica in the same Region has the key of its source"),
    Allowed("CKV_AWS_161", ("*Database", "*Replica"), "as CKV_AWS_162"),
)

SKIPPED_OF_OTHERS: Final = {"nag": NAG, "cfn-lint": LINT, "checkov": CHECKOV}
