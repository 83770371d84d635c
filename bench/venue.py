"""The whole venue: durable order entry over REST and WebSocket under open-loop load, beside its own ceiling.

The ceiling is GET /api/v3/ping on the same server in the same run: parsing, limits and rendering, but no order.
"""

import asyncio
import hashlib
import hmac
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import uvloop

from bench.load import Make, Outcome, rest_load, socket_load
from bench.memory import proportional_mib
from bench.ready import FUNDS, new_accounts
from openbourse.wiring import CreatedAccount
from tests.exchange import Account, Exchange, discard, new_exchange

CONNECTIONS = 32
SOCKETS = 8
ACCOUNTS = 32


@dataclass(frozen=True)
class VenueFigures:
    """What one run of the venue gave."""

    outcomes: list[tuple[str, Outcome]]
    memory_mib: dict[str, float]


def measure(rates: list[int], seconds: float) -> VenueFigures:
    """Start a venue of its own, load it at each rate over REST and WebSocket, and end it."""
    exchange = new_exchange()
    try:
        exchange.start()
        accounts = new_accounts(exchange, ACCOUNTS, FUNDS, "bench")
        outcomes = uvloop.run(_loads(exchange, accounts, rates, seconds))
        memory = {role: proportional_mib(pids) for role, pids in sorted(exchange.pids().items())}
        return VenueFigures(outcomes, memory)
    finally:
        discard(exchange)


async def _loads(
    exchange: Exchange, accounts: Sequence[Account | CreatedAccount], rates: list[int], seconds: float
) -> list[tuple[str, Outcome]]:
    host, port = "127.0.0.1", exchange.port
    ping = f"GET /api/v3/ping HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    await rest_load(host, port, rest_orders(accounts, 1), 200, 2, CONNECTIONS)  # warm-up, not kept
    outcomes: list[tuple[str, Outcome]] = []
    for rate in rates:
        outcomes.append(
            ("REST ping (ceiling)", await rest_load(host, port, lambda _: ping, rate, seconds, CONNECTIONS))
        )
        outcomes.append(
            ("REST order", await rest_load(host, port, rest_orders(accounts, rate), rate, seconds, CONNECTIONS))
        )
        outcomes.append(
            (
                "WebSocket order",
                await socket_load(
                    host, port, "/ws-api/v3", socket_orders(accounts, rate), is_accepted, rate, seconds, SOCKETS
                ),
            )
        )
        await asyncio.sleep(1)
    return outcomes


def is_accepted(payload: bytes) -> bool:
    """Tell whether a WebSocket answer is a good one."""
    return b'"status":200' in payload[:80]


def _order(chance: random.Random, name: str) -> dict[str, str]:
    """Return one order of a mix in which about a third trades at once and books stay shallow."""
    side = chance.choice(("BUY", "SELL"))
    return {
        "symbol": "BTCUSDT",
        "side": side,
        "type": "LIMIT",
        "timeInForce": chance.choice(("GTC", "IOC", "IOC")),
        "quantity": f"{chance.randrange(10, 99) / 100_000:.5f}",
        "price": f"{60_000 + chance.randrange(-500, 500) / 100:.2f}",
        "newClientOrderId": name,
    }


def rest_orders(accounts: Sequence[Account | CreatedAccount], seed: int) -> Make:
    """Return a maker of signed POST /api/v3/order requests, each with a fresh timestamp."""
    chance = random.Random(seed)
    run = time.time_ns() % 10**9

    def make(number: int) -> bytes:
        account = accounts[number % len(accounts)]
        body = "&".join(f"{k}={v}" for k, v in _order(chance, f"r{run}-{seed}-{number}").items())
        body += f"&timestamp={time.time_ns() // 1_000_000}"
        signature = hmac.new(account.secret_key.encode(), body.encode(), hashlib.sha256).hexdigest()
        return (
            f"POST /api/v3/order?{body}&signature={signature} HTTP/1.1\r\nHost: venue\r\n"
            f"X-MBX-APIKEY: {account.api_key}\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    return make


def socket_orders(accounts: Sequence[Account | CreatedAccount], seed: int) -> Make:
    """Return a maker of signed order.place requests whose id is their number."""
    chance = random.Random(seed)
    run = time.time_ns() % 10**9

    def make(number: int) -> bytes:
        account = accounts[number % len(accounts)]
        params = _order(chance, f"w{run}-{seed}-{number}")
        params.update(apiKey=account.api_key, timestamp=str(time.time_ns() // 1_000_000))
        payload = "&".join(f"{key}={params[key]}" for key in sorted(params))
        params["signature"] = hmac.new(account.secret_key.encode(), payload.encode(), hashlib.sha256).hexdigest()
        return msgspec.json.encode({"id": str(number), "method": "order.place", "params": params})

    return make
