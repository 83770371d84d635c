"""Private questions: one's orders, trades, balances and rates. Each sees the caller's own committed writes."""

from typing import Any, Final

from openbourse.edge.errors import ApiError
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Operation, Security
from openbourse.edge.order_lists import shown_id
from openbourse.edge.rendering import Shape, discount, queried
from openbourse.history import lists, prevented
from openbourse.history.barrier import ReadBarrier
from openbourse.history.images import image_of
from openbourse.history.lists import LIMIT_DEFAULT, LIMIT_MAX, read_window
from openbourse.history.replica import Answers, Reader, Replica
from openbourse.history.store import Store
from openbourse.protocol.amounts import UNIT, format_units
from openbourse.protocol.instruments import Permission

ZERO: Final = "0.00000000"
NO_RATES: Final = {"maker": ZERO, "taker": ZERO, "buyer": ZERO, "seller": ZERO}


def operations(
    store: Store,
    listing: Listing,
    barrier: ReadBarrier,
    replica: Replica | None = None,
    answers: Answers | None = None,
) -> list[Operation]:
    """Return the operations; what pages through the past asks the replica first, where there is one."""
    reader = Reader(store, barrier, replica, answers)
    api = _Api(store, listing, barrier, reader)
    window = frozenset({"symbol", "orderId", "startTime", "endTime", "limit"})
    read = Security.READ
    return [
        Operation(
            rest=("GET", "/api/v3/order"), socket="order.status", handler=api.order, weight=4, security=read,
            parameters=frozenset({"symbol", "orderId", "origClientOrderId"}),
        ),
        Operation(
            rest=("GET", "/api/v3/openOrders"), socket="openOrders.status", handler=api.open_orders, security=read,
            parameters=frozenset({"symbol"}), weight=lambda params: 6 if "symbol" in params else 80,
        ),
        Operation(
            rest=("GET", "/api/v3/allOrders"), socket="allOrders", handler=api.all_orders, weight=20, security=read,
            parameters=window,
        ),
        Operation(
            rest=("GET", "/api/v3/myTrades"), socket="myTrades", handler=api.my_trades, security=read,
            parameters=window | {"fromId"}, weight=lambda params: 5 if "orderId" in params else 20,
        ),
        Operation(
            rest=("GET", "/api/v3/account"), socket="account.status", handler=api.account, weight=20, security=read,
            parameters=frozenset({"omitZeroBalances"}),
        ),
        Operation(
            rest=("GET", "/api/v3/account/commission"), socket="account.commission", handler=api.commission,
            weight=20, security=read, parameters=frozenset({"symbol"}),
        ),
        *lists.operations(store, listing, barrier, reader),
        *prevented.operations(listing, reader),
    ]  # fmt: skip


class _Api:
    def __init__(self, store: Store, listing: Listing, barrier: ReadBarrier, reader: Reader) -> None:
        self._store = store
        self._listing = listing
        self._barrier = barrier
        self._reader = reader

    async def order(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        order, client_id = call.params.integer("orderId", 0), call.params.client_id("origClientOrderId") or ""
        if "orderId" not in call.params and not client_id:
            raise ApiError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        await self._barrier.wait()
        is_named = order or client_id
        row = await self._store.order(call.account, instrument.instrument, order, client_id) if is_named else None
        if row is None or (client_id and row["client_id"] != client_id):
            if order and client_id:
                raise ApiError(-2039, "Client order ID is not correct for this order ID.")
            raise ApiError(-2013, "Order does not exist.")
        return self._order(row, call)

    async def open_orders(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol()) if "symbol" in call.params else None
        await self._barrier.wait()
        rows = await self._store.open_orders(call.account, instrument.instrument if instrument else None)
        return [self._order(row, call) for row in rows]

    async def all_orders(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        from_id = call.params.integer("orderId", 0) or None
        since, until = read_window(call)
        limit = call.params.limit(LIMIT_DEFAULT, LIMIT_MAX)
        rows = await self._reader.ask(
            lambda store: store.orders(call.account, instrument.instrument, from_id, since, until, limit)
        )
        return [self._order(row, call) for row in rows]

    async def my_trades(self, call: Call) -> object:
        params = call.params
        instrument = self._listing.find(params.symbol())
        since, until = read_window(call)
        if ("fromId" in params or "orderId" in params) and (since is not None or until is not None):
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        from_id = params.integer("fromId") if "fromId" in params else None
        order = params.integer("orderId") if "orderId" in params else None
        limit = params.limit(LIMIT_DEFAULT, LIMIT_MAX)
        rows = await self._reader.ask(
            lambda store: store.fills(call.account, instrument.instrument, order, from_id, since, until, limit)
        )
        return [self._fill(row, call) for row in rows]

    async def account(self, call: Call) -> object:
        omit_zero = call.params.boolean("omitZeroBalances", False)
        await self._barrier.wait()
        rows = {row["asset"]: row for row in await self._store.balances(call.account)}
        permissions = self._listing.permissions.get(call.account, 0)
        maker = taker = 0
        if self._listing.instruments:
            maker, taker = self._listing.rates(call.account, min(self._listing.instruments))
        balances = []
        for asset, code in sorted(self._listing.assets.items()):
            row = rows.get(asset)
            free, locked = (int(row["available"]), int(row["held"])) if row else (0, 0)
            if free or locked or not omit_zero:
                balances.append({"asset": code, "free": format_units(free), "locked": format_units(locked)})
        return {
            "makerCommission": maker * 10_000 // UNIT,
            "takerCommission": taker * 10_000 // UNIT,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                "maker": format_units(maker),
                "taker": format_units(taker),
                "buyer": ZERO,
                "seller": ZERO,
            },
            "canTrade": bool(permissions & Permission.TRADE) and call.account not in self._listing.disabled,
            "canWithdraw": bool(permissions & Permission.WITHDRAW),
            "canDeposit": bool(permissions & Permission.DEPOSIT),
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": call.time(max((row["updated_us"] for row in rows.values()), default=0)),
            "accountType": "SPOT",
            "balances": balances,
            "permissions": ["SPOT"],
            "uid": call.account,
        }

    async def commission(self, call: Call) -> object:
        instrument = self._listing.find(call.params.symbol())
        maker, taker = self._listing.rates(call.account, instrument.instrument)
        standard = {"maker": format_units(maker), "taker": format_units(taker), "buyer": ZERO, "seller": ZERO}
        return {
            "symbol": instrument.symbol,
            "standardCommission": standard,
            "specialCommission": NO_RATES,
            "taxCommission": NO_RATES,
            "discount": discount(self._listing, call.account, instrument.instrument),
        }

    def _order(self, row: Any, call: Call) -> Shape:
        symbol = self._listing.instruments[row["instrument"]].symbol
        return queried(image_of(row), symbol, call, row["updated_us"])

    def _fill(self, row: Any, call: Call) -> Shape:
        return {
            "symbol": self._listing.instruments[row["instrument"]].symbol,
            "id": row["trade"],
            "orderId": row["order_id"],
            "orderListId": shown_id(row["list_id"], row["instrument"]),
            "price": format_units(row["price"]),
            "qty": format_units(row["quantity"]),
            "quoteQty": format_units(int(row["quote"])),
            "commission": format_units(int(row["commission"])),
            "commissionAsset": self._listing.assets[row["commission_asset"]],
            "time": call.time(row["time_us"]),
            "isBuyer": row["is_buyer"],
            "isMaker": row["is_maker"],
            "isBestMatch": True,
        }
