"""More new orders than a venue can do: they are done or refused with one code, and every cancel beside them is accepted."""

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.exchange import Account, Exchange, sign

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

POURING = 300
"""Connections that pour orders, each one behind the other, until the last cancel is answered."""
EACH_MAX = 1_000
RESTING = 40
POURING_SOCKETS = 8
MESSAGES = 100
"""Orders that a pouring socket sends at once, with one cancel in their midst."""
ROUNDS_MAX = 60
SYMBOL = "ETHBTC"
"""Other suites trade the others on this venue, and what they trade at decides which prices are taken."""
LIMIT = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": "0.1000", "price": "0.05000"}


class Connection:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, account: Account, method: str, **params: str) -> tuple[int, Any]:
        target = f"/api/v3/order?{sign(account, {**params, 'recvWindow': '60000'})}"
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: venue\r\nX-MBX-APIKEY: {account.api_key}\r\nContent-Length: 0\r\n\r\n"
        )
        self._writer.write(head.encode())
        answer = await self._reader.readuntil(b"\r\n\r\n")
        body = await self._reader.readexactly(int(answer.split(b"content-length: ")[1].split(b"\r\n")[0]))
        return int(answer.split(b" ")[1]), json.loads(body)

    def close(self) -> None:
        self._writer.close()


async def dial(exchange: Exchange) -> Connection:
    return Connection(*await asyncio.open_connection("127.0.0.1", exchange.port))


async def pour(exchange: Exchange, account: Account, seen: Counter[tuple[int, int]], enough: asyncio.Event) -> None:
    connection = await dial(exchange)
    for _ in range(EACH_MAX):
        if enough.is_set():
            break
        status, body = await connection.ask(account, "POST", **LIMIT, timeInForce="IOC")
        seen[status, body.get("code", 0)] += 1
    connection.close()


async def cancel(exchange: Exchange, account: Account, names: list[str]) -> list[tuple[int, Any]]:
    connection = await dial(exchange)
    found = []
    for name in names:
        status, body = await connection.ask(account, "DELETE", symbol=SYMBOL, origClientOrderId=name)
        found.append((status, body.get("status", body)))
    connection.close()
    return found


async def rest(exchange: Exchange, account: Account, names: list[str]) -> None:
    """Have an order of each name on the book."""
    connection = await dial(exchange)
    for name in names:
        status, body = await connection.ask(account, "POST", **LIMIT, timeInForce="GTC", newClientOrderId=name)
        assert (status, body.get("status")) == (200, "NEW"), body
    connection.close()


async def test_every_cancel_is_accepted_while_new_orders_are_shed(exchange: Exchange) -> None:
    pouring = exchange.account("pouring@overload.test", BTC="1000")
    canceling = exchange.account("canceling@overload.test", BTC="1000")
    names = [f"rests-{number}" for number in range(RESTING)]
    await rest(exchange, canceling, names)
    seen, enough = Counter[tuple[int, int]](), asyncio.Event()
    async with asyncio.timeout(120):
        burst = [asyncio.create_task(pour(exchange, pouring, seen, enough)) for _ in range(POURING)]
        canceled = await cancel(exchange, canceling, names)
        enough.set()
        await asyncio.gather(*burst)
    assert canceled == [(200, "CANCELED")] * RESTING
    assert set(seen) == {(200, 0), (503, -1008)}, seen


def message(account: Account, number: str, method: str, **params: str) -> str:
    whole = {**params, "apiKey": account.api_key, "recvWindow": "60000", "timestamp": str(time.time_ns() // 1_000_000)}
    text = "&".join(f"{name}={whole[name]}" for name in sorted(whole))
    whole["signature"] = hmac.new(account.secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()
    return json.dumps({"id": number, "method": method, "params": whole})


async def pour_messages(
    exchange: Exchange, accounts: tuple[Account, Account], names: list[str], seen: Counter[tuple[int, int]]
) -> list[tuple[int, str]]:
    """Pour orders of one account over a socket and, in their midst, the other's cancels; return how those ended."""
    pouring, canceling = accounts
    canceled = []
    async with connect(f"{exchange.socket_url}/ws-api/v3") as socket:
        for number in range(ROUNDS_MAX):
            texts = [
                message(pouring, f"order-{place}", "order.place", **LIMIT, timeInForce="IOC")
                for place in range(MESSAGES)
            ]
            if number < len(names):
                named = {"symbol": SYMBOL, "origClientOrderId": names[number]}
                texts.insert(MESSAGES // 2, message(canceling, "cancel", "order.cancel", **named))
            elif seen[503, -1008]:
                break
            for text in texts:
                await socket.send(text)
            answers = [json.loads(await asyncio.wait_for(socket.recv(), 30)) for _ in texts]
            assert len({answer["id"] for answer in answers}) == len(texts), "each is answered once"
            for answer in answers:
                if answer["id"] == "cancel":
                    canceled.append((answer["status"], answer.get("result", answer).get("status")))
                else:
                    seen[answer["status"], answer.get("error", {}).get("code", 0)] += 1
    return canceled


async def look(exchange: Exchange, enough: asyncio.Event) -> Counter[int]:
    """Ask for the depth, one question behind the other; return the statuses of the answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
    found = Counter[int]()
    while not enough.is_set():
        writer.write(b"GET /api/v3/depth?symbol=ETHBTC HTTP/1.1\r\nHost: venue\r\n\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(answer.split(b"content-length: ")[1].split(b"\r\n")[0]))
        found[int(answer.split(b" ")[1])] += 1
    writer.close()
    return found


async def test_cancels_come_through_in_the_midst_of_what_pours_over_a_socket(exchange: Exchange) -> None:
    pouring = exchange.account("pouring@sockets.test", BTC="1000")
    canceling = exchange.account("canceling@sockets.test", BTC="1000")
    names = [f"stays-{number}" for number in range(RESTING)]
    await rest(exchange, canceling, names)
    seen, enough = Counter[tuple[int, int]](), asyncio.Event()
    async with asyncio.timeout(150):
        looking = asyncio.create_task(look(exchange, enough))
        canceled = await asyncio.gather(
            *(
                pour_messages(exchange, (pouring, canceling), names[place::POURING_SOCKETS], seen)
                for place in range(POURING_SOCKETS)
            )
        )
        enough.set()
        looked = await looking
    assert [ended for found in canceled for ended in found] == [(200, "CANCELED")] * RESTING
    assert set(seen) == {(200, 0), (503, -1008)}, seen
    # Cancels go first, then queries, then new orders.
    assert set(looked) <= {200, 503}
    assert looked[503] * sum(seen.values()) <= seen[503, -1008] * sum(looked.values())
