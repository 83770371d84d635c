"""How every client of Valkey is opened."""

from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECT_SECONDS_MAX: Final = 2.0


def open_client(url: str) -> Redis:
    """Return a client that connects when it is first used. Whoever calls it bounds each call with `asyncio.timeout`.

    It has no time-out of its own on purpose. With one the driver sends by `asyncio.wait_for`, which loses a cancellation
    that arrives while the sending ends (Python before 3.12): whoever was to be stopped goes on, and who waits for its end
    waits for ever.
    """
    return Redis.from_url(
        url, socket_connect_timeout=CONNECT_SECONDS_MAX, socket_timeout=None, retry=Retry(NoBackoff(), 1)
    )
