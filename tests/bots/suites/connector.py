"""binance-connector, Binance's former client, as published: REST, streams, the stream of a listen key, WebSocket API."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import documented
import pytest
from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient
from documented import has, until
from venue import HTTP, SOCKET, VENUE_SYMBOL, Keys


class Inbox:
    """What a client's thread was handed, to be looked for by the test's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[Any] = []

    def take(self, _socket: Any, text: str) -> None:
        with self._lock:
            self._messages.append(json.loads(text))

    def find(self, wanted: Callable[[Any], bool]) -> Any:
        def found() -> Any:
            with self._lock:
                return next((each for each in self._messages if wanted(each)), None)

        return until(found)

    def all(self, wanted: Callable[[Any], bool]) -> list[Any]:
        with self._lock:
            return [each for each in self._messages if wanted(each)]


@pytest.fixture
def spot() -> Iterator[Spot]:
    keys = Keys.alice()
    client = Spot(keys.api_key, keys.secret, base_url=HTTP, timeout=15)
    yield client
    if client.get_open_orders(VENUE_SYMBOL):
        client.cancel_open_orders(VENUE_SYMBOL)


def away(spot: Spot, share: float) -> float:
    """Return a price that is so much of the best bid, on a whole dollar."""
    return float(int(float(spot.book_ticker(VENUE_SYMBOL)["bidPrice"]) * share))


def limit(price: float, quantity: float = 0.001, **more: Any) -> dict[str, Any]:
    return {"timeInForce": "GTC", "price": price, "quantity": quantity, **more}


def refused(expected: tuple[int, int, str], ask: Callable[..., Any], *words: Any, **fields: Any) -> None:
    with pytest.raises(ClientError) as caught:
        ask(*words, **fields)
    assert (caught.value.status_code, caught.value.error_code, caught.value.error_message) == expected


