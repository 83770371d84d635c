"""The wallet of a venue of its own: real PostgreSQL, a real engine, no journal between them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

import openbourse.wallet
from openbourse import listings
from openbourse.adapters.migrations_postgres import apply_revisions
from openbourse.protocol.commands import CreditDeposit, OpenAccount
from openbourse.wallet.store import Store, Withdrawal
from openbourse.wallet.withdrawals import Withdrawals
from tests.engine_intake import EngineIntake

ACCOUNT = 1_000
BTC = listings.ASSETS["BTC"]
OTHER = 1_001
ALONE_MAX = 70
ALONE_DAY_MAX = 90


@dataclass
class Wallet:
    """The parts of one venue's wallet; each of two accounts has 100 units."""

    store: Store
    withdrawals: Withdrawals
    intake: EngineIntake
    database: asyncpg.Pool

    async def apply(self, amount: int, order_id: str | None = None, account: int = ACCOUNT) -> Withdrawal:
        return await self.withdrawals.apply(account, BTC, "BTC", amount, "an-address", "", "MANUAL", order_id)


@pytest.fixture
async def wallet(database_url: str) -> AsyncIterator[Wallet]:
    database = await asyncpg.create_pool(database_url, min_size=1, max_size=2)
    async with database.acquire() as connection:
        await apply_revisions(connection, {"wallet": Path(openbourse.wallet.__file__).parent / "revisions"})
    intake, store = EngineIntake(), Store(database)
    for account in (ACCOUNT, OTHER):
        await intake.submit(OpenAccount(account), 0)
        await intake.submit(CreditDeposit(account, BTC, 100, account.to_bytes(32)), 0)
    intake.submitted.clear()
    yield Wallet(store, Withdrawals(store, intake, {"BTC": ALONE_MAX}, {"BTC": ALONE_DAY_MAX}), intake, database)
    await database.close()
