"""The cursor of the notifier, and who does not want to hear of what: the only SQL of the notifier."""

from collections.abc import Collection
from typing import Any, Final

_BEGIN: Final = """
INSERT INTO notifier.cursor (shard, sequence) VALUES ($1, $2) ON CONFLICT (shard) DO NOTHING
"""
_ADVANCE: Final = """
UPDATE notifier.cursor SET sequence = $3, changed_at = now() WHERE shard = $1 AND sequence = $2 RETURNING true
"""

_SILENCED: Final = "SELECT account, topic FROM notifier.silenced WHERE account = ANY($1::bigint[])"
_SILENCE: Final = """
WITH heard AS (DELETE FROM notifier.silenced WHERE account = $1 AND topic <> ALL($2::text[]))
INSERT INTO notifier.silenced (account, topic) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING
"""


class Store:
    """Rows of one shard's cursor, and of what accounts do not want to hear of."""

    def __init__(self, pool: Any, shard: int) -> None:
        self._pool = pool
        self._shard = shard

    async def begin(self, at: int) -> int:
        """Return the cursor; where there is none yet it begins at a sequence: nobody is told of what was before."""
        await self._pool.execute(_BEGIN, self._shard, at)
        return int(await self._pool.fetchval("SELECT sequence FROM notifier.cursor WHERE shard = $1", self._shard))

    async def standing(self) -> int | None:
        """Return the cursor, if the notifier has ever begun."""
        found = await self._pool.fetchval("SELECT sequence FROM notifier.cursor WHERE shard = $1", self._shard)
        return None if found is None else int(found)

    async def advance(self, before: int, to: int) -> bool:
        """Move the cursor; False when it does not stand where it should: another one is at work."""
        return bool(await self._pool.fetchval(_ADVANCE, self._shard, before, to))

    async def silenced(self, accounts: Collection[int]) -> set[tuple[int, str]]:
        """Return what these accounts do not want to hear of, as account and topic."""
        return {(row[0], row[1]) for row in await self._pool.fetch(_SILENCED, list(accounts))}

    async def silence(self, account: int, topics: Collection[str]) -> None:
        """Have an account hear of everything but these topics."""
        await self._pool.execute(_SILENCE, account, list(topics))
