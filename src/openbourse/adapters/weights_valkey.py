"""Request weights that processes tell each other, in Valkey."""

import asyncio
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

KEPT_S: Final = 120
CALL_SECONDS_MAX: Final = 2.0
"""A slower one is taken for away: the process goes on with its own sums."""


class ValkeyWeights:
    """Adds a process's sums to a hash a minute and reads everybody's."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def add(self, window: int, sums: dict[str, int]) -> dict[str, int]:
        """Add new weight by name; return the totals. Raises OSError when Valkey is away."""
        key = f"openbourse:weight:{window}"
        try:
            pipeline = self._client.pipeline(transaction=False)
            for name, weight in sums.items():
                pipeline.hincrby(key, name, weight)
            pipeline.expire(key, KEPT_S)
            async with asyncio.timeout(CALL_SECONDS_MAX):
                totals = await pipeline.execute()
        except RedisError as fault:
            raise OSError(str(fault)) from fault
        return dict(zip(sums, (int(total) for total in totals[:-1]), strict=True))
