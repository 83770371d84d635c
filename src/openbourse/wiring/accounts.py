"""Accounts made by an operator of a running venue: user, account, deposits, API key."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from openbourse import listings
from openbourse.adapters.secrets import Passwords
from openbourse.edge.errors import ApiError
from openbourse.edge.intake import Intake, IntakeFault
from openbourse.edge.outcome import perform
from openbourse.history.barrier import ReadBarrier
from openbourse.history.store import Store as HistoryStore
from openbourse.identity.keys import Keys
from openbourse.identity.notices import OPERATOR
from openbourse.identity.store import Store
from openbourse.identity.users import Users, check_password, checked_email
from openbourse.protocol.commands import CreditDeposit
from openbourse.protocol.events import EventKind
from openbourse.protocol.rejects import RejectReason
from openbourse.settings import ProcessSettings
from openbourse.wiring.stores import Stores

_LISTED: Final = "SELECT key FROM projection_marketdata.listing WHERE kind = $1"
READ_AND_TRADE: Final = ("READ", "TRADE")
READ_TRADE_AND_WITHDRAW: Final = (*READ_AND_TRADE, "WITHDRAW")
AT_ONCE: Final = 8
OLD_KEYS_KEPT: Final = 4


@dataclass(frozen=True, slots=True)
class CreatedAccount:
    """A funded account and a key for it."""

    email: str
    account_id: int
    api_key: str
    secret_key: str = field(repr=False)
    is_new: bool
    """False: the address had an account already, with a password that stays."""
    permissions: tuple[str, ...] = READ_AND_TRADE
    """Of the key."""


async def create_account(
    settings: ProcessSettings,
    email: str,
    password: str,
    funds: Sequence[tuple[str, int]],
    *,
    may_withdraw: bool = False,
) -> CreatedAccount:
    """Make a user with an API key to read and trade, and fund it; an address known already is funded and gets a
    further key, its password stays. Raises ValueError for what the venue refuses, OSError when it cannot be reached.
    """
    async with Stores(settings) as stores:
        passwords = Passwords()
        stores.closing.callback(passwords.close)
        try:
            check_password(password)
            checked = checked_email(email)
            await _check_assets(stores, [code for code, _ in funds])
            store = Store(await stores.database())
            known = await store.find_user(checked) is not None
            hashed = None if known else await passwords.hash(password)
            maker = _Maker(store, await stores.users(passwords), await stores.keys(), await stores.intake())
            permissions = READ_TRADE_AND_WITHDRAW if may_withdraw else READ_AND_TRADE
            return await maker.make(checked, hashed, funds, permissions)
        except ApiError as refusal:
            raise ValueError(refusal.message) from refusal
        except IntakeFault as fault:
            raise ConnectionError(f"the sequencer did not answer: {fault}") from fault


async def create_accounts(
    settings: ProcessSettings, count: int, funds: Sequence[tuple[str, int]], label: str
) -> list[CreatedAccount]:
    """Make or fund `count` accounts that nobody signs in to, named after a label, each with a key to read and trade.

    Raises ValueError for what the venue refuses, OSError when it cannot be reached.
    """
    async with Stores(settings) as stores:
        passwords = Passwords()
        stores.closing.callback(passwords.close)
        maker = _Maker(
            Store(await stores.database()), await stores.users(passwords), await stores.keys(), await stores.intake()
        )
        gate = asyncio.Semaphore(AT_ONCE)

        async def make(number: int) -> CreatedAccount:
            async with gate:
                address = f"{label}-{number}@accounts.invalid"
                return await maker.make(address, None, funds, READ_AND_TRADE, keys_kept=OLD_KEYS_KEPT)

        try:
            return list(await asyncio.gather(*(make(number) for number in range(1, count + 1))))
        except ApiError as refusal:
            raise ValueError(refusal.message) from refusal
        except IntakeFault as fault:
            raise ConnectionError(f"the sequencer did not answer: {fault}") from fault


async def _check_assets(stores: Stores, codes: Sequence[str]) -> None:
    """Raise ValueError for an asset that is not listed, before anything is made: half an account helps nobody."""
    pool, intake = await stores.database(), await stores.intake()
    await ReadBarrier(intake.committed, HistoryStore(pool).cursor).wait()
    listed = {row["key"] for row in await pool.fetch(_LISTED, EventKind.ASSET_CREATED)}
    unlisted = [code for code in codes if str(listings.asset_id(code)) not in listed]
    if unlisted:
        raise ValueError(f"this venue does not list {', '.join(unlisted)}")


class _Maker:
    """Makes accounts over parts that are open already."""

    def __init__(self, store: Store, users: Users, keys: Keys, intake: Intake) -> None:
        self._store = store
        self._users = users
        self._keys = keys
        self._intake = intake

    async def make(
        self,
        email: str,
        password_hash: str | None,
        funds: Sequence[tuple[str, int]],
        permissions: tuple[str, ...],
        keys_kept: int | None = None,
    ) -> CreatedAccount:
        added = await self._store.add_user(email, password_hash)
        user = added or await self._store.find_user(email)
        assert user is not None, "a user whose address is taken exists"
        await self._users.open_account(user.id)
        for code, amount in funds:
            await credit(self._intake, user.id, code, amount, secrets.token_bytes(32))
        label = "made by the operator"
        if keys_kept is not None:
            # Accounts of programs are made again at each of their starts; their old keys would only pile up.
            for old in (await self._keys.all_of(user.id))[:-keys_kept]:
                await self._keys.remove(user.id, old.api_key)
        origin = None if user.password_hash is None else OPERATOR
        row, secret = await self._keys.make(user.id, label, permissions, origin=origin)
        assert secret is not None, "a key without a public key has a secret"
        return CreatedAccount(email, user.id, row.api_key, secret, added is not None, permissions)


async def credit(intake: Intake, account: int, code: str, amount: int, identity: bytes) -> None:
    """Credit a deposit once. Raises ValueError when the engine refuses it, IntakeFault."""
    reject = await perform(intake, CreditDeposit(account, listings.asset_id(code), amount, identity))
    if reject is None or reject.reason == RejectReason.DUPLICATE_DEPOSIT:
        return
    if reject.reason == RejectReason.UNKNOWN_ASSET:
        raise ValueError(f"this venue does not list {code}")
    raise ValueError(f"the deposit of {code} was refused: {RejectReason(reject.reason).name}")
