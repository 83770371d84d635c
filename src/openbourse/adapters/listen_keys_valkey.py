"""Listen keys: an account has one, for an hour since it was asked for last. Valkey holds which; the key proves itself.

A key carries its account, when it was made, and a seal that only this venue can make. So it stays good while Valkey is
away, and after a Valkey that has lost its memory: what was made before that memory began is taken in again, for as long
as it may have been alive. What cannot be known then errs on the side of the stream going on.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable
from struct import Struct
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

T = TypeVar("T")

LIFE_S: Final = 3_600
AGE_S_MAX: Final = 86_400
"""How long after it was made a seal alone is believed."""
CALL_S: Final = 0.5
"""A Valkey that is slower is treated as away."""
UNSAVED_MAX: Final = 10_000
CHARACTERS: Final = 64
DROPPED: Final = 0
"""No account: stands where a key was closed, so that it is not taken in again."""
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = {character: value for value, character in enumerate(_ALPHABET)}
_CONTENT: Final = Struct(">QI10s")
_SEAL_BYTES: Final = 25
_SINCE: Final = "openbourse:listen:since"


class ValkeyListenKeys:
    """Fits streams.listen_keys.KeyBook. Raises OSError for what cannot be done while Valkey is away."""

    def __init__(self, client: Redis, secret: bytes) -> None:
        self._client = client
        self._secret = secret
        self._unsaved: dict[str, int] = {}

    async def take(self, account: int) -> str:
        """Return an account's key, made or extended; while Valkey is away a new one each time, told to it later."""
        made_s = int(time.time())
        fresh = self._make(account, made_s)
        try:
            # A Valkey that takes a key in remembers from then on at the latest: its hour is known, and is not begun anew.
            await self._call(self._client.set(_SINCE, made_s, nx=True))
            # Two who ask at once get the same key: only the first is stored.
            await self._call(self._client.set(_owned(account), fresh, nx=True, ex=LIFE_S))
            stored = await self._call(self._client.get(_owned(account)))
            key = fresh if stored is None else stored if isinstance(stored, str) else bytes(stored).decode()
            await self._keep(key, account)
        except OSError:
            if len(self._unsaved) < UNSAVED_MAX:
                self._unsaved[fresh] = account
            return fresh
        return key

    async def account(self, listen_key: str) -> int | None:
        """Return whose key it is, or None."""
        sealed = self._sealed(listen_key)
        if sealed is None:
            return None
        account, made_s = sealed
        now_s = int(time.time())
        try:
            await self._save()
            pipeline = self._client.pipeline(transaction=False)
            pipeline.get(_key(listen_key))
            pipeline.set(_SINCE, now_s, nx=True)
            pipeline.get(_SINCE)
            stored, _, since = await self._call(pipeline.execute())
            if stored is not None:
                return int(stored) or None
            if not made_s < int(since) <= now_s < int(since) + LIFE_S:
                return None
            await self._keep(listen_key, account)
        except OSError:
            pass
        return account if now_s - made_s < AGE_S_MAX else None

    async def extend(self, account: int, listen_key: str) -> bool:
        """Let a key live on; False when it is not this account's."""
        if await self.account(listen_key) != account:
            return False
        try:
            await self._keep(listen_key, account)
        except OSError:
            # It lives on by its seal.
            return True
        return True

    async def drop(self, account: int, listen_key: str) -> bool:
        """Forget a key; False when it is not this account's. Raises OSError: nobody could be told."""
        if await self.account(listen_key) != account:
            return False
        self._unsaved.pop(listen_key, None)
        await self._call(self._client.set(_key(listen_key), DROPPED, ex=2 * LIFE_S))
        await self._call(self._client.delete(_owned(account)))
        return True

    async def _save(self) -> None:
        """Tell what was made while Valkey was away."""
        while self._unsaved:
            key, account = next(iter(self._unsaved.items()))
            await self._keep(key, account)
            self._unsaved.pop(key, None)

    async def _keep(self, key: str, account: int) -> None:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.set(_key(key), account, ex=LIFE_S)
        pipeline.set(_owned(account), key, ex=LIFE_S)
        await self._call(pipeline.execute())

    async def _call(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(CALL_S):
                return await work
        except RedisError as fault:
            raise OSError(str(fault)) from fault

    def _make(self, account: int, made_s: int) -> str:
        content = _CONTENT.pack(account, made_s, secrets.token_bytes(10))
        number = int.from_bytes(content + self._seal(content), "big")
        digits: list[str] = []
        for _ in range(CHARACTERS):
            number, digit = divmod(number, len(_ALPHABET))
            digits.append(_ALPHABET[digit])
        return "".join(reversed(digits))

    def _sealed(self, key: str) -> tuple[int, int] | None:
        """Return account and time of a key that this venue has made."""
        if len(key) != CHARACTERS or not all(character in _DIGITS for character in key):
            return None
        number = 0
        for character in key:
            number = number * len(_ALPHABET) + _DIGITS[character]
        try:
            whole = number.to_bytes(_CONTENT.size + _SEAL_BYTES, "big")
        except OverflowError:
            return None
        content, seal = whole[: _CONTENT.size], whole[_CONTENT.size :]
        if not hmac.compare_digest(seal, self._seal(content)):
            return None
        account, made_s, _ = _CONTENT.unpack(content)
        return int(account), int(made_s)

    def _seal(self, content: bytes) -> bytes:
        return hmac.digest(self._secret, content, "sha256")[:_SEAL_BYTES]


def _key(listen_key: str) -> str:
    return f"openbourse:listen:{listen_key}"


def _owned(account: int) -> str:
    return f"openbourse:listener:{account}"
