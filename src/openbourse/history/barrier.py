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
        self._committed = committed
        self._cursor = cursor

    async def wait(self) -> None:
        """Return once the projection has reached what is committed now. Raises ApiError -1007 after a while."""
        wanted, cursor = await self._committed(), -1
        try:
            async with asyncio.timeout(WAIT_S):
                # Read each time: a database that was killed may have put the cursor back.
                while (cursor := await self._cursor()) < wanted:  # noqa: ASYNC110 - another process moves the cursor
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            log.warning("rows are behind the journal", cursor=cursor, committed=wanted, seconds=WAIT_S)
            raise ApiError(-1007, "Timeout waiting for response from backend server. Please try again.", 503) from None
