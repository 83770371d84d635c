"""What the wallet answers to clients and to people, and who may ask it what."""

import asyncio
from typing import Any

import pytest

from openbourse import listings
from openbourse.edge.errors import ApiError
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Caller
from openbourse.edge.params import Params
from openbourse.protocol.amounts import UNIT
from openbourse.wallet import api, own_api, waiting
from openbourse.wallet.views import Balance, Deposit
from openbourse.wallet.waiting import Waiting
from tests.wallet.conftest import ACCOUNT, BTC, Wallet

ADDRESS = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
OWN = "/bourse/v1/withdrawals"
BINANCE = "/sapi/v1/capital/withdraw"
RICH = ACCOUNT + 7
"""Has 2 BTC and one more held, and 90,000 USDT."""


class Around:
    """What the wallet sees of the venue: nothing in the rows but of one account, BTC at 60,000."""

    async def balances(self, account: int) -> list[Balance]:
        if account != RICH:
            return []
        return [Balance(BTC, 2 * UNIT, UNIT), Balance(listings.ASSETS["USDT"], 90_000 * UNIT, 0)]

    async def deposits(
        self, account: int, asset: int | None, since_us: int, until_us: int, offset: int, limit: int
    ) -> list[Deposit]:
        return []

    def last(self, asset: int, quote: int) -> int | None:
        return 60_000 * UNIT if (asset, quote) == (BTC, listings.ASSETS["USDT"]) else None


class Asker:
    """Asks as somebody."""

    def __init__(self, wallet: Wallet) -> None:
        listing = Listing()
        listing.asset_ids = dict(listings.ASSETS)
        around = Around()
        told = api.operations(listing, around, wallet.store, wallet.withdrawals, around)
        told += own_api.operations(listing, wallet.withdrawals, self._prove)
        self.code: str | None = None
        """Of the second factor, when there is one."""
        self._handlers = {each.rest: each.handler for each in told}

    async def _prove(self, user: int, code: str | None) -> None:
        if self.code is not None and (user, code) != (ACCOUNT, self.code):
            raise ApiError(-5004, "A code is needed.", 401)

    async def __call__(
        self, method: str, path: str, *permissions: str, session: bool = False, account: int = ACCOUNT, **named: str
    ) -> Any:
        caller = Caller(account, account, "key", frozenset(permissions), session)
        return await self._handlers[method, path](Call(Params(named), caller, 1))


@pytest.fixture
def ask(wallet: Wallet) -> Asker:
    return Asker(wallet)


async def test_who_is_signed_in_asks_for_a_withdrawal_and_cancels_it(ask: Asker) -> None:
    asked = await ask("POST", OWN, session=True, coin="BTC", address=ADDRESS, amount="0.0000006")
    assert (asked["coin"], asked["amount"], asked["status"]) == ("BTC", "0.00000060", 2)
    canceled = await ask("DELETE", OWN, session=True, id=asked["id"])
    assert (canceled["id"], canceled["status"]) == (asked["id"], 1)
    [shown] = await ask("GET", f"{BINANCE}/history", status="1")
    assert await ask("GET", OWN, session=True) == [shown] == [canceled]
    assert await ask("GET", OWN, session=True, account=ACCOUNT + 1) == []
    with pytest.raises(ApiError):
        await ask("GET", OWN, "READ")


async def test_who_has_a_second_factor_gives_its_code_once_all_else_is_well(ask: Asker, wallet: Wallet) -> None:
    ask.code = "123456"
    wanted: dict[str, Any] = {"coin": "BTC", "address": ADDRESS, "amount": "0.0000006"}
    with pytest.raises(ApiError) as mistyped:
        await ask("POST", OWN, session=True, **wanted | {"address": ADDRESS[:-1]})
    assert mistyped.value.code == -4001, "a code that is used up by a slip of the hand would be asked for again"
    for given in ({}, {"code": "654321"}):
        with pytest.raises(ApiError) as refused:
            await ask("POST", OWN, session=True, **wanted | given)
        assert refused.value.code == -5004
    assert await wallet.store.newest() == []
    asked = await ask("POST", OWN, session=True, **wanted, code="123456")
    assert (await ask("DELETE", OWN, session=True, id=asked["id"]))["status"] == 1, "to keep one's money needs none"


