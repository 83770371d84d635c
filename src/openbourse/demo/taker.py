"""A taker: crosses the spread at random, in bursts now and then, more often the way the fair price has gone."""

import asyncio
import random
from typing import Final

from openbourse.demo.client import Client, Refused
from openbourse.demo.instruments import Traded, text
from openbourse.demo.prices import FairPrices

MARKET_SHARE: Final = 0.6
BURST_CHANCE: Final = 0.03
BURST_ORDERS: Final = (3, 9)
BURST_PAUSE_S: Final = 0.08
REACH: Final = 4e-4
"""How far beyond the fair price an IOC limit goes."""
FAIR_REJECTS: Final = frozenset({-2010, -1013})


class Taker:
    """Trades several symbols from one account."""

    def __init__(
        self,
        client: Client,
        instruments: list[Traded],
        scales: dict[str, float],
        prices: FairPrices,
        generator: random.Random,
    ) -> None:
        self._client = client
        self._instruments = instruments
        self._scales = scales
        self._prices = prices
        self._random = generator
        self._last_fair: dict[str, float] = {}

    async def step(self) -> None:
        """Send one order, or a burst on one side. Raises Away, Refused."""
        instrument = self._random.choice(self._instruments)
        side = self._side(instrument.symbol)
        orders = self._random.randint(*BURST_ORDERS) if self._random.random() < BURST_CHANCE else 1
        for number in range(orders):
            if number:
                await asyncio.sleep(BURST_PAUSE_S)
            await self._send(instrument, side)

    def _side(self, symbol: str) -> str:
        fair = self._prices.of(symbol)
        before = self._last_fair.get(symbol, fair)
        self._last_fair[symbol] = before + 0.2 * (fair - before)
        lean = max(-0.3, min(0.3, (fair / before - 1) * 2_000))
        return "BUY" if self._random.random() < 0.5 + lean else "SELL"

    async def _send(self, instrument: Traded, side: str) -> None:
        fair = self._prices.of(instrument.symbol)
        price = instrument.price(fair * (1 + REACH if side == "BUY" else 1 - REACH))
        quantity = instrument.quantity(self._scales[instrument.symbol] * self._random.lognormvariate(-1.2, 1.0), price)
        params: dict[str, object] = {"symbol": instrument.symbol, "side": side, "quantity": text(quantity)}
        if self._random.random() < MARKET_SHARE:
            params["type"] = "MARKET"
        else:
            params.update(type="LIMIT", timeInForce="IOC", price=text(price))
        try:
            await self._client.signed("order.place", newOrderRespType="ACK", **params)
        except Refused as refusal:
            if refusal.code not in FAIR_REJECTS:
                raise
