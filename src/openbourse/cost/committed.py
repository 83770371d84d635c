"""What a month of an instance costs, by how long one is bound to it: "none", "1y" or "3y"."""

from decimal import Decimal

from openbourse.cost.prices import HOURS, price

ALL = Decimal(1)


def ec2_month(kind: str, commitment: str) -> Decimal:
    """Return a month of an instance type."""
    part = {"none": ALL, "1y": price("ec2 1y part"), "3y": price("ec2 3y part")}[commitment]
    return price(f"ec2 {kind}") * part * HOURS


def rds_month(commitment: str) -> Decimal:
    """Return a month of a large database instance."""
    full = price("rds db.m7g.large")
    paid = {"none": full, "1y": price("rds 1y db.m7g.large"), "3y": full * price("rds 3y part")}
    return paid[commitment] * HOURS


def valkey_month(commitment: str) -> Decimal:
    """Return a month of a large node."""
    full = price("valkey cache.m7g.large")
    paid = {"none": full, "1y": price("valkey 1y cache.m7g.large"), "3y": full * price("valkey 3y part")}
    return paid[commitment] * HOURS
