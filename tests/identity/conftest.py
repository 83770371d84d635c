"""Identity over a real database and Valkey, with an intake that answers as the sequencer would."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

import openbourse.identity
from openbourse import listings
from openbourse.adapters.identity_valkey import ValkeyAttempts, ValkeyKeyChannel
from openbourse.adapters.migrations_postgres import apply_revisions
from openbourse.adapters.secrets import MasterKey, Passwords, public_key_kind
from openbourse.identity.device_cookies import DeviceCookies
from openbourse.identity.funds import TestFunds
from openbourse.identity.keys import Keys
from openbourse.identity.second_factor import SecondFactors
from openbourse.identity.store import Store
from openbourse.identity.users import Users
from tests.engine_intake import EngineIntake

PASSWORD = "correct horse battery"


@dataclass
class Clock:
    """Stands until a test moves it."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Identity:
    """The parts of identity of one process."""

    store: Store
    keys: Keys
    users: Users
    funds: TestFunds
    intake: EngineIntake
    database: asyncpg.Pool
    valkey: Redis
    clock: Clock
    master_key: MasterKey = field(repr=False)

    def another_process(self) -> Keys:
        return Keys(self.store, self.master_key, ValkeyKeyChannel(self.valkey), public_key_kind)


@pytest.fixture
async def identity(database_url: str, valkey_url: str) -> AsyncIterator[Identity]:
    database = await asyncpg.create_pool(database_url, min_size=1, max_size=4)
    folder = Path(openbourse.identity.__file__).parent / "revisions"
    async with database.acquire() as connection:
        await apply_revisions(connection, {"identity": folder})
    valkey = Redis.from_url(valkey_url)
    store, intake = Store(database), EngineIntake()
    passwords = Passwords(memory_kib=64, time_cost=1)
    master_key = MasterKey(bytes(range(32)))
    keys = Keys(store, master_key, ValkeyKeyChannel(valkey), public_key_kind)
    clock = Clock()
    attempts = ValkeyAttempts(valkey, clock)
    factors = SecondFactors(store, master_key, attempts, clock)
    device_cookies = DeviceCookies(master_key.derive("device cookies"), clock)
    users = Users(store, passwords, attempts, intake, factors, device_cookies)
    funds = TestFunds(store, intake, listings.ASSETS)
    yield Identity(store, keys, users, funds, intake, database, valkey, clock, master_key)
    passwords.close()
    await valkey.aclose()
    await database.close()
