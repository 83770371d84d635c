"""`python -m infra.page`: write docs/aws/resources.md, the table of what production is made of, from the templates."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from infra.check.assembly import Assembly
from infra.check.assertions import assembly_of
from infra.environments import PRODUCTION
from infra.plan import public_paths
from infra.recorded import recorded
from openbourse.cost.model import Bill, Commitment, Edge, Layout, Workload, bill, dollars
from openbourse.roles import FLEETS

FILE: Final = Path(__file__).parents[1] / "docs" / "aws" / "resources.md"
# Type, what it is here, why, what its loss costs: data (RPO) and time (RTO), and what its lines in the bill begin with.
WHY: Final[tuple[tuple[str, str, str, str, tuple[str, ...]], ...]] = (
    ("EC2::NatGateway", "way out",
     "one a zone: none takes another's with it", "none · seconds, its zone only", ("3 NAT,",)),
    ("ElasticLoadBalancingV2::LoadBalancer", "balancers: public, and inner behind API Gateway",
     "path routing, health, draining, long sockets", "none · a zone in seconds", ("ALB,", "3 public addresses", "internal ALB")),
    ("WAFv2::WebACL", "firewall of each front",
     "floods, sizes, AWS's lists", "none · its front closes (fails closed)", ("2 × 6 rules",)),
    ("ApiGateway::RestApi", "account and control by key",
     "plans, quotas, throttles by key", "none · regional service", ("REST,",)),
    ("RDS::DBCluster", "PostgreSQL: journal and rows",
     "a commit has a second zone before it is acknowledged", "0 · typically under 35 s", ("Multi-AZ cluster", "backups of")),
    ("ElastiCache::ReplicationGroup", "Valkey: feed, limits, sessions",
     "all can be made again from the journal", "nothing durable · about a minute, the journal carries the feed", ("Valkey,",)),
    ("S3::Bucket", "archive (locked), backups (locked), reports, market files, logs",
     "outlives everything", "0 · regional service", ("objects,",)),
    ("SQS::Queue", "notices and their dead letters; calls for reports that failed",
     "nobody's fill goes untold", "0 · regional service", ("queues,",)),
    ("Lambda::Function", "sends notices by SES; writes the daily report",
     "nothing runs while nobody trades", "none · retried, then dead-lettered", ("functions,",)),
    ("Scheduler::Schedule", "calls for the daily report at 00:05 UTC",
     "no process has to be up at that minute", "none · regional service; the workers write what is missing", ()),
    ("SecretsManager::Secret", "logins, token, master key",
     "no secret in a template, an image or a setting", "0 · –", ("4 secrets",)),
    ("KMS::Key", "one key for all that is kept",
     "rotated each year", "0 · regional service", ("1 KMS key",)),
    ("CloudWatch::Alarm", "an alarm a goal and a resource",
     "from monitor/slo.py and infra/alarms.py", "– · –", ("alarms on",)),
    ("CloudWatch::CompositeAlarm", "the alarm that wakes somebody",
     "many at once are one fault", "– · –", ("1 alarm of alarms",)),
    ("CloudWatch::Dashboard", "metrics, and the page that shows them",
     "from the table of goals", "– · –", ("custom metrics,", "detailed monitoring,", "traces of")),
    ("Logs::LogGroup", "text, with an age",
     "90 days, then forgotten", "minutes · –", ("logs,",)),
    ("Budgets::Budget", "budget, and an eye on surprises",
     "a bill is a fault too", "– · –", ()),
)  # fmt: skip
FLEET_LINES: Final = {
    "sequencer": "sequencers,", "gateway": "gateways,", "streams": "streams,", "control": "control,",
    "workers": "workers,",
}  # fmt: skip
OTHER_LINES: Final = {
    "disks,": "disks of all fleets",
    "1,971 GB": "data out to the internet",
    "2,600 GB between": "data between zones",
}
LOAD_RPS: Final = 500
COMMITMENT: Final = Commitment.ONE_YEAR
LOSS: Final = {
    "sequencer": "0 · process 1 s, instance or zone 4 s; the standby is warm",
    "gateway": "0 · about 10 s for what was under way, none for the rest",
    "streams": "none · sockets reconnect",
    "control": "none · about 10 s",
    "workers": "none, rows are made from the journal · minutes behind",
}


def production_bill() -> Bill:
    """Return the bill of production as the templates have it: the sum in docs/aws/cost.md."""
    return bill(Workload(LOAD_RPS), COMMITMENT, Layout.CLUSTER, Edge.SPLIT)


def part_of(found: Bill, beginnings: Sequence[str]) -> Decimal:
    """Return what the lines with these beginnings cost. Raises ValueError unless each beginning names one."""
    lines = [line for line in found.lines if not line.is_optional and line.what.startswith(tuple(beginnings))]
    if len(lines) != len(beginnings):
        raise ValueError(f"{beginnings} are {len(lines)} lines of the bill: {lines}")
    return sum((line.dollars for line in lines), Decimal(0))


def zones_of(assembly: Assembly, kind: str) -> str:
    """Return over how many zones the resources of a type stand; a service of the Region has no zone that we could choose."""
    found = assembly.of(kind)
    match kind:
        case "EC2::NatGateway":
            return str(len({str(each.properties["SubnetId"]) for each in found}))
        case "ElasticLoadBalancingV2::LoadBalancer":
            return str(min(len(each.properties["Subnets"]) for each in found))
        case "RDS::DBCluster":
            return str(min(len(each.properties["SubnetIds"]) for each in assembly.of("RDS::DBSubnetGroup")))
        case "ElastiCache::ReplicationGroup":
            return str(min(each.properties["NumCacheClusters"] for each in found))
        case _:
            return "the Region's"


def page(assembly: Assembly) -> str:
    """Return the page. Raises ValueError when a line of the bill is in no row, or in two."""
    environment = assembly.environment
    counts = Counter(each.type.removeprefix("AWS::") for each in assembly.all)
    found = production_bill()
    shown = [*((beginning,) for beginning in FLEET_LINES.values()), *(lines for *_, lines in WHY), tuple(OTHER_LINES)]
    if sum((part_of(found, lines) for lines in shown), Decimal(0)) != found.total():
        raise ValueError("a line of the bill is in no row, or in two")
    lines = [
        "# What production on AWS is made of",
        "",
        "Made by `python -m infra.page` from the synthesised templates; a test fails when it is stale. "
        f"{len(assembly.all)} resources of {len(counts)} types in {len(assembly.templates)} stacks, {environment.region}, "
        f"zones {', '.join(environment.zones)}.",
        "",
        f"$/month is the model's (`src/openbourse/cost`), at a mean of {LOAD_RPS} requests/s, instances committed for "
        f"{COMMITMENT}; each line of its bill is in one row. All rows together: **{dollars(found.total())}**, before "
        "rounding: the sum of [cost.md](cost.md).",
        "",
        "RPO and RTO are the design's, from the services' documentation and from what was measured of the program itself "
        "([chaos.md](../chaos.md)); none of them was measured on AWS.",
        "",
        "| fleet | roles | size | bought | zones | RPO · RTO | $/month |",
        "|---|---|---|---|---|---|---|",
    ]
    for fleet in FLEETS:
        size = environment.fleets[fleet.name]
        lines.append(
            f"| {fleet.name} | {', '.join(fleet.roles)} | {size.least}–{size.most} × {size.types[0]} "
            f"| {fleet.purchase.value} | {len(environment.zones)} | {LOSS[fleet.name]} "
            f"| {_shown(found, (FLEET_LINES[fleet.name],))} |"
        )
    lines += ["", "| resource | how many | what | why | zones | RPO · RTO when a zone is lost | $/month |"]
    lines += ["|---|---|---|---|---|---|---|"]
    lines += [
        f"| {kind} | {counts[kind]} | {what} | {why} | {zones_of(assembly, kind)} | {loss} | {_shown(found, money)} |"
        for kind, what, why, loss, money in WHY
    ]
    lines += [f"| – | | {what} | | | | {_shown(found, (money,))} |" for money, what in OTHER_LINES.items()]
    lines += ["", "| path | fleet |", "|---|---|"]
    lines += [f"| `{path}` | {fleet.name} |" for path, fleet in public_paths()]
    named = {kind for kind, *_ in WHY}
    rest = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()) if kind not in named)
    return "\n".join([*lines, "", f"And around them: {rest}.", ""])


def _shown(found: Bill, beginnings: Sequence[str]) -> str:
    return dollars(part_of(found, beginnings)) if beginnings else "–"


def main() -> None:
    """Write the page."""
    FILE.write_text(page(assembly_of(PRODUCTION, recorded())))


if __name__ == "__main__":
    main()
