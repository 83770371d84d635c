"""Each user's key of the API gateway, where one stands in front: there from the first API key until the last is removed.

The row comes first, with the key's value in it, and the gateway follows. What it did not take is tried again for ever.
"""

import asyncio
import secrets
from typing import Final, Protocol

import structlog

from openbourse.identity.keys import Vault
from openbourse.identity.store import Store

log: Final = structlog.get_logger()

GIVE_S: Final = 2.0
"""How long a person who makes or removes an API key waits for the gateway; the reconciling goes on after that."""
RECONCILE_EVERY_S: Final = 5.0
RECONCILE_BATCH: Final = 50
FAULTS_MAX: Final = 3
"""Of a turn: a gateway that is away is not asked for everybody."""
VALUE_BYTES: Final = 30
"""Of chance in a value: 40 characters; the gateway takes 20 to 128."""


class Maker(Protocol):
    """What makes and removes keys at the gateway; both can be asked for again. They raise OSError."""

    async def make(self, user_id: int, value: str) -> None: ...
    async def remove(self, user_id: int) -> None: ...


class GatewayKeys:
    """Keeps the gateway's keys equal to who has an API key."""

    def __init__(self, store: Store, vault: Vault, maker: Maker, plan: str) -> None:
        self._store = store
        self._vault = vault
        self._maker = maker
        self._plan = plan
        self._settling: set[asyncio.Task[None]] = set()

    async def give(self, user_id: int) -> str:
        """Return a user's key, which works at the gateway now or as soon as that can be reached."""
        value = await self._value(user_id)
        await self._try(user_id)
        return value

    async def take_if_last(self, user_id: int) -> None:
        """Have the key gone once the user has no API key any more."""
        await self._try(user_id)

    async def keep_reconciled(self) -> None:
        """Make and remove what is still to be made and removed; runs for ever."""
        after = 0
        while True:
            try:
                after = await self._reconcile(after)
            except OSError as fault:
                log.warning("keys of the API gateway wait", why=str(fault))
            await asyncio.sleep(RECONCILE_EVERY_S)

    async def _reconcile(self, after: int) -> int:
        """Settle some users above an id; return the last that was tried: one that is refused keeps up nobody behind it."""
        faults = 0
        due = await self._store.gateway_keys_due(self._plan, after, RECONCILE_BATCH)
        for user_id in due:
            try:
                await self._settle(user_id)
            except OSError as fault:
                log.warning("a key of the API gateway waits", user=user_id, why=str(fault))
                faults += 1
            if faults == FAULTS_MAX:
                return user_id
        return due[-1] if len(due) == RECONCILE_BATCH else 0

    async def _try(self, user_id: int) -> None:
        # What the gateway was asked for goes on when nobody waits any more, and what came of it is to be noted.
        task = asyncio.create_task(self._settle(user_id))
        self._settling.add(task)
        task.add_done_callback(self._settled)
        try:
            async with asyncio.timeout(GIVE_S):
                await asyncio.shield(task)
        except OSError as fault:
            log.warning("a key of the API gateway waits", user=user_id, why=str(fault) or type(fault).__name__)

    def _settled(self, task: "asyncio.Task[None]") -> None:
        self._settling.discard(task)
        if not task.cancelled():
            task.exception()  # seen: who waited was told, and what is not noted as done is done again

    async def _settle(self, user_id: int) -> None:
        """Make a user's key, or remove it; harmless when that was done. Raises OSError."""
        if await self._store.has_api_key(user_id):
            await self._maker.make(user_id, await self._value(user_id))
            if not await self._store.mark_gateway_key_made(user_id, self._plan):
                # The last API key went meanwhile, and who removed it may have found none at the gateway yet: a row has it removed.
                await self._value(user_id)
                await self._settle(user_id)
            return
        # At the gateway first: a row that is left has it removed again, a key without a row would stay for ever.
        await self._maker.remove(user_id)
        if await self._store.has_api_key(user_id):
            # One was made meanwhile, and may have found the key that has just gone.
            await self._settle(user_id)
        else:
            await self._store.drop_gateway_key(user_id)

    async def _value(self, user_id: int) -> str:
        """Return a user's value, a new one where there is none or it was sealed with a master key that was replaced."""
        new = secrets.token_urlsafe(VALUE_BYTES)
        sealed = await self._store.keep_gateway_key(user_id, self._sealed(user_id, new))
        try:
            return self._vault.open(sealed, _owner(user_id)).decode()
        except ValueError:
            await self._maker.remove(user_id)
            await self._store.drop_gateway_key(user_id)
            sealed = await self._store.keep_gateway_key(user_id, self._sealed(user_id, new))
            return self._vault.open(sealed, _owner(user_id)).decode()

    def _sealed(self, user_id: int, value: str) -> bytes:
        return self._vault.seal(value.encode(), _owner(user_id))


def _owner(user_id: int) -> str:
    return f"gateway {user_id}"
