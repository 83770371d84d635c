"""Trading a tape through the public WebSocket API, many signed requests in flight on one connection, in order."""

import asyncio
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final, Protocol

import msgspec
from hdrh.histogram import HdrHistogram
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from openbourse.protocol.amounts import format_units
from openbourse.protocol.instruments import TimeInForce
from openbourse.replay.formats import Levels, Step
from openbourse.replay.tape import CancelIntent, Intent, PlaceIntent, Tape

IN_FLIGHT_DEFAULT: Final = 64
TRIES_PER_ORDER: Final = 50
OPEN_ORDERS_MARGIN: Final = 5
"""Kept free under MAX_NUM_ORDERS, because fills of resting orders are learnt late."""


class ReplayFault(Exception):
    """The replay cannot go on; the message says what to do."""


class Credentials(Protocol):
    """What a trading account needs here."""

    @property
    def api_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...


@dataclass(slots=True)
class Trader:
    """One of the accounts that the tape trades with."""

    api_key: str
    secret: bytes
    open_orders: int = 0
    paused_until: float = 0.0


@dataclass
class Report:
    """What a replay saw; latency in µs from the planned (or actual) sending to the answer."""

    steps: int = 0
    placed: int = 0
    accepted: int = 0
    canceled: int = 0
    already_gone: int = 0
    fills: int = 0
    seconds: float = 0.0
    refusals: Counter[str] = field(default_factory=Counter)
    unknown_steps: int = 0
    latency: HdrHistogram = field(default_factory=lambda: HdrHistogram(1, 60_000_000, 3))

    @property
    def requests(self) -> int:
        """Orders and cancels answered."""
        return self.placed + self.canceled + self.already_gone


class _Reply(msgspec.Struct):
    id: str
    status: int
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: dict[str, object] | None = None


class _Placed(msgspec.Struct):
    status: str
    fills: list[object] = []


_REPLY: Final = msgspec.json.Decoder(_Reply)
_PLACED: Final = msgspec.json.Decoder(_Placed)


