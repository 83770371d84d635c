"""API keys: made, found through a cache, removed everywhere at once."""

import asyncio
import hashlib
import ipaddress
import secrets
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import msgspec
import structlog

from openbourse.edge.errors import ApiError
from openbourse.edge.key_store import ApiKey
from openbourse.identity import notices
from openbourse.identity.devices import network_of
from openbourse.identity.notices import UNKNOWN, Origin
from openbourse.identity.store import KeyRow, Store, User, now

log: Final = structlog.get_logger()

KEY_CHARACTERS: Final = 64
KEYS_PER_USER_MAX: Final = 30
SESSIONS_PER_USER_MAX: Final = 10
SESSION_HOURS: Final = 12
SESSION_ID_CHARACTERS: Final = 16
LABEL_LENGTH_MAX: Final = 64
NETWORKS_MAX: Final = 30
CACHE_S: Final = 10.0
FRESH_S: Final = 5.0
"""A cached key that is older is looked up again beside the calls that go on with it: nobody waits for the database in time."""
NOTE_USE_EVERY: Final = timedelta(minutes=5)
"""How exactly it is known when a session was last used: not every request is to write a row."""
CACHE_KEYS_MAX: Final = 20_000
PERMISSIONS: Final = ("READ", "TRADE", "WITHDRAW")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Vault(Protocol):
    """Encryption of HMAC secrets."""

    def seal(self, secret: bytes, belongs_to: str) -> bytes: ...
    def open(self, sealed: bytes, belongs_to: str) -> bytes: ...


class KeyChannel(Protocol):
    """Word of removed keys to all processes."""

    async def announce(self, api_key: str) -> None: ...
    async def listen(self, forget: Callable[[str | None], None]) -> None: ...


