"""ccxt, as published, redirected by its constructor's configuration alone: markets, orders, errors."""

import time

import ccxt
import pytest
from venue import VENUE_SYMBOL, Keys, redirected

SYMBOL = "BTC/USDT"


def make(keys: Keys | None) -> ccxt.binance:
    return ccxt.binance(redirected(keys))


@pytest.fixture(scope="module")
def public() -> ccxt.binance:
    return make(None)


@pytest.fixture(scope="module")
def alice() -> ccxt.binance:
    return make(Keys.alice())


@pytest.fixture(scope="module")
def bob() -> ccxt.binance:
    return make(Keys.bob())


@pytest.fixture(autouse=True)
def _clean(alice: ccxt.binance, bob: ccxt.binance) -> None:
    for client in (alice, bob):
        for order in client.fetch_open_orders(SYMBOL):
            client.cancel_order(order["id"], SYMBOL)


def test_markets_have_precision_and_limits(public: ccxt.binance) -> None:
    markets = public.load_markets()
    market = markets[SYMBOL]
    assert market["spot"]
    assert market["active"]
    assert market["precision"]["price"] == 0.01
    assert market["precision"]["amount"] == 0.00001
    assert market["limits"]["cost"]["min"] == 5
    assert "ETH/USDT" in markets


def test_markets_load_with_keys_too(alice: ccxt.binance) -> None:
    assert SYMBOL in alice.load_markets(True)
    assert alice.fetch_status()["status"] == "ok"
    assert abs(alice.fetch_time() - time.time() * 1000) < 5_000
    assert "BTC" in alice.fetch_currencies()


def test_an_order_is_placed_seen_and_canceled(alice: ccxt.binance) -> None:
    order = alice.create_order(SYMBOL, "limit", "buy", 0.001, 9_000)
    assert order["status"] == "open"
    seen = alice.fetch_order(order["id"], SYMBOL)
    assert (seen["price"], seen["amount"], seen["filled"]) == (9_000, 0.001, 0)
    assert [o["id"] for o in alice.fetch_open_orders(SYMBOL)] == [order["id"]]
    book = alice.fetch_order_book(SYMBOL, 5)
    assert [9_000, 0.001] in book["bids"]
    canceled = alice.cancel_order(order["id"], SYMBOL)
    assert canceled["status"] == "canceled"
    assert alice.fetch_order(order["id"], SYMBOL)["status"] == "canceled"
    assert alice.fetch_open_orders(SYMBOL) == []


