"""The bill: lines of money from a workload, a layout and the prices. Money is Decimal; what is assumed has a name."""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from openbourse.cost.committed import ec2_month, rds_month, valkey_month
from openbourse.cost.observing import (
    ALARM_METRICS,
    DETAILED_METRICS,
    FLOW_GB_AT_500,
    PAGING_ALARMS,
    TEXT_GB_AT_500,
    TRACES_FREE_M,
    custom_metrics,
    emf_gigabytes,
    traced_millions,
)
from openbourse.cost.prices import HOURS, price, tiered
from openbourse.cost.second import KMS_KEYS, KMS_USE, WAF_RULES, second_region
from openbourse.cost.storage import BACKUP_DAYS, NEAR_MONTHS, backup_gb, objects_gb_a_month, storage_gb

D = Decimal
SECONDS: Final = D(HOURS * 3_600)
MILLION: Final = D(1_000_000)
GB: Final = D(1_000_000_000)

REQUEST_BYTES: Final = D(3_000)
"""Of a request and its answer, headers and TLS included: what a balancer counts."""
ANSWER_BYTES: Final = D(1_500)
"""What goes out to the internet."""
ACCESS_LOG_BYTES: Final = D(500)
CONTROL_SHARE: Final = D("0.03")
"""Of requests: account, keys, wallet, reports. These go through API Gateway."""
SECRETS: Final = 4
"""This, rules and keys are as production's templates have them; tests/infra/test_pages.py holds it."""
SEQUENCER_DISK_GB: Final = D(50)
DISK_GB: Final = D(30)
GATEWAY_RPS: Final = D(600)
"""Of a c7g.large. All of a venue answered 700 REST orders a second on two shared cores (bench/README.md, overload); two
Graviton cores for the gateway alone are assumed to do this much. Not measured on Graviton."""
ZONE_SPARE: Final = D("1.5")
"""So that two zones carry what three do."""
ORDER_SHARE: Final = D("0.5")
"""Of requests that become commands in the journal."""
COMMANDS_PER_SHARD: Final = D(10_000)
"""Assumed of one sequencer and its database's commits; sharding is designed and not built."""
COMMANDS_PER_LARGE: Final = D(500)
"""Commits of commands a second that one step of database size carries; assumed."""


class Commitment(StrEnum):
    """For how long instances are paid whether used or not."""

    NONE = "none"
    ONE_YEAR = "1y"
    THREE_YEARS = "3y"


class Edge(StrEnum):
    """How requests come in."""

    REST_FOR_ALL = "API Gateway REST for everything"
    REST_LOGGED = "the same, with an access log in CloudWatch"
    HTTP_FOR_ALL = "API Gateway HTTP for everything, no WAF"
    BALANCER = "public ALB + WAF"
    SPLIT = "API Gateway REST for 3 %, ALB + WAF for the rest"