class Driver:
    """Sends a tape's intents in order with a bounded number in flight; refused orders are counted, not hidden."""

    def __init__(self, url: str, symbol: str, accounts: list[Credentials], orders_max: int, in_flight: int) -> None:
        self._url = url
        self._symbol = symbol
        self._traders = [Trader(account.api_key, account.secret_key.encode()) for account in accounts]
        self._turns = cycle(self._traders)
        self._orders_max = orders_max - OPEN_ORDERS_MARGIN
        self._slots = asyncio.Semaphore(in_flight)
        self._waiting: dict[str, asyncio.Future[_Reply]] = {}
        self._owners: dict[str, Trader] = {}
        self._count = 0
        self.report = Report()

    async def run(
        self,
        tape: Tape,
        opening: tuple[Levels, Levels] | None,
        steps: Iterator[Step],
        speed: float | None,
        progress: Callable[[], None],
    ) -> Report:
        """Trade the opening book (asks, bids after the first step) and every step; speed None: as fast as answers come.

        Raises ReplayFault when the connection is lost.
        """
        try:
            async with connect(self._url, max_size=2**20, compression=None) as connection:
                reader = asyncio.create_task(self._read(connection))
                began = time.perf_counter()
                try:
                    await self._play(connection, tape, opening, steps, speed, progress, began)
                finally:
                    reader.cancel()
                self.report.seconds = time.perf_counter() - began
        except (OSError, ConnectionClosed) as fault:
            raise ReplayFault(
                f"the connection to {self._url} was lost: {fault}; see that the exchange runs, then start again"
            ) from fault
        self.report.unknown_steps = tape.unknown
        return self.report

    async def _play(
        self,
        connection: ClientConnection,
        tape: Tape,
        opening: tuple[Levels, Levels] | None,
        steps: Iterator[Step],
        speed: float | None,
        progress: Callable[[], None],
        began: float,
    ) -> None:
        first_us: int | None = None
        async with asyncio.TaskGroup() as tasks:
            for step in steps:
                if first_us is None:
                    first_us = step.time_us
                    for intent in tape.open_with(*opening, step) if opening is not None else ():
                        await self._slots.acquire()
                        await self._begin(connection, tape, intent, time.perf_counter(), tasks)
                    began = time.perf_counter()
                planned = time.perf_counter()
                if speed is not None:
                    planned = began + (step.time_us - first_us) / 1e6 / speed
                    await asyncio.sleep(max(0.0, planned - time.perf_counter()))
                for intent in tape.intents(step):
                    await self._slots.acquire()
                    since = planned if speed is not None else time.perf_counter()
                    await self._begin(connection, tape, intent, since, tasks)
                self.report.steps += 1
                progress()

    async def _begin(
        self, connection: ClientConnection, tape: Tape, intent: Intent, since: float, tasks: asyncio.TaskGroup
    ) -> None:
        """Send the first try here, so that requests leave in the order of the tape; the rest is a task's."""
        if isinstance(intent, CancelIntent):
            owner = self._owners.pop(intent.handle, None)
            if owner is None:
                self._slots.release()
                return
            sent = await self._send(connection, owner, "order.cancel", {"origClientOrderId": intent.handle})
            tasks.create_task(self._end_cancel(owner, sent, since))
        else:
            trader = await self._choose()
            self._owners[intent.handle] = trader
            trader.open_orders += 1
            sent = await self._send_order(connection, trader, intent)
            tasks.create_task(self._end_place(connection, tape, intent, trader, sent, since))

    async def _choose(self) -> Trader:
        while True:
            now = time.monotonic()
            for _ in self._traders:
                trader = next(self._turns)
                if trader.paused_until <= now and trader.open_orders < self._orders_max:
                    return trader
            if all(trader.open_orders >= self._orders_max for trader in self._traders) and not self._waiting:
                raise ReplayFault("every account has its largest number of open orders: use more (--accounts)")
            await asyncio.sleep(0.01)

    async def _send_order(
        self, connection: ClientConnection, trader: Trader, intent: PlaceIntent
    ) -> asyncio.Future[_Reply]:
        return await self._send(
            connection,
            trader,
            "order.place",
            {
                "side": intent.side.name,
                "type": "LIMIT",
                "timeInForce": intent.time_in_force.name,
                "price": format_units(intent.price),
                "quantity": format_units(intent.quantity),
                "newClientOrderId": intent.handle,
                "newOrderRespType": "FULL",
                "selfTradePreventionMode": "NONE",
            },
        )

    async def _end_place(
        self,
        connection: ClientConnection,
        tape: Tape,
        intent: PlaceIntent,
        trader: Trader,
        sent: asyncio.Future[_Reply],
        since: float,
    ) -> None:
        try:
            for _ in range(TRIES_PER_ORDER):
                reply = await sent
                if reply.status != 429 and not (
                    reply.error and reply.error.get("msg") == "Filter failure: MAX_NUM_ORDERS"
                ):
                    break
                trader.open_orders -= 1
                trader.paused_until = time.monotonic() + 1.0
                trader = await self._choose()
                trader.open_orders += 1
                self._owners[intent.handle] = trader
                sent = await self._send_order(connection, trader, intent)
            self._note_placed(tape, intent, trader, reply, since)
        finally:
            self._slots.release()

    def _note_placed(self, tape: Tape, intent: PlaceIntent, trader: Trader, reply: _Reply, since: float) -> None:
        self.report.placed += 1
        self.report.latency.record_value(max(1, int((time.perf_counter() - since) * 1e6)))
        rests = False
        if reply.status == 200:
            placed = _PLACED.decode(reply.result)
            self.report.accepted += 1
            self.report.fills += len(placed.fills)
            rests = intent.time_in_force is TimeInForce.GTC and placed.status in ("NEW", "PARTIALLY_FILLED")
        else:
            self._refuse(reply)
        if not rests:
            trader.open_orders -= 1
            self._owners.pop(intent.handle, None)
            tape.gone(intent.handle)

    async def _end_cancel(self, owner: Trader, sent: asyncio.Future[_Reply], since: float) -> None:
        try:
            reply = await sent
        finally:
            self._slots.release()
        self.report.latency.record_value(max(1, int((time.perf_counter() - since) * 1e6)))
        owner.open_orders -= 1
        if reply.status == 200:
            self.report.canceled += 1
        elif reply.error is not None and reply.error.get("code") == -2011:
            self.report.already_gone += 1
        else:
            self._refuse(reply)

    def _refuse(self, reply: _Reply) -> None:
        error = reply.error or {}
        self.report.refusals[f"{error.get('code')} {error.get('msg')}"] += 1

    async def _send(
        self, connection: ClientConnection, trader: Trader, method: str, params: dict[str, str]
    ) -> asyncio.Future[_Reply]:
        self._count += 1
        name = str(self._count)
        params = {**params, "symbol": self._symbol, "apiKey": trader.api_key}
        params["timestamp"] = str(time.time_ns() // 1_000_000)
        params["recvWindow"] = "60000"
        payload = "&".join(f"{key}={params[key]}" for key in sorted(params))
        params["signature"] = hmac.new(trader.secret, payload.encode(), hashlib.sha256).hexdigest()
        reply = asyncio.get_running_loop().create_future()
        self._waiting[name] = reply
        await connection.send(msgspec.json.encode({"id": name, "method": method, "params": params}).decode())
        return reply

    async def _read(self, connection: ClientConnection) -> None:
        try:
            async for message in connection:
                reply = _REPLY.decode(message)
                waiting = self._waiting.pop(reply.id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(reply)
        finally:
            lost = ReplayFault("the connection was lost before every answer had come; see that the exchange runs")
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(lost)
