"""Rules version 2 on the running exchange: from a signed request over journal and projections to questions and streams."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.exchange import Account, Client, Exchange, sign
from tests.order_params import OCO

ORDER = "/api/v3/order"
LIMIT = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
OTO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "7000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
    "pendingType": "LIMIT_MAKER",
    "pendingSide": "SELL",
    "pendingPrice": "9500",
    "pendingQuantity": "0.01",
}

pytestmark = pytest.mark.system


def made(exchange: Exchange, name: str) -> tuple[Account, Client]:
    account = exchange.account(f"{name}@rules.example", BTC="100", USDT="1000000")
    return account, exchange.client(account)


def ask(client: Client, method: str, path: str, **params: object) -> Any:
    answer = client.signed(method, path, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def alice(exchange: Exchange) -> tuple[Account, Client]:
    return made(exchange, "alice")


@pytest.fixture(scope="module")
def bob(exchange: Exchange) -> Client:
    return made(exchange, "bob")[1]


@pytest.fixture(scope="module")
def market(alice: tuple[Account, Client], bob: Client) -> None:
    """A last price of 9000."""
    bob.place(side="SELL", price="9000", **LIMIT)
    alice[1].place(side="BUY", price="9000", **LIMIT)


def test_a_new_venue_offers_everything(exchange: Exchange) -> None:
    (symbol,) = exchange.client().get("/api/v3/exchangeInfo", symbol="BTCUSDT")["symbols"]
    assert len(symbol["orderTypes"]) == 7
    flags = ("icebergAllowed", "ocoAllowed", "otoAllowed", "opoAllowed", "allowTrailingStop", "amendAllowed")
    assert [symbol[name] for name in (*flags, "pegInstructionsAllowed")] == [True] * 7
    filters = {shown["filterType"] for shown in symbol["filters"]}
    assert filters >= {"ICEBERG_PARTS", "TRAILING_DELTA", "MAX_NUM_ALGO_ORDERS", "MAX_NUM_ORDER_LISTS"}
    assert "TRANSFER" in symbol["allowedSelfTradePreventionModes"]


@pytest.mark.usefixtures("market")
def test_a_pair_lives_and_ends_as_one(alice: tuple[Account, Client], bob: Client) -> None:
    client = alice[1]
    placed = ask(client, "POST", "/api/v3/orderList/oco", **OCO)
    number, legs = placed["orderListId"], [row["orderId"] for row in placed["orders"]]
    assert ask(client, "GET", "/api/v3/orderList", orderListId=number)["listOrderStatus"] == "EXECUTING"
    waiting = ask(client, "GET", ORDER, symbol="BTCUSDT", orderId=legs[1])
    assert (waiting["isWorking"], waiting["orderListId"], waiting["stopPrice"]) == (False, number, "8100.00000000")
    assert number in [row["orderListId"] for row in ask(client, "GET", "/api/v3/openOrderList")]
    # Someone buys the upper leg: the lower one goes with it.
    bob.place(side="BUY", price="9900", **LIMIT)
    assert ask(client, "GET", "/api/v3/orderList", orderListId=number)["listOrderStatus"] == "ALL_DONE"
    ended = ask(client, "GET", ORDER, symbol="BTCUSDT", orderId=legs[1])
    assert (ended["status"], ended["expiryReason"]) == ("EXPIRED", "OCO_TRIGGER")
    (fill,) = ask(client, "GET", "/api/v3/myTrades", symbol="BTCUSDT", orderId=legs[0])
    assert fill["orderListId"] == number
    assert number in [row["orderListId"] for row in ask(client, "GET", "/api/v3/allOrderList")]


@pytest.mark.usefixtures("market")
def test_an_amendment_is_remembered(alice: tuple[Account, Client]) -> None:
    client = alice[1]
    placed = client.place(side="BUY", price="7000", newClientOrderId="before", **LIMIT)
    path, target = f"{ORDER}/amend/keepPriority", {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    amended = ask(client, "PUT", path, newQty="0.004", newClientOrderId="after", **target)
    (row,) = ask(client, "GET", f"{ORDER}/amendments", **target)
    assert row["executionId"] == amended["executionId"]
    assert (row["origQty"], row["newQty"], row["origClientOrderId"], row["newClientOrderId"]) == (
        "0.01000000",
        "0.00400000",
        "before",
        "after",
    )
    assert ask(client, "DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="after")["origQty"] == "0.00400000"


def test_an_order_good_till_a_moment_ends_by_itself(alice: tuple[Account, Client]) -> None:
    client = alice[1]
    order = {**LIMIT, "timeInForce": "GTD", "goodTillDate": time.time_ns() // 1_000_000 + 700}
    placed = client.place(side="BUY", price="7000", **order)
    shown = ask(client, "GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert (shown["status"], shown["timeInForce"]) == ("NEW", "GTD")
    target = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    until(lambda: ask(client, "GET", ORDER, **target)["status"] == "EXPIRED")
    ended = ask(client, "GET", ORDER, **target)
    assert ended["expiryReason"] == "GOOD_TILL_DATE_REACHED"
    assert 0 <= ended["updateTime"] - order["goodTillDate"] < 1_000


async def test_a_stream_tells_of_a_list_and_its_orders(exchange: Exchange, alice: tuple[Account, Client]) -> None:
    account, client = alice
    async with connect(f"{exchange.socket_url}/ws-api/v3", max_size=None) as connection:
        signed = dict(part.split("=") for part in sign(account, {"apiKey": account.api_key}).split("&"))
        request = {"id": 1, "method": "userDataStream.subscribe.signature", "params": signed}
        await connection.send(json.dumps(request))
        assert json.loads(await connection.recv())["status"] == 200
        placed = await asyncio.to_thread(lambda: ask(client, "POST", "/api/v3/orderList/oto", **OTO))
        number = placed["orderListId"]
        heard = [json.loads(await asyncio.wait_for(connection.recv(), 5))["event"] for _ in range(4)]
        assert [(event["e"], event.get("X"), event.get("g")) for event in heard] == [
            ("listStatus", None, number),
            ("executionReport", "NEW", number),
            ("executionReport", "PENDING_NEW", number),
            ("outboundAccountPosition", None, None),
        ]
        await asyncio.to_thread(
            lambda: ask(client, "DELETE", "/api/v3/orderList", symbol="BTCUSDT", orderListId=number)
        )
        heard = [json.loads(await asyncio.wait_for(connection.recv(), 5))["event"] for _ in range(4)]
        assert [(event["e"], event.get("X"), event.get("L")) for event in heard[:3]] == [
            ("executionReport", "CANCELED", "0.00000000"),
            ("executionReport", "CANCELED", "0.00000000"),
            ("listStatus", None, "ALL_DONE"),
        ]


def test_an_auction_collects_orders_and_ends_at_one_price(exchange: Exchange, alice: Any, bob: Client) -> None:
    data = ("--data", str(exchange.data_dir))
    symbol = {**LIMIT, "symbol": "BNBUSDT", "quantity": "1"}
    rich = exchange.account("carol@rules.example", BNB="100", USDT="1000000")
    carol = exchange.client(rich)
    assert exchange.command("instrument", "status", "BNBUSDT", "AUCTION", *data).returncode == 0
    asked = carol.place(side="SELL", price="600", selfTradePreventionMode="NONE", **symbol)
    bid = alice[1].place(side="BUY", price="610", **symbol)
    assert (asked["status"], bid["status"]) == ("NEW", "NEW")
    refused = alice[1].signed("POST", ORDER, **{**symbol, "timeInForce": "IOC"}, side="BUY", price="610")
    assert refused.json() == {"code": -2010, "msg": "Limit orders require GTC for this phase."}
    assert exchange.command("instrument", "status", "BNBUSDT", "TRADING", *data).returncode == 0
    filled = ask(alice[1], "GET", ORDER, symbol="BNBUSDT", orderId=bid["orderId"])
    assert filled["status"] == "FILLED"


def test_the_journal_of_all_this_is_sound(exchange: Exchange) -> None:
    verified = exchange.verify()
    assert verified.returncode == 0, verified.stdout + verified.stderr
