"""What one operator lets out alone is bounded by the day, not by the withdrawal."""

import asyncio

import pytest

from openbourse.wallet.shapes import withdrawal_entry
from openbourse.wallet.store import Withdrawal
from openbourse.wallet.withdrawals import NotAwaiting, describe, why_two
from tests.wallet.conftest import ACCOUNT, ALONE_DAY_MAX, ALONE_MAX, OTHER, Wallet

RACES = 6
SECOND = "awaiting a second approval"


def info(row: Withdrawal) -> object:
    return withdrawal_entry(row)["info"]


async def test_many_small_ones_of_an_account_are_one_large_one_whoever_approves(wallet: Wallet) -> None:
    """One operator let a large sum out in many small ones, each below the limit."""
    first, second = await wallet.apply(ALONE_MAX - 1), await wallet.apply(1)
    for row, name in ((first, "ann"), (second, "bob")):
        assert (await wallet.withdrawals.approve(row.id, name)).approved_at is not None
    third = await wallet.withdrawals.approve((await wallet.apply(1)).id, "eve")
    assert (describe(third), third.approvals_needed, third.second_because) == (SECOND, 2, "account")
    assert (
        why_two(third)
        == "its account would have more than 0.00000070 BTC in 24 hours by approvals of one operator each"
    )
    assert info(third) == "Two operators must approve more than 0.00000070 BTC in 24 hours."
    with pytest.raises(NotAwaiting, match="eve gave the first, and somebody else must give it: its account would"):
        await wallet.withdrawals.approve(third.id, "eve")
    both = await wallet.withdrawals.approve(third.id, "ann")
    assert (describe(both), both.approved_by, info(both)) == ("approved, to be paid", ("eve", "ann"), "")
    other = await wallet.withdrawals.approve((await wallet.apply(1, account=OTHER)).id, "eve")
    assert other.approved_at is not None, "what two approved counts for neither of them, nor for another account"


async def test_many_accounts_do_not_get_past_what_one_operator_lets_out_in_a_day(wallet: Wallet) -> None:
    first, second = await wallet.apply(ALONE_MAX), await wallet.apply(ALONE_DAY_MAX - ALONE_MAX, account=OTHER)
    for row in (first, second):
        assert (await wallet.withdrawals.approve(row.id, "Ann")).approved_at is not None
    third = await wallet.apply(1, account=OTHER)
    approved = await wallet.withdrawals.approve(third.id, "ann")
    assert (describe(approved), approved.second_because) == (SECOND, "operator")
    assert why_two(approved) == "ann would have let out more than 0.00000090 BTC alone in 24 hours"
    assert info(approved) == "Two operators must approve it."
    assert (await wallet.withdrawals.approve((await wallet.apply(1, account=OTHER)).id, "bob")).approved_at is not None


async def test_it_counts_for_a_day_and_what_was_not_paid_counts_too(wallet: Wallet) -> None:
    row = await wallet.apply(ALONE_MAX)
    await wallet.withdrawals.approve(row.id, "ann")
    await wallet.withdrawals.fail(row.id, "paid all the same, maybe", "ann")
    again = await wallet.withdrawals.approve((await wallet.apply(1)).id, "ann")
    assert again.second_because == "account"
    await wallet.database.execute(
        "UPDATE wallet.withdrawals SET approved_at = approved_at - interval '24 hours' WHERE id = $1", row.id
    )
    assert (await wallet.withdrawals.approve((await wallet.apply(1)).id, "ann")).approved_at is not None


@pytest.mark.parametrize("accounts", [(ACCOUNT, ACCOUNT), (ACCOUNT, OTHER)])
async def test_of_two_approvals_at_once_that_are_too_much_together_one_is_the_first_of_two(
    wallet: Wallet, accounts: tuple[int, int]
) -> None:
    limit = ALONE_MAX if accounts[0] == accounts[1] else ALONE_DAY_MAX
    for _ in range(RACES):
        rows = [await wallet.apply(limit // 2 + 1, account=account) for account in accounts]
        found = await asyncio.gather(*(wallet.withdrawals.approve(row.id, "ann") for row in rows))
        assert sorted(each.approved_at is None for each in found) == [False, True]
        for each in found:
            if each.approved_at is None:
                await wallet.withdrawals.reject(each.id, "too much", "bob")
            else:
                await wallet.withdrawals.fail(each.id, "not paid", "bob")
        await wallet.database.execute("UPDATE wallet.withdrawals SET approved_at = approved_at - interval '25 hours'")


async def test_what_was_asked_for_before_the_limit_was_kept_needs_as_many_as_it_did(wallet: Wallet) -> None:
    """An exchange that is upgraded has such rows, and its older gateways add some while they still run."""
    first, second = await wallet.apply(ALONE_MAX), await wallet.apply(20)
    await wallet.database.execute(
        "UPDATE wallet.withdrawals SET alone_max = NULL, alone_day_max = NULL WHERE id = $1", second.id
    )
    for row in (first, second):
        assert (await wallet.withdrawals.approve(row.id, "ann")).approved_at is not None
    third = await wallet.withdrawals.approve((await wallet.apply(1, account=OTHER)).id, "ann")
    assert third.second_because == "operator", "it counts in the sums of later ones"


async def test_a_large_one_says_at_once_that_two_must_approve_it(wallet: Wallet) -> None:
    row = await wallet.apply(ALONE_MAX + 1)
    assert (describe(row), info(row)) == ("awaiting approval", "Two operators must approve more than 0.00000070 BTC.")
    assert why_two(row) == "it is more than 0.00000070 BTC, the most that one approves alone"
    rejected = await wallet.withdrawals.reject(row.id, "unknown address", "ann")
    assert info(rejected) == "unknown address"
