"""Whoever is bound for longer pays less, of every kind of instance."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from openbourse.cost.committed import ec2_month, rds_month, valkey_month
from openbourse.cost.model import Commitment

MONTHS: dict[str, Callable[[str], Decimal]] = {
    "ec2": lambda commitment: ec2_month("c7g.large", commitment),
    "rds": rds_month,
    "valkey": valkey_month,
}


@pytest.mark.parametrize("kind", MONTHS)
def test_a_longer_commitment_is_cheaper(kind: str) -> None:
    none, one, three = (MONTHS[kind](commitment) for commitment in Commitment)
    assert none > one > three > 0


def test_a_commitment_that_nobody_sells_is_refused() -> None:
    with pytest.raises(KeyError):
        rds_month("10y")
