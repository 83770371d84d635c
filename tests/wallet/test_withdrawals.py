"""Withdrawals: held at once, decided once, resumed after a lost answer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

import openbourse.wallet
from openbourse import listings
from openbourse.adapters.migrations_postgres import apply_revisions
from openbourse.edge.errors import ApiError
from openbourse.edge.intake import StatusUnknown
from openbourse.protocol.commands import CreditDeposit, HoldWithdrawal, OpenAccount, ReleaseWithdrawal, SettleWithdrawal
from openbourse.wallet.shapes import status_of, withdrawal_entry
from openbourse.wallet.store import Store, Withdrawal
from openbourse.wallet.withdrawals import NotAwaiting, Withdrawals
from tests.engine_intake import EngineIntake

ACCOUNT = 1_000
BTC = listings.ASSETS["BTC"]


@dataclass
class Wallet:
    """The parts of one venue's wallet."""

    store: Store
    withdrawals: Withdrawals
    intake: EngineIntake
    database: asyncpg.Pool

    async def apply(self, amount: int, order_id: str | None = None) -> Withdrawal:
        return await self.withdrawals.apply(ACCOUNT, BTC, "BTC", amount, "an-address", "", "MANUAL", order_id)


@pytest.fixture
async def wallet(database_url: str) -> AsyncIterator[Wallet]:
    database = await asyncpg.create_pool(database_url, min_size=1, max_size=2)
    async with database.acquire() as connection:
        await apply_revisions(connection, {"wallet": Path(openbourse.wallet.__file__).parent / "revisions"})
    intake, store = EngineIntake(), Store(database)
    await intake.submit(OpenAccount(ACCOUNT), 0)
    await intake.submit(CreditDeposit(ACCOUNT, BTC, 100, bytes(32)), 0)
    intake.submitted.clear()
    yield Wallet(store, Withdrawals(store, intake), intake, database)
    await database.close()


async def test_a_withdrawal_is_held_and_awaits_approval(wallet: Wallet) -> None:
    row = await wallet.apply(60)
    assert row.state == "held"
    assert wallet.intake.submitted == [HoldWithdrawal(ACCOUNT, BTC, 60, row.id)]


async def test_more_than_is_there_is_refused(wallet: Wallet) -> None:
    await wallet.apply(60)
    with pytest.raises(ApiError) as refused:
        await wallet.apply(60)
    assert refused.value.code == -4026


async def test_a_paid_one_leaves_and_a_rejected_one_comes_back(wallet: Wallet) -> None:
    first, second = await wallet.apply(60), await wallet.apply(40)
    approved = await wallet.withdrawals.approve(first.id, "ann")
    assert (approved.state, status_of(approved), withdrawal_entry(approved)["txId"]) == ("held", 4, "")
    assert len(wallet.intake.submitted) == 2, "it is held until it is paid"
    settled = await wallet.withdrawals.settle(first.id, "a-transaction", "bob")
    released = await wallet.withdrawals.reject(second.id, "unknown address", "ann")
    assert (settled.state, released.state) == ("settled", "released")
    assert (status_of(settled), status_of(released)) == (6, 3)
    assert withdrawal_entry(settled)["txId"] == "a-transaction"
    assert withdrawal_entry(released)["info"] == "unknown address"
    assert wallet.intake.submitted[2:] == [SettleWithdrawal(first.id), ReleaseWithdrawal(second.id)]
    assert (await wallet.apply(40)).state == "held"
    with pytest.raises(ApiError):
        await wallet.apply(1)


async def test_one_that_cannot_be_paid_comes_back(wallet: Wallet) -> None:
    row = await wallet.apply(60)
    with pytest.raises(NotAwaiting, match="awaiting approval"):
        await wallet.withdrawals.fail(row.id, "nobody approved it", "ann")
    await wallet.withdrawals.approve(row.id, "ann")
    failed = await wallet.withdrawals.fail(row.id, "the network is down", "ann")
    assert (failed.state, status_of(failed), failed.reason) == ("released", 5, "the network is down")
    assert (await wallet.apply(100)).state == "held"


async def test_it_is_decided_once_and_by_somebody(wallet: Wallet) -> None:
    row = await wallet.apply(60)
    with pytest.raises(NotAwaiting, match="awaiting approval"):
        await wallet.withdrawals.settle(row.id, "a-transaction", "ann")
    await wallet.withdrawals.approve(row.id, "ann")
    with pytest.raises(NotAwaiting, match="approved, to be paid"):
        await wallet.withdrawals.reject(row.id, "too late", "ann")
    await wallet.withdrawals.settle(row.id, "a-transaction", "bob")
    for decision in (wallet.withdrawals.settle, wallet.withdrawals.fail, wallet.withdrawals.reject):
        with pytest.raises(NotAwaiting, match="completed"):
            await decision(row.id, "a-transaction", "ann")
    with pytest.raises(NotAwaiting, match="no withdrawal 999"):
        await wallet.withdrawals.approve(999, "ann")
    decided = [(each.decision, each.decided_by, each.note) for each in await wallet.store.decisions(row.id)]
    assert decided == [("approve", "ann", ""), ("settle", "bob", "a-transaction")]


@pytest.mark.parametrize("is_lost", [True, False])
async def test_a_decision_whose_command_had_no_answer_is_carried_out_later(wallet: Wallet, is_lost: bool) -> None:
    first, second = await wallet.apply(60), await wallet.apply(40)
    await wallet.withdrawals.approve(first.id, "ann")
    wallet.intake.fault, wallet.intake.loses_answers = StatusUnknown("no answer"), is_lost
    with pytest.raises(StatusUnknown):
        await wallet.withdrawals.settle(first.id, "a-transaction", "ann")
    with pytest.raises(StatusUnknown):
        await wallet.withdrawals.reject(second.id, "unknown address", "ann")
    wallet.intake.fault = None
    # The same decision again goes on; another is refused.
    with pytest.raises(NotAwaiting, match="paid, being settled"):
        await wallet.withdrawals.settle(first.id, "another-transaction", "ann")
    assert (await wallet.withdrawals.settle(first.id, "a-transaction", "ann")).state == "settled"
    await wallet.database.execute("UPDATE wallet.withdrawals SET changed_at = now() - interval '1 minute'")
    [row] = await wallet.store.unanswered(10)
    await wallet.withdrawals._resume(row)
    assert [each.state for each in await wallet.store.newest()] == ["settled", "released"]
    assert await wallet.store.undone() == []
    assert (await wallet.apply(40)).state == "held"
    with pytest.raises(ApiError):
        await wallet.apply(1)


async def test_a_lost_answer_is_learnt_later(wallet: Wallet) -> None:
    wallet.intake.fault, wallet.intake.loses_answers = StatusUnknown("no answer"), True
    with pytest.raises(ApiError) as unknown:
        await wallet.apply(60)
    assert unknown.value.code == -1007
    wallet.intake.fault = None
    await wallet.database.execute("UPDATE wallet.withdrawals SET changed_at = now() - interval '1 minute'")
    [row] = await wallet.store.unanswered(10)
    await wallet.withdrawals._resume(row)
    found = await wallet.store.find(row.id)
    assert found is not None
    assert found.state == "held"
    with pytest.raises(ApiError):
        await wallet.apply(60)


async def test_ones_own_id_is_used_once(wallet: Wallet) -> None:
    await wallet.apply(10, "mine")
    with pytest.raises(ApiError):
        await wallet.apply(10, "mine")
