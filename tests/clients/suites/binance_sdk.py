"""binance-sdk-spot, the official client as published, redirected by its configuration: REST, streams, WebSocket API."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_spot import BadRequestError, UnauthorizedError
from binance_sdk_spot.spot import Spot
from venue import HTTP, SOCKET, VENUE_SYMBOL, Keys


def make(keys: Keys) -> Spot:
    return Spot(
        config_rest_api=ConfigurationRestAPI(
            api_key=keys.api_key, api_secret=keys.secret, base_path=HTTP, timeout=5_000
        ),
        config_ws_api=ConfigurationWebSocketAPI(
            api_key=keys.api_key, api_secret=keys.secret, stream_url=f"{SOCKET}/ws-api/v3"
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=SOCKET),
    )


@pytest.fixture
def alice() -> Spot:
    return make(Keys.alice())


@pytest.fixture
def bob() -> Spot:
    return make(Keys.bob())


def place(client: Spot, side: str, price: float, quantity: float = 0.001) -> Any:
    return client.rest_api.new_order(
        symbol=VENUE_SYMBOL,
        side=side,
        type="LIMIT",
        time_in_force="GTC",
        price=price,
        quantity=quantity,
        new_order_resp_type="FULL",
    ).data()


def test_general_and_market_data(alice: Spot) -> None:
    rest = alice.rest_api
    rest.ping()
    assert rest.time().data().server_time > 0
    info = rest.exchange_info(symbol=VENUE_SYMBOL).data()
    assert info.symbols[0].symbol == VENUE_SYMBOL
    assert rest.depth(symbol=VENUE_SYMBOL).data().last_update_id is not None
    for rows in (rest.get_trades, rest.agg_trades, rest.historical_trades):
        assert rows(symbol=VENUE_SYMBOL).data() is not None
    assert rest.klines(symbol=VENUE_SYMBOL, interval="1m").data() is not None
    assert rest.avg_price(symbol=VENUE_SYMBOL).data().mins == 5
    assert rest.ticker24hr(symbol=VENUE_SYMBOL).data() is not None
    assert rest.ticker(symbol=VENUE_SYMBOL).data() is not None
    assert rest.ticker_trading_day(symbol=VENUE_SYMBOL).data() is not None
    assert rest.ticker_price(symbol=VENUE_SYMBOL).data() is not None
    assert rest.ticker_book_ticker(symbol=VENUE_SYMBOL).data() is not None


def test_rate_limit_headers_are_read(alice: Spot) -> None:
    limits = alice.rest_api.time().rate_limits
    assert any(limit.rateLimitType == "REQUEST_WEIGHT" for limit in limits)


def test_orders_over_rest(alice: Spot) -> None:
    order = place(alice, "BUY", 9_000.0)
    assert order.status == "NEW"
    rest = alice.rest_api
    assert rest.get_order(symbol=VENUE_SYMBOL, order_id=order.order_id).data().price == "9000.00000000"
    assert rest.get_open_orders(symbol=VENUE_SYMBOL).data()
    assert rest.delete_order(symbol=VENUE_SYMBOL, order_id=order.order_id).data().status == "CANCELED"
    assert rest.all_orders(symbol=VENUE_SYMBOL).data()
    assert rest.my_trades(symbol=VENUE_SYMBOL).data() is not None
    account = rest.get_account().data()
    assert account.account_type == "SPOT"
    assert rest.account_commission(symbol=VENUE_SYMBOL).data().symbol == VENUE_SYMBOL


def test_refusals_are_chosen_by_status(alice: Spot) -> None:
    with pytest.raises(BadRequestError, match="insufficient balance"):
        place(alice, "BUY", 9_000.0, 900)
    keys = Keys.alice()
    with pytest.raises(UnauthorizedError):
        make(Keys("x" * 64, keys.secret)).rest_api.get_account()


async def first(on: Callable[[Callable[[Any], None]], None], act: Callable[[], object]) -> Any:
    """Return the first message that a subscription delivers while an action is repeated."""
    arrived: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    on(lambda message: None if arrived.done() else arrived.set_result(message))
    for _ in range(20):
        await asyncio.to_thread(act)
        await asyncio.sleep(0.3)
        if arrived.done():
            return arrived.result()
    return await asyncio.wait_for(arrived, 5)


def trade(alice: Spot, bob: Spot) -> None:
    place(bob, "SELL", 10_000.0)
    place(alice, "BUY", 10_000.0)


async def test_market_streams(alice: Spot, bob: Spot) -> None:
    connection = await alice.websocket_streams.create_connection()
    try:
        stream = await connection.trade(symbol=VENUE_SYMBOL.lower())
        message = await first(lambda got: stream.on("message", got), lambda: trade(alice, bob))
        assert message.p == "10000.00000000"
        stream = await connection.diff_book_depth(symbol=VENUE_SYMBOL.lower(), update_speed="100ms")
        message = await first(lambda got: stream.on("message", got), lambda: trade(alice, bob))
        assert message.u >= message.U
        stream = await connection.kline(symbol=VENUE_SYMBOL.lower(), interval="1m")
        message = await first(lambda got: stream.on("message", got), lambda: trade(alice, bob))
        assert message.k is not None
    finally:
        await connection.close_connection(close_session=True)


async def test_the_websocket_api(alice: Spot, caplog: pytest.LogCaptureFixture) -> None:
    connection = await alice.websocket_api.create_connection()
    try:
        assert (await connection.time()).data().result.server_time > 0
        logon = await connection.session_logon()
        assert logon.data().result.api_key == Keys.alice().api_key
        placed = await connection.order_place(
            symbol=VENUE_SYMBOL, side="BUY", type="LIMIT", time_in_force="GTC", price=9_000.0, quantity=0.001
        )
        order = placed.data().result
        assert order.status == "NEW"
        seen = await connection.order_status(symbol=VENUE_SYMBOL, order_id=order.order_id)
        assert seen.data().result.status == "NEW"
        canceled = await connection.order_cancel(symbol=VENUE_SYMBOL, order_id=order.order_id)
        assert canceled.data().result.status == "CANCELED"
        account = await connection.account_status()
        assert account.data().result.account_type == "SPOT"
        # The published client logs a refusal over the socket instead of raising it.
        await connection.order_place(
            symbol=VENUE_SYMBOL, side="BUY", type="LIMIT", time_in_force="GTC", price=9_000.0, quantity=900.0
        )
        assert "Account has insufficient balance for requested action." in caplog.text
    finally:
        await connection.close_connection(close_session=True)


async def test_user_data_over_the_websocket_api(alice: Spot, bob: Spot) -> None:
    connection = await alice.websocket_api.create_connection()
    try:
        handle = await connection.user_data_stream_subscribe_signature()
        message = await first(lambda got: handle.stream.on("message", got), lambda: place(alice, "BUY", 9_000.0))
        assert message is not None
    finally:
        await connection.close_connection(close_session=True)
        alice.rest_api.delete_open_orders(symbol=VENUE_SYMBOL)
