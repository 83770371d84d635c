"""Listen keys in Valkey: an account has one, for an hour since it was asked for last."""

import secrets
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

LIFE_S: Final = 3_600
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
CHARACTERS: Final = 64


class ValkeyListenKeys:
    """Fits streams.listen_keys.KeyBook. Raises OSError when Valkey is away."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def take(self, account: int) -> str:
        """Return an account's key, made or extended."""
        fresh = "".join(secrets.choice(_ALPHABET) for _ in range(CHARACTERS))
        try:
            # Two who ask at once get the same key: only the first is stored.
            await self._client.set(_owned(account), fresh, nx=True, ex=LIFE_S)
            stored = await self._client.get(_owned(account))
            key = fresh if stored is None else (stored if isinstance(stored, str) else bytes(stored).decode())
            await self._client.expire(_owned(account), LIFE_S)
            await self._client.set(_key(key), account, ex=LIFE_S)
        except RedisError as fault:
            raise OSError(str(fault)) from fault
        return key

    async def account(self, listen_key: str) -> int | None:
        """Return whose key it is, or None."""
        try:
            account = await self._client.get(_key(listen_key))
        except RedisError as fault:
            raise OSError(str(fault)) from fault
        return None if account is None else int(account)

    async def extend(self, account: int, listen_key: str) -> bool:
        """Let a key live on; False when it is not this account's."""
        if await self.account(listen_key) != account:
            return False
        await self._client.expire(_key(listen_key), LIFE_S)
        await self._client.expire(_owned(account), LIFE_S)
        return True

    async def drop(self, account: int, listen_key: str) -> bool:
        """Forget a key; False when it is not this account's."""
        if await self.account(listen_key) != account:
            return False
        await self._client.delete(_key(listen_key), _owned(account))
        return True


def _key(listen_key: str) -> str:
    return f"openbourse:listen:{listen_key}"


def _owned(account: int) -> str:
    return f"openbourse:listener:{account}"
