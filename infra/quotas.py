"""`python -m infra.quotas`: write docs/aws/quotas.md, what production asks of its account and what a new one has."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.environments import PRODUCTION, Environment
from infra.plan import STAGE_RATE
from openbourse.roles import FLEETS, Purchase

FILE: Final = Path(__file__).parents[1] / "docs" / "aws" / "quotas.md"
VCPUS: Final = {"medium": 1, "large": 2, "xlarge": 4}
"""Of the Graviton types that fleets are made of."""
BURSTING: Final = 2
"""Of t4g, whatever its size up to large."""
UNRESERVED: Final = 100
"""So much must stay for functions that reserve nothing."""
DATABASES: Final = 4
"""Of an environment at most: a cluster's three, and one more while it is restored."""


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota."""

    service: str
    code: str  # of Service Quotas; empty: asked for elsewhere
    name: str
    default: str
    needed: Callable[[Environment], int]
    asked: Callable[[int], int]
    why: str


def vcpus(kind: str) -> int:
    """Return how many processors an instance type has."""
    family, _, size = kind.partition(".")
    return BURSTING if family.startswith("t") else VCPUS[size]


def largest_on_demand(environment: Environment) -> int:
    """Return the processors of every fleet at its largest, all of it bought On-Demand: Spot may have none."""
    return sum(environment.fleets[fleet.name].most * vcpus(environment.fleets[fleet.name].types[0]) for fleet in FLEETS)


def largest_spot(environment: Environment) -> int:
    """Return the processors of the fleets that may be Spot, at their largest."""
    return sum(
        environment.fleets[fleet.name].most * vcpus(environment.fleets[fleet.name].types[0])
        for fleet in FLEETS
        if fleet.purchase is not Purchase.ON_DEMAND
    )


def _half_more(needed: int) -> int:
    """Return what is asked for of what a refresh has a half more of for a while, in whole sixteens."""
    return -(-needed * 3 // 2 // 16) * 16


QUOTAS: Final = (
    Quota("ec2", "L-1216C47A", "On-Demand Standard, vCPUs", "5 in a new account", largest_on_demand, _half_more,
          "all fleets at their largest, and a half more while one is refreshed or a second group stands"),
    Quota("ec2", "L-34B43A08", "Spot Standard, vCPUs", "5 in a new account", largest_spot, _half_more,
          "workers, and what streams have above their base"),
    Quota("ec2", "L-0263D0A3", "Elastic IPs", "5", lambda each: each.nat_gateways, lambda needed: max(needed + 2, 5),
          "one for each NAT; the balancers' addresses are not of it"),
    Quota("lambda", "L-B99A9384", "functions at once", "1,000; 10 in a new account",
          lambda each: UNRESERVED + 11 if each.reserves_functions else 12, lambda _: 1_000,
          "11 reserved, and 100 that AWS keeps for those that reserve nothing; dev reserves none (`reserves_functions`)"),
    Quota("apigateway", "L-8A5B8E43", "requests a second", "10,000 (a few Regions 2,500)", lambda _: STAGE_RATE,
          lambda _: 10_000, "the stage takes 1,000 of it; every API of the account and Region shares it"),
    Quota("ses", "", "mails a day", "200, to proven addresses only", lambda _: 50_000, lambda needed: needed,
          "production access, asked for by `aws sesv2 put-account-details`"),
    Quota("rds", "L-7B6409FD", "database instances", "40", lambda _: DATABASES, lambda _: 40,
          "a restore stands beside the old one"),
)  # fmt: skip


def page(environment: Environment) -> str:
    """Return the page."""
    lines = [
        "# Quotas",
        "",
        "Made by `python -m infra.quotas`; a test holds it current. "
        f"Of a Region, for {environment.name} alone; a second Region asks for its own. `aws service-quotas "
        "request-service-quota-increase --service-code ec2 --quota-code L-1216C47A --desired-value 128` asks; what an "
        "account has: `aws service-quotas list-service-quotas --service-code ec2`. Codes and defaults are those that AWS "
        "documents; no account was asked.",
        "",
        "| service | quota | code | default | needed at most | ask for | why |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in QUOTAS:
        needed = each.needed(environment)
        lines.append(
            f"| {each.service} | {each.name} | {each.code or '–'} | {each.default} | {needed:,} "
            f"| {each.asked(needed):,} | {each.why} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    FILE.write_text(page(PRODUCTION))


if __name__ == "__main__":
    main()
