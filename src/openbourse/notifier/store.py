"""The cursor of the notifier: the only SQL of the notifier."""

from typing import Any, Final

_BEGIN: Final = """
INSERT INTO notifier.cursor (shard, sequence) VALUES ($1, $2) ON CONFLICT (shard) DO NOTHING
"""
_ADVANCE: Final = """
UPDATE notifier.cursor SET sequence = $3, changed_at = now() WHERE shard = $1 AND sequence = $2 RETURNING true
"""


class Store:
    """Rows of one shard's cursor."""

    def __init__(self, pool: Any, shard: int) -> None:
        self._pool = pool
        self._shard = shard

    async def begin(self, at: int) -> int:
        """Return the cursor; where there is none yet it begins at a sequence: nobody is told of what was before."""
        await self._pool.execute(_BEGIN, self._shard, at)
        return int(await self._pool.fetchval("SELECT sequence FROM notifier.cursor WHERE shard = $1", self._shard))

    async def advance(self, before: int, to: int) -> bool:
        """Move the cursor; False when it does not stand where it should: another one is at work."""
        return bool(await self._pool.fetchval(_ADVANCE, self._shard, before, to))
