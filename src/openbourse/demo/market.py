"""The demo market: connects the traders, paces them, keeps their inventory, ends them cleanly."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeVar

import structlog

from openbourse.demo.client import Away, Client, Refused
from openbourse.demo.instruments import Traded, read_instruments
from openbourse.demo.maker import NOTIONAL_USDT, Maker
from openbourse.demo.prices import FairPrices
from openbourse.demo.taker import Taker
from openbourse.protocol.amounts import UNIT, parse_units

log: Final = structlog.get_logger()
T = TypeVar("T")

PRICE_STEP_S: Final = 0.25
INVENTORY_EVERY_S: Final = 20.0
PAUSE_AFTER_FAULT_S: Final = 1.0
MAKER_CHANGES_MAX: Final = 8
OPENING_CHANGES_MAX: Final = 40
INVENTORY: Final = {"BTC": 20 * UNIT, "ETH": 400 * UNIT, "BNB": 1_500 * UNIT, "USDT": 2_000_000 * UNIT}
"""What every trader is filled up to when less than a quarter of it is left."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How big the demo is."""

    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "ETHBTC")
    takers: int = 3
    maker_step_s: float = 1.2
    taker_step_s: float = 0.45
    seed: int = 20_261_122

    @property
    def accounts(self) -> int:
        """How many accounts it trades with: a maker a symbol, and the takers."""
        return len(self.symbols) + self.takers


class Credentials(Protocol):
    """An account made for a trader."""

    @property
    def account_id(self) -> int: ...
    @property
    def api_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...


Deposit = Callable[[int, str, int], Awaitable[None]]
"""Asks whoever runs the venue for a test deposit: account, asset, amount."""


class Market:
    """All traders of one venue."""

    def __init__(self, url: str, plan: Plan, accounts: Sequence[Credentials], deposit: Deposit) -> None:
        self._plan = plan
        self._accounts = accounts
        self._deposit = deposit
        self._clients = [Client(url, account.api_key, account.secret_key) for account in accounts]
        self._prices = FairPrices(plan.seed)
        self._random = random.Random(plan.seed + 1)

    async def run(self, on_trading: Callable[[], None], stop: asyncio.Event) -> None:
        """Trade until stopped; calls back when the books are filled for the first time."""
        work = asyncio.create_task(self._trade(on_trading))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (work, stopped):
            task.cancel()
        await asyncio.gather(work, stopped, return_exceptions=True)
        for client in self._clients:
            await client.close()
        if not work.cancelled() and (fault := work.exception()) is not None:
            raise fault

    async def _trade(self, on_trading: Callable[[], None]) -> None:
        instruments = await self._patiently(self._look)
        for number in range(len(self._accounts)):
            await self._patiently(partial(self._fill_up, number))
        makers = self._makers(instruments)
        for maker in makers:
            await self._patiently(maker.clear)
            await self._patiently(partial(maker.step, OPENING_CHANGES_MAX))
        on_trading()
        log.info("trading", symbols=[instrument.symbol for instrument in instruments])
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._move_prices())
            tasks.create_task(self._keep_inventory())
            for maker in makers:
                tasks.create_task(self._pace(partial(maker.step, MAKER_CHANGES_MAX), self._plan.maker_step_s))
            for taker in self._takers(instruments):
                tasks.create_task(self._pace(taker.step, self._plan.taker_step_s))

    async def _look(self) -> list[Traded]:
        """Read what is listed, and go on from where the markets traded last."""
        instruments = read_instruments(await self._clients[0].public("exchangeInfo"), self._plan.symbols)
        for instrument in instruments:
            with contextlib.suppress(Refused):
                last = await self._clients[0].public("ticker.price", symbol=instrument.symbol)
                self._prices.begin(instrument.symbol, parse_units(last["price"]) / UNIT)
        return instruments

    def _scale(self, instrument: Traded) -> float:
        """Return a level's notional in the quote asset."""
        return NOTIONAL_USDT / (self._prices.of("BTCUSDT") if instrument.quote == "BTC" else 1.0)

    def _makers(self, instruments: list[Traded]) -> list[Maker]:
        return [
            Maker(client, instrument, self._prices, self._scale(instrument), random.Random(self._random.random()))
            for client, instrument in zip(self._clients, instruments, strict=False)
        ]

    def _takers(self, instruments: list[Traded]) -> list[Taker]:
        scales = {instrument.symbol: self._scale(instrument) for instrument in instruments}
        return [
            Taker(client, instruments, scales, self._prices, random.Random(self._random.random()))
            for client in self._clients[len(self._plan.symbols) :]
        ]

    async def _move_prices(self) -> None:
        while True:
            await asyncio.sleep(PRICE_STEP_S)
            self._prices.step(PRICE_STEP_S)

    async def _keep_inventory(self) -> None:
        while True:
            await asyncio.sleep(INVENTORY_EVERY_S)
            for number in range(len(self._accounts)):
                await self._patiently(partial(self._fill_up, number))

    async def _fill_up(self, number: int) -> None:
        account = await self._clients[number].signed("account.status", omitZeroBalances="true")
        have = {row["asset"]: parse_units(row["free"]) + parse_units(row["locked"]) for row in account["balances"]}
        for code, wanted in INVENTORY.items():
            if have.get(code, 0) < wanted // 4:
                await self._deposit(self._accounts[number].account_id, code, wanted - have.get(code, 0))

    async def _pace(self, step: Callable[[], Awaitable[object]], every_s: float) -> None:
        """Do a step again and again at random intervals; what fails is tried anew a little later."""
        while True:
            await self._patiently(step)
            await asyncio.sleep(min(self._random.expovariate(1 / every_s), 4 * every_s))

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work, again and again while the venue is away or asks for patience."""
        while True:
            try:
                return await work()
            except (Away, OSError) as fault:
                log.info("the venue is away", why=str(fault))
                await asyncio.sleep(PAUSE_AFTER_FAULT_S)
            except Refused as refusal:
                log.warning("refused", code=refusal.code, why=str(refusal))
                await asyncio.sleep(max(PAUSE_AFTER_FAULT_S, refusal.retry_after_s))
