"""Rows of users and API keys: the SQL of identity, but for `outbox.py`. What an owner is told goes into the change's transaction."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from openbourse.identity.notices import Notice
from openbourse.identity.outbox import see_device, write_notice


class Database(Protocol):
    """What is needed of a pool of connections."""

    async def fetch(self, statement: str, /, *values: object) -> Sequence[Any]: ...
    async def fetchrow(self, statement: str, /, *values: object) -> Any: ...
    async def fetchval(self, statement: str, /, *values: object) -> Any: ...
    async def execute(self, statement: str, /, *values: object) -> object: ...
    def acquire(self) -> AbstractAsyncContextManager[Any]: ...


class User(msgspec.Struct, frozen=True):
    """A person; the id is also the account's in the engine."""

    id: int
    email: str
    password_hash: str | None
    is_opened: bool
    has_second_factor: bool


class KeyRow(msgspec.Struct, frozen=True):
    """An API key as stored; an HMAC secret is sealed."""

    api_key: str
    user_id: int
    kind: str
    secret: bytes
    label: str
    permissions: tuple[str, ...]
    networks: tuple[str, ...]
    is_session: bool
    expires_at: datetime | None
    created_at: datetime
    begun_with: str = ""
    begun_from: str = ""
    last_used_at: datetime | None = None
    """Of a session, to some minutes."""


class SecondFactorRow(msgspec.Struct, frozen=True):
    """A user's second factor as stored; the secret is sealed, and there before it is on."""

    secret: bytes | None
    on_since: datetime | None

    @property
    def is_on(self) -> bool:
        """Whether it is asked for."""
        return self.on_since is not None


_USER = "id, email, password_hash, account_opened_at IS NOT NULL, second_factor_at IS NOT NULL"
_NEW_KEY = "api_key, user_id, kind, secret, label, permissions, networks, is_session, expires_at, created_at"
_NEW_VALUES = "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10"
_KEY = f"{_NEW_KEY}, begun_with, begun_from, last_used_at"