class Keys:
    """Makes, finds and removes API keys. Fits edge.key_store.KeyStore."""

    def __init__(
        self, store: Store, vault: Vault, channel: KeyChannel, kind_of_public_key: Callable[[bytes], str | None]
    ) -> None:
        self._store = store
        self._vault = vault
        self._channel = channel
        self._kind_of_public_key = kind_of_public_key
        self._cache: dict[str, tuple[float, ApiKey | None]] = {}
        self._looking: dict[str, asyncio.Task[ApiKey | None]] = {}
        """One for each key; as many as calls are let in at most."""

    async def find(self, api_key: str) -> ApiKey | None:
        """Return a key that is in force now, or None; may be up to CACHE_S old unless its removal was heard of."""
        if len(api_key) != KEY_CHARACTERS or not api_key.isalnum() or not api_key.isascii():
            return None
        cached, now_s = self._cache.get(api_key), time.monotonic()
        if cached is None or cached[0] < now_s:
            # Shielded: one look-up serves all who wait for it.
            found = await asyncio.shield(self._look_up(api_key))
        else:
            found = cached[1]
            if cached[0] - now_s < CACHE_S - FRESH_S:
                self._look_up(api_key)
        if found is not None and found.expires_us and found.expires_us <= time.time_ns() // 1_000:
            return None
        return found

    def _look_up(self, api_key: str) -> "asyncio.Task[ApiKey | None]":
        task = self._looking.get(api_key)
        if task is None:
            task = self._looking[api_key] = asyncio.get_running_loop().create_task(self._read(api_key))
            task.add_done_callback(lambda done: self._looked_up(api_key, done))
        return task

    async def _read(self, api_key: str) -> ApiKey | None:
        row = await self._store.find_key(api_key)
        if row is None:
            return None
        if row.is_session and (row.last_used_at or row.created_at) < now() - NOTE_USE_EVERY:
            await self._store.note_use(api_key)
        return self._opened(row)

    def _looked_up(self, api_key: str, task: "asyncio.Task[ApiKey | None]") -> None:
        is_current = self._looking.get(api_key) is task
        if is_current:
            del self._looking[api_key]
        if task.cancelled() or task.exception() is not None or not is_current:
            # Whoever waited was told. Of a key whose removal was heard of meanwhile, what was read may be older.
            return
        if len(self._cache) >= CACHE_KEYS_MAX:
            self._cache.clear()
        self._cache[api_key] = (time.monotonic() + CACHE_S, task.result())

    async def make_session(self, user: User, origin: Origin = UNKNOWN, is_known: bool = False) -> tuple[str, str, int]:
        """Make a signed-in page's key; return key, secret and when it expires in ms.

        The owner is told of a device that is not known anyway and was not seen before.

        Raises ApiError when the user's password or second factor changed since they were proven.
        """
        expires_at = now() + timedelta(hours=SESSION_HOURS)
        api_key, secret = _token(), _token()
        row = self._row(api_key, user.id, secret, "session", ("READ", "TRADE"), ())
        row = msgspec.structs.replace(
            row,
            is_session=True,
            expires_at=expires_at,
            begun_with=origin.device,
            begun_from=network_of(origin.address),
        )
        if not await self._store.add_session(row, user, None if is_known else notices.new_device(origin)):
            raise ApiError(-5002, "The e-mail address or the password is wrong.", 401)
        await self.announce(await self._store.remove_oldest_sessions(user.id, SESSIONS_PER_USER_MAX))
        return api_key, secret, int(expires_at.timestamp() * 1_000)

    async def make(
        self,
        user_id: int,
        label: str,
        permissions: tuple[str, ...],
        networks: tuple[str, ...] = (),
        public_key: str | None = None,
        origin: Origin | None = None,
    ) -> tuple[KeyRow, str | None]:
        """Make a lasting key; return it with its secret, or with None for one's own public key. Raises ApiError.

        The owner is told; without an origin nobody is, for the accounts of programs.
        """
        api_key = _token()
        if public_key is not None:
            secret = None
            pem = public_key.strip().encode() + b"\n"
            kind = self._kind_of_public_key(pem)
            if kind is None:
                raise ApiError(-1130, "publicKey must be an Ed25519 or RSA (2048 to 4096 bits) public key as PEM.")
            row = KeyRow(api_key, user_id, kind, pem, label, permissions, networks, False, None, now())
        else:
            secret = _token()
            row = self._row(api_key, user_id, secret, label, permissions, networks)
        notice = None if origin is None else notices.key_made(origin, api_key, permissions)
        if not await self._store.add_key(row, KEYS_PER_USER_MAX, notice):
            raise ApiError(-1130, f"An account may have {KEYS_PER_USER_MAX} API keys; remove one first.")
        return row, secret

    async def remove(self, user_id: int, api_key: str, origin: Origin | None = None) -> bool:
        """Remove a user's key; it stops at once everywhere. False when there is none. The owner is told, but of no session."""
        notice = None if origin is None else notices.key_removed(origin, api_key)
        if not await self._store.remove_key(user_id, api_key, notice):
            return False
        await self._gone(api_key)
        return True

    async def all_of(self, user_id: int) -> list[KeyRow]:
        """Return a user's lasting keys."""
        return await self._store.keys_of(user_id)

    async def sessions_of(self, user_id: int) -> list[KeyRow]:
        """Return a user's sessions, newest first."""
        return await self._store.sessions_of(user_id)

    async def end_session(self, user_id: int, wanted: str) -> bool:
        """End a user's session by its id; False when there is none."""
        for row in await self._store.sessions_of(user_id):
            if session_id(row.api_key) == wanted:
                return await self.remove(user_id, row.api_key)
        return False

    async def end_other_sessions(self, user_id: int, session: str) -> int:
        """End a user's sessions but one; return how many."""
        ended = await self._store.end_other_sessions(user_id, session)
        await self.announce(ended)
        return len(ended)

    async def announce(self, removed: Collection[str]) -> None:
        """Have keys that were removed stop at once everywhere."""
        for api_key in removed:
            await self._gone(api_key)

    async def follow_removals(self) -> None:
        """Take removed keys out of the cache as word of them comes, for ever."""
        await self._channel.listen(self.forget)

    def forget(self, api_key: str | None) -> None:
        """Forget a cached key, or all of them."""
        if api_key is None:
            self._cache.clear()
            self._looking.clear()
        else:
            self._cache.pop(api_key, None)
            self._looking.pop(api_key, None)

    async def _gone(self, api_key: str) -> None:
        self.forget(api_key)
        await self._channel.announce(api_key)

    def _row(
        self,
        api_key: str,
        user_id: int,
        secret: str,
        label: str,
        permissions: tuple[str, ...],
        networks: tuple[str, ...],
    ) -> KeyRow:
        sealed = self._vault.seal(secret.encode(), api_key)
        return KeyRow(api_key, user_id, "HMAC", sealed, label, permissions, networks, False, None, now())

    def _opened(self, row: KeyRow) -> ApiKey | None:
        secret = row.secret
        if row.kind == "HMAC":
            try:
                secret = self._vault.open(row.secret, row.api_key)
            except ValueError as fault:
                log.error("an API key's secret cannot be opened", api_key=row.api_key[:8], why=str(fault))
                return None
        return ApiKey(
            api_key=row.api_key,
            account=row.user_id,
            user=row.user_id,
            kind=row.kind,
            secret=secret,
            permissions=frozenset(row.permissions),
            networks=row.networks,
            session=row.is_session,
            expires_us=0 if row.expires_at is None else _us(row.expires_at),
            created_us=_us(row.created_at),
        )


def parse_networks(text: str | None) -> tuple[str, ...]:
    """Return networks of a comma list of addresses and CIDRs. Raises ApiError."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if len(names) > NETWORKS_MAX:
        raise ApiError(-1130, f"ipAllowList may name {NETWORKS_MAX} addresses or networks.")
    try:
        return tuple(str(ipaddress.ip_network(name, strict=False)) for name in names)
    except ValueError:
        raise ApiError(-1130, "ipAllowList must be a comma list of IP addresses or networks.") from None


def parse_permissions(text: str) -> tuple[str, ...]:
    """Return permissions of a comma list. Raises ApiError."""
    names = {name.strip() for name in text.split(",")}
    if not names or not names <= set(PERMISSIONS):
        raise ApiError(-1130, f"permissions must be a comma list of {', '.join(PERMISSIONS)}.")
    return tuple(name for name in PERMISSIONS if name in names)


def session_id(api_key: str) -> str:
    """Return what names a session to its owner's other sessions: the key itself opens its user stream, unsigned."""
    return hashlib.sha256(f"session {api_key}".encode()).hexdigest()[:SESSION_ID_CHARACTERS]


def _us(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _token() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(KEY_CHARACTERS))
