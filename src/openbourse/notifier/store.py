"""The cursor of the notifier, and who does not want to hear of what: the only SQL of the notifier."""

from collections.abc import Collection
from typing import Any, Final

import msgspec

from openbourse.notifier.telling import Draft
from openbourse.protocol.notifications import Topic

DEFERRED_MAX: Final = 10_000
"""Of a shard; what would be more waits where it is, and everything behind it."""
TRY_AGAIN_S: Final = (60, 300, 900, 3_600)
"""After the first try, the second and so on; the last for all that come."""
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
_DEFER: Final = """
INSERT INTO notifier.deferred (shard, id, topic, account, time_ms, facts, due_at)
SELECT $1, id, topic, account, time_ms, facts, now() + make_interval(secs => $2)
FROM jsonb_to_recordset($3::jsonb) AS draft(id text, topic text, account bigint, time_ms bigint, facts jsonb)
WHERE (SELECT count(*) FROM notifier.deferred WHERE shard = $1) + $4 <= $5
ON CONFLICT DO NOTHING
"""
_DUE: Final = """
SELECT id, topic, account, time_ms, facts FROM notifier.deferred
WHERE shard = $1 AND due_at <= now() AND topic = ANY($2::text[]) ORDER BY due_at LIMIT $3
"""
_POSTPONE: Final = """
UPDATE notifier.deferred SET tries = tries + 1,
    due_at = now() + make_interval(secs => ($3::integer[])[least(tries + 2, cardinality($3::integer[]))])
WHERE shard = $1 AND id = ANY($2::text[])
"""


class Store:
    """Rows of one shard's cursor, of what waits for a mailbox, and of what accounts do not want to hear of."""

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

    async def defer(self, drafts: Collection[Draft]) -> bool:
        """Keep what is to be tried again by itself, each once; False when there is no room for them."""
        rows = msgspec.json.encode(list(drafts)).decode()
        done: str = await self._pool.execute(_DEFER, self._shard, TRY_AGAIN_S[0], rows, len(drafts), DEFERRED_MAX)
        if int(done.split()[-1]):
            return True
        known = "SELECT count(*) FROM notifier.deferred WHERE shard = $1 AND id = ANY($2::text[])"
        return bool(await self._pool.fetchval(known, self._shard, [each.id for each in drafts]) == len(drafts))

    async def due(self, limit: int) -> list[Draft]:
        """Return what is to be tried now, the longest due first; topics of a later version wait for it."""
        return [
            Draft(name, Topic(topic), account, time_ms, msgspec.json.decode(facts))
            for name, topic, account, time_ms, facts in await self._pool.fetch(_DUE, self._shard, list(Topic), limit)
        ]

    async def told(self, ids: Collection[str]) -> None:
        """Forget what was told, or never will be."""
        if ids:
            forget = "DELETE FROM notifier.deferred WHERE shard = $1 AND id = ANY($2::text[])"
            await self._pool.execute(forget, self._shard, list(ids))

    async def postpone(self, ids: Collection[str]) -> None:
        """Have these tried again, later each time."""
        if ids:
            await self._pool.execute(_POSTPONE, self._shard, list(ids), list(TRY_AGAIN_S))

    async def deferred(self) -> int:
        """Return how much waits for a mailbox."""
        return int(await self._pool.fetchval("SELECT count(*) FROM notifier.deferred WHERE shard = $1", self._shard))

    async def silenced(self, accounts: Collection[int]) -> set[tuple[int, str]]:
        """Return what these accounts do not want to hear of, as account and topic."""
        return {(row[0], row[1]) for row in await self._pool.fetch(_SILENCED, list(accounts))}

    async def silence(self, account: int, topics: Collection[str]) -> None:
        """Have an account hear of everything but these topics."""
        await self._pool.execute(_SILENCE, account, list(topics))
