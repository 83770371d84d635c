"""A venue with a moving market for whole bots, which `make bots` runs; `make test` leaves them out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.exchange import Exchange, discard, new_exchange

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("bots")


@pytest.fixture(scope="session")
def market() -> Iterator[Exchange]:
    """A running venue whose demo makers trade BTCUSDT and ETHUSDT, shared by all bots: each uses an account of its own."""
    venue = new_exchange(options=())
    try:
        venue.start()
        yield venue
    finally:
        discard(venue)
