"""Valkey killed and away for ten seconds under load: orders go on, depth streams stay without a gap, caches fill again."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.exchange import Account, Exchange, sign

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

AWAY_S = 10.0
BACK_S = 3.0


@contextmanager
def nobody_starts_again(exchange: Exchange) -> Iterator[None]:
    """Freeze the supervisor, so that what is killed stays away."""
    assert exchange.process is not None
    os.kill(exchange.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(exchange.process.pid, signal.SIGCONT)


class Quoter:
    """Places an order and cancels it, again and again; whatever is not a 200 is a fault."""

    def __init__(self, exchange: Exchange, account: Account) -> None:
        self._base_url = exchange.base_url
        self._account = account
        self.done = 0
        self.is_running = True

    async def run(self) -> None:
        async with httpx.AsyncClient(base_url=self._base_url, timeout=10) as http:
            while self.is_running:
                order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
                order |= {"quantity": "0.001", "price": f"{10_000 + self.done % 50}.00"}
                placed = await self._send(http, "POST", order)
                await self._send(http, "DELETE", {"symbol": "BTCUSDT", "orderId": placed["orderId"]})
                self.done += 1

    async def _send(self, http: httpx.AsyncClient, method: str, params: dict[str, Any]) -> Any:
        headers = {"X-MBX-APIKEY": self._account.api_key}
        answer = await http.request(method, f"/api/v3/order?{sign(self._account, params)}", headers=headers)
        assert answer.status_code == 200, f"{method} while Valkey was away: {answer.text}"
        return answer.json()


class DepthReader:
    """Follows a depth stream and holds it to its numbers."""

    def __init__(self, exchange: Exchange) -> None:
        self._url = f"{exchange.socket_url}/ws/btcusdt@depth@100ms"
        self.events: list[dict[str, Any]] = []

    async def run(self) -> None:
        async with connect(self._url) as socket:
            while True:
                event = json.loads(await socket.recv())
                if self.events:
                    assert event["U"] == self.events[-1]["u"] + 1, "a gap in the depth stream"
                self.events.append(event)


async def _events_of_user(exchange: Exchange, listen_key: str, seen: list[dict[str, Any]]) -> None:
    async with connect(f"{exchange.socket_url}/ws/{listen_key}") as socket:
        while True:
            seen.append(json.loads(await socket.recv()))


async def _listen_key(http: httpx.AsyncClient, account: Account) -> str:
    answer = await http.post("/api/v3/userDataStream", headers={"X-MBX-APIKEY": account.api_key})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["listenKey"])


async def _public_goes_on(http: httpx.AsyncClient) -> None:
    for path in ("depth?symbol=BTCUSDT", "ticker/24hr?symbol=BTCUSDT", "trades?symbol=BTCUSDT", "exchangeInfo"):
        answer = await http.get(f"/api/v3/{path}")
        assert answer.status_code == 200, f"{path}: {answer.text}"


async def _through_the_loss(exchange: Exchange, accounts: list[Account]) -> None:
    quoters = [Quoter(exchange, account) for account in accounts]
    depth, told, told_late = DepthReader(exchange), list[dict[str, Any]](), list[dict[str, Any]]()

    def seen() -> list[int]:
        return [*(quoter.done for quoter in quoters), len(depth.events), len(told)]

    async with httpx.AsyncClient(base_url=exchange.base_url, timeout=10) as http, asyncio.TaskGroup() as tasks:
        before = await _listen_key(http, accounts[0])
        readers = [tasks.create_task(depth.run()), tasks.create_task(_events_of_user(exchange, before, told))]
        for quoter in quoters:
            tasks.create_task(quoter.run())
        await asyncio.sleep(1.5)
        with nobody_starts_again(exchange):
            assert exchange.kill("valkey"), "no Valkey was found to kill"
            await asyncio.sleep(0.5)
            meanwhile = await _listen_key(http, accounts[1])
            readers.append(tasks.create_task(_events_of_user(exchange, meanwhile, told_late)))
            for _ in range(int(AWAY_S)):
                marks = seen()
                await _public_goes_on(http)
                await asyncio.sleep(1)
                assert all(now > mark for now, mark in zip(seen(), marks, strict=True)), (marks, seen())
            assert told_late, "a key made while Valkey was away opens a stream on whichever edge"
        await asyncio.sleep(BACK_S)
        assert exchange.pids().get("valkey"), "Valkey was not started again"
        renewed = await http.put(
            "/api/v3/userDataStream", params={"listenKey": before}, headers={"X-MBX-APIKEY": accounts[0].api_key}
        )
        assert renewed.status_code == 200, "the key outlives the memory of Valkey"
        marks = seen()
        await asyncio.sleep(1)
        assert all(now > mark for now, mark in zip(seen(), marks, strict=True)), (marks, seen())
        for quoter in quoters:
            quoter.is_running = False
        for reader in readers:
            reader.cancel()


def test_orders_and_depth_go_on_without_valkey(own_exchange: Exchange) -> None:
    accounts = [own_exchange.account(f"trader{n}@example.com", BTC="20", USDT="500000") for n in range(2)]
    before = own_exchange.pids()
    asyncio.run(_through_the_loss(own_exchange, accounts))
    after = own_exchange.pids()
    for role in ("edge", "history", "sequencer"):
        assert after[role] == before[role], f"{role} outlives the cache"
    done = own_exchange.verify()
    assert done.returncode == 0, done.stdout + done.stderr
