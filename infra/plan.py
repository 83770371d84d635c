"""What the templates and the rules on them share: ports, connections, paths, limits. Data and pure functions alone."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.environments import Environment
from openbourse.monitor.slo import METRICS, NAMESPACE, SLOS, Kind
from openbourse.roles import FLEETS, INTAKE_PORT, ROLES, Fleet, Need, Turn, fleet_of, role_named

POSTGRES_PORT: Final = 5_432
POSTGRES_FAMILY: Final = "postgres18"
RDS_CA: Final = "/usr/local/lib/openbourse/rds.pem"
"""Where the image has the authorities of RDS: no system knows them, and without them `verify-full` believes nobody."""
FUNCTION_RDS_CA: Final = "/var/task/rds.pem"
"""The same of the report's function."""
VALKEY_PORT: Final = 6_379
HTTPS_PORT: Final = 443
HTTP_PORT: Final = 80
TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-2021-06"
IDLE_S: Final = 300  # above the sockets' pings of 20 s by far: at equal times they race
HEALTH_INTERVAL_S: Final = 5
HEALTH_TIMEOUT_S: Final = 2
REGION_PATH: Final = "/region"
"""Where the second Region's front says whether it trades; a person changes what it says (decision 18)."""
TRADES_HERE: Final = "this Region trades"
STANDS_BY: Final = "stands by"
REGION_TTL_S: Final = 10
TRADES: Final = "trades"
"""Of the name that sequencers ask before they lead: its address says which Region trades, and leads nowhere."""
HIDDEN: Final = ("/health", "/metrics")
"""Paths that instances serve to the balancer and to the machine itself, never to the public."""
DRAIN_S: Final[Mapping[str, int]] = {"gateway": 30, "streams": 90, "control": 30}
STAGE: Final = "live"
STAGE_RATE: Final = 1_000  # of the account's 10,000 a Region, which every API in it shares
REPORT_HANDLER: Final = "openbourse.wiring.reports.lambda_handler"
REPORT_WHEN: Final = "cron(5 0 * * ? *)"
"""As soon as the workers would write it: they find it there, and write what a failed call left out."""
REPORT_TIMEOUT_S: Final = 780
"""Above what the report itself waits for: the rows (120 s), and their sums (600 s)."""
UNWRITTEN: Final = ("x-mbx-apikey", "x-api-key", "authorization", "cookie")
"""Headers that hold what proves a caller: no log has them."""
PLAN_TAG: Final = "openbourse:plan"
"""On keys of API Gateway that the program makes (openbourse/adapters/gateway_keys_aws.py): the plan that they are for."""
ENVIRONMENT_TAG: Final = "openbourse:environment"
"""On all that AWS can tag: what it costs is told apart by it, once it is activated as a tag for costs."""
STARTERS: Final = (("autoscaling", "AWSServiceRoleForAutoScaling"), ("spot", "AWSServiceRoleForEC2Spot"))
"""Who starts instances for us: the services, and the roles that are theirs in every account."""
KEY_USE: Final = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey")
UNNAMED: Final = "events"
"""EventBridge tells neither a topic nor a key for whom it asks: a condition on the account refuses it, in silence."""
OS_METRICS: Final = "RDSOSMetrics"
"""Where RDS writes what the machines of all databases of a Region do: the name is its own."""
API_GREETING: Final = "/aws/apigateway/welcome"
"""The group that API Gateway makes and writes into when it is told its role for logs."""
API_WRITES: Final = (
    "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams", "logs:GetLogEvents",
    "logs:FilterLogEvents",
)  # fmt: skip
"""With the listing of groups, what AWS's own policy for that role allows."""
LOGINS_MADE: Final = "logins"
"""The parameter that says that `migrate` made the logins: rotation begins after it."""
TELLING: Final = ("ReportWritten", "RotationFailed", "RollFailed")
"""Rules that tell operators of an event; a Region that stands by has the first alone."""
ROTATION_DAY: Final[Mapping[str, int]] = {"journal": 2, "master": 9, "database": 16}
"""Of each month: never two on one day, for the edges are rolled after each."""
SIGN_IN_PATH: Final = next(path for role in ROLES if role.name == "identity" for path in role.paths)
TIMEOUT_MS: Final = 5_000
MANAGED: Final = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesCommonRuleSet",
)
HARMLESS: Final[Mapping[str, tuple[str, ...]]] = {
    # Many clients' sockets name no program (ws of Node, tungstenite, gorilla), and /stream?streams= names hundreds of
    # streams, more than 2,048 bytes: both are how Binance is used. Our own rule on sizes bounds the query.
    "AWSManagedRulesCommonRuleSet": ("NoUserAgent_HEADER", "SizeRestrictions_QUERYSTRING"),
}
"""Rules of AWS's lists that only count, because what they keep out is well here."""
PARAMETERS: Final[Mapping[str, str]] = {
    # An acknowledged order is one that a second zone has: decision 9 rests on these.
    "synchronous_commit": "on",
    "rds.force_ssl": "1",
    # No commit is ever cancelled by the server (design: no time-out on the journal's connection).
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "60000",
    # A client that vanished must not keep the leader's lock: 15 s until its backend is ended.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
    "shared_preload_libraries": "pg_stat_statements",
    "log_min_duration_statement": "1000",
    "log_connections": "1",
    "log_disconnections": "1",
}
HANDLERS: Final = ("handlers", "reports")
"""Security groups of functions that are in the network: rotation, and the daily report."""
OPERATORS: Final = {">": "GreaterThanThreshold", "<": "LessThanThreshold"}


