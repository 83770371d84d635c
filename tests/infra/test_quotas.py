"""What is asked for is enough for every environment at its largest, and every type that a fleet has is known."""

import pytest

from infra.environments import DEV, ENVIRONMENTS, PRODUCTION, Environment
from infra.quotas import FILE, QUOTAS, largest_on_demand, largest_spot, page, vcpus
from openbourse.roles import FLEETS


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=lambda each: each.name)
def test_what_is_asked_for_is_enough(environment: Environment) -> None:
    for quota in QUOTAS:
        needed = quota.needed(environment)
        assert quota.asked(needed) >= needed, quota.name
    assert all(vcpus(kind) for size in environment.fleets.values() for kind in size.types)


def test_processors_are_those_of_the_fleets() -> None:
    assert largest_on_demand(PRODUCTION) == sum(
        PRODUCTION.fleets[fleet.name].most * vcpus(PRODUCTION.fleets[fleet.name].types[0]) for fleet in FLEETS
    )
    assert 0 < largest_spot(PRODUCTION) < largest_on_demand(PRODUCTION)
    assert (vcpus("t4g.small"), vcpus("c7g.medium"), vcpus("c7g.xlarge")) == (2, 1, 4)


def test_functions_that_reserve_need_more_than_a_new_account_has() -> None:
    [functions] = [quota for quota in QUOTAS if quota.service == "lambda"]
    assert functions.needed(PRODUCTION) > 100
    assert functions.needed(DEV) < 100


def test_the_page_is_current() -> None:
    assert FILE.read_text() == page(PRODUCTION)