class Layout(StrEnum):
    """How much may fail."""

    ONE_ZONE = "one zone"
    MULTI_AZ = "three zones, Multi-AZ instance"
    CLUSTER = "three zones, Multi-AZ cluster"
    SECOND_REGION = "Multi-AZ instance, and a second region"


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked of the venue, as a mean over the month."""

    rps: int

    @property
    def millions(self) -> Decimal:
        """Requests a month."""
        return self.rps * SECONDS / MILLION

    @property
    def commands(self) -> Decimal:
        """Commands a second."""
        return self.rps * ORDER_SHARE

    @property
    def growth(self) -> Decimal:
        """How many times 500 requests a second."""
        return D(self.rps) / 500


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill, dollars a month."""

    service: str
    what: str
    dollars: Decimal
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines and their sum."""

    lines: tuple[Line, ...]

    def total(self, *, optional: bool = False) -> Decimal:
        """Return the sum, of optional lines too if asked."""
        return sum((line.dollars for line in self.lines if optional or not line.is_optional), D(0))

    def by_service(self) -> dict[str, Decimal]:
        """Return the sums of services, optional lines left out."""
        sums: dict[str, Decimal] = {}
        for line in self.lines:
            if not line.is_optional:
                sums[line.service] = sums.get(line.service, D(0)) + line.dollars
        return sums

    def times(self, factor: Decimal) -> "Bill":
        """Return the bill where everything costs so many times as much."""
        return Bill(tuple(replace(line, dollars=line.dollars * factor) for line in self.lines))


def dollars(amount: Decimal) -> str:
    """Return an amount in whole dollars."""
    return f"{amount.quantize(D(1), ROUND_HALF_UP):,}"


def _up(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_CEILING))


def gateways(load: Workload, layout: Layout) -> int:
    """Return how many gateways carry the load, one of three zones lost."""
    if layout is Layout.ONE_ZONE:
        return max(1, _up(load.rps / GATEWAY_RPS))
    return max(3, _up(load.rps / GATEWAY_RPS * ZONE_SPARE))


def controls(load: Workload, layout: Layout) -> int:
    """Return how many half as large instances carry account and control, one of three zones lost."""
    needed = load.rps * CONTROL_SHARE / (GATEWAY_RPS / 2)
    return max(1, _up(needed)) if layout is Layout.ONE_ZONE else max(2, _up(needed * ZONE_SPARE))


def shards(load: Workload) -> int:
    """Return how many sequencers lead side by side."""
    return max(1, _up(load.commands / COMMANDS_PER_SHARD))


def instances(load: Workload, layout: Layout) -> dict[str, int]:
    """Return how many instances each fleet has."""
    has_zones = layout is not Layout.ONE_ZONE
    streams = 3 * max(1, _up(load.growth)) if has_zones else max(1, _up(load.growth / 2))
    return {
        "sequencer": shards(load) * (2 if has_zones else 1),
        "gateway": gateways(load, layout),
        "streams": streams,
        "control": controls(load, layout),
        "workers": 2 if has_zones else 1,
    }


def database_steps(load: Workload) -> int:
    """Return the size of the database: so many times a large one, a power of two, in all shards together."""
    steps = 1
    while steps * COMMANDS_PER_LARGE < load.commands:
        steps *= 2
    return steps


def edge_lines(load: Workload, edge: Edge) -> list[Line]:
    """Return what coming in costs, without what goes out."""
    requests = load.millions
    lists = 2 if edge is Edge.SPLIT else 1
    waf = lists * (price("waf acl") + WAF_RULES * price("waf rule")) + requests * price("waf requests")
    lines = [_balancer(load)]
    if edge is not Edge.HTTP_FOR_ALL:
        lines.append(Line("WAF", f"{lists} × {WAF_RULES} rules, {requests:,.0f} M requests", waf))
    if edge in (Edge.BALANCER, Edge.SPLIT):
        lines.append(Line("Load balancing", "3 public addresses", 3 * price("public ipv4") * HOURS))
    if edge is Edge.SPLIT:
        lines.append(
            Line("API Gateway", f"REST, {requests * CONTROL_SHARE:,.0f} M requests", _rest(requests * CONTROL_SHARE))
        )
        # What stands between its private link and the gateways; its capacity units are in the other's.
        lines.append(Line("Load balancing", "internal ALB behind API Gateway", price("alb") * HOURS))
    if edge in (Edge.REST_FOR_ALL, Edge.REST_LOGGED):
        lines.append(Line("API Gateway", f"REST, {requests:,.0f} M requests", _rest(requests)))
    if edge is Edge.REST_LOGGED:
        gigabytes = requests * MILLION * ACCESS_LOG_BYTES / GB
        lines.append(Line("CloudWatch", f"access log, {gigabytes:,.0f} GB", gigabytes * price("logs")))
    if edge is Edge.HTTP_FOR_ALL:
        cost = tiered(requests, ((D(300), "http api 1"), (None, "http api 2")))
        lines.append(Line("API Gateway", f"HTTP, {requests:,.0f} M requests", cost))
    return lines


def _rest(millions: Decimal) -> Decimal:
    steps = ((D(333), "rest api 1"), (D(1_000), "rest api 2"), (D(20_000), "rest api 3"), (None, "rest api 4"))
    return tiered(millions, steps)


def _balancer(load: Workload) -> Line:
    units = load.rps * REQUEST_BYTES * 3_600 / GB
    return Line("Load balancing", f"ALB, {units:,.1f} LCU", (price("alb") + units * price("alb lcu")) * HOURS)


def egress_line(load: Workload) -> Line:
    """Return what answers to the internet cost; the first 100 GB are free."""
    gigabytes = load.millions * MILLION * ANSWER_BYTES / GB
    paid = max(D(0), gigabytes - 100)
    cost = tiered(paid, ((D(10_000), "egress 1"), (D(50_000), "egress 2"), (None, "egress 3")))
    return Line("Data out", f"{gigabytes:,.0f} GB", cost)


def compute_lines(load: Workload, commitment: Commitment, layout: Layout) -> list[Line]:
    """Return what instances cost."""
    has_zones = layout is not Layout.ONE_ZONE
    found = instances(load, layout)
    number, control, engines = found["gateway"], found["control"], found["sequencer"]
    large, spot = ec2_month("c7g.large", commitment), price("ec2 c7g.large") * price("ec2 spot part") * HOURS
    streams = found["streams"] // 3 if has_zones else found["streams"]
    others = sum(found.values()) - engines
    disks = others * DISK_GB + engines * SEQUENCER_DISK_GB
    lines = [
        Line("EC2", f"gateways, {number} c7g.large", number * large),
        Line("EC2", f"sequencers, {engines} c7g.xlarge, never Spot", engines * ec2_month("c7g.xlarge", commitment)),
        Line("EC2", f"control, {control} c7g.medium", control * ec2_month("c7g.medium", commitment)),
    ]
    if has_zones:
        lines += [
            Line("EC2", f"streams, {2 * streams} c7g.large + {streams} Spot", streams * (2 * large + spot)),
            Line("EC2", "workers, 2 c7g.large Spot", 2 * spot),
            Line(
                "Load balancing",
                "NLB before the sequencers",
                (price("nlb") + D("0.1") * price("nlb lcu")) * HOURS,
                True,
            ),
        ]
    else:
        lines += [
            Line("EC2", f"streams, {streams} c7g.large", streams * large),
            Line("EC2", "workers, 1 c7g.large Spot", spot),
        ]
    lines.append(Line("EC2", f"disks, {disks:,.0f} GB", disks * price("ebs gp3")))
    return lines


def objects_cost(load: Workload, month: int = 1) -> Decimal:
    """Return what objects cost in a month: the newest at the price of S3, older ones at that of the cheaper class."""
    grown, near = objects_gb_a_month(load.commands, load.growth), min(month, NEAR_MONTHS)
    return grown * (near * price("s3") + (month - near) * price("s3 glacier instant"))


def data_lines(load: Workload, commitment: Commitment, layout: Layout, month: int = 1) -> list[Line]:
    """Return what database and cache cost."""
    steps, storage = database_steps(load), storage_gb(load.commands, month=month)
    single = steps * rds_month(commitment)
    nodes = max(1, _up(load.growth / 4))
    match layout:
        case Layout.ONE_ZONE:
            lines = [
                Line("RDS", f"one instance, {steps} × large, {storage:,.0f} GB", single + storage * price("rds gp3"))
            ]
        case Layout.MULTI_AZ | Layout.SECOND_REGION:  # a cluster can have no replica in another Region
            lines = [
                Line(
                    "RDS",
                    f"Multi-AZ, {steps} × large, {storage:,.0f} GB",
                    2 * single + storage * price("rds gp3 multi-az"),
                ),
                Line("RDS", f"read replica, {storage:,.0f} GB", single + storage * price("rds gp3")),
                Line("RDS", "proxy", 2 * steps * price("rds proxy") * HOURS, True),
            ]
        case _:
            part = rds_month(commitment) / rds_month(Commitment.NONE)
            instances = 3 * steps * price("rds cluster db.m6gd.large") * part * HOURS
            cost = instances + 3 * storage * price("rds gp3")
            lines = [
                Line(
                    "RDS",
                    f"Multi-AZ cluster, 3 × {steps} × large, {storage:,.0f} GB each; its readers are the replicas",
                    cost,
                )
            ]
    backups = backup_gb(load.commands)
    lines.append(
        Line(
            "RDS",
            f"backups of {BACKUP_DAYS} days, {backups:,.0f} GB beyond the disk's size",
            backups * price("rds backup"),
        )
    )
    copies = 1 if layout is Layout.ONE_ZONE else 2
    lines.append(Line("ElastiCache", f"Valkey, {copies * nodes} m7g.large", copies * nodes * valkey_month(commitment)))
    return lines


def common_lines(load: Workload, layout: Layout, month: int = 1) -> list[Line]:
    """Return network, observation, storage, keys and messages."""
    zones = 1 if layout is Layout.ONE_ZONE else 3
    crossing = D(0) if zones == 1 else D(2_600) * load.growth
    # Addresses of NAT alone: those of the public balancer are a line of the edge.
    nat = zones * (price("nat") + price("public ipv4")) * HOURS + 100 * load.growth * price("nat data")
    stand, metrics = instances(load, layout), custom_metrics()
    emf, count = emf_gigabytes(stand), sum(stand.values())
    logs, flow = TEXT_GB_AT_500 * load.growth + emf, FLOW_GB_AT_500 * load.growth
    mails, objects = D("0.4") * load.growth, month * objects_gb_a_month(load.commands, load.growth)
    calls, runs = 10 * load.growth, 5 * load.growth
    traces = traced_millions(load.rps * CONTROL_SHARE) + traced_millions(runs * MILLION / SECONDS)
    lines = [
        Line("Network", f"{zones} NAT, {zones} public addresses", nat),
        Line(
            "CloudWatch",
            f"custom metrics, {metrics}, a dashboard",
            metrics * price("metric") + price("dashboard"),
        ),
        Line(
            "CloudWatch",
            f"detailed monitoring, {count} instances of {DETAILED_METRICS} metrics",
            count * DETAILED_METRICS * price("metric"),
        ),
        Line("CloudWatch", f"alarms on {ALARM_METRICS} metrics", ALARM_METRICS * price("alarm")),
        Line("CloudWatch", f"{PAGING_ALARMS} alarm of alarms", PAGING_ALARMS * price("composite alarm")),
        Line(
            "CloudWatch",
            f"logs, {logs:,.0f} GB, {emf:,.1f} of them metrics; {flow:,.0f} GB of flow logs",
            (logs + flow) * price("logs"),
        ),
        Line(
            "CloudWatch",
            f"traces of account and control and of functions, {traces:,.1f} M",
            max(D(0), traces - TRACES_FREE_M) * price("traces"),
        ),
        Line("S3", f"objects, {objects:,.0f} GB of archive, snapshots, reports, logs", objects_cost(load, month)),
        Line("Messages", f"queues, {calls:,.0f} M calls", calls * price("sqs")),
        Line(
            "Messages",
            f"functions, {runs:,.0f} M runs; {mails:,.1f} M mails",
            runs * price("lambda") + mails * price("ses"),
        ),
        Line("Keys", f"{KMS_KEYS} KMS key with use", KMS_KEYS * price("kms key") + KMS_USE),
        Line("Keys", f"{SECRETS} secrets", SECRETS * price("secret")),
    ]
    if crossing:
        lines.insert(1, Line("Network", f"{crossing:,.0f} GB between zones", crossing * price("cross-zone")))
    return lines


def region_lines(load: Workload, commitment: Commitment) -> list[Line]:
    """Return what a second region costs that waits."""
    database, growth = database_steps(load) * rds_month(commitment), load.growth
    objects = objects_gb_a_month(load.commands, growth)
    found = second_region(growth, database, storage_gb(load.commands), objects)
    return [Line("Second region", what, cost) for what, cost in found]


def bill(load: Workload, commitment: Commitment, layout: Layout, edge: Edge, month: int = 1) -> Bill:
    """Return the whole bill of a month since the beginning: orders, trades and objects are kept, so they cost more later."""
    lines = [
        *edge_lines(load, edge),
        egress_line(load),
        *compute_lines(load, commitment, layout),
        *data_lines(load, commitment, layout, month),
        *common_lines(load, layout, month),
    ]
    if layout is Layout.SECOND_REGION:
        lines += region_lines(load, commitment)
    return Bill(tuple(lines))
