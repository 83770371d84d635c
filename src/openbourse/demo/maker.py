"""A market maker: keeps a ladder of orders around the fair price of one symbol."""

import random
from typing import Any, Final

from openbourse.demo.client import Client, Refused
from openbourse.demo.instruments import Traded, text
from openbourse.demo.prices import FairPrices
from openbourse.protocol.amounts import parse_units

LEVELS: Final = 10
HALF_SPREAD: Final = 1.2e-4
GAP: Final = 1.6e-4
"""Between levels, as a share of the price; grows outwards."""
NOTIONAL_USDT: Final = 2_500.0
WITHDRAW_SHARE: Final = 0.06
"""Of the orders that could stay: taken back anyway, so that the book breathes."""
FAIR_REJECTS: Final = frozenset({-2010, -2011, -1013})
"""Would take, already gone, a filter at the edge: the next step sees the book anew."""


class Maker:
    """Quotes one symbol from one account. Every step begins with what the venue says is open: nothing to repair later."""

    def __init__(
        self, client: Client, instrument: Traded, prices: FairPrices, scale: float, generator: random.Random
    ) -> None:
        self._client = client
        self._instrument = instrument
        self._prices = prices
        self._scale = scale
        """Notional of a level in the quote asset."""
        self._random = generator

    async def clear(self) -> None:
        """Cancel what an earlier run left open. Raises Away, Refused."""
        try:
            await self._client.signed("openOrders.cancelAll", symbol=self._instrument.symbol)
        except Refused as refusal:
            if refusal.code != -2011:
                raise

    async def step(self, changes_max: int) -> int:
        """Move the ladder to the fair price with a bounded number of orders and cancels; return how many it took."""
        fair = self._prices.of(self._instrument.symbol)
        opened: list[Any] = await self._client.signed("openOrders.status", symbol=self._instrument.symbol)
        changes = 0
        for side, sign in (("BUY", -1), ("SELL", 1)):
            # Each side has its own allowance: after a jump of the price both need it.
            mine = [order for order in opened if order["side"] == side]
            kept, stale = self._sort_out(mine, fair, sign)
            taken_back = stale[: changes_max // 4 + 1]
            for order in taken_back:
                await self._tolerate("order.cancel", symbol=self._instrument.symbol, orderId=order["orderId"])
            placed = self._missing(kept, fair, sign)[: max(0, changes_max // 2 - len(taken_back))]
            for level in placed:
                await self._place(side, fair * (1 + sign * level))
            changes += len(taken_back) + len(placed)
        return changes

    def _sort_out(self, orders: list[Any], fair: float, sign: int) -> tuple[list[float], list[Any]]:
        """Return the distances of orders that may stay, and the orders to take back, the most dangerous first."""
        kept, stale = [], []
        for order in orders:
            distance = sign * (parse_units(order["price"]) / 1e8 / fair - 1)
            too_near, too_far = distance < HALF_SPREAD * 0.4, distance > _distance(LEVELS + 3)
            if too_near or too_far or self._random.random() < WITHDRAW_SHARE:
                stale.append((distance, order))
            else:
                kept.append(distance)
        return kept, [order for _, order in sorted(stale, key=lambda each: each[0])]

    def _missing(self, kept: list[float], fair: float, sign: int) -> list[float]:
        """Return distances of levels that no kept order is near to, the best first."""
        wanted = [_distance(level) * self._random.uniform(0.92, 1.08) for level in range(LEVELS)]
        return [level for level in wanted if all(abs(level - other) > GAP * 0.45 for other in kept)]

    async def _place(self, side: str, value: float) -> None:
        price = self._instrument.price(value)
        quantity = self._instrument.quantity(self._scale * self._random.lognormvariate(0.0, 0.6), price)
        await self._tolerate(
            "order.place",
            symbol=self._instrument.symbol,
            side=side,
            type="LIMIT_MAKER",
            price=text(price),
            quantity=text(quantity),
            newOrderRespType="ACK",
        )

    async def _tolerate(self, method: str, **params: object) -> None:
        try:
            await self._client.signed(method, **params)
        except Refused as refusal:
            if refusal.code not in FAIR_REJECTS:
                raise


def _distance(level: int) -> float:
    return HALF_SPREAD + GAP * level * (1 + level / 10)
