"""Notices that wait to be told, and the devices that an account was seen on: SQL of identity beside `store.py`."""

from collections.abc import Collection
from typing import Any, Final

import msgspec

from openbourse.identity.notices import Notice
from openbourse.protocol.notifications import NOISY, Notification, Topic

DEVICE_DAYS: Final = 90
"""A device that was not seen for so long is a new one."""
DEVICES_PER_USER_MAX: Final = 50
WAITING_MAX: Final = 40
"""Of an account about keys and devices: what is more while so many wait is told to nobody, and keeps up nobody."""
_WRITE: Final = """
INSERT INTO identity.notices (user_id, topic, facts) SELECT $1, $2::text, $3::jsonb WHERE $2 <> ALL($4::text[])
OR (SELECT count(*) FROM identity.notices WHERE user_id = $1 AND topic = ANY($4)) < $5
"""
_WAITING: Final = """
SELECT waiting.number, waiting.user_id, users.email, waiting.topic, waiting.facts,
    (extract(epoch FROM waiting.at) * 1000)::bigint
FROM identity.notices waiting JOIN identity.users ON users.id = waiting.user_id
WHERE waiting.number > $1 AND waiting.topic = ANY($2::text[]) ORDER BY waiting.number LIMIT $3
"""
_FORGET_DEVICES: Final = """
DELETE FROM identity.devices WHERE user_id = $1 AND (device, network) NOT IN (
    SELECT device, network FROM identity.devices
    WHERE user_id = $1 AND last_seen_at > now() - make_interval(days => $2) ORDER BY last_seen_at DESC LIMIT $3)
"""
_SEE_DEVICE: Final = """
INSERT INTO identity.devices (user_id, device, network) VALUES ($1, $2, $3)
ON CONFLICT (user_id, device, network) DO UPDATE SET last_seen_at = now() RETURNING xmax = 0
"""


async def write_notice(connection: Any, user_id: int, notice: Notice | None) -> None:
    """Have a user told of a change once the transaction that it is part of is committed."""
    if notice is not None:
        facts = msgspec.json.encode(notice.facts).decode()
        await connection.execute(_WRITE, user_id, notice.topic, facts, list(NOISY), WAITING_MAX)


async def see_device(connection: Any, user_id: int, device: str, network: str) -> bool:
    """Note that a user is seen on a device; True when that was not so in the last months."""
    await connection.execute(_FORGET_DEVICES, user_id, DEVICE_DAYS, DEVICES_PER_USER_MAX - 1)
    return bool(await connection.fetchval(_SEE_DEVICE, user_id, device, network))


class Outbox:
    """Notices that wait, for whoever hands them over."""

    def __init__(self, database: Any) -> None:
        self._database = database

    async def waiting(self, topics: Collection[str], after: int, limit: int) -> dict[int, Notification]:
        """Return the oldest notices of these topics above a number, by number: those of a later version wait for it."""
        rows = await self._database.fetch(_WAITING, after, list(topics), limit)
        return {
            number: Notification(
                f"security-{number}", Topic(topic), user_id, email, time_ms, msgspec.json.decode(facts)
            )
            for number, user_id, email, topic, facts, time_ms in rows
        }

    async def count(self, topics: Collection[str]) -> int:
        """Return how many notices of these topics wait."""
        asked = "SELECT count(*) FROM identity.notices WHERE topic = ANY($1::text[])"
        return int(await self._database.fetchval(asked, list(topics)))

    async def forget(self, number: int) -> None:
        """Note that a notice is told, or will never be."""
        await self._database.execute("DELETE FROM identity.notices WHERE number = $1", number)
