"""The demo's traders believe in plausible prices and send what the filters allow."""

import random
from typing import Any

from openbourse.demo.client import Refused
from openbourse.demo.instruments import Traded, read_instruments
from openbourse.demo.maker import LEVELS, Maker
from openbourse.demo.prices import ANCHORS, FairPrices
from openbourse.demo.taker import Taker
from openbourse.protocol.amounts import UNIT, parse_units

BTCUSDT = Traded("BTCUSDT", "BTC", "USDT", UNIT // 100, 1_000, 1_000, 5 * UNIT)


class RecordingClient:
    """Notes requests and answers them from a table."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.open_orders: list[dict[str, Any]] = []
        self.refusal: Refused | None = None

    async def signed(self, method: str, **params: object) -> Any:
        self.requests.append((method, params))
        if method == "openOrders.status":
            return list(self.open_orders)
        if self.refusal is not None:
            raise self.refusal
        if method == "order.place":
            self.open_orders.append({**params, "orderId": len(self.requests)})
        return {}


def maker(client: RecordingClient, prices: FairPrices) -> Maker:
    return Maker(client, BTCUSDT, prices, 2_500.0, random.Random(7))  # type: ignore[arg-type]


def test_one_seed_gives_one_walk_and_it_stays_plausible() -> None:
    first, second = FairPrices(5), FairPrices(5)
    for _ in range(4 * 3_600):
        first.step(0.25)
        second.step(0.25)
        assert 0.5 < first.of("BTCUSDT") / ANCHORS["BTCUSDT"] < 2
    assert first.of("BTCUSDT") == second.of("BTCUSDT") != ANCHORS["BTCUSDT"]
    assert abs(first.of("ETHBTC") * first.of("BTCUSDT") / first.of("ETHUSDT") - 1) < 1e-9


async def test_a_maker_fills_an_empty_book_with_levels_on_both_sides() -> None:
    client, prices = RecordingClient(), FairPrices(5)
    await maker(client, prices).step(40)
    fair = prices.of("BTCUSDT")
    for side, above in (("BUY", False), ("SELL", True)):
        levels = [parse_units(order["price"]) for order in client.open_orders if order["side"] == side]
        assert LEVELS - 3 <= len(levels) <= LEVELS
        assert all((level / UNIT > fair) == above for level in levels)


async def test_every_order_fits_the_filters() -> None:
    client, prices = RecordingClient(), FairPrices(5)
    await maker(client, prices).step(40)
    taker = Taker(client, [BTCUSDT], {"BTCUSDT": 2_500.0}, prices, random.Random(3))  # type: ignore[arg-type]
    for _ in range(50):
        await taker.step()
    for _, order in [request for request in client.requests if request[0] == "order.place"]:
        quantity, price = parse_units(order["quantity"]), parse_units(order.get("price", "62000"))
        assert price % BTCUSDT.tick == 0
        assert quantity % BTCUSDT.step == 0
        assert price * quantity // UNIT >= BTCUSDT.notional_min


async def test_orders_the_fair_price_has_run_over_are_taken_back() -> None:
    client, prices = RecordingClient(), FairPrices(5)
    quoting = maker(client, prices)
    await quoting.step(40)
    prices.begin("BTCUSDT", prices.of("BTCUSDT") * 1.002)
    client.requests.clear()
    await quoting.step(8)
    canceled = {params["orderId"] for method, params in client.requests if method == "order.cancel"}
    sells = [order for order in client.open_orders if order["side"] == "SELL"]
    assert min(sells, key=lambda order: parse_units(order["price"]))["orderId"] in canceled


async def test_an_ordinary_refusal_ends_nothing() -> None:
    client, prices = RecordingClient(), FairPrices(5)
    client.refusal = Refused(-2010, "Order would immediately match and take.", 400)
    assert await maker(client, prices).step(10) > 0


def test_filters_are_read_from_exchange_info() -> None:
    answer = {
        "symbols": [
            {
                "symbol": "BTCUSDT",
                "status": "TRADING",
                "baseAsset": "BTC",
                "quoteAsset": "USDT",
                "filters": [
                    {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
                    {"filterType": "LOT_SIZE", "stepSize": "0.00001000", "minQty": "0.00001000"},
                    {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
                ],
            },
            {"symbol": "OTHER", "status": "TRADING"},
            {"symbol": "ETHUSDT", "status": "BREAK"},
        ]
    }
    assert read_instruments(answer, ("BTCUSDT", "ETHUSDT")) == [BTCUSDT]
