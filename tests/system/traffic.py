"""Traffic for fault tests: clients that trade, note what was acknowledged, and afterwards hold the venue to it."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.exchange import Account, sign

# Answers and faults after which a client does not know whether its order happened.
UNKNOWN_CODES = frozenset({-1000, -1001, -1006, -1007})


@dataclass
class Ledger:
    """What one account's client knows of its orders."""

    account: Account
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Client order id to the newest acknowledged answer."""
    canceled: set[str] = field(default_factory=set)
    in_doubt: set[str] = field(default_factory=set)
    in_doubt_cancels: set[str] = field(default_factory=set)
    refused: int = 0


class Trader:
    """Places and cancels orders of one account until told to stop; goes on through every fault."""

    def __init__(self, base_url: str, account: Account, seed: int) -> None:
        self.ledger = Ledger(account)
        self._random = random.Random(seed)
        self._base_url = base_url
        self._count = 0
        self._running = True

    def stop(self) -> None:
        self._running = False

    async def run(self) -> None:
        async with httpx.AsyncClient(base_url=self._base_url, timeout=15) as http:
            while self._running:
                try:
                    await self._act(http)
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)

    async def _act(self, http: httpx.AsyncClient) -> None:
        open_ids = [
            name
            for name, answer in self.ledger.acknowledged.items()
            if answer["status"] in ("NEW", "PARTIALLY_FILLED")
            and name not in self.ledger.canceled | self.ledger.in_doubt_cancels
        ]
        if len(open_ids) > 20 or (open_ids and self._random.random() < 0.3):
            await self._cancel(http, self._random.choice(open_ids))
        else:
            await self._place(http)

    async def _place(self, http: httpx.AsyncClient) -> None:
        self._count += 1
        name = f"t{self.ledger.account.account_id}-{self._count}"
        price = self._random.randrange(99_000, 101_001, 50)
        order = {
            "symbol": "BTCUSDT",
            "side": self._random.choice(("BUY", "SELL")),
            "type": "LIMIT",
            "timeInForce": self._random.choice(("GTC", "GTC", "GTC", "IOC")),
            "price": f"{price / 10:.2f}",
            "quantity": f"{self._random.randrange(100, 900) / 100_000:.5f}",
            "newClientOrderId": name,
            "newOrderRespType": "FULL",
        }
        self.ledger.in_doubt.add(name)
        answer = await self._send(http, "POST", order)
        body = _json(answer)
        if answer.status_code == 200:
            self.ledger.acknowledged[name] = body
        if answer.status_code == 200 or body.get("code", -1000) not in UNKNOWN_CODES:
            self.ledger.in_doubt.discard(name)
            self.ledger.refused += answer.status_code != 200

    async def _cancel(self, http: httpx.AsyncClient, name: str) -> None:
        self.ledger.in_doubt_cancels.add(name)
        answer = await self._send(http, "DELETE", {"symbol": "BTCUSDT", "origClientOrderId": name})
        body = _json(answer)
        if answer.status_code == 200:
            self.ledger.canceled.add(name)
            self.ledger.acknowledged[name] = {**self.ledger.acknowledged[name], **body}
        if answer.status_code == 200 or body.get("code", -1000) not in UNKNOWN_CODES:
            self.ledger.in_doubt_cancels.discard(name)

    async def _send(self, http: httpx.AsyncClient, method: str, params: dict[str, Any]) -> httpx.Response:
        query = sign(self.ledger.account, params)
        return await http.request(
            method, f"/api/v3/order?{query}", headers={"X-MBX-APIKEY": self.ledger.account.api_key}
        )


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
