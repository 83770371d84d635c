"""What a second Region costs that waits, as infra/second_region.py has it: data and doors, no instances."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from openbourse.cost.observing import PAGING_ALARMS, SECOND_ALARM_METRICS
from openbourse.cost.prices import HOURS, price

D = Decimal
WAF_RULES: Final = 6
"""Of each front's list, in either Region."""
KMS_KEYS: Final = 1
"""Of each Region."""
KMS_USE: Final = D(5)
"""Of calls of a key; assumed."""
SECRETS_COPIED: Final = 5
"""The program's four, and the master login, which is ours where the database is an instance with a replica: one more there."""
LOGS_GB_AT_500: Final = D(5)
"""The network's flows, the replica's text; assumed."""
WAY_GB_AT_500: Final = D(500)


def second_region(
    growth: Decimal, database: Decimal, storage_gb: Decimal, objects_gb: Decimal
) -> Iterator[tuple[str, Decimal]]:
    """Yield what is paid for and how much a month, from an instance's price and what is stored."""
    yield "database replica with a standby", 2 * database + storage_gb * price("rds gp3 multi-az")
    doors = price("valkey cache.t4g.medium") + 2 * price("alb") + price("nat") + 4 * price("public ipv4")
    yield "small Valkey node, two balancers, NAT, addresses", doors * HOURS
    yield f"two WAF lists of {WAF_RULES} rules", 2 * (price("waf acl") + WAF_RULES * price("waf rule"))
    yield (
        "copies of objects and of the journal on their way",
        objects_gb * price("s3") + WAY_GB_AT_500 * growth * D("0.02"),
    )
    yield "health check that moves the names", price("health check")
    yield f"{KMS_KEYS} KMS key with use", KMS_KEYS * price("kms key") + KMS_USE
    yield f"{SECRETS_COPIED} copies of secrets, 1 more secret", (SECRETS_COPIED + 1) * price("secret")
    logs = LOGS_GB_AT_500 * growth
    yield f"logs, {logs:,.0f} GB of flows and of the replica's text", logs * price("logs")
    yield (
        f"alarms on {SECOND_ALARM_METRICS} metrics, {PAGING_ALARMS} alarm of alarms, a dashboard",
        SECOND_ALARM_METRICS * price("alarm") + PAGING_ALARMS * price("composite alarm") + price("dashboard"),
    )
