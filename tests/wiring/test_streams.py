"""Streams see the stored bars, and no fault of the database but that it is away."""

from typing import Any, cast

import asyncpg
import pytest

from openbourse.adapters.connection_postgres import DatabaseAway
from openbourse.marketdata.view import MarketView
from openbourse.wiring.streams import StreamedMarkets


@pytest.mark.parametrize(
    "fault", [asyncpg.InterfaceError("pool is closing"), asyncpg.QueryCanceledError("timeout"), OSError("away")]
)
async def test_whatever_the_database_does_it_is_away(fault: Exception) -> None:
    """A candle then begins without its past; what it does not know would end the task and leave it silent for good."""

    class Pool:
        async def fetch(self, *_: object) -> list[object]:
            raise fault

    markets = StreamedMarkets(cast(MarketView, None), cast(Any, Pool()))
    with pytest.raises(DatabaseAway):
        await markets.bars_since(1, "1m", 0)
