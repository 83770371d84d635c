"""Whether a journal was given up for another Region's: a row beside it."""

from typing import Final

import asyncpg

from openbourse.adapters.connection_postgres import DatabaseAway, connect, is_lost, telling_away, within
from openbourse.protocol.journal import JournalAway

STATEMENT_SECONDS_MAX: Final = 3.0
_READ: Final = "SELECT count(*) FROM journal.given_up_by WHERE shard = $1 AND turn = $2"
_WRITE: Final = "INSERT INTO journal.given_up_by (shard, turn) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_FORGET: Final = "DELETE FROM journal.given_up_by WHERE shard = $1 AND turn = $2"
_FORGET_OTHERS: Final = "DELETE FROM journal.given_up_by WHERE shard = $1 AND turn <> $2"


class PostgresGivenUp:
    """The row of a shard and a Region, over one connection, which is kept: a new one would meet a password that was rotated."""

    def __init__(self, url: str, shard: int, turn: str) -> None:
        self._url = url
        self._shard = shard
        self._turn = turn
        self._connection: asyncpg.Connection | None = None

    async def _ask(self, statement: str) -> int:
        if self._connection is not None and is_lost(self._connection):
            self.close()
        try:
            if self._connection is None:
                self._connection = await connect(self._url, synchronous_commit="on")
            with telling_away():
                asked = self._connection.fetchval(statement, self._shard, self._turn)
                return int(await within(self._connection, STATEMENT_SECONDS_MAX, asked) or 0)
        except DatabaseAway as fault:
            self.close()
            raise JournalAway(str(fault)) from fault

    async def read(self) -> bool:
        """Tell whether this Region gave this journal up. Raises JournalAway."""
        return bool(await self._ask(_READ))

    async def write(self) -> None:
        """Give this journal up. Raises JournalAway."""
        await self._ask(_WRITE)

    async def forget_others(self) -> None:
        """Forget what another Region gave up: that was its own copy, and the row came here with the changes. Raises JournalAway."""
        await self._ask(_FORGET_OTHERS)

    async def take_back(self) -> bool:
        """Make this journal good again; tell whether it had been given up. Raises JournalAway."""
        had = await self.read()
        await self._ask(_FORGET)
        return had

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