@dataclass(frozen=True, slots=True)
class Flow:
    """A connection that is allowed; all others are not."""

    source: str
    target: str
    port: int
    why: str


def trades_name(environment: Environment) -> str:
    """Return the name whose address says which Region trades."""
    return f"{TRADES}.{environment.domain}"


def region_name(environment: Environment, region: str) -> str:
    """Return the name of a Region's own front, whichever trades."""
    return f"{region}.{environment.domain}"


def turn(environment: Environment) -> Turn | None:
    """Return which of two Regions an environment is; None where there is one."""
    if environment.standby_of:
        return Turn.SECOND
    return Turn.FIRST if environment.second is not None else None


def account_stack_name(region: str) -> str:
    """Return the name of the stack of what environments of an account share in a Region."""
    return f"openbourse-account-{region}"


def namespace(environment: Environment) -> str:
    """Return where the program's metrics stand: environments that share an account must not count as one."""
    return f"{NAMESPACE}/{environment.name}"


def photograph(told: Mapping[str, Any]) -> str:
    """Return a name for what a template says of an API: changed with anything in it."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]


def secret_name(environment: Environment, need: Need) -> str:
    """Return the name of a secret, which is the same in every Region; its ARN ends in six letters that are not."""
    return f"openbourse/{environment.name}/{need.value.replace(' ', '-')}"


def needs_of(fleet: Fleet) -> set[Need]:
    """Return what the roles of a fleet need, all together."""
    found: set[Need] = set()
    for name in fleet.roles:
        role = role_named(name)
        assert role is not None, name
        found |= set(role.needs)
    return found


def rotation_function(environment: Environment, login: str) -> str:
    """Return the name of the function that changes a login's password."""
    return f"{environment.prefix}-rotate-{login}"


def rolling_rule(environment: Environment) -> str:
    """Return the name of the rule that has the edges take up a changed login."""
    return f"{environment.prefix}-login-changed"


def telling_rule(environment: Environment, name: str) -> str:
    """Return the name of a rule that tells operators of an event."""
    return f"{environment.prefix}-tell-{kebab(name)}"


def rolled_fleets() -> list[Fleet]:
    """Return the fleets that keep serving with a password that is no longer good: those behind the balancers."""
    return [fleet for fleet in FLEETS if fleet.health_path and needs_of(fleet) & {Need.JOURNAL, Need.DATABASE}]