async def test_keys_ask_under_binances_path_and_cancel_if_they_may_withdraw(ask: Asker) -> None:
    wanted: dict[str, Any] = {"coin": "BTC", "address": ADDRESS, "amount": "0.0000006"}
    with pytest.raises(ApiError, match="signed-in"):
        await ask("POST", OWN, "READ", "WITHDRAW", **wanted)
    number = (await ask("POST", f"{BINANCE}/apply", "READ", "WITHDRAW", **wanted))["id"]
    with pytest.raises(ApiError) as refused:
        await ask("DELETE", OWN, "READ", "TRADE", id=number)
    assert (refused.value.code, refused.value.status) == (-2015, 401)
    with pytest.raises(ApiError, match="no such withdrawal"):
        await ask("DELETE", OWN, "READ", "WITHDRAW", account=ACCOUNT + 1, id=number)
    assert (await ask("DELETE", OWN, "READ", "WITHDRAW", id=number))["status"] == 1


@pytest.mark.parametrize("number", ["", "first", "-1", "9" * 19])
async def test_a_cancel_names_a_withdrawal(ask: Asker, number: str) -> None:
    with pytest.raises(ApiError):
        await ask("DELETE", OWN, session=True, id=number)


async def test_the_quota_counts_what_was_asked_for_in_a_day_at_last_prices(ask: Asker, wallet: Wallet) -> None:
    assert (await ask("GET", f"{BINANCE}/quota"))["usedWdQuota"] == "0.00000000"
    kept, canceled, old = await wallet.apply(50), await wallet.apply(30), await wallet.apply(20)
    await wallet.withdrawals.cancel(canceled.id, ACCOUNT)
    await wallet.database.execute(
        "UPDATE wallet.withdrawals SET applied_at = now() - interval '25 hours' WHERE id = $1", old.id
    )
    told = await ask("GET", f"{BINANCE}/quota")
    assert told == {"wdQuota": "9999999999.99999999", "usedWdQuota": "0.03000000"}
    assert kept.state == "held"


async def test_no_addresses_are_saved_and_none_are_told(ask: Asker) -> None:
    assert await ask("GET", f"{BINANCE}/address/list") == []


async def test_what_no_database_holds_is_refused_or_found_nowhere(ask: Asker) -> None:
    """A NUL, and a time beyond every date, ended in a fault of ours."""
    with pytest.raises(ApiError) as refused:
        await ask("GET", f"{BINANCE}/history", withdrawOrderId="a\0b")
    assert refused.value.code == -1100
    far = str(2**62)
    assert await ask("GET", f"{BINANCE}/history", startTime=far, endTime=far) == []
    assert await ask("GET", "/sapi/v1/capital/deposit/hisrec", startTime=far, endTime=far) == []


async def test_how_many_wait_and_since_when_is_counted(wallet: Wallet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "EVERY_S", 0.01)
    first, second, third = [await wallet.apply(10) for _ in range(3)]
    await wallet.withdrawals.approve(first.id, "ann")
    await wallet.withdrawals.cancel(third.id, ACCOUNT)
    for row, hours in ((first, 3), (second, 2)):
        await wallet.database.execute(
            "UPDATE wallet.withdrawals SET applied_at = now() - $1 * interval '1 hour' WHERE id = $2", hours, row.id
        )
    watched = Waiting(wallet.store)
    running = asyncio.create_task(watched.run())
    async with asyncio.timeout(5):
        while not watched.counters()["waiting"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert watched.counters()["waiting"] == 2
    assert 10_800 <= watched.counters()["oldest_s"] < 10_900
    await wallet.withdrawals.reject(second.id, "no", "ann")
    await wallet.withdrawals.settle(first.id, "a-transaction", "ann")
    async with asyncio.timeout(5):
        while watched.counters() != {"waiting": 0, "oldest_s": 0}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()


async def test_the_wallet_says_what_it_comes_to_at_last_prices(ask: Asker) -> None:
    path = "/sapi/v1/asset/wallet/balance"
    spot = {"activate": True, "walletName": "Spot"}
    assert await ask("GET", path, account=RICH) == [{**spot, "balance": "4.50000000"}]
    assert await ask("GET", path, account=RICH, quoteAsset="USDT") == [{**spot, "balance": "270000.00000000"}]
    assert await ask("GET", path, account=RICH, quoteAsset="ETH") == [{**spot, "balance": "0.00000000"}]
    assert await ask("GET", path) == [{**spot, "balance": "0.00000000"}]
    with pytest.raises(ApiError):
        await ask("GET", path, quoteAsset="NOSUCH")
