"""Reading one's own writes: a private read waits until the projection has what the leader has committed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from openbourse.edge.errors import ApiError

WAIT_S: Final = 5.0
POLL_S: Final = 0.005


class ReadBarrier:
    """Asks the leader how far the journal goes, then waits for the history's cursor."""

    def __init__(self, committed: Callable[[], Awaitable[int]], cursor: Callable[[], Awaitable[int]]) -> None:
        self._committed = committed
        self._read_cursor = cursor
        self._cursor = 0

    async def wait(self) -> None:
        """Return once the projection has reached what is committed now. Raises ApiError -1007 after a while."""
        wanted = await self._committed()
        try:
            async with asyncio.timeout(WAIT_S):
                while self._cursor < wanted:
                    self._cursor = await self._read_cursor()
                    if self._cursor < wanted:
                        await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise ApiError(-1007, "Timeout waiting for response from backend server. Please try again.", 503) from None
