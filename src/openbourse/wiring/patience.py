"""A start that waits for a database which is just being started, or started again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from openbourse.adapters.connection_postgres import LOST

log: Final = structlog.get_logger()
T = TypeVar("T")

START_S: Final = 180.0
PAUSES_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)


async def await_database(work: Callable[[], Awaitable[T]]) -> T:
    """Do a part of the start that needs the database, again while it is away. Raises the fault after START_S."""
    began, attempt = time.monotonic(), 0
    while True:
        try:
            return await work()
        except LOST as fault:
            if time.monotonic() - began > START_S:
                raise
            log.warning("waiting for the database", why=str(fault))
        await asyncio.sleep(PAUSES_S[min(attempt, len(PAUSES_S) - 1)])
        attempt += 1