def test_market_data() -> None:
    spot = Spot(base_url=HTTP, show_limit_usage=True, timeout=15)
    answer = spot.exchange_info(symbols=["BTCUSDT", "ETHUSDT"])
    assert [row["symbol"] for row in answer["data"]["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert int(answer["limit_usage"]["x-mbx-used-weight-1m"]) >= 20
    plain = Spot(base_url=HTTP, timeout=15)
    assert plain.ping() == {}
    assert plain.time()["serverTime"] > 0
    assert len(plain.exchange_info(permissions=["SPOT"])["symbols"]) >= 2
    assert [len(level) for level in plain.depth(VENUE_SYMBOL, limit=5)["bids"]] == [2] * 5
    assert len(plain.trades(VENUE_SYMBOL, limit=3)) == 3
    first = plain.historical_trades(VENUE_SYMBOL, limit=2, fromId=0)[0]
    has(first, ["id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch"])
    has(plain.agg_trades(VENUE_SYMBOL, limit=1)[0], list("apqflTmM"))
    for rows in (plain.klines, plain.ui_klines):
        assert len(rows(VENUE_SYMBOL, "1m", limit=2)[0]) == 12
    assert plain.avg_price(VENUE_SYMBOL)["mins"] == 5
    assert len(plain.ticker_24hr(symbols=["BTCUSDT", "ETHUSDT"], type="MINI")) == 2
    assert plain.trading_day_ticker(VENUE_SYMBOL)["symbol"] == VENUE_SYMBOL
    assert len(plain.ticker_price()) >= 2
    assert len(plain.book_ticker(symbols=["BTCUSDT", "ETHUSDT"])) == 2
    assert plain.rolling_window_ticker(VENUE_SYMBOL, windowSize="1h")["count"] > 0
    micro = Spot(base_url=HTTP, time_unit="MICROSECOND", timeout=15)
    assert micro.time()["serverTime"] > 10**15


def test_orders_of_every_type(spot: Spot) -> None:
    low, high = away(spot, 0.7), away(spot, 1.4)
    assert spot.new_order_test(VENUE_SYMBOL, "BUY", "LIMIT", **limit(low)) == {}
    order = spot.new_order(VENUE_SYMBOL, "BUY", "LIMIT", **limit(low, newClientOrderId="a-limit"))
    has(order, documented.FULL)
    assert (order["status"], order["price"], order["fills"]) == ("NEW", f"{low:.8f}", [])
    has(spot.get_order(VENUE_SYMBOL, origClientOrderId="a-limit"), documented.QUERY)
    assert [each["orderId"] for each in spot.get_open_orders(VENUE_SYMBOL)] == [order["orderId"]]
    canceled = spot.cancel_order(VENUE_SYMBOL, origClientOrderId="a-limit")
    has(canceled, documented.CANCEL)
    assert (canceled["status"], canceled["origClientOrderId"]) == ("CANCELED", "a-limit")
    maker = spot.new_order(VENUE_SYMBOL, "SELL", "LIMIT_MAKER", price=high, quantity=0.001)
    has(maker, documented.ACK)
    stop = {"price": low, "stopPrice": low + 100, "quantity": 0.001, "timeInForce": "GTC", "newOrderRespType": "RESULT"}
    shown = spot.new_order(VENUE_SYMBOL, "SELL", "STOP_LOSS_LIMIT", **stop)
    has(shown, documented.RESULT, "stopPrice")
    assert shown["workingTime"] == -1
    for kind, price in (("STOP_LOSS", low), ("TAKE_PROFIT", high)):
        spot.new_order(VENUE_SYMBOL, "SELL", kind, quantity=0.001, stopPrice=price)
    trailing = spot.new_order(
        VENUE_SYMBOL, "SELL", "TAKE_PROFIT_LIMIT", **{**stop, "stopPrice": high}, trailingDelta=100
    )
    has(trailing, documented.RESULT, "stopPrice", "trailingDelta", "trailingTime")
    kinds = {each["type"] for each in spot.get_open_orders(VENUE_SYMBOL)}
    assert kinds == {"LIMIT_MAKER", "STOP_LOSS_LIMIT", "STOP_LOSS", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"}
    assert len(spot.cancel_open_orders(VENUE_SYMBOL)) == 5
    refused(documented.UNKNOWN_ORDER, spot.cancel_open_orders, VENUE_SYMBOL)


def test_a_market_order_is_in_the_history(spot: Spot) -> None:
    bought = spot.new_order(VENUE_SYMBOL, "BUY", "MARKET", quoteOrderQty=500)
    has(bought, documented.FULL, "expiryReason")
    assert (bought["status"], bought["price"], bought["timeInForce"]) == ("FILLED", documented.ZERO, "GTC")
    for fill in bought["fills"]:
        has(fill, documented.FILL)
        assert fill["commissionAsset"] == "BTC"
    trades = until(lambda: spot.my_trades(VENUE_SYMBOL, orderId=bought["orderId"]))
    has(trades[0], documented.TRADE)
    assert [(each["id"], each["qty"], each["price"]) for each in trades] == [
        (fill["tradeId"], fill["qty"], fill["price"]) for fill in bought["fills"]
    ]
    assert spot.get_orders(VENUE_SYMBOL, limit=1)[0]["orderId"] == bought["orderId"]
    account = spot.account(omitZeroBalances="true")
    assert {row["asset"] for row in account["balances"]} >= {"BTC", "ETH", "USDT"}
    assert spot.query_commission_rates(VENUE_SYMBOL)["standardCommission"]["taker"] > documented.ZERO
    assert {row["interval"] for row in spot.get_order_rate_limit()} == {"SECOND", "DAY"}
    assert spot.query_prevented_matches(VENUE_SYMBOL, orderId=bought["orderId"]) == []
    assert spot.query_allocations(VENUE_SYMBOL) == []


def test_lists_and_replacing(spot: Spot) -> None:
    low, high = away(spot, 0.7), away(spot, 1.4)
    oco = spot.new_oco_order(
        VENUE_SYMBOL,
        "SELL",
        0.001,
        aboveType="LIMIT_MAKER",
        abovePrice=high,
        belowType="STOP_LOSS_LIMIT",
        belowStopPrice=low,
        belowPrice=low - 100,
        belowTimeInForce="GTC",
    )
    has(oco, documented.LIST)
    assert (oco["contingencyType"], oco["listStatusType"], oco["listOrderStatus"]) == (
        "OCO",
        "EXEC_STARTED",
        "EXECUTING",
    )
    assert spot.get_oco_order(orderListId=oco["orderListId"])["listClientOrderId"] == oco["listClientOrderId"]
    assert [each["orderListId"] for each in spot.get_oco_open_orders()] == [oco["orderListId"]]
    ended = spot.cancel_oco_order(VENUE_SYMBOL, orderListId=oco["orderListId"])
    assert (ended["listStatusType"], ended["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert spot.get_oco_orders(limit=1)[0]["orderListId"] == oco["orderListId"]
    working = {"workingType": "LIMIT", "workingSide": "BUY", "workingPrice": low, "workingQuantity": 0.001}
    oto = spot.new_oto_order(
        VENUE_SYMBOL,
        **working,
        workingTimeInForce="GTC",
        pendingType="MARKET",
        pendingSide="SELL",
        pendingQuantity=0.001,
    )
    assert [each["status"] for each in oto["orderReports"]] == ["NEW", "PENDING_NEW"]
    spot.cancel_oco_order(VENUE_SYMBOL, listClientOrderId=oto["listClientOrderId"])
    bracket = {"pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": high, "pendingBelowType": "STOP_LOSS"}
    otoco = spot.new_otoco_order(
        VENUE_SYMBOL,
        **working,
        workingTimeInForce="GTC",
        pendingSide="SELL",
        pendingQuantity=0.001,
        pendingBelowStopPrice=low - 100,
        **bracket,
    )
    assert (otoco["contingencyType"], len(otoco["orders"])) == ("OTO", 3)
    spot.cancel_order(VENUE_SYMBOL, orderId=otoco["orders"][0]["orderId"])
    assert spot.get_open_orders(VENUE_SYMBOL) == []
    order = spot.new_order(VENUE_SYMBOL, "BUY", "LIMIT", **limit(low))
    replaced = spot.cancel_and_replace(
        VENUE_SYMBOL, "BUY", "LIMIT", "STOP_ON_FAILURE", cancelOrderId=order["orderId"], **limit(low - 50)
    )
    assert (replaced["cancelResult"], replaced["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    with pytest.raises(ClientError) as caught:
        spot.cancel_and_replace(
            VENUE_SYMBOL, "BUY", "LIMIT", "STOP_ON_FAILURE", cancelOrderId=order["orderId"], **limit(low)
        )
    assert (caught.value.status_code, caught.value.error_code) == (400, -2022)
    assert caught.value.error_data == {
        "cancelResult": "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
        "newOrderResponse": None,
    }


def test_refusals_are_worded_as_documented(spot: Spot) -> None:
    low, high = away(spot, 0.7), away(spot, 1.4)
    place = spot.new_order
    refused(documented.INSUFFICIENT, place, VENUE_SYMBOL, "BUY", "LIMIT", **limit(low, 90))
    refused(documented.LOT_SIZE, place, VENUE_SYMBOL, "BUY", "LIMIT", **limit(low, "0.0010001"))
    refused(documented.PRICE_FILTER, place, VENUE_SYMBOL, "BUY", "LIMIT", **limit(low + 0.001))
    refused(documented.NOTIONAL, place, VENUE_SYMBOL, "BUY", "LIMIT", **limit(low, "0.00001"))
    refused(documented.WOULD_TAKE, place, VENUE_SYMBOL, "BUY", "LIMIT_MAKER", price=high, quantity=0.001)
    refused(documented.WOULD_TRIGGER, place, VENUE_SYMBOL, "SELL", "STOP_LOSS", stopPrice=high, quantity=0.001)
    legs = {"aboveType": "LIMIT_MAKER", "abovePrice": low, "belowType": "STOP_LOSS", "belowStopPrice": low - 100}
    refused(documented.BAD_PRICES, spot.new_oco_order, VENUE_SYMBOL, "SELL", 0.001, **legs)
    refused(documented.UNKNOWN_ORDER, spot.cancel_order, VENUE_SYMBOL, orderId=10**15)
    refused(documented.NO_SUCH_ORDER, spot.get_order, VENUE_SYMBOL, orderId=10**15)
    refused(documented.INVALID_SYMBOL, spot.depth, "NOSUCHPAIR")
    keys = Keys.alice()
    refused(documented.BAD_SIGNATURE, Spot(keys.api_key, "x" * 64, base_url=HTTP).account)
    refused(documented.INVALID_KEY, Spot("x" * 64, keys.secret, base_url=HTTP).account)


def test_the_wallet(spot: Spot) -> None:
    assert spot.system_status() == {"status": 0, "msg": "normal"}
    assert {row["coin"] for row in spot.coin_info()} >= {"BTC", "USDT"}
    assert spot.trade_fee(symbol=VENUE_SYMBOL)[0]["symbol"] == VENUE_SYMBOL
    assert spot.account_status() == {"data": "Normal"}
    assert spot.api_trading_status()["data"]["isLocked"] is False
    assert spot.api_key_permissions()["enableReading"] is True
    assert {row["asset"] for row in spot.user_asset()} >= {"BTC", "USDT"}
    assert spot.asset_detail(asset="BTC") is not None
    assert {row["coin"] for row in spot.deposit_history()} == {"BTC", "ETH", "USDT"}
    assert spot.withdraw_history() == []


@pytest.mark.parametrize("combined", [False, True])
def test_market_streams(combined: bool) -> None:
    inbox = Inbox()
    client = SpotWebsocketStreamClient(SOCKET, on_message=inbox.take, is_combined=combined)
    try:
        client.agg_trade(VENUE_SYMBOL, id=1)
        client.subscribe(
            [f"{VENUE_SYMBOL.lower()}@{name}" for name in ("bookTicker", "depth@100ms", "depth5@100ms")], id=2
        )
        client.kline(VENUE_SYMBOL, "1m", id="a-word")
        for number in (1, 2, "a-word"):
            assert inbox.find(lambda got, number=number: got.get("id") == number)["result"] is None
        client.list_subscribe(id=4)
        assert len(inbox.find(lambda got: got.get("id") == 4)["result"]) == 5
        client.unsubscribe(f"{VENUE_SYMBOL.lower()}@depth5@100ms", id=5)
        unwrap = (lambda got: got.get("data", {})) if combined else (lambda got: got)
        for event in ("aggTrade", "depthUpdate", "kline"):
            assert unwrap(inbox.find(lambda got, event=event: unwrap(got).get("e") == event))["s"] == VENUE_SYMBOL
        quote = unwrap(inbox.find(lambda got: "B" in unwrap(got) and "e" not in unwrap(got)))
        has(quote, list("usbBaA"))
        is_depth = lambda got: unwrap(got).get("e") == "depthUpdate"  # noqa: E731
        until(lambda: len(inbox.all(is_depth)) > 10)
        events = [unwrap(each) for each in inbox.all(is_depth)]
        assert all(after["U"] == before["u"] + 1 for before, after in itertools.pairwise(events))
    finally:
        client.stop()


def test_the_listen_key_tells_of_orders(spot: Spot) -> None:
    key = spot.new_listen_key()["listenKey"]
    assert len(key) == 64
    assert spot.renew_listen_key(key) == {}
    inbox = Inbox()
    client = SpotWebsocketStreamClient(SOCKET, on_message=inbox.take)
    try:
        client.user_data(key, id=1)
        inbox.find(lambda got: got.get("id") == 1)
        order = spot.new_order(VENUE_SYMBOL, "BUY", "LIMIT", **limit(away(spot, 0.7)))
        is_of = lambda got, kind: got.get("i") == order["orderId"] and got["x"] == kind  # noqa: E731
        documented.is_new_report(inbox.find(lambda got: is_of(got, "NEW")), order)
        position = inbox.find(lambda got: got.get("e") == "outboundAccountPosition")
        has(position, documented.ACCOUNT_POSITION)
        assert "USDT" in [row["a"] for row in position["B"]]
        canceled = spot.cancel_order(VENUE_SYMBOL, orderId=order["orderId"])
        documented.is_cancel_report(inbox.find(lambda got: is_of(got, "CANCELED")), canceled)
        bought = spot.new_order(VENUE_SYMBOL, "BUY", "MARKET", quantity=0.001)
        event = inbox.find(lambda got: got.get("i") == bought["orderId"] and got["x"] == "TRADE")
        documented.is_trade_report(event, bought, bought["fills"][0])
        high, low = away(spot, 1.4), away(spot, 0.7)
        legs = {"aboveType": "LIMIT_MAKER", "abovePrice": high, "belowType": "STOP_LOSS", "belowStopPrice": low}
        oco = spot.new_oco_order(VENUE_SYMBOL, "SELL", 0.001, **legs)
        told = inbox.find(lambda got: got.get("e") == "listStatus")
        has(told, documented.LIST_STATUS)
        assert (told["g"], told["c"], told["l"], told["L"], told["r"], told["C"]) == (
            *(oco["orderListId"], "OCO", "EXEC_STARTED", "EXECUTING", "NONE"),
            oco["listClientOrderId"],
        )
    finally:
        client.stop()
        assert spot.close_listen_key(key) == {}
    refused((400, -1125, "This listenKey does not exist."), spot.renew_listen_key, key)


def test_the_websocket_api(spot: Spot) -> None:
    inbox, keys = Inbox(), Keys.alice()
    client = SpotWebsocketAPIClient(f"{SOCKET}/ws-api/v3", keys.api_key, keys.secret, on_message=inbox.take)

    def ask(method: Callable[..., None], *words: Any, **fields: Any) -> Any:
        ask.number += 1
        method(*words, **fields, id=f"ask-{ask.number}")
        return inbox.find(lambda got: got.get("id") == f"ask-{ask.number}")

    ask.number = 0
    try:
        assert ask(client.ping_connectivity)["result"] == {}
        assert ask(client.server_time)["result"]["serverTime"] > 0
        # It counts the id that one may give as one of the exclusive parameters, so the symbol goes without.
        client.exchange_info(symbol=VENUE_SYMBOL)
        info = inbox.find(lambda got: "symbols" in (got.get("result") or {}))
        assert [row["symbol"] for row in info["result"]["symbols"]] == [VENUE_SYMBOL]
        assert len(ask(client.order_book, VENUE_SYMBOL, limit=5)["result"]["asks"]) == 5
        for method in (client.recent_trades, client.aggregate_trades):
            assert len(ask(method, VENUE_SYMBOL, limit=2)["result"]) == 2
        assert ask(client.historical_trades, VENUE_SYMBOL, keys.api_key, limit=2)["status"] == 200
        for method in (client.klines, client.ui_klines):
            assert len(ask(method, VENUE_SYMBOL, "1m", limit=1)["result"][0]) == 12
        for method in (client.avg_price, client.ticker_24hr, client.ticker, client.ticker_price, client.ticker_book):
            assert ask(method, symbol=VENUE_SYMBOL)["status"] == 200, method
        placed = ask(client.new_order, VENUE_SYMBOL, "BUY", "LIMIT", **limit(away(spot, 0.7), newOrderRespType="FULL"))
        order = placed["result"]
        has(order, documented.FULL)
        assert {row["rateLimitType"] for row in placed["rateLimits"]} == {"ORDERS", "REQUEST_WEIGHT"}
        has(ask(client.get_order, VENUE_SYMBOL, orderId=order["orderId"])["result"], documented.QUERY)
        assert len(ask(client.get_open_orders, symbol=VENUE_SYMBOL)["result"]) == 1
        has(ask(client.cancel_order, VENUE_SYMBOL, orderId=order["orderId"])["result"], documented.CANCEL)
        assert ask(client.cancel_order, VENUE_SYMBOL, orderId=order["orderId"])["error"] == {
            "code": -2011,
            "msg": "Unknown order sent.",
        }
        assert ask(client.new_order_test, VENUE_SYMBOL, "BUY", "MARKET", quantity=0.001)["result"] == {}
        for method in (client.account, client.order_rate_limit, client.oco_history, client.get_open_oco_orders):
            assert ask(method)["status"] == 200, method
        for method in (client.order_history, client.my_trades):
            assert ask(method, symbol=VENUE_SYMBOL, limit=1)["result"], method
        started = ask(client.user_data_start)["result"]["listenKey"]
        assert ask(client.user_data_ping, started)["status"] == 200
        assert ask(client.user_data_stop, started)["status"] == 200
    finally:
        client.stop()
