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
from openbourse.edge.intake import Answer, IntakeFault
from openbourse.edge.operations import OrderCounts
from openbourse.engine import Engine
from openbourse.identity.funds import TestFunds
from openbourse.identity.keys import Keys
from openbourse.identity.store import Store
from openbourse.identity.users import Users
from openbourse.protocol.commands import Command, CreateAsset


class EngineIntake:
    """An intake straight into a real engine, without a journal."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.submitted: list[Command] = []
        self.fault: IntakeFault | None = None

    async def submit(self, command: Command, not_after_us: int) -> Answer:
        if self.fault is not None:
            raise self.fault
        self.submitted.append(command)
        sequence = self.engine.sequence + 1
        events, _ = self.engine.apply(sequence, 1, command.encode())
        return Answer(sequence, 1, events, OrderCounts(0, 0))

    async def committed(self) -> int:
        return self.engine.sequence


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
    for code, asset in listings.ASSETS.items():
        await intake.submit(CreateAsset(asset, code), 0)
    intake.submitted.clear()
    passwords = Passwords(memory_kib=64, time_cost=1)
    master_key = MasterKey(bytes(range(32)))
    keys = Keys(store, master_key, ValkeyKeyChannel(valkey), public_key_kind)
    users = Users(store, passwords, ValkeyAttempts(valkey), intake)
    yield Identity(store, keys, users, TestFunds(store, intake, listings.ASSETS), intake, database, valkey, master_key)
    passwords.close()
    await valkey.aclose()
    await database.close()
