"""The replicas of a shard as an operator sees them, and the word that makes the leader hand over."""

from typing import Final

import msgspec

from openbourse.adapters.connection_postgres import connect, telling_away
from openbourse.adapters.lease_postgres import HAND_OVER, STANDBYS, channel
from openbourse.protocol.journal import Standing

_LEADER: Final = """
SELECT epoch, holder, address, expires_at > clock_timestamp() AS leads FROM journal.lease WHERE shard = $1
"""


class Replicas(msgspec.Struct, frozen=True):
    """Who leads a shard and who stands by."""

    epoch: int
    leader: str
    """Empty when nobody leads now."""
    address: str
    standbys: list[Standing]

    @property
    def has_successor(self) -> bool:
        """Tell whether a standby could take over at once."""
        return any(standing.may_lead for standing in self.standbys)


async def read_replicas(url: str, shard: int) -> Replicas:
    """Return a shard's replicas. Raises DatabaseAway."""
    connection = await connect(url)
    try:
        with telling_away():
            row = await connection.fetchrow(_LEADER, shard)
            rows = await connection.fetch(STANDBYS, shard, "")
    finally:
        connection.terminate()
    standbys = [Standing(*each) for each in rows]
    if row is None:
        return Replicas(0, "", "", standbys)
    leader = row["holder"] if row["leads"] else ""
    return Replicas(row["epoch"], leader, row["address"], [each for each in standbys if each.holder != leader])


async def ask_for_hand_over(url: str, shard: int) -> None:
    """Ask the leader to hand over. Raises DatabaseAway."""
    connection = await connect(url)
    try:
        with telling_away():
            await connection.execute("SELECT pg_notify($1, $2)", channel(shard), HAND_OVER)
    finally:
        connection.terminate()