class Store:
    """Users, keys and rounds of test funds in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_user(
        self, email: str, password_hash: str | None, seen_on: tuple[str, str] | None = None
    ) -> User | None:
        """Add a user whose account is not open yet, seen on a device and network; None when the address is taken."""
        async with self._database.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                "INSERT INTO identity.users (email, password_hash) VALUES ($1, $2)"
                f" ON CONFLICT (email) DO NOTHING RETURNING {_USER}",
                email,
                password_hash,
            )
            if row is None:
                return None
            user = User(*row)
            if seen_on is not None:
                await see_device(connection, user.id, *seen_on)
            return user

    async def find_user(self, email: str) -> User | None:
        """Return the user of an address."""
        row = await self._database.fetchrow(f"SELECT {_USER} FROM identity.users WHERE email = $1", email)
        return None if row is None else User(*row)

    async def user(self, user_id: int) -> User | None:
        """Return a user by id."""
        row = await self._database.fetchrow(f"SELECT {_USER} FROM identity.users WHERE id = $1", user_id)
        return None if row is None else User(*row)

    async def addresses(self, users: Collection[int]) -> dict[int, str]:
        """Return the addresses of users; those that there are not are left out."""
        rows = await self._database.fetch(
            "SELECT id, email FROM identity.users WHERE id = ANY($1::bigint[])", list(users)
        )
        return {row[0]: row[1] for row in rows}

    async def not_opened(self, limit: int) -> list[int]:
        """Return users whose account's command has no answer yet."""
        rows = await self._database.fetch(
            "SELECT id FROM identity.users WHERE account_opened_at IS NULL ORDER BY id LIMIT $1", limit
        )
        return [row[0] for row in rows]

    async def mark_opened(self, user_id: int) -> None:
        """Note that the engine has the account."""
        await self._database.execute(
            "UPDATE identity.users SET account_opened_at = now() WHERE id = $1 AND account_opened_at IS NULL", user_id
        )

    async def change_password(self, user: User, password_hash: str, session: str, notice: Notice) -> list[str] | None:
        """Replace a password's hash and end every other session; return those, or None when it was replaced meanwhile."""
        async with self._database.acquire() as connection, connection.transaction():
            done = await connection.fetchval(
                "UPDATE identity.users SET password_hash = $2 WHERE id = $1 AND password_hash = $3 RETURNING 1",
                user.id,
                password_hash,
                user.password_hash,
            )
            if done is None:
                return None
            await write_notice(connection, user.id, notice)
            return await _end_other_sessions(connection, user.id, session)

    async def add_key(self, row: KeyRow, keys_max: int, notice: Notice | None) -> bool:
        """Add a lasting key; False when the user has that many already."""
        async with self._database.acquire() as connection, connection.transaction():
            done = await connection.fetchval(
                f"INSERT INTO identity.api_keys ({_NEW_KEY}) SELECT {_NEW_VALUES} WHERE"
                " (SELECT count(*) FROM identity.api_keys WHERE user_id = $2 AND NOT is_session) < $11 RETURNING 1",
                *_new_values(row),
                keys_max,
            )
            if done is not None:
                await write_notice(connection, row.user_id, notice)
            return done is not None

    async def add_session(self, row: KeyRow, user: User, notice: Notice | None) -> bool:
        """Add a session; False when what the user proved is not what is asked for any more.

        The lock has whoever changes that, and ends the other sessions, wait until this one can be seen. The notice is
        of a device that is new; without one it is known anyway.
        """
        async with self._database.acquire() as connection, connection.transaction():
            done = await connection.fetchval(
                f"INSERT INTO identity.api_keys ({_NEW_KEY}, begun_with, begun_from) SELECT {_NEW_VALUES}, $11, $12"
                " FROM identity.users WHERE id = $2 AND password_hash IS NOT DISTINCT FROM $13"
                " AND (second_factor_at IS NOT NULL) = $14 FOR SHARE RETURNING 1",
                *_new_values(row),
                row.begun_with,
                row.begun_from,
                user.password_hash,
                user.has_second_factor,
            )
            if done is not None and await see_device(connection, user.id, row.begun_with, row.begun_from):
                await write_notice(connection, user.id, notice)
            return done is not None

    async def sessions_of(self, user_id: int) -> list[KeyRow]:
        """Return a user's sessions, newest first."""
        rows = await self._database.fetch(
            f"SELECT {_KEY} FROM identity.api_keys WHERE user_id = $1 AND is_session AND expires_at > now()"
            " ORDER BY created_at DESC, api_key",
            user_id,
        )
        return [_key(row) for row in rows]

    async def end_other_sessions(self, user_id: int, session: str) -> list[str]:
        """Remove a user's sessions but one; return which went."""
        return await _end_other_sessions(self._database, user_id, session)

    async def note_use(self, api_key: str) -> None:
        """Note that a session was used now."""
        await self._database.execute("UPDATE identity.api_keys SET last_used_at = now() WHERE api_key = $1", api_key)

    async def find_key(self, api_key: str) -> KeyRow | None:
        """Return a key that has not expired."""
        row = await self._database.fetchrow(
            f"SELECT {_KEY} FROM identity.api_keys"
            " WHERE api_key = $1 AND (expires_at IS NULL OR expires_at > clock_timestamp())",
            api_key,
        )
        return None if row is None else _key(row)

    async def keys_of(self, user_id: int) -> list[KeyRow]:
        """Return a user's lasting keys, oldest first."""
        rows = await self._database.fetch(
            f"SELECT {_KEY} FROM identity.api_keys WHERE user_id = $1 AND NOT is_session ORDER BY created_at, api_key",
            user_id,
        )
        return [_key(row) for row in rows]

    async def remove_key(self, user_id: int, api_key: str, notice: Notice | None = None) -> bool:
        """Remove a user's key; False when there is none. That a session ended is told to nobody."""
        async with self._database.acquire() as connection, connection.transaction():
            was_session = await connection.fetchval(
                "DELETE FROM identity.api_keys WHERE user_id = $1 AND api_key = $2 RETURNING is_session",
                user_id,
                api_key,
            )
            if was_session is False:
                await write_notice(connection, user_id, notice)
            return was_session is not None

    async def remove_oldest_sessions(self, user_id: int, keep: int) -> list[str]:
        """Remove a user's sessions beyond the newest few, and every expired key; return which sessions went."""
        await self._database.execute("DELETE FROM identity.api_keys WHERE expires_at < now()")
        rows = await self._database.fetch(
            "DELETE FROM identity.api_keys WHERE api_key IN (SELECT api_key FROM identity.api_keys"
            " WHERE user_id = $1 AND is_session ORDER BY created_at DESC OFFSET $2) RETURNING api_key",
            user_id,
            keep,
        )
        return [row[0] for row in rows]

    async def has_api_key(self, user_id: int) -> bool:
        """Tell whether a user has a lasting key."""
        return bool(
            await self._database.fetchval(
                "SELECT EXISTS (SELECT FROM identity.api_keys WHERE user_id = $1 AND NOT is_session)", user_id
            )
        )

    async def keep_gateway_key(self, user_id: int, value: bytes) -> bytes:
        """Keep the sealed value of a user's key of the API gateway; return the one that is kept."""
        return await self._database.fetchval(  # type: ignore[no-any-return]
            "INSERT INTO identity.gateway_keys AS kept (user_id, value) VALUES ($1, $2)"
            " ON CONFLICT (user_id) DO UPDATE SET value = kept.value RETURNING value",
            user_id,
            value,
        )

    async def mark_gateway_key_made(self, user_id: int, plan: str) -> bool:
        """Note that a usage plan has a user's key; False when the row is gone."""
        return bool(
            await self._database.fetchval(
                "UPDATE identity.gateway_keys SET plan = $2 WHERE user_id = $1 RETURNING true", user_id, plan
            )
        )

    async def drop_gateway_key(self, user_id: int) -> None:
        """Note that the gateway has no key of a user."""
        await self._database.execute("DELETE FROM identity.gateway_keys WHERE user_id = $1", user_id)

    async def gateway_keys_due(self, plan: str, after: int, limit: int) -> list[int]:
        """Return users above an id, in order, whose key is to be made or removed at the gateway."""
        rows = await self._database.fetch(
            "SELECT coalesce(owner.user_id, kept.user_id) FROM identity.gateway_keys kept FULL JOIN"
            " (SELECT DISTINCT user_id FROM identity.api_keys WHERE NOT is_session) owner USING (user_id)"
            " WHERE (kept.plan IS DISTINCT FROM $1 OR owner.user_id IS NULL) AND coalesce(owner.user_id, kept.user_id) > $2"
            " ORDER BY 1 LIMIT $3",
            plan,
            after,
            limit,
        )
        return [row[0] for row in rows]

    async def second_factor(self, user_id: int) -> SecondFactorRow:
        """Return a user's second factor."""
        row = await self._database.fetchrow(
            "SELECT second_factor_secret, second_factor_at FROM identity.users WHERE id = $1", user_id
        )
        return SecondFactorRow(None, None) if row is None else SecondFactorRow(*row)

    async def recovery_codes_left(self, user_id: int) -> int:
        """Return how many recovery codes a user has not used."""
        return int(
            await self._database.fetchval("SELECT count(*) FROM identity.recovery_codes WHERE user_id = $1", user_id)
        )

    async def begin_second_factor(self, user_id: int, secret: bytes) -> bool:
        """Keep a sealed secret that nobody is asked for yet, in place of one before; False when one is on."""
        done = await self._database.fetchval(
            "UPDATE identity.users SET second_factor_secret = $2, second_factor_step = 0"
            " WHERE id = $1 AND second_factor_at IS NULL RETURNING 1",
            user_id,
            secret,
        )
        return done is not None

    async def confirm_second_factor(
        self, user_id: int, secret: bytes, step: int, recovery: Collection[bytes], session: str, notice: Notice
    ) -> list[str] | None:
        """Have a begun secret asked for and end every other session; return those, or None when it is not this secret."""
        async with self._database.acquire() as connection, connection.transaction():
            done = await connection.fetchval(
                "UPDATE identity.users SET second_factor_at = now(), second_factor_step = $3"
                " WHERE id = $1 AND second_factor_secret = $2 AND second_factor_at IS NULL RETURNING 1",
                user_id,
                secret,
                step,
            )
            if done is None:
                return None
            await connection.execute(
                "INSERT INTO identity.recovery_codes (user_id, digest) SELECT $1, unnest($2::bytea[])",
                user_id,
                list(recovery),
            )
            await write_notice(connection, user_id, notice)
            return await _end_other_sessions(connection, user_id, session)

    async def accept_step(self, user_id: int, secret: bytes, step: int) -> bool:
        """Take the code of a step, once and none of an earlier one after it; False when that was done before."""
        done = await self._database.fetchval(
            "UPDATE identity.users SET second_factor_step = $3 WHERE id = $1 AND second_factor_secret = $2"
            " AND second_factor_at IS NOT NULL AND second_factor_step < $3 RETURNING 1",
            user_id,
            secret,
            step,
        )
        return done is not None

    async def use_recovery_code(self, user_id: int, digest: bytes) -> bool:
        """Take a recovery code, once; False when there is none such."""
        done = await self._database.fetchval(
            "DELETE FROM identity.recovery_codes WHERE user_id = $1 AND digest = $2 RETURNING 1", user_id, digest
        )
        return done is not None

    async def remove_second_factor(self, user_id: int, notice: Notice) -> bool:
        """Forget a user's second factor with its recovery codes; False when none was on."""
        async with self._database.acquire() as connection, connection.transaction():
            done = await connection.fetchval(
                "UPDATE identity.users SET second_factor_secret = NULL, second_factor_at = NULL"
                " WHERE id = $1 AND second_factor_at IS NOT NULL RETURNING 1",
                user_id,
            )
            if done is not None:
                await connection.execute("DELETE FROM identity.recovery_codes WHERE user_id = $1", user_id)
                await write_notice(connection, user_id, notice)
            return done is not None

    async def begin_funds(self, user_id: int, every_s: int) -> int | None:
        """Return the round of test funds to credit now: a new one, or one left unfinished; None when it is too early."""
        return await self._database.fetchval(  # type: ignore[no-any-return]
            "INSERT INTO identity.test_funds AS funds (user_id) VALUES ($1) ON CONFLICT (user_id) DO UPDATE SET"
            " round = funds.round + funds.is_credited::int, is_credited = false,"
            " taken_at = CASE WHEN funds.is_credited THEN now() ELSE funds.taken_at END"
            " WHERE NOT funds.is_credited OR funds.taken_at < now() - make_interval(secs => $2) RETURNING round",
            user_id,
            every_s,
        )

    async def end_funds(self, user_id: int, funds_round: int) -> None:
        """Note that a round's deposits are all in the journal."""
        await self._database.execute(
            "UPDATE identity.test_funds SET is_credited = true WHERE user_id = $1 AND round = $2", user_id, funds_round
        )


async def _end_other_sessions(database: Any, user_id: int, session: str) -> list[str]:
    rows = await database.fetch(
        "DELETE FROM identity.api_keys WHERE user_id = $1 AND is_session AND api_key <> $2 RETURNING api_key",
        user_id,
        session,
    )
    return [row[0] for row in rows]


def _new_values(row: KeyRow) -> tuple[object, ...]:
    """Return what `_NEW_VALUES` stands for."""
    return (
        *(row.api_key, row.user_id, row.kind, row.secret, row.label, list(row.permissions), list(row.networks)),
        *(row.is_session, row.expires_at, row.created_at),
    )


def _key(row: Any) -> KeyRow:
    values = list(row)
    values[5], values[6] = tuple(values[5]), tuple(values[6])
    return KeyRow(*values)


def now() -> datetime:
    """Return the current time as rows keep it."""
    return datetime.now(UTC)
