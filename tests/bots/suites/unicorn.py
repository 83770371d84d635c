"""The UNICORN Binance Suite as published: REST, market and user streams, the WebSocket API, a local depth cache."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import documented
import pytest
from documented import has, until
from unicorn_binance_local_depth_cache import BinanceLocalDepthCacheManager
from unicorn_binance_rest_api import BinanceAPIException, BinanceRestApiManager
from unicorn_binance_websocket_api import BinanceWebSocketApiManager
from venue import HTTP, SOCKET, VENUE_SYMBOL, Keys

# It has no argument for an address of REST: the class's are taken where no exchange is named.
BinanceRestApiManager.API_URL = f"{HTTP}/api"
BinanceRestApiManager.MARGIN_API_URL = f"{HTTP}/sapi"


@pytest.fixture
def rest() -> Iterator[BinanceRestApiManager]:
    keys = Keys.alice()
    client = BinanceRestApiManager(keys.api_key, keys.secret, tld="com", warn_on_update=False, disable_colorama=True)
    yield client
    if client.get_open_orders(symbol=VENUE_SYMBOL):
        client.cancel_all_open_orders(symbol=VENUE_SYMBOL)
    client.stop_manager()


@pytest.fixture
def sockets(rest: BinanceRestApiManager) -> Iterator[BinanceWebSocketApiManager]:
    manager = BinanceWebSocketApiManager(
        exchange="binance.com",
        restful_base_uri=f"{HTTP}/api",
        websocket_base_uri=f"{SOCKET}/",
        websocket_api_base_uri=f"{SOCKET}/ws-api/v3",
        ubra_manager=rest,
        warn_on_update=False,
        disable_colorama=True,
        high_performance=True,
    )
    yield manager
    manager.stop_manager()


def away(rest: BinanceRestApiManager, share: float) -> str:
    """Return a price that is so much of the best bid, on a whole dollar."""
    return str(int(float(rest.get_orderbook_ticker(symbol=VENUE_SYMBOL)["bidPrice"]) * share))


def refused(expected: tuple[int, int, str], ask: Callable[..., Any], **fields: Any) -> None:
    with pytest.raises(BinanceAPIException) as caught:
        ask(**fields)
    assert (caught.value.status_code, caught.value.code, caught.value.message) == expected


def test_rest(rest: BinanceRestApiManager) -> None:
    assert rest.ping() == {}
    assert rest.get_system_status() == {"status": 0, "msg": "normal"}
    assert rest.get_used_weight()["weight"] > 0
    assert rest.get_symbol_info(VENUE_SYMBOL)["status"] == "TRADING"
    assert len(rest.get_order_book(symbol=VENUE_SYMBOL, limit=5)["bids"]) == 5
    # Its get_recent_trades still asks for /api/v1, which Binance has retired.
    for rows in (rest.get_historical_trades, rest.get_aggregate_trades):
        assert len(rows(symbol=VENUE_SYMBOL, limit=3)) == 3
    assert next(iter(rest.aggregate_trade_iter(VENUE_SYMBOL, start_str="1 minute ago UTC")))["a"] >= 0
    assert len(rest.get_historical_klines(VENUE_SYMBOL, "1m", "5 minutes ago UTC")[0]) == 12
    assert len(rest.get_all_tickers()) >= 2
    assert rest.get_ticker(symbol=VENUE_SYMBOL)["symbol"] == VENUE_SYMBOL
    assert float(rest.get_asset_balance("USDT")["free"]) > 0
    assert {row["coin"] for row in rest.get_all_coins_info()} >= {"BTC", "USDT"}
    assert {row["coin"] for row in rest.get_deposit_history()} == {"BTC", "ETH", "USDT"}


def test_orders_over_rest(rest: BinanceRestApiManager) -> None:
    low, high = away(rest, 0.7), away(rest, 1.4)
    rest.create_test_order(symbol=VENUE_SYMBOL, side="BUY", type="MARKET", quantity="0.001")
    order = rest.order_limit_buy(symbol=VENUE_SYMBOL, quantity="0.001", price=low)
    has(order, documented.FULL)
    has(rest.get_order(symbol=VENUE_SYMBOL, orderId=order["orderId"]), documented.QUERY)
    has(rest.cancel_order(symbol=VENUE_SYMBOL, orderId=order["orderId"]), documented.CANCEL)
    bought = rest.order_market_buy(symbol=VENUE_SYMBOL, quantity="0.002")
    assert bought["status"] == "FILLED"
    trades = until(lambda: rest.get_my_trades(symbol=VENUE_SYMBOL, orderId=bought["orderId"]))
    assert sum(float(each["qty"]) for each in trades) == pytest.approx(0.002)
    assert rest.get_all_orders(symbol=VENUE_SYMBOL, limit=1)[0]["orderId"] == bought["orderId"]
    legs = {"price": high, "stopPrice": low, "stopLimitPrice": low, "stopLimitTimeInForce": "GTC"}
    oco = rest.create_oco_order(symbol=VENUE_SYMBOL, side="SELL", quantity="0.001", **legs)
    has(oco, documented.LIST)
    assert sorted(each["type"] for each in oco["orderReports"]) == ["LIMIT_MAKER", "STOP_LOSS_LIMIT"]
    refused(documented.INSUFFICIENT, rest.order_limit_buy, symbol=VENUE_SYMBOL, quantity="90", price=low)
    refused(documented.LOT_SIZE, rest.order_market_buy, symbol=VENUE_SYMBOL, quantity="0.0010001")
    refused(documented.UNKNOWN_ORDER, rest.cancel_order, symbol=VENUE_SYMBOL, orderId=10**15)


def collected(sockets: BinanceWebSocketApiManager, **stream: Any) -> tuple[str, list[Any]]:
    """Open a stream; return its id and the list of what it delivers."""
    messages: list[Any] = []
    made = sockets.create_stream(process_stream_data=lambda text: messages.append(json.loads(text)), **stream)
    assert sockets.wait_till_stream_has_started(made, timeout=20)
    return made, messages


def first(messages: list[Any], wanted: Callable[[Any], bool]) -> Any:
    return until(lambda: next((each for each in list(messages) if wanted(each)), None))


def test_market_streams(sockets: BinanceWebSocketApiManager) -> None:
    made, messages = collected(
        sockets, channels=["aggTrade", "kline_1m", "bookTicker", "depth5"], markets=["btcusdt", "ethusdt"]
    )
    for name in ("aggTrade", "kline_1m", "bookTicker", "depth5"):
        first(messages, lambda got, name=name: got.get("stream") == f"btcusdt@{name}")
    sockets.subscribe_to_stream(made, channels=["miniTicker"])
    first(messages, lambda got: got.get("stream") == "ethusdt@miniTicker")
    sockets.unsubscribe_from_stream(made, markets=["ethusdt"])
    assert sockets.get_stream_subscriptions(made) is not None
    first(messages, lambda got: got.get("result", "") is None)
    messages.clear()
    first(messages, lambda got: got.get("stream") == "btcusdt@aggTrade")


def test_the_user_stream(sockets: BinanceWebSocketApiManager, rest: BinanceRestApiManager) -> None:
    keys = Keys.alice()
    _, messages = collected(sockets, channels="arr", markets="!userData", api_key=keys.api_key, api_secret=keys.secret)

    def event(kind: str, order: dict[str, Any]) -> Any:
        wanted = lambda got: got.get("i") == order["orderId"] and got["x"] == kind  # noqa: E731
        found = first(messages, lambda got: wanted(got.get("event", got)))
        return found.get("event", found)

    low = away(rest, 0.7)
    order = rest.order_limit_buy(symbol=VENUE_SYMBOL, quantity="0.001", price=low)
    documented.is_new_report(event("NEW", order), order)
    canceled = rest.cancel_order(symbol=VENUE_SYMBOL, orderId=order["orderId"])
    documented.is_cancel_report(event("CANCELED", canceled), canceled)
    bought = rest.order_market_buy(symbol=VENUE_SYMBOL, quantity="0.001")
    documented.is_trade_report(event("TRADE", bought), bought, bought["fills"][0])
    position = first(messages, lambda got: got.get("event", got).get("e") == "outboundAccountPosition")
    has(position.get("event", position), documented.ACCOUNT_POSITION)


def test_the_websocket_api(sockets: BinanceWebSocketApiManager, rest: BinanceRestApiManager) -> None:
    keys = Keys.alice()
    made = sockets.create_stream(api=True, api_key=keys.api_key, api_secret=keys.secret, output="dict")
    assert sockets.wait_till_stream_has_started(made, timeout=20)
    api = sockets.api.spot
    with_it = {"stream_id": made, "return_response": True}
    assert api.get_server_time(**with_it)["result"]["serverTime"] > 0
    assert len(api.get_order_book(**with_it, symbol=VENUE_SYMBOL, limit=5)["result"]["bids"]) == 5
    placed = {"order_type": "LIMIT", "side": "BUY", "symbol": VENUE_SYMBOL, "time_in_force": "GTC"}
    own, answer = api.create_order(
        **with_it, **placed, price=float(away(rest, 0.7)), quantity=0.001, new_order_resp_type="FULL"
    )
    has(answer["result"], documented.FULL)
    assert answer["result"]["clientOrderId"] == own
    assert api.get_order(**with_it, symbol=VENUE_SYMBOL, orig_client_order_id=own)["result"]["status"] == "NEW"
    assert len(api.get_open_orders(**with_it, symbol=VENUE_SYMBOL)["result"]) == 1
    canceled = api.cancel_order(**with_it, symbol=VENUE_SYMBOL, orig_client_order_id=own)
    assert canceled["result"]["status"] == "CANCELED"
    again = api.cancel_order(**with_it, symbol=VENUE_SYMBOL, orig_client_order_id=own)
    assert again["error"] == {"code": -2011, "msg": "Unknown order sent."}
    assert api.get_account_status(**with_it)["result"]["accountType"] == "SPOT"
    # It signs this question without a timestamp, which is refused as Binance does.
    assert api.get_unfilled_order_count(**with_it)["error"]["code"] == -1102


def test_the_local_depth_cache_stays_in_step(rest: BinanceRestApiManager) -> None:
    with BinanceLocalDepthCacheManager(
        exchange="binance.com",
        ubra_manager=BinanceRestApiManager(tld="com", warn_on_update=False, disable_colorama=True),
        depth_cache_update_interval=100,
        init_interval=0.5,
        warn_on_update=False,
        disable_colorama=True,
    ) as cache:
        cache.ubwa.websocket_base_uri = f"{SOCKET}/"
        cache.create_depthcache(markets=["BTCUSDT", "ETHUSDT"])
        for market in ("BTCUSDT", "ETHUSDT"):
            until(lambda market=market: cache.is_depth_cache_synchronized(market), 40)
        seen = cache.depth_caches["btcusdt"]["last_update_id"]
        until(lambda: cache.depth_caches["btcusdt"]["last_update_id"] > seen + 50, 30)
        assert cache.is_depth_cache_synchronized("BTCUSDT"), "a gap makes it begin anew"

        def agrees() -> bool:
            """Compare at one update id: the venue's snapshot may be of any."""
            book = rest.get_order_book(symbol=VENUE_SYMBOL, limit=5)
            if cache.depth_caches["btcusdt"]["last_update_id"] != book["lastUpdateId"]:
                return False
            mine = [[float(each) for each in level] for level in cache.get_bids("BTCUSDT", limit_count=5)]
            return mine == [[float(each) for each in level] for level in book["bids"]]

        until(agrees, 20)
