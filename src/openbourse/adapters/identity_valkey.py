"""What identity keeps in Valkey: counts of attempts, and word of removed keys to every process."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log: Final = structlog.get_logger()

CHANNEL: Final = "openbourse:keys:removed"
RETRY_S: Final = 1.0
LOCAL_NAMES_MAX: Final = 10_000
CALL_S: Final = 0.5
"""A Valkey that is slower is treated as away."""


class ValkeyAttempts:
    """Counts attempts in fixed windows, over all processes; this process's alone while Valkey is away."""

    def __init__(self, client: Redis, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._local: dict[str, int] = {}

    async def count(self, name: str, window_s: int) -> tuple[int, int]:
        """Add one attempt; return how many there were in the current window, and after how many seconds the next begins."""
        key, left_s = self._window(name, window_s)
        try:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.incr(key)
            pipeline.expire(key, window_s)
            async with asyncio.timeout(CALL_S):
                return int((await pipeline.execute())[0]), left_s
        except (RedisError, OSError, TimeoutError):
            if len(self._local) >= LOCAL_NAMES_MAX:
                self._local.clear()
            self._local[key] = self._local.get(key, 0) + 1
            return self._local[key], left_s

    async def counted(self, name: str, window_s: int) -> tuple[int, int]:
        """Return the same without adding one."""
        key, left_s = self._window(name, window_s)
        try:
            async with asyncio.timeout(CALL_S):
                return int(await self._client.get(key) or 0), left_s
        except (RedisError, OSError, TimeoutError):
            return self._local.get(key, 0), left_s

    async def forget(self, name: str, window_s: int) -> None:
        """Begin a window's count anew."""
        key, _ = self._window(name, window_s)
        self._local.pop(key, None)
        try:
            async with asyncio.timeout(CALL_S):
                await self._client.delete(key)
        except (RedisError, OSError, TimeoutError):
            return

    def _window(self, name: str, window_s: int) -> tuple[str, int]:
        """Return what a name is counted under now, and the whole seconds after which that is over, at least one."""
        now = int(self._clock())
        return f"openbourse:attempts:{name}:{now // window_s}", window_s - now % window_s


class ValkeyKeyChannel:
    """Tells every process that a key is gone."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def announce(self, api_key: str) -> None:
        """Say that a key was removed; without Valkey the others learn it when their cache expires."""
        try:
            async with asyncio.timeout(CALL_S):
                await self._client.publish(CHANNEL, api_key)
        except (RedisError, OSError, TimeoutError) as fault:
            log.warning("removed key not announced", why=str(fault))

    async def listen(self, forget: Callable[[str | None], None]) -> None:
        """Call back with each removed key, for ever; with None when some may have been missed."""
        while True:
            try:
                async with self._client.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    async for message in channel.listen():
                        # The client connects and subscribes anew by itself: what was said meanwhile was not heard.
                        forget(bytes(message["data"]).decode() if message["type"] == "message" else None)
            except (RedisError, OSError, TimeoutError) as fault:
                log.warning("removed keys are not heard of", why=str(fault))
                forget(None)
                await asyncio.sleep(RETRY_S)
