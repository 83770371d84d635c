"""python-binance, as published, redirected by its class attributes: REST, depth cache, user socket."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from binance import AsyncClient, BinanceSocketManager, Client, DepthCacheManager
from binance.base_client import BaseClient
from binance.exceptions import BinanceAPIException
from venue import HTTP, SOCKET, VENUE_SYMBOL, Keys

BaseClient.API_URL = f"{HTTP}/api"
BaseClient.MARGIN_API_URL = f"{HTTP}/sapi"
BaseClient.WS_API_URL = f"{SOCKET}/ws-api/v3"
BinanceSocketManager.STREAM_URL = f"{SOCKET}/"


@pytest.fixture
def alice() -> Iterator[Client]:
    keys = Keys.alice()
    client = Client(keys.api_key, keys.secret)
    yield client
    for order in client.get_open_orders(symbol=VENUE_SYMBOL):
        client.cancel_order(symbol=VENUE_SYMBOL, orderId=order["orderId"])
    client.close_connection()


@pytest.fixture
def blocking_bob() -> Iterator[Client]:
    keys = Keys.bob()
    client = Client(keys.api_key, keys.secret)
    yield client
    client.close_connection()


@pytest_asyncio.fixture
async def bob() -> AsyncIterator[AsyncClient]:
    keys = Keys.bob()
    client = await AsyncClient.create(keys.api_key, keys.secret)
    yield client
    for order in await client.get_open_orders(symbol=VENUE_SYMBOL):
        await client.cancel_order(symbol=VENUE_SYMBOL, orderId=order["orderId"])
    await client.close_connection()


def test_general_and_market_data(alice: Client) -> None:
    assert alice.get_exchange_info()["symbols"]
    assert alice.get_symbol_info(VENUE_SYMBOL)["filters"]
    assert "lastUpdateId" in alice.get_order_book(symbol=VENUE_SYMBOL)
    assert isinstance(alice.get_all_tickers(), list)
    assert isinstance(alice.get_orderbook_tickers(), list)
    assert alice.get_ticker(symbol=VENUE_SYMBOL)["symbol"] == VENUE_SYMBOL
    assert alice.get_symbol_ticker(symbol=VENUE_SYMBOL)["symbol"] == VENUE_SYMBOL
    assert alice.get_symbol_ticker_window(symbol=VENUE_SYMBOL, windowSize="7d")["symbol"] == VENUE_SYMBOL
    assert isinstance(alice.get_aggregate_trades(symbol=VENUE_SYMBOL), list)
    assert isinstance(alice.get_klines(symbol=VENUE_SYMBOL, interval="1m"), list)
    assert alice.get_system_status()["status"] == 0


def test_orders_are_placed_queried_and_canceled_with_form_bodies(alice: Client) -> None:
    order = alice.order_limit_buy(symbol=VENUE_SYMBOL, quantity="0.00100", price="9000.00")
    assert order["status"] == "NEW"
    assert alice.get_order(symbol=VENUE_SYMBOL, orderId=order["orderId"])["price"] == "9000.00000000"
    assert len(alice.get_open_orders(symbol=VENUE_SYMBOL)) == 1
    assert alice.cancel_order(symbol=VENUE_SYMBOL, orderId=order["orderId"])["status"] == "CANCELED"
    assert alice.get_all_orders(symbol=VENUE_SYMBOL)[-1]["status"] == "CANCELED"
    alice.create_test_order(
        symbol=VENUE_SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price="9000"
    )


def test_an_order_list_lives_and_ends(alice: Client, blocking_bob: Client) -> None:
    blocking_bob.order_limit_sell(symbol=VENUE_SYMBOL, quantity="0.00100", price="9000.00")
    alice.order_limit_buy(symbol=VENUE_SYMBOL, quantity="0.00100", price="9000.00")
    placed = alice.create_oco_order(
        symbol=VENUE_SYMBOL,
        side="SELL",
        quantity="0.00100",
        aboveType="LIMIT_MAKER",
        abovePrice="12000.00",
        belowType="STOP_LOSS_LIMIT",
        belowPrice="6000.00",
        belowStopPrice="6100.00",
        belowTimeInForce="GTC",
    )
    number = placed["orderListId"]
    assert [report["status"] for report in placed["orderReports"]] == ["NEW", "NEW"]
    assert number in [row["orderListId"] for row in alice.get_open_oco_orders()]
    assert alice.v3_get_order_list(orderListId=number)["listOrderStatus"] == "EXECUTING"
    ended = alice.v3_delete_order_list(symbol=VENUE_SYMBOL, orderListId=number)
    assert [report["status"] for report in ended["orderReports"]] == ["CANCELED", "CANCELED"]
    assert alice.v3_get_all_order_list()[-1]["listOrderStatus"] == "ALL_DONE"


def test_account_and_wallet(alice: Client) -> None:
    assert alice.get_account()["accountType"] == "SPOT"
    assert alice.get_asset_balance(asset="USDT")["free"]
    assert isinstance(alice.get_trade_fee(symbol=VENUE_SYMBOL), list)
    assert isinstance(alice.get_all_coins_info(), list)
    assert isinstance(alice.get_deposit_history(), list)
    assert isinstance(alice.get_withdraw_history(), list)
    assert alice.get_account_status()["data"] == "Normal"
    assert alice.get_account_api_permissions()["enableReading"]
    assert isinstance(alice.get_my_trades(symbol=VENUE_SYMBOL), list)


def test_refusals_carry_code_and_message(alice: Client) -> None:
    with pytest.raises(BinanceAPIException) as raised:
        alice.order_limit_buy(symbol=VENUE_SYMBOL, quantity="900", price="9000.00")
    assert raised.value.code == -2010
    assert raised.value.message == "Account has insufficient balance for requested action."
    with pytest.raises(BinanceAPIException) as raised:
        alice.get_order(symbol=VENUE_SYMBOL, orderId=999_999_999)
    assert raised.value.code == -2013
    with pytest.raises(BinanceAPIException) as raised:
        alice.get_order_book(symbol="NOSUCH")
    assert raised.value.code == -1121


def test_historical_candles_are_found(alice: Client) -> None:
    assert isinstance(alice.get_historical_klines(VENUE_SYMBOL, "1m", int(time.time() * 1000) - 3_600_000), list)


async def receive(socket: Any, wanted: Any) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        while True:
            message = await socket.recv()
            if wanted(message):
                return dict(message)

    return await asyncio.wait_for(look(), 15)


async def test_the_user_socket_tells_of_own_orders(bob: AsyncClient) -> None:
    async with BinanceSocketManager(bob).user_socket() as socket:
        order = await bob.order_limit_sell(symbol=VENUE_SYMBOL, quantity="0.00100", price="11000.00")
        report = await receive(socket, lambda m: m.get("e") == "executionReport")
        assert report["i"] == order["orderId"]
        assert report["x"] == "NEW"
        position = await receive(socket, lambda m: m.get("e") == "outboundAccountPosition")
        assert any(balance["a"] == "BTC" for balance in position["B"])
        await bob.cancel_order(symbol=VENUE_SYMBOL, orderId=order["orderId"])
        report = await receive(socket, lambda m: m.get("e") == "executionReport")
        assert report["x"] == "CANCELED"


async def test_the_depth_cache_follows_the_book(bob: AsyncClient) -> None:
    async with DepthCacheManager(bob, symbol=VENUE_SYMBOL) as manager:
        order = await bob.order_limit_sell(symbol=VENUE_SYMBOL, quantity="0.00123", price="11001.00")
        for _ in range(20):
            cache = await asyncio.wait_for(manager.recv(), 15)
            if cache and [11001.0, 0.00123] in cache.get_asks():
                break
        else:
            pytest.fail("the order never showed in the depth cache")
        await bob.cancel_order(symbol=VENUE_SYMBOL, orderId=order["orderId"])
        for _ in range(20):
            cache = await asyncio.wait_for(manager.recv(), 15)
            if cache and not any(price == 11001.0 for price, _ in cache.get_asks()):
                return
        pytest.fail("the canceled order stayed in the depth cache")


async def test_market_sockets_deliver(bob: AsyncClient, alice: Client) -> None:
    manager = BinanceSocketManager(bob)
    async with manager.trade_socket(VENUE_SYMBOL) as socket:
        waiting = asyncio.ensure_future(receive(socket, lambda m: m.get("e") == "trade"))
        await asyncio.sleep(0.5)
        await bob.order_limit_sell(symbol=VENUE_SYMBOL, quantity="0.00100", price="10000.00")
        await asyncio.to_thread(alice.order_limit_buy, symbol=VENUE_SYMBOL, quantity="0.00100", price="10000.00")
        assert (await waiting)["p"] == "10000.00000000"
    async with manager.kline_socket(VENUE_SYMBOL) as socket:
        assert (await receive(socket, lambda m: m.get("e") == "kline"))["k"]["i"] == "1m"
    async with manager.multiplex_socket(["btcusdt@miniTicker", "ethusdt@depth"]) as socket:
        assert (await receive(socket, lambda m: "stream" in m))["data"]


async def test_orders_over_the_websocket_api(bob: AsyncClient) -> None:
    order = await bob.ws_create_order(
        symbol=VENUE_SYMBOL, side="SELL", type="LIMIT", timeInForce="GTC", quantity="0.00100", price="11000.00"
    )
    assert order["status"] == "NEW"
    assert (await bob.ws_get_order(symbol=VENUE_SYMBOL, orderId=order["orderId"]))["status"] == "NEW"
    assert (await bob.ws_cancel_order(symbol=VENUE_SYMBOL, orderId=order["orderId"]))["status"] == "CANCELED"
