"""The clients: accounts that place, cancel and ask on a schedule, whatever the answers do, and go from edge to edge.

Run as a process of its own (`python -m chaos.load PLAN`): it writes every request to a file, stops sending when its
standard input ends, settles what is in doubt, and ends.
"""

import asyncio
import hashlib
import hmac
import random
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import msgspec
import uvloop

from chaos.history import Kind, Outcome, Request, encode, judge
from chaos.wire import Address, Answer, ApiSocket, NoAnswer, NotSent, Rest

SYMBOL: Final = "BTCUSDT"
WINDOW_S: Final = 5.0
"""The receive window of every request: after it a question about it is final."""
PATIENCE_S: Final = 3.0
"""How long a client tries to get a request sent at all."""
SUSPECT_S: Final = 1.5
"""An edge that is silent for so long gets no further requests of this client; it may still answer those it has."""
PAUSE_S: Final = 0.05
SETTLE_EVERY_S: Final = 0.5
SETTLE_S: Final = 60.0
END_S: Final = 30.0
"""How long what is under way or in doubt is waited for after the last request."""
OPEN_MAX: Final = 20
IN_FLIGHT_MAX: Final = 4_000
MIDDLE: Final = 60_000
METHODS: Final = {Kind.PLACE: "order.place", Kind.CANCEL: "order.cancel", Kind.QUERY: "order.status"}
VERBS: Final = {Kind.PLACE: "POST", Kind.CANCEL: "DELETE", Kind.QUERY: "GET"}


class Trading(msgspec.Struct):
    """An account and its key."""

    account: int
    api_key: str
    secret_key: str


class Plan(msgspec.Struct):
    """What the clients are told."""

    accounts: list[Trading]
    edges: list[Address]
    rate: float
    seed: int
    history: str


class Client:
    """One account: where it is connected, which of its orders it believes open."""

    def __init__(self, trading: Trading, number: int, edges: list[Address]) -> None:
        self.trading = trading
        self.via = "ws" if number % 3 == 2 else "rest"
        self.open: list[str] = []
        self.known: list[str] = []
        self._edges = edges
        self._at = number % len(edges)
        self._socket: ApiSocket | None = None
        self._opening = asyncio.Lock()

    @property
    def edge(self) -> Address:
        """The edge it talks to now."""
        return self._edges[self._at]

    def leave(self, edge: Address) -> None:
        """Go to the next edge, unless another request of this client has done so already."""
        if edge == self.edge:
            self._at = (self._at + 1) % len(self._edges)
            self._socket = None

    async def socket(self) -> ApiSocket:
        """Return an open socket to the present edge. Raises NotSent."""
        async with self._opening:
            if self._socket is None or not self._socket.is_open:
                self._socket = await ApiSocket.open(self.edge)
            return self._socket