def flows() -> Iterator[Flow]:
    """Yield every connection that is allowed, from the roles' needs."""
    yield Flow("link", "inner-balancer", HTTPS_PORT, "API Gateway to the balancer of account and control")
    yield Flow("handlers", "database", POSTGRES_PORT, "rotation of passwords")
    yield Flow("reports", "database", POSTGRES_PORT, "the daily report's function")
    metered = {fleet.name for _, fleet in metered_paths()}
    for fleet in FLEETS:
        needs = needs_of(fleet)
        if fleet.health_path:
            yield Flow("balancer", fleet.name, fleet.port, "requests and health checks")
        if fleet.name in metered:
            yield Flow("inner-balancer", fleet.name, fleet.port, "account and control requests, health checks")
        if Need.SEQUENCER in needs:
            yield Flow(fleet.name, "sequencer", INTAKE_PORT, "commands")
        if needs & {Need.JOURNAL, Need.DATABASE}:
            yield Flow(fleet.name, "database", POSTGRES_PORT, "journal and rows")
        if Need.VALKEY in needs:
            yield Flow(fleet.name, "cache", VALKEY_PORT, "feed, limits, keys")


def endpoints() -> dict[str, set[str]]:
    """Return which services of AWS are called from inside the network, and by whom.

    Mail is sent by the notices' function, which is in no network and reads its queue there: neither SES nor SQS is asked
    from here. Run Command comes by the shell's channel, from agent 3.3.40 on. S3 has a gateway.
    """
    fleets = {fleet.name for fleet in FLEETS}
    holders = {fleet.name for fleet in FLEETS if Need.MASTER_KEY in needs_of(fleet)}
    return {
        "ssm": fleets,  # settings at the first start, and the agent of the shell
        "ssmmessages": fleets,
        "logs": fleets,
        "monitoring": fleets,
        "ec2": fleets,  # the agent of logs reads its group's name from tags
        "secretsmanager": {*fleets, *HANDLERS},
        "kms": holders,  # a master key that KMS has wrapped
        "sns": {fleet.name for fleet in FLEETS if "notifier" in fleet.roles},
    }


def of_objects() -> set[str]:
    """Return who reads or writes objects, through the gateway of S3."""
    roles = {role.name for role in ROLES if role.reads or role.writes}
    return {"reports", *(fleet.name for fleet in FLEETS if roles & set(fleet.roles))}


def of_the_internet() -> set[str]:
    """Return who calls what has no endpoint in a network: API Gateway's management, for keys of people."""
    return {fleet.name for fleet in FLEETS if "identity" in fleet.roles}


def public_paths() -> list[tuple[str, Fleet]]:
    """Return what the public balancer routes, longest path first, from the roles."""
    return _routes([path for role in ROLES for path in role.paths if path not in HIDDEN])


def metered_paths() -> list[tuple[str, Fleet]]:
    """Return what API Gateway offers, from the roles."""
    return _routes([path for role in ROLES for path in role.metered])


def _routes(paths: list[str]) -> list[tuple[str, Fleet]]:
    found = []
    for path in sorted(paths, key=lambda each: (-len(each), each)):
        fleet = fleet_of(path)
        assert fleet is not None, path
        found.append((path, fleet))
    return found


def dashboard(environment: Environment) -> dict[str, Any]:
    """Return the dashboard: a graph for each metric of ours that has a goal first, then the others, by group."""
    goals = {slo.metric: slo for slo in SLOS}
    widgets = []
    for number, metric in enumerate(sorted(METRICS, key=lambda each: (each.name not in goals, each.name))):
        statistics = {Kind.COUNTER: ["Sum"], Kind.GAUGE: ["Maximum"], Kind.DISTRIBUTION: ["p50", "p99"]}[metric.kind]
        goal = goals.get(metric.name)
        lines = [{"label": goal.name, "value": goal.threshold}] if goal is not None and not goal.share_of else []
        widgets.append(
            {
                "type": "metric", "width": 8, "height": 6, "x": number % 3 * 8, "y": number // 3 * 6,
                "properties": {
                    "title": f"{metric.name}: {metric.summary}",
                    "region": environment.region,
                    "period": 60,
                    "metrics": [[namespace(environment), metric.name, {"stat": each, "label": each}] for each in statistics],
                    "annotations": {"horizontal": lines},
                },
            }
        )  # fmt: skip
    return {"widgets": widgets}


def kebab(name: str) -> str:
    """Return a logical id as our names have it."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def pascal(name: str) -> str:
    """Return a name as CloudFormation's logical ids have it."""
    return "".join(part.title() for part in name.replace("_", "-").split("-"))
