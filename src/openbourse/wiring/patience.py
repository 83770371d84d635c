"""Waiting for a database that is away: how long at a start, how often beside the serving."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncpg
import structlog

log: Final = structlog.get_logger()
T = TypeVar("T")

START_S: Final = 60.0
"""How long a start waits for the database."""
PAUSES_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
STEADY_S: Final = 10.0
"""Work that went on for so long begins its pauses anew."""
DATABASE_FAULTS: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    # The driver's word for a statement that meets the server's farewell.
    asyncpg.InternalClientError,
)


async def await_database(work: Callable[[], Awaitable[T]]) -> T:
    """Do a part of the start that needs the database, again while it is away. Raises the fault after START_S."""
    began, attempt = time.monotonic(), 0
    while True:
        try:
            return await work()
        except DATABASE_FAULTS as fault:
            if time.monotonic() - began > START_S:
                raise
            log.warning("waiting for the database", why=str(fault))
        await asyncio.sleep(_pause_s(attempt))
        attempt += 1


async def keep(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run work that never ends, and begin it anew when the database fails it; /health/ready tells meanwhile."""
    attempt = 0
    while True:
        began = time.monotonic()
        try:
            await work()
            return
        except DATABASE_FAULTS as fault:
            log.warning("interrupted by the database", work=name, why=str(fault))
        if time.monotonic() - began > STEADY_S:
            attempt = 0
        await asyncio.sleep(_pause_s(attempt))
        attempt += 1


def _pause_s(attempt: int) -> float:
    return PAUSES_S[min(attempt, len(PAUSES_S) - 1)]
