"""Fair prices that wander: what the demo's traders believe in."""

import math
import random
from typing import Final

ANCHORS: Final = {"BTCUSDT": 62_000.0, "ETHUSDT": 3_100.0, "BNBUSDT": 640.0}
"""Where a market that has never traded begins."""
VOLATILITY: Final = {"BTCUSDT": 1.1e-4, "ETHUSDT": 1.4e-4, "BNBUSDT": 1.3e-4}
"""Of the logarithm, for one second's step."""
SHARED: Final = 0.6
"""How much of every step all prices have in common."""
PULL: Final = 2e-5
TREND_KEPT: Final = 0.97
TREND_SHARE: Final = 0.08


class FairPrices:
    """A seeded random walk a symbol, with short trends and a weak pull home; pairs of two assets follow from theirs."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._logs = {symbol: math.log(price) for symbol, price in ANCHORS.items()}
        self._trends = dict.fromkeys(ANCHORS, 0.0)

    def begin(self, symbol: str, price: float) -> None:
        """Go on from a price at which a market traded last."""
        if symbol in self._logs and price > 0:
            self._logs[symbol] = math.log(price)

    def step(self, seconds: float) -> None:
        """Let time pass."""
        scale = math.sqrt(seconds)
        common = self._random.gauss(0.0, 1.0)
        for symbol, sigma in VOLATILITY.items():
            own = self._random.gauss(0.0, 1.0)
            shock = sigma * scale * (SHARED * common + math.sqrt(1 - SHARED**2) * own)
            self._trends[symbol] = self._trends[symbol] * TREND_KEPT**seconds + shock * TREND_SHARE
            pull = PULL * seconds * (math.log(ANCHORS[symbol]) - self._logs[symbol])
            self._logs[symbol] += shock + self._trends[symbol] * seconds + pull

    def of(self, symbol: str) -> float:
        """Return the fair price now. Raises KeyError for a symbol nobody has an opinion on."""
        if symbol in self._logs:
            return math.exp(self._logs[symbol])
        if symbol == "ETHBTC":
            return math.exp(self._logs["ETHUSDT"] - self._logs["BTCUSDT"])
        raise KeyError(symbol)
