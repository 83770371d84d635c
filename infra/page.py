"""`python -m infra.page`: write docs/aws/resources.md, the table of what production is made of, from the templates."""

from collections import Counter
from pathlib import Path
from typing import Final

from infra.check.assembly import Assembly
from infra.check.assertions import assembly_of
from infra.environments import PRODUCTION
from infra.plan import public_paths
from infra.recorded import recorded
from openbourse.roles import FLEETS

FILE: Final = Path(__file__).parents[1] / "docs" / "aws" / "resources.md"
# Type, what it is here, why, and what its loss costs: data (RPO) and time (RTO).
WHY: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("EC2::NatGateway", "way out", "one a zone: none takes another's with it", "none · seconds, its zone only"),
    ("ElasticLoadBalancingV2::LoadBalancer", "balancers: public, and inner behind API Gateway",
     "path routing, health, draining, long sockets", "none · a zone in seconds"),
    ("WAFv2::WebACL", "firewall of each front", "floods, sizes, AWS's lists", "none · its front closes (fails closed)"),
    ("ApiGateway::RestApi", "account and control by key", "plans, quotas, throttles by key", "none · regional service"),
    ("RDS::DBCluster", "PostgreSQL: journal and rows", "a commit has a second zone before it is acknowledged",
     "0 · typically under 35 s"),
    ("ElastiCache::ReplicationGroup", "Valkey: feed, limits, sessions", "all can be made again from the journal",
     "nothing durable · about a minute, the journal carries the feed"),
    ("S3::Bucket", "archive (locked), backups (locked), reports, market files, logs", "outlives everything",
     "0 · regional service"),
    ("SQS::Queue", "notices and their dead letters; calls for reports that failed", "nobody's fill goes untold",
     "0 · regional service"),
    ("Lambda::Function", "sends notices by SES; writes the daily report", "nothing runs while nobody trades",
     "none · retried, then dead-lettered"),
    ("Scheduler::Schedule", "calls for the daily report at 00:05 UTC", "no process has to be up at that minute",
     "none · regional service; the workers write what is missing"),
    ("SecretsManager::Secret", "logins, token, master key", "no secret in a template, an image or a setting", "0 · –"),
    ("KMS::Key", "one key for all that is kept", "rotated each year", "0 · regional service"),
    ("CloudWatch::Alarm", "an alarm a goal and a resource", "from monitor/slo.py and infra/alarms.py", "– · –"),
    ("CloudWatch::CompositeAlarm", "the alarm that wakes somebody", "many at once are one fault", "– · –"),
    ("Logs::LogGroup", "text, with an age", "90 days, then forgotten", "minutes · –"),
    ("Budgets::Budget", "budget, and an eye on surprises", "a bill is a fault too", "– · –"),
)  # fmt: skip
LOSS: Final = {
    "sequencer": "0 · process 1 s, instance or zone 4 s; the standby is warm",
    "gateway": "0 · about 10 s for what was under way, none for the rest",
    "streams": "none · sockets reconnect",
    "control": "none · about 10 s",
    "workers": "none, rows are made from the journal · minutes behind",
}


def page(assembly: Assembly) -> str:
    """Return the page."""
    environment = assembly.environment
    counts = Counter(each.type.removeprefix("AWS::") for each in assembly.all)
    lines = [
        "# What production on AWS is made of",
        "",
        "Made by `python -m infra.page` from the synthesised templates; a test fails when it is stale. "
        f"{len(assembly.all)} resources of {len(counts)} types in {len(assembly.templates)} stacks, {environment.region}, "
        f"zones {', '.join(environment.zones)}. What it costs a month is in [cost.md](cost.md).",
        "",
        "RPO and RTO are the design's, from the services' documentation and from what was measured of the program itself "
        "([chaos.md](../chaos.md)); none of them was measured on AWS.",
        "",
        "| fleet | roles | size | bought | zones | RPO · RTO |",
        "|---|---|---|---|---|---|",
    ]
    for fleet in FLEETS:
        size = environment.fleets[fleet.name]
        lines.append(
            f"| {fleet.name} | {', '.join(fleet.roles)} | {size.least}–{size.most} × {size.types[0]} "
            f"| {fleet.purchase.value} | {len(environment.zones)} | {LOSS[fleet.name]} |"
        )
    lines += ["", "| resource | how many | what | why | RPO · RTO when a zone is lost |", "|---|---|---|---|---|"]
    lines += [f"| {kind} | {counts[kind]} | {what} | {why} | {loss} |" for kind, what, why, loss in WHY]
    lines += ["", "| path | fleet |", "|---|---|"]
    lines += [f"| `{path}` | {fleet.name} |" for path, fleet in public_paths()]
    named = {kind for kind, *_ in WHY}
    rest = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()) if kind not in named)
    return "\n".join([*lines, "", f"And around them: {rest}.", ""])


def main() -> None:
    """Write the page."""
    FILE.write_text(page(assembly_of(PRODUCTION, recorded())))


if __name__ == "__main__":
    main()
