"""Withdrawals: held at once, decided once, resumed after a lost answer."""

import asyncio

import pytest

from openbourse.edge.errors import ApiError
from openbourse.edge.intake import StatusUnknown
from openbourse.protocol.commands import HoldWithdrawal, ReleaseWithdrawal, SettleWithdrawal
from openbourse.wallet.shapes import status_of, withdrawal_entry
from openbourse.wallet.store import Withdrawal
from openbourse.wallet.withdrawals import OPEN_MAX, NotAwaiting, describe
from tests.wallet.conftest import ACCOUNT, ALONE_MAX, BTC, OTHER, Wallet

RACES = 12


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


async def test_its_user_cancels_it_while_nobody_approved_it_and_has_the_money_back_once(wallet: Wallet) -> None:
    row = await wallet.apply(60)
    canceled = await wallet.withdrawals.cancel(row.id, ACCOUNT)
    assert (canceled.state, describe(canceled)) == ("released", "canceled by its user")
    assert (status_of(canceled), "completeTime" in withdrawal_entry(canceled)) == (1, True)
    assert await wallet.withdrawals.cancel(row.id, ACCOUNT) == canceled, "again, for whoever had no answer"
    assert wallet.intake.submitted[1:] == [ReleaseWithdrawal(row.id)]
    with pytest.raises(NotAwaiting, match="canceled by its user"):
        await wallet.withdrawals.approve(row.id, "ann")
    decided = [(each.decision, each.decided_by) for each in await wallet.store.decisions(row.id)]
    assert decided == [("cancel", "its user")]
    assert (await wallet.apply(100)).state == "held"


async def test_only_its_user_cancels_it_and_nobody_what_an_operator_decided(wallet: Wallet) -> None:
    row, rejected, second = await wallet.apply(10), await wallet.apply(10), await wallet.apply(ALONE_MAX + 1)
    for number, user in ((row.id, ACCOUNT + 1), (999, ACCOUNT)):
        with pytest.raises(ApiError) as unknown:
            await wallet.withdrawals.cancel(number, user)
        assert (unknown.value.code, unknown.value.status) == (-1130, 404)
    await wallet.withdrawals.approve(row.id, "ann")
    await wallet.withdrawals.approve(second.id, "ann")
    await wallet.withdrawals.reject(rejected.id, "unknown address", "ann")
    for each, words in ((row, "approved"), (second, "approved"), (rejected, "nothing to cancel")):
        with pytest.raises(ApiError, match=words) as refused:
            await wallet.withdrawals.cancel(each.id, ACCOUNT)
        assert (refused.value.code, refused.value.status) == (-2011, 409)


@pytest.mark.parametrize("is_lost", [True, False])
async def test_a_cancel_without_an_answer_is_carried_out_later(wallet: Wallet, is_lost: bool) -> None:
    row = await wallet.apply(60)
    wallet.intake.fault, wallet.intake.loses_answers = StatusUnknown("no answer"), is_lost
    canceled = await wallet.withdrawals.cancel(row.id, ACCOUNT)
    assert (canceled.state, describe(canceled), status_of(canceled)) == ("rejected", "being given back", 1)
    wallet.intake.fault = None
    await wallet.database.execute("UPDATE wallet.withdrawals SET changed_at = now() - interval '1 minute'")
    [found] = await wallet.store.unanswered(10)
    await wallet.withdrawals._resume(found)
    assert (await wallet.apply(100)).state == "held"


async def test_what_is_not_held_yet_is_canceled_a_moment_later(wallet: Wallet) -> None:
    wallet.intake.fault = StatusUnknown("no answer")
    with pytest.raises(ApiError):
        await wallet.apply(60)
    [row] = await wallet.store.undone()
    with pytest.raises(ApiError, match="try again in a moment"):
        await wallet.withdrawals.cancel(row.id, ACCOUNT)


async def test_of_a_cancel_and_an_approval_at_once_one_wins_and_the_other_is_told(wallet: Wallet) -> None:
    rows = [await wallet.apply(1) for _ in range(RACES)]
    canceled = 0
    for number, row in enumerate(rows):
        both = [wallet.withdrawals.cancel(row.id, ACCOUNT), wallet.withdrawals.approve(row.id, "ann")]
        found = await asyncio.gather(*(both if number % 2 else both[::-1]), return_exceptions=True)
        [won] = [each.state for each in found if isinstance(each, Withdrawal)]
        [lost] = [type(each) for each in found if isinstance(each, Exception)]
        assert (won, lost) in (("released", NotAwaiting), ("held", ApiError))
        assert len(await wallet.store.decisions(row.id)) == 1
        canceled += won == "released"
    released = [each for each in wallet.intake.submitted if isinstance(each, ReleaseWithdrawal)]
    assert len(released) == canceled
    assert (await wallet.apply(100 - RACES + canceled)).state == "held"


