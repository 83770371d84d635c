"""The wallet's operations under /sapi, as Binance's clients ask them (binance-api.md section 6)."""

import time
from datetime import UTC, datetime
from typing import Final

from openbourse.edge.errors import ApiError
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Operation, Pool, Security
from openbourse.protocol.amounts import UNIT, format_units, notional
from openbourse.wallet.applying import NETWORK, PARAMETERS, apply, asset_of
from openbourse.wallet.shapes import (
    WITHDRAW_MAX,
    asset_detail,
    coin_entry,
    deposit_entry,
    status_of,
    user_asset,
    withdrawal_entry,
)
from openbourse.wallet.store import Store
from openbourse.wallet.views import Accounts, Balance, Prices
from openbourse.wallet.withdrawals import Withdrawals

DAY_MS: Final = 86_400_000
RANGE_MS: Final = 90 * DAY_MS
LIMIT: Final = 1_000
QUOTA_ASSET: Final = "USDT"
"""What Binance counts in dollars is counted in here; what has no price in it is not counted."""


def operations(
    listing: Listing, accounts: Accounts, store: Store, withdrawals: Withdrawals, prices: Prices
) -> list[Operation]:
    """Return the wallet's operations that are Binance's."""
    api = _Api(listing, accounts, store, withdrawals, prices)
    read, address, user = Security.READ, Pool.SAPI_ADDRESS, Pool.SAPI_USER

    def get(path: str, handler: object, weight: int, *parameters: str, security: Security = read) -> Operation:
        return Operation(
            rest=("GET", path),
            handler=handler,  # type: ignore[arg-type]
            parameters=frozenset(parameters),
            security=security,
            weight=weight,
            pool=address,
        )

    times = ("startTime", "endTime", "offset", "limit")
    return [
        get("/sapi/v1/system/status", api.system_status, 1, security=Security.NONE),
        get("/sapi/v1/capital/config/getall", api.coins, 10),
        get("/sapi/v1/capital/deposit/address", api.deposit_address, 10, "coin", "network", "amount"),
        get("/sapi/v1/capital/deposit/hisrec", api.deposits, 1, "coin", "status", "txId", "includeSource", *times),
        get("/sapi/v1/capital/withdraw/quota", api.quota, 10),
        get("/sapi/v1/capital/withdraw/address/list", api.nothing, 10),
        get("/sapi/v1/asset/tradeFee", api.trade_fee, 1, "symbol"),
        get("/sapi/v1/asset/assetDetail", api.asset_details, 1, "asset"),
        get("/sapi/v1/asset/wallet/balance", api.wallet_balance, 60, "quoteAsset"),
        get("/sapi/v1/account/status", api.account_status, 1),
        get("/sapi/v1/account/apiTradingStatus", api.trading_status, 1),
        get("/sapi/v1/account/apiRestrictions", api.restrictions, 1),
        get("/sapi/v1/account/info", api.account_info, 1),
        get("/sapi/v1/spot/delist-schedule", api.nothing, 100, security=Security.KEY),
        get("/sapi/v1/margin/allPairs", api.nothing, 1, "symbol", security=Security.KEY),
        get("/sapi/v1/margin/isolated/allPairs", api.nothing, 10, "symbol", security=Security.KEY),
        Operation(
            rest=("POST", "/sapi/v3/asset/getUserAsset"),
            handler=api.user_assets,
            parameters=frozenset({"asset", "needBtcValuation"}),
            security=read,
            weight=5,
            pool=address,
        ),
        Operation(
            rest=("POST", "/sapi/v1/capital/withdraw/apply"),
            handler=api.withdraw,
            parameters=PARAMETERS | {"transactionFeeFlag", "name", "walletType"},
            security=Security.WITHDRAW,
            weight=900,
            pool=user,
        ),
        Operation(
            rest=("GET", "/sapi/v1/capital/withdraw/history"),
            handler=api.withdrawals,
            parameters=frozenset({"coin", "withdrawOrderId", "status", "idList", *times}),
            security=read,
            weight=18_000,
            pool=user,
        ),
    ]


