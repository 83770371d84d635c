"""Test funds: deposits that a venue without real money gives away once a day."""

import hashlib
from collections.abc import Mapping
from typing import Final

from openbourse.edge.errors import ApiError, rejected
from openbourse.edge.intake import Intake, IntakeFault
from openbourse.edge.outcome import perform, unavailable
from openbourse.identity.store import Store
from openbourse.protocol.amounts import UNIT, format_units
from openbourse.protocol.commands import CreditDeposit
from openbourse.protocol.rejects import RejectReason

EVERY_S: Final = 86_400
AMOUNTS: Final = {"BTC": UNIT, "ETH": 20 * UNIT, "USDT": 100_000 * UNIT}


class TestFunds:
    """Credits the day's test funds; a round that a crash cut short is finished, never given twice."""

    __test__ = False  # not a test, whatever its name begins with

    def __init__(self, store: Store, intake: Intake, asset_ids: Mapping[str, int]) -> None:
        self._store = store
        self._intake = intake
        self._asset_ids = asset_ids

    async def take(self, user_id: int) -> list[dict[str, str]]:
        """Credit test funds and return what came. Raises ApiError."""
        funds_round = await self._store.begin_funds(user_id, EVERY_S)
        if funds_round is None:
            raise ApiError(-5003, "Test funds were taken within the last 24 hours.", 429)
        for code, amount in AMOUNTS.items():
            identity = hashlib.sha256(f"test-funds:{user_id}:{funds_round}:{code}".encode()).digest()
            try:
                reject = await perform(self._intake, CreditDeposit(user_id, self._asset_ids[code], amount, identity))
            except IntakeFault as fault:
                raise unavailable(fault) from fault
            if reject is not None and reject.reason != RejectReason.DUPLICATE_DEPOSIT:
                raise rejected(reject.reason)
        await self._store.end_funds(user_id, funds_round)
        return [{"asset": code, "amount": format_units(amount)} for code, amount in AMOUNTS.items()]
