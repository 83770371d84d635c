"""A client of Valkey can be stopped at any moment."""

import asyncio
import random

from redis.asyncio import Redis

from openbourse.adapters.connection_valkey import open_client

CANCELLATIONS = 60


async def _ask(client: Redis) -> None:
    while True:
        async with asyncio.timeout(5):
            await client.xread({"nothing": "0-0"}, block=20)
            await client.get("nothing")


async def test_no_cancellation_is_lost(valkey_url: str) -> None:
    """A worker whose reader could not be stopped stood still for ever after PostgreSQL was killed at such a moment."""
    chance = random.Random(1)
    client = open_client(valkey_url)
    for number in range(CANCELLATIONS):
        # Each cancellation ends the connection, so many of them meet one that is being opened: most sending is there.
        asking = asyncio.create_task(_ask(client))
        await asyncio.sleep(chance.random() * 0.01)
        asking.cancel()
        _, going_on = await asyncio.wait({asking}, timeout=2)
        assert not going_on, f"cancellation {number} was lost"
        assert asking.cancelled()
    await client.aclose()