class _Api:
    def __init__(
        self, listing: Listing, accounts: Accounts, store: Store, withdrawals: Withdrawals, prices: Prices
    ) -> None:
        self._listing = listing
        self._accounts = accounts
        self._store = store
        self._withdrawals = withdrawals
        self._prices = prices

    async def system_status(self, call: Call) -> object:
        return {"status": 0, "msg": "normal"}

    async def nothing(self, call: Call) -> object:
        return []

    async def account_status(self, call: Call) -> object:
        return {"data": "Normal"}

    async def account_info(self, call: Call) -> object:
        return {
            "vipLevel": 0,
            "isMarginEnabled": False,
            "isFutureEnabled": False,
            "isOptionsEnabled": False,
            "isPortfolioMarginRetailEnabled": False,
        }

    async def trading_status(self, call: Call) -> object:
        return {"data": {"isLocked": False, "plannedRecoverTime": 0, "triggerCondition": {}, "updateTime": 0}}

    async def restrictions(self, call: Call) -> object:
        assert call.caller is not None
        granted = call.caller.permissions
        return {
            "ipRestrict": bool(call.caller.networks),
            "createTime": call.caller.created_us // 1_000,
            "enableReading": "READ" in granted,
            "enableWithdrawals": "WITHDRAW" in granted,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": "TRADE" in granted,
            "enablePortfolioMarginTrading": False,
        }

    async def coins(self, call: Call) -> object:
        have = await self._balances(call.account)
        return [coin_entry(code, have.get(asset), NETWORK) for code, asset in sorted(self._listing.asset_ids.items())]

    async def asset_details(self, call: Call) -> object:
        wanted = call.params.optional("asset")
        codes = [code for code in sorted(self._listing.asset_ids) if wanted in (None, code)]
        return {code: asset_detail() for code in codes}

    async def user_assets(self, call: Call) -> object:
        wanted = call.params.optional("asset")
        have = await self._balances(call.account)
        return [
            user_asset(self._listing.assets[asset], balance)
            for asset, balance in sorted(have.items())
            if wanted in (None, self._listing.assets[asset])
        ]

    async def wallet_balance(self, call: Call) -> object:
        """Answer what the one wallet there is comes to, rounded down, without coins that have no price."""
        quote = asset_of(self._listing, call.params.optional("quoteAsset") or "BTC")
        have = await self._balances(call.account)
        value = sum(self._value(asset, row.available + row.held, quote) for asset, row in have.items())
        return [{"activate": True, "balance": format_units(value), "walletName": "Spot"}]

    def _value(self, asset: int, amount: int, quote: int) -> int:
        """Return an amount in another asset at last prices, both by way of dollars where they share no market."""
        price = UNIT if asset == quote else self._prices.last(asset, quote)
        if price is not None:
            return notional(price, amount)
        dollar = self._listing.asset_ids.get(QUOTA_ASSET)
        if dollar is None:
            return 0
        of_asset = UNIT if asset == dollar else self._prices.last(asset, dollar)
        of_quote = UNIT if quote == dollar else self._prices.last(quote, dollar)
        return notional(of_asset, amount) * UNIT // of_quote if of_asset and of_quote else 0

    async def trade_fee(self, call: Call) -> object:
        symbol = call.params.optional("symbol")
        images = list(self._listing.instruments.values()) if symbol is None else [self._listing.find(symbol)]
        fees = []
        for image in images:
            maker, taker = self._listing.rates(call.account, image.instrument)
            fees.append(
                {
                    "symbol": image.symbol,
                    "makerCommission": format_units(maker),
                    "takerCommission": format_units(taker),
                }
            )
        return fees

    async def deposit_address(self, call: Call) -> object:
        asset_of(self._listing, call.params.text("coin"))
        raise ApiError(-4024, "Deposits by chain are not open on this venue.")

    async def deposits(self, call: Call) -> object:
        since, until, offset, limit = _range(call)
        coin, status = call.params.optional("coin"), call.params.integer("status", 1)
        tx_id = call.params.optional("txId")
        # Every deposit there is has been credited: status 1. Asking for another finds none.
        if status != 1:
            return []
        asset = None if coin is None else asset_of(self._listing, coin)
        found = await self._accounts.deposits(call.account, asset, since * 1_000, until * 1_000, offset, limit)
        entries = [deposit_entry(deposit, self._listing.assets[deposit.asset], NETWORK) for deposit in found]
        return [entry for entry in entries if tx_id in (None, entry["txId"])]

    async def withdrawals(self, call: Call) -> object:
        since, until, offset, limit = _range(call)
        wanted = call.params.get("status")
        ids = {name for name in call.params.get("idList", "").split(",") if name}
        found = await self._store.of_user(
            call.account, call.params.optional("coin"), call.params.optional("withdrawOrderId"), _at(since), _at(until)
        )
        entries = [
            withdrawal_entry(row)
            for row in found
            if wanted in (None, str(status_of(row))) and (not ids or str(row.id) in ids)
        ]
        return entries[offset : offset + limit]

    async def quota(self, call: Call) -> object:
        """Answer what was asked for in a day, at last prices; the venue itself sets nobody a limit for one."""
        now = time.time_ns() // 1_000_000
        quote, used = self._listing.asset_ids.get(QUOTA_ASSET), 0
        for asset, amount in (await self._store.asked_since(call.account, _at(now - DAY_MS))).items():
            if quote is not None:
                price = UNIT if asset == quote else self._prices.last(asset, quote)
                used += 0 if price is None else notional(price, amount)
        return {"wdQuota": WITHDRAW_MAX, "usedWdQuota": format_units(used)}

    async def withdraw(self, call: Call) -> object:
        row = await apply(call, self._listing, self._withdrawals)
        return {"id": str(row.id)}

    async def _balances(self, account: int) -> dict[int, Balance]:
        return {balance.asset: balance for balance in await self._accounts.balances(account)}


_MS_MAX: Final = 253_402_300_799_000
"""The end of the year 9999: no date, and no count of microseconds in 64 bits, goes much further."""


def _range(call: Call) -> tuple[int, int, int, int]:
    """Return start and end in ms, offset and limit. Raises ApiError for more than 90 days."""
    now = time.time_ns() // 1_000_000
    until = call.params.integer("endTime", now + DAY_MS)
    since = call.params.integer("startTime", max(0, until - RANGE_MS))
    if until - since > RANGE_MS + DAY_MS:
        raise ApiError(-1127, "More than 90 days between startTime and endTime.")
    return min(since, _MS_MAX), min(until, _MS_MAX), call.params.integer("offset", 0), call.params.limit(LIMIT, LIMIT)


def _at(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1_000, UTC)
