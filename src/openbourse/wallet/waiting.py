"""How many withdrawals wait for an operator, and for how long, looked at now and then."""

import asyncio
from typing import Final

import structlog

from openbourse.wallet.store import Store

log: Final = structlog.get_logger()

EVERY_S: Final = 10.0


class Waiting:
    """Counts withdrawals that are to be approved or to be paid."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._count = self._oldest_s = 0

    async def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                self._count, self._oldest_s = await self._store.waiting()
            except OSError as fault:
                log.warning("not seen which withdrawals wait", why=str(fault))
            await asyncio.sleep(EVERY_S)

    def counters(self) -> dict[str, int]:
        """Return what was seen last."""
        return {"waiting": self._count, "oldest_s": self._oldest_s}