def test_two_accounts_trade_and_both_see_it(alice: ccxt.binance, bob: ccxt.binance, public: ccxt.binance) -> None:
    before = alice.fetch_balance()
    maker = bob.create_order(SYMBOL, "limit", "sell", 0.01, 10_000)
    taker = alice.create_order(SYMBOL, "market", "buy", 0.004)
    assert taker["status"] == "closed"
    assert taker["filled"] == 0.004
    assert taker["average"] == 10_000
    assert taker["fee"]["currency"] == "BTC"
    assert bob.fetch_order(maker["id"], SYMBOL)["filled"] == 0.004
    after = alice.fetch_balance()
    assert after["BTC"]["total"] - before["BTC"]["total"] == pytest.approx(0.004 * 0.999, abs=1e-9)
    assert before["USDT"]["total"] - after["USDT"]["total"] == pytest.approx(40, abs=1e-6)
    mine = alice.fetch_my_trades(SYMBOL)[-1]
    assert (mine["price"], mine["amount"], mine["takerOrMaker"]) == (10_000, 0.004, "taker")
    assert bob.fetch_my_trades(SYMBOL)[-1]["takerOrMaker"] == "maker"
    deadline = time.monotonic() + 5
    while not any(trade["price"] == 10_000 for trade in public.fetch_trades(SYMBOL)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert public.fetch_ticker(SYMBOL)["last"] == 10_000
    candles = public.fetch_ohlcv(SYMBOL, "1m", limit=2)
    assert candles[-1][4] == 10_000 or candles[-2][4] == 10_000
    bob.cancel_order(maker["id"], SYMBOL)


def test_market_buy_by_cost(alice: ccxt.binance, bob: ccxt.binance) -> None:
    bob.create_order(SYMBOL, "limit", "sell", 0.01, 10_000)
    order = alice.create_market_buy_order_with_cost(SYMBOL, 20)
    assert order["filled"] == 0.002
    assert order["cost"] == 20


def test_time_in_force_and_post_only(alice: ccxt.binance, bob: ccxt.binance) -> None:
    bob.create_order(SYMBOL, "limit", "sell", 0.002, 10_000)
    killed = alice.create_order(SYMBOL, "limit", "buy", 0.005, 10_000, {"timeInForce": "FOK"})
    assert killed["status"] == "expired"
    assert killed["filled"] == 0
    partly = alice.create_order(SYMBOL, "limit", "buy", 0.005, 10_000, {"timeInForce": "IOC"})
    assert partly["status"] == "expired"
    assert partly["filled"] == 0.002
    bob.create_order(SYMBOL, "limit", "sell", 0.002, 10_000)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        alice.create_order(SYMBOL, "limit", "buy", 0.001, 10_000, {"postOnly": True})


def test_an_order_is_replaced(alice: ccxt.binance) -> None:
    order = alice.create_order(SYMBOL, "limit", "buy", 0.001, 9_000)
    again = alice.edit_order(order["id"], SYMBOL, "limit", "buy", 0.002, 9_100)
    assert again["amount"] == 0.002
    assert [o["id"] for o in alice.fetch_open_orders(SYMBOL)] == [again["id"]]


def test_stop_orders_wait(alice: ccxt.binance, bob: ccxt.binance) -> None:
    bob.create_order(SYMBOL, "limit", "sell", 0.001, 9_000)
    alice.create_order(SYMBOL, "limit", "buy", 0.001, 9_000)
    stop = alice.create_order(SYMBOL, "limit", "sell", 0.001, 6_000, {"stopLossPrice": 6_100})
    seen = alice.fetch_order(stop["id"], SYMBOL)
    assert (seen["status"], seen["triggerPrice"], seen["price"]) == ("open", 6_100, 6_000)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        alice.create_order(SYMBOL, "limit", "sell", 0.001, 9_900, {"stopLossPrice": 9_950})
    trailing = alice.create_order(
        SYMBOL, "market", "sell", 0.001, None, {"trailingPercent": 1, "stopLossOrTakeProfit": "stopLoss"}
    )
    assert alice.fetch_order(trailing["id"], SYMBOL)["status"] == "open"
    assert alice.cancel_order(stop["id"], SYMBOL)["status"] == "canceled"


def test_everything_open_is_canceled_at_once(alice: ccxt.binance) -> None:
    for price in (9_000, 9_001, 9_002):
        alice.create_order(SYMBOL, "limit", "buy", 0.001, price)
    assert len(alice.cancel_all_orders(SYMBOL)) == 3
    assert alice.fetch_open_orders(SYMBOL) == []
    assert {"canceled"} == {order["status"] for order in alice.fetch_canceled_orders(SYMBOL, limit=3)}


def test_a_test_order_changes_nothing(alice: ccxt.binance) -> None:
    alice.create_order(SYMBOL, "limit", "buy", 0.001, 9_000, {"test": True})
    assert alice.fetch_open_orders(SYMBOL) == []


def test_history_lists_are_in_order(alice: ccxt.binance) -> None:
    orders = alice.fetch_orders(SYMBOL)
    assert orders
    assert [int(o["id"]) for o in orders] == sorted(int(o["id"]) for o in orders)
    assert alice.fetch_closed_orders(SYMBOL)
    assert alice.fetch_trading_fee(SYMBOL)["taker"] == 0.001
    assert alice.fetch_deposits() is not None
    assert alice.fetch_withdrawals() is not None


def test_tickers_and_books_of_all_markets(public: ccxt.binance) -> None:
    assert SYMBOL in public.fetch_tickers()
    assert SYMBOL in public.fetch_bids_asks()
    assert SYMBOL in public.fetch_last_prices()
    asked = {"symbol": public.market_id(SYMBOL)}
    assert public.public_get_ticker({**asked, "windowSize": "7d"})["symbol"] == asked["symbol"]
    assert public.public_get_ticker_tradingday({**asked, "timeZone": "8"})["symbol"] == asked["symbol"]
    assert public.fetch_ohlcv(SYMBOL, "1d", params={"timeZone": "8"}) is not None


def test_insufficient_funds_are_named(alice: ccxt.binance) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        alice.create_order(SYMBOL, "limit", "buy", 900, 9_000)


def test_a_price_off_tick_is_an_invalid_order(alice: ccxt.binance) -> None:
    with pytest.raises(ccxt.InvalidOrder, match="PRICE_FILTER"):
        alice.private_post_order(raw(price="9000.001", quantity="0.001"))


def test_a_quantity_off_lot_is_an_invalid_order(alice: ccxt.binance) -> None:
    with pytest.raises(ccxt.InvalidOrder, match="LOT_SIZE"):
        alice.private_post_order(raw(price="9000", quantity="0.000015"))


def test_an_unknown_order_is_not_found(alice: ccxt.binance) -> None:
    with pytest.raises(ccxt.OrderNotFound):
        alice.fetch_order("999999999", SYMBOL)
    with pytest.raises(ccxt.OrderNotFound):
        alice.cancel_order("999999999", SYMBOL)


def test_a_bad_symbol_is_named(public: ccxt.binance) -> None:
    with pytest.raises(ccxt.BadSymbol):
        public.public_get_depth({"symbol": "NOSUCH"})


def test_a_bad_signature_and_a_bad_key_are_authentication_errors() -> None:
    keys = Keys.alice()
    with pytest.raises(ccxt.AuthenticationError):
        make(Keys(keys.api_key, "wrong" + keys.secret[5:])).fetch_balance()
    with pytest.raises(ccxt.AuthenticationError):
        make(Keys("x" * 64, keys.secret)).fetch_balance()


def test_an_old_timestamp_is_an_invalid_nonce(alice: ccxt.binance) -> None:
    late = make(Keys.alice())
    late.milliseconds = lambda: int(time.time() * 1000) - 60_000
    late.nonce = late.milliseconds
    with pytest.raises(ccxt.InvalidNonce):
        late.fetch_balance()


def raw(**changes: str) -> dict[str, str]:
    return {"symbol": VENUE_SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", **changes}
