"""A sequencer of a venue in two Regions asks the name that its settings have; one of a single Region asks nobody."""

from dataclasses import replace

import pytest

from openbourse.adapters.lease_postgres import PostgresLease
from openbourse.roles import Turn
from openbourse.sequencer import fence as fences
from openbourse.sequencer.fence import FencedLease
from openbourse.sequencer.lead import LEASE_TTL_S
from openbourse.settings import ProcessSettings
from openbourse.wiring.processes import fenced
from openbourse.wiring.stores import Stores
from tests.sequencer.shard import migrate

HERE = "127.0.0.1"


async def test_one_region_asks_nobody(settings: ProcessSettings) -> None:
    lease = PostgresLease(settings.journal_url, 0, "a", LEASE_TTL_S)
    async with Stores(settings) as stores:
        assert fenced(stores, lease) == (lease, None)


@pytest.mark.parametrize(("turn", "may"), [(Turn.FIRST, True), (Turn.SECOND, False)])
async def test_the_lease_is_had_by_the_region_that_the_name_means(
    settings: ProcessSettings, monkeypatch: pytest.MonkeyPatch, turn: Turn, may: bool
) -> None:
    monkeypatch.setattr(fences, "TURN_ADDRESSES", {Turn.FIRST: HERE, Turn.SECOND: "192.0.2.2"})
    await migrate(settings)
    lease = PostgresLease(settings.journal_url, 0, "a", LEASE_TTL_S)
    async with Stores(replace(settings, region_name="localhost", region_turn=turn)) as stores:
        stores.closing.push_async_callback(lease.close)
        right, fence = fenced(stores, lease)
        assert isinstance(right, FencedLease)
        assert fence is not None
        assert not await right.take("127.0.0.1:1")
        await fence.look()
        assert await right.take("127.0.0.1:1") is may
