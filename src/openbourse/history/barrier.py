"""Reading one's own writes: a private read waits until the projection has what the leader has committed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from openbourse.edge.errors import ApiError

log: Final = structlog.get_logger()

WAIT_S: Final = 5.0
POLL_S: Final = 0.005


class ReadBarrier:
    """Asks the leader how far the journal goes, then waits for the history's cursor."""

    def __init__(self, committed: Callable[[], Awaitable[int]], cursor: Callable[[], Awaitable[int]]) -> None:
        self.committed = committed
        self._cursor = cursor

    async def wait(self, wanted: int | None = None) -> None:
        """Return once the projection has reached what is committed now. Raises ApiError -1007 after a while.

        Who has asked the leader since the question came names what it said.
        """
        wanted = await self.committed() if wanted is None else wanted
        if not await self.reaches(self._cursor, wanted, WAIT_S):
            log.warning("rows are behind the journal", committed=wanted, seconds=WAIT_S)
            raise ApiError(-1007, "Timeout waiting for response from backend server. Please try again.", 503)

    async def reaches(self, cursor: Callable[[], Awaitable[int]], wanted: int, seconds: float) -> bool:
        """Tell whether rows with this cursor reach a sequence in so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                # Read each time: a database that was killed may have put the cursor back.
                while await cursor() < wanted:  # noqa: ASYNC110 - another process moves the cursor
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            return False
        return True
