"""Bad input gets Binance's code and changes nothing, on the running program."""

import socket
import time
from typing import Any

import httpx
import pytest

from bench.memory import proportional_mib
from tests.exchange import Account, Client, Exchange

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "9000",
    "quantity": "0.001",
}
IDLE_SOCKETS = 10_000


@pytest.fixture(scope="module")
def account(exchange: Exchange) -> Account:
    return exchange.account("careless@example.com", BTC="1", USDT="100000")


@pytest.fixture
def client(exchange: Exchange, account: Account) -> Client:
    return exchange.client(account)


def refused(client: Client, **changes: Any) -> tuple[int, int, str]:
    """Place an order with changes (None removes) and return status, code and message; nothing may have changed."""
    before = client.balances()
    params = {name: value for name, value in {**LIMIT, **changes}.items() if value is not None}
    answer = client.signed("POST", "/api/v3/order", **params)
    assert answer.status_code >= 400, answer.text
    assert client.balances() == before
    assert client.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT").json() == []
    return answer.status_code, answer.json()["code"], answer.json()["msg"]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"symbol": "NOSUCH"}, -1121, "Invalid symbol."),
        ({"symbol": "btc usdt"}, -1100, "Illegal characters found in parameter 'symbol'"),
        ({"price": "1e5"}, -1100, "Illegal characters found in parameter 'price'"),
        ({"price": "NaN"}, -1100, "Illegal characters found in parameter 'price'"),
        ({"quantity": "-1"}, -1100, "Illegal characters found in parameter 'quantity'"),
        ({"quantity": "Infinity"}, -1100, "Illegal characters found in parameter 'quantity'"),
        ({"quantity": "0.123456789"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"price": "0." + "1" * 60}, -11, ""),
        ({"price": "9" * 60}, -1108, "overflow"),
        ({"quantity": None}, -1102, "Mandatory parameter 'quantity'"),
        ({"price": None}, -1102, "Mandatory parameter 'price'"),
        ({"timeInForce": None}, -1102, "Mandatory parameter 'timeInForce'"),
        ({"timeInForce": "SOON"}, -1115, "Invalid timeInForce."),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "WISH"}, -1116, "Invalid orderType."),
        ({"price": "9000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.000015"}, -1013, "Filter failure: LOT_SIZE"),
        ({"price": "9000", "quantity": "0.0001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "90"}, -2010, "Account has insufficient balance for requested action."),
        ({"newClientOrderId": "no spaces"}, -1100, "newClientOrderId"),
        ({"newClientOrderId": "x" * 37}, -1100, "newClientOrderId"),
        ({"surprise": "1"}, -1104, "Not all sent parameters were read"),
        ({"strategyType": "5"}, -1134, ""),
        ({"selfTradePreventionMode": "SOMETIMES"}, -1, ""),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_by_name(
    client: Client, changes: dict[str, Any], code: int, words: str
) -> None:
    status, seen, message = refused(client, **changes)
    assert status == 400
    assert str(seen).startswith(str(code)), (seen, message)
    assert words in message


def test_a_parameter_sent_twice_is_refused(client: Client, exchange: Exchange, account: Account) -> None:
    from tests.exchange import sign

    query = sign(account, LIMIT).replace("price=9000", "price=9000&price=1")
    answer = client._http.post(f"/api/v3/order?{query}", headers={"X-MBX-APIKEY": account.api_key})
    assert answer.status_code == 400
    assert answer.json()["code"] in (-1101, -1022)


def test_old_and_future_timestamps_are_refused(client: Client, account: Account) -> None:
    import hashlib
    import hmac

    for shift, words in ((-10_000, "outside of the recvWindow"), (5_000, "ahead of the server's time")):
        query = f"timestamp={time.time_ns() // 1_000_000 + shift}"
        signature = hmac.new(account.secret_key.encode(), query.encode(), hashlib.sha256).hexdigest()
        answer = client._http.get(
            f"/api/v3/account?{query}&signature={signature}", headers={"X-MBX-APIKEY": account.api_key}
        )
        assert answer.status_code == 400
        assert answer.json()["code"] == -1021
        assert words in answer.json()["msg"]


def test_a_body_over_the_limit_is_refused(client: Client, exchange: Exchange) -> None:
    try:
        answer = client._http.post("/api/v3/order", content=b"a=" + b"x" * 1_000_000)
    except httpx.NetworkError:
        return  # The connection was closed while the body was still being sent.
    assert answer.status_code == 413


def test_malformed_json_is_refused(client: Client, exchange: Exchange) -> None:
    answer = client._http.post("/bourse/v1/users", content=b'{"email": ', headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["code"] < 0


def test_malformed_frames_get_an_error_or_a_closed_connection(exchange: Exchange) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    with connect(f"{exchange.socket_url}/ws-api/v3") as connection:
        connection.send("{not json")
        assert '"error"' in str(connection.recv(timeout=5))
        connection.send('{"id":1,"method":"no.such","params":{}}')
        assert '"error"' in str(connection.recv(timeout=5))
    with connect(f"{exchange.socket_url}/ws", max_size=None) as connection:
        connection.send("x" * 1_000_000)
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=5)


def test_ten_thousand_idle_sockets_cost_bounded_memory_and_hold_nobody_up(own_exchange: Exchange) -> None:
    account = own_exchange.account("patient@example.com", USDT="1000")
    before = proportional_mib(own_exchange.pids()["edge"])
    idle: list[socket.socket] = []
    try:
        for _ in range(IDLE_SOCKETS):
            connection = socket.socket()
            connection.settimeout(5)
            try:
                connection.connect(("127.0.0.1", own_exchange.port))
            except OSError:
                connection.close()
                break
            idle.append(connection)
        client = own_exchange.client(account)
        asked = time.monotonic()
        for _ in range(20):
            try:
                assert client.signed("GET", "/api/v3/account").status_code == 200
                break
            except Exception:
                client = own_exchange.client(account)
        assert time.monotonic() - asked < 20, "idle sockets held a client up"
        grown = proportional_mib(own_exchange.pids()["edge"]) - before
        assert grown < 400, f"{len(idle)} idle sockets cost {grown:.0f} MiB"
    finally:
        for connection in idle:
            connection.close()
