"""A shard with tables and nothing in them."""

import pytest

from openbourse.settings import ProcessSettings
from tests.sequencer.shard import Shard, migrate


@pytest.fixture
async def shard(settings: ProcessSettings) -> Shard:
    """A shard of this test's own."""
    await migrate(settings)
    return Shard(settings)