class Load:
    """All clients, and the file that their requests go to."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._chance = random.Random(plan.seed)
        self._clients = [Client(trading, number, plan.edges) for number, trading in enumerate(plan.accounts)]
        self._rest = Rest()
        self._file = Path(plan.history).open("wb")  # noqa: SIM115 - open as long as the process
        self._tasks: set[asyncio.Task[None]] = set()
        self._number = 0
        self._run = f"{plan.seed % 1_000_000}"

    async def run(self, stop: asyncio.Event) -> None:
        """Send on schedule until stopped, then wait until nothing is under way or in doubt."""
        began, sent = time.monotonic(), 0
        while not stop.is_set():
            planned = began + sent / self._plan.rate
            wait = planned - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            sent += 1
            if len(self._tasks) < IN_FLIGHT_MAX:
                self._begin(self._chance.choice(self._clients), planned)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=END_S)
        self._file.close()

    def _begin(self, client: Client, planned: float) -> None:
        self._number += 1
        request, params = self._draw(client, planned)
        task = asyncio.create_task(self._perform(client, request, params))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _draw(self, client: Client, planned: float) -> tuple[Request, dict[str, object]]:
        chance = self._chance.random()
        name = f"c{self._run}-{self._number}"
        request = Request(
            number=self._number,
            account=client.trading.account,
            kind=Kind.PLACE,
            name=name,
            via=client.via,
            planned=planned,
        )
        if client.open and (chance < 0.25 or len(client.open) > OPEN_MAX):
            request.kind = Kind.CANCEL
            request.target = client.open.pop(self._chance.randrange(len(client.open)))
            return request, {"origClientOrderId": request.target, "newClientOrderId": name}
        if client.known and chance > 0.9:
            request.kind = Kind.QUERY
            request.target = self._chance.choice(client.known)
            return request, {"origClientOrderId": request.target}
        price = MIDDLE + self._chance.randrange(-500, 501) / 100
        return request, {
            "side": self._chance.choice(("BUY", "SELL")),
            "type": "LIMIT",
            "timeInForce": self._chance.choice(("GTC", "GTC", "IOC")),
            "price": f"{price:.2f}",
            "quantity": f"{self._chance.randrange(10, 99) / 100_000:.5f}",
            "newClientOrderId": name,
            "newOrderRespType": "FULL",
        }

    async def _perform(self, client: Client, request: Request, params: dict[str, object]) -> None:
        await self._send(client, request, params)
        self._file.write(encode(request))
        if request.kind == Kind.PLACE and request.outcome == Outcome.DONE:
            client.known = [*client.known[-200:], request.name]
            if request.body.get("status") in ("NEW", "PARTIALLY_FILLED"):
                client.open.append(request.name)
        if request.kind == Kind.CANCEL and request.outcome in (Outcome.SHED, Outcome.UNSENT):
            client.open.append(request.target)
        if request.kind == Kind.PLACE and request.outcome == Outcome.DOUBT:
            await self._settle(client, request)

    async def _settle(self, client: Client, doubtful: Request) -> None:
        """Ask for the order by its client order id until there is an answer that is final."""
        final_at = doubtful.sent + WINDOW_S
        limit = time.monotonic() + SETTLE_S
        while time.monotonic() < limit:
            self._number += 1
            asked = time.monotonic()
            question = Request(
                number=self._number,
                account=doubtful.account,
                kind=Kind.QUERY,
                name=doubtful.name,
                target=doubtful.name,
                via=client.via,
                planned=asked,
            )
            await self._send(client, question, {"origClientOrderId": doubtful.name})
            question.kind, question.target = Kind.SETTLE, str(doubtful.number)
            is_final = question.outcome == Outcome.DONE or (
                question.outcome == Outcome.REFUSED and question.code == -2013 and asked > final_at
            )
            if question.outcome == Outcome.REFUSED and not is_final:
                # Within the window it may still come: this answer settles nothing.
                question.outcome = Outcome.DOUBT
            self._file.write(encode(question))
            if is_final:
                return
            await asyncio.sleep(SETTLE_EVERY_S)

    async def _send(self, client: Client, request: Request, params: dict[str, object]) -> None:
        """Get a request to an edge, the next one where one cannot be reached, and note what comes of it."""
        limit = request.planned + PATIENCE_S
        while True:
            edge = client.edge
            request.edge, request.attempts = edge[0], request.attempts + 1
            request.sent = time.monotonic()
            suspicion = asyncio.get_running_loop().call_later(SUSPECT_S, client.leave, edge)
            try:
                status, body = await self._ask(client, edge, request, params)
            except NotSent as fault:
                request.why = str(fault)
                client.leave(edge)
                self._rest.leave(edge)
                if time.monotonic() > limit:
                    request.answered, request.outcome = time.monotonic(), Outcome.UNSENT
                    return
                await asyncio.sleep(PAUSE_S)
                continue
            except NoAnswer as fault:
                request.answered, request.outcome, request.why = time.monotonic(), Outcome.DOUBT, str(fault)
                client.leave(edge)
                self._rest.leave(edge)
                return
            finally:
                suspicion.cancel()
            request.answered = time.monotonic()
            request.outcome, request.code = judge(status, body)
            request.why = "" if request.outcome == Outcome.DONE else str(body.get("msg", ""))[:100]
            request.body = body if request.outcome == Outcome.DONE else {}
            return

    async def _ask(self, client: Client, edge: Address, request: Request, params: dict[str, object]) -> Answer:
        whole = {"symbol": SYMBOL, **params, "timestamp": time.time_ns() // 1_000_000}
        secret = client.trading.secret_key.encode()
        if client.via == "ws":
            socket = await client.socket()
            whole["apiKey"] = client.trading.api_key
            payload = "&".join(f"{name}={whole[name]}" for name in sorted(whole))
            whole["signature"] = hmac.new(secret, payload.encode(), hashlib.sha256).hexdigest()
            return await socket.ask(str(request.number), METHODS[request.kind], whole)
        query = urlencode(whole)
        signature = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
        head = (
            f"{VERBS[request.kind]} /api/v3/order?{query}&signature={signature} HTTP/1.1\r\nHost: {edge[0]}\r\n"
            f"X-MBX-APIKEY: {client.trading.api_key}\r\nContent-Length: 0\r\n\r\n"
        )
        return await self._rest.ask(edge, head.encode())


async def main(plan_file: Path) -> None:
    """Run a plan until standard input ends."""
    plan = msgspec.json.decode(plan_file.read_bytes(), type=Plan)
    stop = asyncio.Event()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def wait_for_end() -> None:
        await reader.read()
        stop.set()

    waiting = asyncio.create_task(wait_for_end())
    await Load(plan).run(stop)
    await waiting


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1])))
