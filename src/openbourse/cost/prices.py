"""Prices, as data: amount, unit, source and date of each; `is_verified` is false where no source that we hold gives it.

US East (N. Virginia), US dollars. Read on the dates given, from public copies of AWS's own price lists; look again before
signing anything.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

HOURS: Final = 730
"""Of a month, as AWS counts."""
EC2_API: Final = ("generated price table of a public project, from AWS's price API", "2026-07-20")
PRICE_API: Final = ("public price file that says: AWS Pricing API", "2026-09-19")
GOLDEN: Final = ("public cost tool's golden outputs", "2024-10-31")
PRICE_PAGE: Final = ("AWS's price page, public copy", "2026-09-20")
ASSUMED: Final = ("assumed", "2026-11-22")


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit costs."""

    name: str
    amount: Decimal
    unit: str
    source: str
    date: str
    is_verified: bool = True


def _price(name: str, amount: str, unit: str, source: tuple[str, str], is_verified: bool = True) -> Price:
    return Price(name, Decimal(amount), unit, *source, is_verified)


PRICES: Final[tuple[Price, ...]] = (
    _price("ec2 c7g.large", "0.0725", "hour", EC2_API),
    _price("ec2 c7g.medium", "0.03625", "hour", ("assumed", "2026-11-26"), False),
    _price("ec2 c7g.xlarge", "0.145", "hour", EC2_API),
    _price("ec2 spot part", "0.55", "of On-Demand", ASSUMED, False),
    _price("ec2 1y part", "0.66", "of On-Demand", PRICE_API),
    _price("ec2 3y part", "0.46", "of On-Demand", ASSUMED, False),
    _price("ebs gp3", "0.08", "GB-month", ASSUMED, False),
    _price("rds db.m7g.large", "0.168", "hour and instance", PRICE_API),
    _price("rds 1y db.m7g.large", "0.1297", "hour and instance", PRICE_API),
    _price("rds 3y part", "0.60", "of On-Demand", ASSUMED, False),
    _price("rds cluster db.m6gd.large", "0.24", "hour and instance", ASSUMED, False),
    _price("rds gp3", "0.115", "GB-month", PRICE_API),
    _price("rds gp3 multi-az", "0.23", "GB-month", GOLDEN),
    _price("rds backup", "0.095", "GB-month beyond the disk's size", ("third party", "2026-11-26"), False),
    _price("rds proxy", "0.015", "vCPU-hour", ASSUMED, False),
    _price("valkey cache.m7g.large", "0.1264", "hour", ASSUMED, False),
    _price("valkey 1y cache.m7g.large", "0.0856", "hour", ASSUMED, False),
    _price("valkey 3y part", "0.52", "of On-Demand", ASSUMED, False),
    _price("rest api 1", "3.50", "million requests, first 333 M", GOLDEN),
    _price("rest api 2", "2.80", "million requests, to 1,000 M", GOLDEN),
    _price("rest api 3", "2.38", "million requests, to 20,000 M", GOLDEN),
    _price("rest api 4", "1.51", "million requests, above", ASSUMED, False),
    _price("http api 1", "1.00", "million requests, first 300 M", GOLDEN),
    _price("http api 2", "0.90", "million requests, above", GOLDEN),
    _price("waf acl", "5", "month", GOLDEN),
    _price("waf rule", "1", "month", GOLDEN),
    _price("waf requests", "0.60", "million requests", GOLDEN),
    _price("alb", "0.0225", "hour", PRICE_PAGE),
    _price("alb lcu", "0.008", "LCU-hour", PRICE_PAGE),
    _price("nlb", "0.0225", "hour", PRICE_PAGE),
    _price("nlb lcu", "0.006", "NLCU-hour", PRICE_PAGE),
    _price("nat", "0.045", "hour", PRICE_API),
    _price("nat data", "0.045", "GB", PRICE_API),
    _price("public ipv4", "0.005", "hour", ("third party", "2026-11-22"), False),
    _price("egress 1", "0.09", "GB, to 10 TB", GOLDEN),
    _price("egress 2", "0.085", "GB, to 50 TB", GOLDEN),
    _price("egress 3", "0.07", "GB, above", ASSUMED, False),
    _price("cross-zone", "0.02", "GB, both ways", GOLDEN),
    _price("logs", "0.50", "GB", GOLDEN),
    _price("metric", "0.30", "month", ASSUMED, False),
    _price("alarm", "0.10", "month", GOLDEN),
    _price("composite alarm", "0.50", "month", ("assumed", "2026-11-26"), False),
    _price("dashboard", "3", "month", GOLDEN),
    _price("traces", "5", "million, beyond 100,000 a month", ("AWS's price page, public copy", "2026-11-26")),
    _price("kms key", "1", "month", GOLDEN),
    _price("secret", "0.40", "month", GOLDEN),
    _price("sqs", "0.40", "million requests", GOLDEN),
    _price("lambda", "0.20", "million requests", GOLDEN),
    _price("ses", "100", "million mails", ASSUMED, False),
    _price("s3", "0.023", "GB-month", ASSUMED, False),
    _price("s3 glacier instant", "0.004", "GB-month", ("assumed", "2026-11-26"), False),
    _price("valkey cache.t4g.medium", "0.052", "hour", ASSUMED, False),
    _price(
        "health check", "3.50", "month, 0.50 and 1 each for TLS, words, ten seconds", ("assumed", "2026-11-26"), False
    ),
)
REGIONS: Final[dict[str, tuple[Decimal, bool]]] = {
    "us-east-1": (Decimal("1"), True),
    "us-west-2": (Decimal("1"), False),
    "eu-west-1": (Decimal("1.09"), False),
    "eu-central-1": (Decimal("1.15"), False),
    "ap-southeast-1": (Decimal("1.22"), False),
    "ap-northeast-1": (Decimal("1.24"), False),
}
"""Every price times so much; only the first is a fact, the others are for orientation."""
_BY_NAME: Final = {price.name: price for price in PRICES}


def price(name: str) -> Decimal:
    """Return what one unit costs. Raises KeyError."""
    return _BY_NAME[name].amount


def tiered(amount: Decimal, steps: tuple[tuple[Decimal | None, str], ...]) -> Decimal:
    """Return what an amount costs where the price of a further unit falls: steps of upper bound and price's name."""
    cost, below = Decimal(0), Decimal(0)
    for bound, name in steps:
        part = amount - below if bound is None else min(amount, bound) - below
        if part <= 0:
            break
        cost += part * price(name)
        below += part
    return cost
