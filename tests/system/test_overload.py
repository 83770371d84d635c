"""More new orders than a venue can do: they are done or refused with one code, and every cancel beside them is accepted."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from tests.exchange import Account, Exchange, sign

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

POURING = 300
"""Connections that pour orders, each one behind the other, until the last cancel is answered."""
EACH_MAX = 1_000
RESTING = 40
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.00100", "price": "50000.00"}


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
        status, body = await connection.ask(account, "DELETE", symbol="BTCUSDT", origClientOrderId=name)
        found.append((status, body.get("status", body)))
    connection.close()
    return found


async def test_every_cancel_is_accepted_while_new_orders_are_shed(exchange: Exchange) -> None:
    pouring = exchange.account("pouring@overload.test", USDT="1000000")
    canceling = exchange.account("canceling@overload.test", USDT="1000000")
    names = [f"rests-{number}" for number in range(RESTING)]
    connection = await dial(exchange)
    for name in names:
        status, body = await connection.ask(canceling, "POST", **LIMIT, timeInForce="GTC", newClientOrderId=name)
        assert (status, body.get("status")) == (200, "NEW")
    connection.close()
    seen, enough = Counter[tuple[int, int]](), asyncio.Event()
    async with asyncio.timeout(120):
        burst = [asyncio.create_task(pour(exchange, pouring, seen, enough)) for _ in range(POURING)]
        canceled = await cancel(exchange, canceling, names)
        enough.set()
        await asyncio.gather(*burst)
    assert canceled == [(200, "CANCELED")] * RESTING
    assert set(seen) == {(200, 0), (503, -1008)}, seen
