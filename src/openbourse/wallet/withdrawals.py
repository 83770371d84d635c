"""Withdrawals: the row first, then the command with its id, then the row goes on by the answer."""

import asyncio
from typing import Final

import structlog

from openbourse.edge.errors import ApiError, rejected
from openbourse.edge.intake import Intake, IntakeFault
from openbourse.edge.outcome import perform, unavailable
from openbourse.protocol.commands import HoldWithdrawal, ReleaseWithdrawal, SettleWithdrawal
from openbourse.protocol.rejects import RejectReason
from openbourse.wallet.store import Store, Withdrawal

log: Final = structlog.get_logger()

RECONCILE_EVERY_S: Final = 10.0
RECONCILE_BATCH: Final = 100


class NotAwaiting(Exception):
    """The withdrawal does not await approval (any more)."""


class Withdrawals:
    """Holds what people ask to take out until somebody approves it or sends it back."""

    def __init__(self, store: Store, intake: Intake) -> None:
        self._store = store
        self._intake = intake

    async def apply(
        self,
        user_id: int,
        asset: int,
        coin: str,
        amount: int,
        address: str,
        address_tag: str,
        network: str,
        order_id: str | None,
    ) -> Withdrawal:
        """Ask for a withdrawal: held at once, then awaiting approval. Raises ApiError."""
        row = await self._store.add(user_id, asset, coin, amount, address, address_tag, network, order_id)
        if row is None:
            raise ApiError(-1130, "withdrawOrderId is used already.")
        try:
            return await self._hold(row)
        except IntakeFault as fault:
            # The row stays requested: `keep_reconciled` learns the truth and goes on.
            raise unavailable(fault) from fault

    async def approve(self, withdrawal: int) -> Withdrawal:
        """Let a held withdrawal leave the venue. Raises NotAwaiting, IntakeFault."""
        row = await self._store.move(withdrawal, ("held", "approved"), "approved")
        if row is None:
            raise NotAwaiting(str(withdrawal))
        return await self._settle(row)

    async def reject(self, withdrawal: int, reason: str) -> Withdrawal:
        """Give a held withdrawal back. Raises NotAwaiting, IntakeFault."""
        row = await self._store.move(withdrawal, ("held", "rejected"), "rejected", reason)
        if row is None:
            raise NotAwaiting(str(withdrawal))
        return await self._release(row)

    async def keep_reconciled(self) -> None:
        """Send again what a crash left without an answer; runs for ever."""
        while True:
            await asyncio.sleep(RECONCILE_EVERY_S)
            try:
                for row in await self._store.unanswered(RECONCILE_BATCH):
                    await self._resume(row)
            except (IntakeFault, OSError) as fault:
                log.warning("withdrawals wait", why=str(fault))

    async def _resume(self, row: Withdrawal) -> None:
        match row.state:
            case "requested":
                try:
                    await self._hold(row)
                except ApiError as refusal:
                    log.info("withdrawal refused", withdrawal=row.id, why=refusal.message)
            case "approved":
                await self._settle(row)
            case "rejected":
                await self._release(row)

    async def _hold(self, row: Withdrawal) -> Withdrawal:
        reject = await perform(self._intake, HoldWithdrawal(row.user_id, row.asset, row.amount, row.id))
        # A repeated hold of the same id is the one that was made before the answer was lost.
        if reject is None or reject.reason == RejectReason.DUPLICATE_WITHDRAWAL:
            return await self._store.move(row.id, ("requested",), "held") or row
        await self._store.move(row.id, ("requested",), "refused", RejectReason(reject.reason).name)
        if reject.reason == RejectReason.INSUFFICIENT_BALANCE:
            raise ApiError(-4026, "The user has insufficient balance available.")
        raise rejected(reject.reason)

    async def _settle(self, row: Withdrawal) -> Withdrawal:
        # UNKNOWN_WITHDRAWAL: settled before the answer was lost; only an approved row's hold is ever settled.
        await perform(self._intake, SettleWithdrawal(row.id))
        return await self._store.move(row.id, ("approved",), "settled") or row

    async def _release(self, row: Withdrawal) -> Withdrawal:
        await perform(self._intake, ReleaseWithdrawal(row.id))
        return await self._store.move(row.id, ("rejected",), "released") or row
