"""A venue of its own with accounts, and requests signed before the run: orders, and cancels of orders that lie ready."""

import hmac
import random
import time
from dataclasses import dataclass
from typing import Final

import msgspec
import uvloop

from bench.flows import Flow, Run, steady, text_frame
from openbourse import wiring
from openbourse.settings import read_settings
from openbourse.supervisor.layout import Layout, read_venue_file
from openbourse.wiring import CreatedAccount
from tests.exchange import ROOMY_LIMITS, Exchange, discard, new_exchange

TRADERS: Final = 16
CANCELERS: Final = 8
OPEN_EACH: Final = 190
"""Orders that lie ready to be canceled, an account; the venue allows 200."""
FUNDS: Final = (("BTC", 1_000 * 10**8), ("USDT", 10_000_000 * 10**8))
START_S: Final = 20.0
WINDOW: Final = "60000"
"""recvWindow: requests are signed before the run."""


@dataclass(frozen=True)
class Trader:
    """A key that signs."""

    api_key: str
    secret: bytes

    def query(self, params: dict[str, str], in_s: float = 0.0) -> str:
        """Return signed parameters as a query string."""
        text = "&".join(f"{name}={value}" for name, value in self._whole(params, in_s).items())
        return f"{text}&signature={hmac.digest(self.secret, text.encode(), 'sha256').hex()}"

    def frame(self, name: str, method: str, params: dict[str, str]) -> bytes:
        """Return a signed request of the WebSocket API as a whole frame."""
        whole = self._whole({**params, "apiKey": self.api_key, "recvWindow": WINDOW}, 0.0)
        text = "&".join(f"{key}={whole[key]}" for key in sorted(whole))
        whole["signature"] = hmac.digest(self.secret, text.encode(), "sha256").hex()
        return text_frame(msgspec.json.encode({"id": name, "method": method, "params": whole}))

    def rest(self, method: str, path: str, params: dict[str, str], in_s: float = 0.0) -> bytes:
        """Return a signed request as HTTP, to be sent in so many seconds."""
        window = {} if in_s else {"recvWindow": WINDOW}
        return (
            f"{method} {path}?{self.query({**params, **window}, in_s)} HTTP/1.1\r\nHost: venue\r\nX-MBX-APIKEY: {self.api_key}\r\n"
            "Content-Length: 0\r\n\r\n"
        ).encode()

    def _whole(self, params: dict[str, str], in_s: float) -> dict[str, str]:
        return {**params, "timestamp": str(time.time_ns() // 1_000_000 + int(in_s * 1_000))}


def new_accounts(
    exchange: Exchange, count: int, funds: tuple[tuple[str, int], ...], label: str
) -> list[CreatedAccount]:
    """Make funded accounts of a running venue, all of them over the same connections."""
    layout, limit = Layout(exchange.data_dir), time.monotonic() + START_S
    while (environment := read_venue_file(layout)) is None:
        assert time.monotonic() < limit, "the venue did not say where it is"
        time.sleep(0.05)
    return uvloop.run(wiring.create_accounts(read_settings(environment), count, funds, label))


class Book:
    """The accounts of a run and the orders that lie ready to be canceled."""

    def __init__(self, exchange: Exchange) -> None:
        self.port = exchange.port
        made = new_accounts(exchange, TRADERS + CANCELERS, FUNDS, "overload")
        keys = [Trader(account.api_key, account.secret_key.encode()) for account in made]
        self.traders, self.cancelers = keys[:TRADERS], keys[TRADERS:]
        self.ready: list[tuple[Trader, str]] = []
        self._chance = random.Random(1)
        self._count = 0

    def order(self) -> tuple[Trader, dict[str, str]]:
        """Return an order of a mix in which about a third trades at once and books stay shallow."""
        self._count += 1
        chance = self._chance
        return self.traders[self._count % TRADERS], {
            "symbol": "BTCUSDT",
            "side": chance.choice(("BUY", "SELL")),
            "type": "LIMIT",
            "timeInForce": chance.choice(("GTC", "IOC", "IOC")),
            "quantity": f"{chance.randrange(10, 99) / 100_000:.5f}",
            "price": f"{60_000 + chance.randrange(-500, 500) / 100:.2f}",
            "newClientOrderId": f"o{self._count}",
        }

    async def fill(self, count: int = CANCELERS * OPEN_EACH) -> None:
        """Place orders until so many lie ready, at most each canceling account's share."""
        assert count <= CANCELERS * OPEN_EACH, "the venue allows no more open orders"
        wanted = count - len(self.ready)
        placed: list[tuple[Trader, str]] = []
        requests: list[bytes] = []
        for number in range(wanted):
            self._count += 1
            trader, name = self.cancelers[number % CANCELERS], f"c{self._count}"
            placed.append((trader, name))
            params = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.00100"}
            params |= {"price": f"{59_000 + number % 500}.00", "newClientOrderId": name}
            requests.append(trader.rest("POST", "/api/v3/order", params))
        flow, run = Flow("fill", steady(250, 0, wanted / 250 + 1)[:wanted], requests), Run(self.port)
        await run.add_rest(flow, 16)
        await run.play()
        assert flow.good == wanted, f"{flow.good} of {wanted} orders were placed: {flow.others.most_common(3)}"
        self.ready += placed

    def targets(self, count: int, is_spent: bool) -> list[tuple[Trader, dict[str, str]]]:
        """Return what cancels name: orders that lie ready, which are taken out, or, for a server without a book, none."""
        if is_spent:
            found, self.ready = self.ready[:count], self.ready[count:]
            assert len(found) == count, "too few orders lie ready"
        else:
            found = [(self.cancelers[number % CANCELERS], f"c{number}") for number in range(count)]
        return [(trader, {"symbol": "BTCUSDT", "origClientOrderId": name}) for trader, name in found]


def start(environment: dict[str, str] | None = None) -> tuple[Exchange, Book]:
    """Start a venue of its own with accounts; its environment may name another commit's code."""
    exchange = new_exchange(environment={**ROOMY_LIMITS, **(environment or {})})
    try:
        exchange.start()
        return exchange, Book(exchange)
    except BaseException:
        discard(exchange)
        raise