async def test_above_the_limit_two_different_operators_approve(wallet: Wallet) -> None:
    at = await wallet.apply(ALONE_MAX)
    assert (await wallet.withdrawals.approve(at.id, "ann")).approved_at is not None
    await wallet.withdrawals.fail(at.id, "not this one", "ann")
    row = await wallet.apply(ALONE_MAX + 1)
    first = await wallet.withdrawals.approve(row.id, "Ann")
    assert (describe(first), status_of(first), first.approved_at) == ("awaiting a second approval", 4, None)
    with pytest.raises(NotAwaiting, match="awaiting a second approval; ann gave the first"):
        await wallet.withdrawals.approve(row.id, "ann")
    with pytest.raises(NotAwaiting, match="awaiting a second approval"):
        await wallet.withdrawals.settle(row.id, "a-transaction", "bob")
    second = await wallet.withdrawals.approve(row.id, "bob")
    assert (describe(second), second.approved_by) == ("approved, to be paid", ("ann", "bob"))
    with pytest.raises(NotAwaiting, match="approved, to be paid"):
        await wallet.withdrawals.approve(row.id, "eve")
    assert (await wallet.withdrawals.settle(row.id, "a-transaction", "ann")).state == "settled"
    decided = [(each.decision, each.decided_by) for each in await wallet.store.decisions(row.id)]
    assert decided == [("approve", "Ann"), ("approve", "bob"), ("settle", "ann")]


@pytest.mark.parametrize(
    ("name", "same"),
    [("J\u00f6rg", "J\u00d6RG"), ("J\u00f6rg", "Jo\u0308rg"), ("Ann  B", "ann b"), ("Gro\u00df", "GROSS")],
)
async def test_one_operator_is_one_however_the_name_is_written(wallet: Wallet, name: str, same: str) -> None:
    """The database lowered ASCII alone, so that one person in other capitals counted as two."""
    row = await wallet.apply(ALONE_MAX + 1)
    await wallet.withdrawals.approve(row.id, name)
    with pytest.raises(NotAwaiting, match="somebody else"):
        await wallet.withdrawals.approve(row.id, same)


async def test_either_of_two_operators_may_still_reject_it(wallet: Wallet) -> None:
    row = await wallet.apply(ALONE_MAX + 1)
    await wallet.withdrawals.approve(row.id, "ann")
    rejected = await wallet.withdrawals.reject(row.id, "not theirs", "bob")
    assert (rejected.state, status_of(rejected)) == ("released", 3)
    assert (await wallet.apply(100)).approvals_needed == 2


async def test_of_a_coin_without_a_limit_everything_needs_two(wallet: Wallet) -> None:
    row = await wallet.withdrawals.apply(ACCOUNT, BTC, "OTHER", 1, "an-address", "", "MANUAL", None)
    assert row.approvals_needed == 2


async def test_approvals_at_once_count_once_a_name(wallet: Wallet) -> None:
    for names in (("ann", "bob"), ("ann", "ann")):
        row = await wallet.apply(ALONE_MAX + 1)
        approvals = (wallet.withdrawals.approve(row.id, name) for name in names)
        found = await asyncio.gather(*approvals, return_exceptions=True)
        approved = await wallet.store.find(row.id)
        assert approved is not None
        assert len(approved.approved_by) == sum(isinstance(each, Withdrawal) for each in found) == len(set(names))
        assert (approved.approved_at is not None) == (len(set(names)) == 2)
        if approved.approved_at is None:
            await wallet.withdrawals.reject(row.id, "one alone", "bob")
        else:
            await wallet.withdrawals.fail(row.id, "not paid", "bob")


async def test_of_one_user_no_more_wait_than_an_operator_can_see_beside_others(wallet: Wallet) -> None:
    """A thousand of the smallest ones hid everybody else's from who decides."""
    await wallet.database.execute(
        "INSERT INTO wallet.withdrawals (user_id, asset, coin, amount, address, network, state)"
        " SELECT $1, $2, 'BTC', 1, 'an-address', 'MANUAL', CASE WHEN g = 1 THEN 'settled' ELSE 'held' END"
        " FROM generate_series(1, $3) g",
        ACCOUNT,
        BTC,
        OPEN_MAX,
    )
    last = await wallet.apply(1)
    with pytest.raises(ApiError) as refused:
        await wallet.apply(1)
    assert (refused.value.code, refused.value.status) == (-1003, 429)
    assert (await wallet.apply(1, account=OTHER)).state == "held"
    await wallet.withdrawals.cancel(last.id, ACCOUNT)
    assert (await wallet.apply(1)).state == "held"
