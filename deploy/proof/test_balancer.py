"""A venue behind a balancer: paths, draining, long sockets, clients' addresses, health."""

import asyncio
import json
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from deploy.proof.balancing import PORT, URL, asker, balanced
from deploy.proof.test_units import ORDER
from deploy.proof.venue import PORTS, Venue, unit
from deploy.services import LEAVE_S
from openbourse.edge.sockets import GOING_AWAY
from tests.exchange import Account, Client, sign

pytestmark = pytest.mark.timeout(600)
USED = "x-mbx-used-weight-1m"


def test_paths_lead_to_their_fleets(venue: Venue, tmp_path: Path) -> None:
    wanted = {
        "/api/v3/ping": "gateway",
        "/sapi/v1/system/status": "gateway",
        "/sapi/v3/asset/getUserAsset": "gateway",
        "/bourse/v1/api-keys": "control",
        "/health/ready": "gateway",
        "/": "control",
        "/apis": "control",
    }
    with balanced(venue, tmp_path), httpx.Client(base_url=URL) as http:
        seen = {path: http.get(path).headers["x-served-by"].rpartition("-")[0] for path in wanted}
        assert seen == wanted
        assert http.get("/metrics").status_code == 404
        assert {http.get("/api/v3/ping").headers["x-served-by"] for _ in range(8)} == {"gateway-1", "gateway-2"}


def test_the_client_is_who_the_balancer_saw_not_who_it_claims_to_be(venue: Venue, tmp_path: Path) -> None:
    def weight(address: str, url: str = URL, **headers: str) -> int:
        with asker(address, url) as http:
            return int(
                http.get("/api/v3/exchangeInfo", headers={k.replace("_", "-"): v for k, v in headers.items()}).headers[
                    USED
                ]
            )

    with balanced(venue, tmp_path):
        direct = f"http://127.0.0.1:{PORTS['gateway@1']}"
        counted = weight("127.0.0.91", direct)
        # Whoever is not the balancer may claim what he likes.
        assert weight("127.0.0.91", direct, X_Forwarded_For="127.0.0.92") == 2 * counted
        # Through the balancer each is counted for himself, on both gateways within their exchange of counts.
        spoofed = [weight("127.0.0.93", X_Forwarded_For=f"198.51.100.{number}, 127.0.0.92") for number in range(12)]
        assert max(spoofed) >= 6 * counted
        assert weight("127.0.0.92") == counted, "what another claimed to be was not charged"


def test_an_order_and_a_socket_outlive_the_deregistration(venue: Venue, tmp_path: Path) -> None:
    account = venue.account("outlive@example.com", USDT="100000")
    with balanced(venue, tmp_path):
        asyncio.run(_outlive(venue, account))


def stop(venue: Venue, instance: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(venue.machine.command("systemctl", "stop", unit(instance)))


async def _outlive(venue: Venue, account: Account) -> None:
    socket = await connect(f"ws://127.0.0.1:{PORT}/ws/btcusdt@bookTicker")
    served = next(name for name in ("streams@1", "streams@2") if _connections(venue, PORTS[name]))
    # Half an order is sent, by a client on a slow line, before its gateway leaves.
    query = sign(account, ORDER)
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    head = f"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: {account.api_key}\r\nContent-Length: {len(query)}\r\n\r\n"
    writer.write(head.encode() + query[:20].encode())
    await writer.drain()
    await asyncio.sleep(0.5)
    leaving = [stop(venue, name) for name in ("gateway@1", "gateway@2", served)]
    began = time.monotonic()
    await asyncio.sleep(4)
    writer.write(query[20:].encode())
    answer = await asyncio.wait_for(reader.read(65_536), 10)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    writer.close()
    await asyncio.wait_for(socket.wait_closed(), 60)
    lived = time.monotonic() - began
    print(f"the order was answered after 4 s of leaving; the socket was told goodbye after {lived:.1f} s")
    assert lived >= LEAVE_S
    assert socket.close_code == GOING_AWAY
    for each in leaving:
        assert each.wait(60) == 0
    venue.machine.run("systemctl", "start", unit("gateway@1"), unit("gateway@2"), unit(served))


def _connections(venue: Venue, port: int) -> int:
    told = venue.machine.ask("ss", "-Htn", "state", "established", f"( sport = :{port} )", "src", "127.0.0.1")
    # The health check's connections come and go; a socket stays.
    time.sleep(0.2)
    again = venue.machine.ask("ss", "-Htn", "state", "established", f"( sport = :{port} )", "src", "127.0.0.1")
    return len(set(told.splitlines()) & set(again.splitlines()))


@pytest.mark.parametrize(("idle_s", "lives"), [(30, True), (8, False)])
def test_a_quiet_socket_lives_by_its_pings(venue: Venue, tmp_path: Path, idle_s: int, lives: bool) -> None:
    async def listen() -> bool:
        async with connect(f"ws://127.0.0.1:{PORT}/ws-api/v3", ping_interval=None) as socket:
            try:
                await asyncio.wait_for(socket.recv(), 50)
            except TimeoutError:
                await socket.send(json.dumps({"id": 1, "method": "ping"}))
                return json.loads(await asyncio.wait_for(socket.recv(), 5))["status"] == 200  # type: ignore[no-any-return]
            except ConnectionClosed:
                return False
            return False

    with balanced(venue, tmp_path, idle_s):
        assert asyncio.run(listen()) == lives


def test_who_is_not_ready_is_out_and_comes_back(venue: Venue, tmp_path: Path) -> None:
    with balanced(venue, tmp_path) as balancer, httpx.Client(base_url=URL) as http:
        balancer.await_state("gateway-2", "UP")
        stopping = subprocess.Popen(venue.machine.command("systemctl", "stop", unit("gateway@2")))
        out = balancer.await_state("gateway-2", "DOWN")
        seen = [http.get("/api/v3/ping") for _ in range(20)]
        assert {each.headers.get("x-served-by") for each in seen} == {"gateway-1"}
        assert {each.status_code for each in seen} == {200}
        assert stopping.wait(60) == 0
        venue.machine.run("systemctl", "start", unit("gateway@2"))
        back = balancer.await_state("gateway-2", "UP")
        print(f"out after {out:.1f} s, before its door closed; back {back:.1f} s after its start")
        assert out < 16


def test_trading_through_the_balancer(venue: Venue, tmp_path: Path) -> None:
    account = venue.account("trade@example.com", USDT="100000")
    with balanced(venue, tmp_path):
        client = Client(URL, account)
        placed = client.place(**ORDER)
        assert (
            client.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"]).json()["status"] == "NEW"
        )
        gone = client.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"])
        assert gone.json()["status"] == "CANCELED"
