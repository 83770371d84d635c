"""ccxt.pro, as published: order books, trades, candles, own orders and balances over sockets, orders over the WebSocket API."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, TypeVar

import ccxt
import ccxt.pro
import pytest
import pytest_asyncio
from venue import Keys, redirected

SYMBOL = "BTC/USDT"
T = TypeVar("T")


async def soon(work: Awaitable[T]) -> T:
    return await asyncio.wait_for(work, 15)


@pytest_asyncio.fixture
async def alice() -> AsyncIterator[ccxt.pro.binance]:
    client = ccxt.pro.binance(redirected(Keys.alice()))
    await client.load_markets()
    yield client
    await client.close()


@pytest_asyncio.fixture
async def bob() -> AsyncIterator[ccxt.pro.binance]:
    client = ccxt.pro.binance(redirected(Keys.bob()))
    await client.load_markets()
    yield client
    for order in await client.fetch_open_orders(SYMBOL):
        await client.cancel_order(order["id"], SYMBOL)
    await client.close()


async def test_the_order_book_follows(alice: Any, bob: Any) -> None:
    order = await alice.create_order(SYMBOL, "limit", "buy", 0.001, 9_000)
    book = await soon(alice.watch_order_book(SYMBOL))
    other = await alice.create_order(SYMBOL, "limit", "buy", 0.002, 9_001)
    while book["bids"][0] != [9_001, 0.002]:
        book = await soon(alice.watch_order_book(SYMBOL))
    await alice.cancel_order(other["id"], SYMBOL)
    while book["bids"][0][0] != 9_000:
        book = await soon(alice.watch_order_book(SYMBOL))
    await alice.cancel_order(order["id"], SYMBOL)


async def trade_now(alice: Any, bob: Any, price: float = 10_000) -> None:
    await bob.create_order(SYMBOL, "limit", "sell", 0.001, price)
    await alice.create_order(SYMBOL, "limit", "buy", 0.001, price)


async def while_trading(alice: Any, bob: Any, work: Awaitable[T]) -> T:
    task = asyncio.ensure_future(work)
    for _ in range(10):
        await asyncio.sleep(0.3)
        if task.done():
            break
        await trade_now(alice, bob)
    return await soon(task)


async def test_trades_tickers_and_candles_come(alice: Any, bob: Any) -> None:
    trades = await while_trading(alice, bob, alice.watch_trades(SYMBOL))
    assert trades[-1]["price"] == 10_000
    ticker = await while_trading(alice, bob, alice.watch_ticker(SYMBOL))
    assert ticker["last"] == 10_000
    candles = await while_trading(alice, bob, alice.watch_ohlcv(SYMBOL, "1m"))
    assert candles[-1][4] == 10_000
    quotes = await while_trading(alice, bob, alice.watch_bids_asks([SYMBOL]))
    assert SYMBOL in quotes


async def test_own_orders_trades_and_balances_come(alice: Any, bob: Any) -> None:
    orders = await while_trading(alice, bob, alice.watch_orders(SYMBOL))
    assert orders[-1]["symbol"] == SYMBOL
    trades = await while_trading(alice, bob, alice.watch_my_trades(SYMBOL))
    assert trades[-1]["price"] == 10_000
    balance = await while_trading(alice, bob, alice.watch_balance())
    assert balance["BTC"]["total"] > 0


async def test_orders_are_entered_over_the_socket(alice: Any, bob: Any) -> None:
    order = await soon(alice.create_order_ws(SYMBOL, "limit", "buy", 0.001, 9_000))
    assert order["status"] == "open"
    seen = await soon(alice.fetch_order_ws(order["id"], SYMBOL))
    assert seen["price"] == 9_000
    assert [o["id"] for o in await soon(alice.fetch_open_orders_ws(SYMBOL))] == [order["id"]]
    edited = await soon(alice.edit_order_ws(order["id"], SYMBOL, "limit", "buy", 0.002, 9_001))
    assert edited["amount"] == 0.002
    await soon(alice.cancel_order_ws(edited["id"], SYMBOL))
    await soon(alice.create_order_ws(SYMBOL, "limit", "buy", 0.001, 9_000))
    await soon(alice.cancel_all_orders_ws(SYMBOL))
    assert await soon(alice.fetch_open_orders_ws(SYMBOL)) == []
    # The published client forgets the account type here and leaves its unified fields empty; the answer is in "info".
    balances = (await soon(alice.fetch_balance_ws()))["info"]["balances"]
    assert {row["asset"] for row in balances} >= {"BTC", "USDT"}
    assert await soon(alice.fetch_my_trades_ws(SYMBOL)) is not None
    assert await soon(alice.fetch_ohlcv_ws(SYMBOL, "1m")) is not None


async def test_refusals_over_the_socket_are_the_same_exceptions(alice: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await soon(alice.create_order_ws(SYMBOL, "limit", "buy", 900, 9_000))
    with pytest.raises(ccxt.OrderNotFound):
        await soon(alice.cancel_order_ws("999999999", SYMBOL))


async def test_the_async_client_trades_over_rest(alice: Any, bob: Any) -> None:
    await trade_now(alice, bob)
    assert (await alice.fetch_my_trades(SYMBOL))[-1]["price"] == 10_000
