"""Withdrawals: the row first, then the command with its id, then the row goes on by the answer."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from openbourse.edge.errors import ApiError, rejected
from openbourse.edge.intake import Intake, IntakeFault
from openbourse.edge.outcome import perform, unavailable
from openbourse.protocol.amounts import format_units
from openbourse.protocol.commands import HoldWithdrawal, ReleaseWithdrawal, SettleWithdrawal
from openbourse.protocol.rejects import RejectReason
from openbourse.wallet.store import STEPS, Alone, Store, Withdrawal

log: Final = structlog.get_logger()

RECONCILE_EVERY_S: Final = 10.0
RECONCILE_BATCH: Final = 100
RECENT: Final = timedelta(days=90)
RECENT_MAX: Final = 1_000
OPEN_MAX: Final = 100
"""How many withdrawals of one user wait: an operator, who is shown a number of them, must see those of others too."""
_WORDS: Final = {
    "requested": "not held yet",
    "approved": "paid, being settled",
    "settled": "completed",
    "rejected": "being given back",
    "refused": "refused",
}


class NotAwaiting(Exception):
    """The withdrawal does not await this decision (any more)."""


def describe(row: Withdrawal) -> str:
    """Return where a withdrawal is, in an operator's words."""
    match row.state:
        case "held" if row.approved_at is not None:
            return "approved, to be paid"
        case "held":
            return "awaiting a second approval" if row.approved_by else "awaiting approval"
        case "released" if row.canceled_at is not None:
            return "canceled by its user"
        case "released":
            return "rejected" if row.approved_at is None else "failed"
        case state:
            return _WORDS[state]


def why_two(row: Withdrawal) -> str:
    """Return why two must approve a withdrawal, in an operator's words; nothing where one may, or where it was not kept."""
    if row.alone is None or not row.second_because:
        return ""
    of_account, of_operator = (
        f"more than {format_units(most)} {row.coin}" for most in (row.alone.account_max, row.alone.operator_max)
    )
    match row.second_because:
        case "amount":
            return f"it is {of_account}, the most that one approves alone"
        case "account":
            return f"its account would have {of_account} in 24 hours by approvals of one operator each"
        case because:
            assert because == "operator"
            return f"{row.approved_by[0]} would have let out {of_operator} alone in 24 hours"


def _why_not_canceled(row: Withdrawal) -> str:
    if row.approved_by or row.approved_at is not None:
        return "An operator has approved the withdrawal: it cannot be canceled any more."
    if row.state in ("requested", "held"):
        return "The withdrawal is not held yet: try again in a moment."
    return "The withdrawal was not made: there is nothing to cancel."


class Withdrawals:
    """Holds what people ask to take out until somebody approves it or sends it back."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        alone_max: Mapping[str, int] | None = None,
        alone_day_max: Mapping[str, int] | None = None,
    ) -> None:
        """alone_max: coin to the most of it that goes to an account in a day by one operator's approval; of other coins everything needs two.

        alone_day_max: coin to the most of it that one operator lets out alone in a day; of other coins as much as of one account.
        """
        self._store = store
        self._intake = intake
        self._alone_max = alone_max or {}
        self._alone_day_max = alone_day_max or {}

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
        if await self._store.has_open(user_id, OPEN_MAX):
            raise ApiError(-1003, f"Too many withdrawals wait: no more than {OPEN_MAX} at once.", 429)
        alone_max = self._alone_max.get(coin, 0)
        alone = Alone(alone_max, self._alone_day_max.get(coin, alone_max))
        row = await self._store.add(user_id, asset, coin, amount, address, address_tag, network, order_id, alone)
        if row is None:
            raise ApiError(-1130, "withdrawOrderId is used already.")
        try:
            return await self._hold(row)
        except IntakeFault as fault:
            # The row stays requested: `keep_reconciled` learns the truth and goes on.
            raise unavailable(fault) from fault

    async def recent(self, user_id: int) -> list[Withdrawal]:
        """Return a user's withdrawals of the last RECENT, newest first."""
        now = datetime.now(UTC)
        # The database has a clock of its own, which may be ahead of this one.
        return await self._store.of_user(user_id, None, None, now - RECENT, now + timedelta(days=1), RECENT_MAX)

    async def approve(self, withdrawal: int, by: str) -> Withdrawal:
        """Let a held withdrawal go, or be the first of two who do: it stays held until it is paid. Raises NotAwaiting."""
        row = await self._store.approve(withdrawal, by)
        return row if row is not None else await self._decided(withdrawal, "approve", by, "")

    async def reject(self, withdrawal: int, reason: str, by: str) -> Withdrawal:
        """Give a held withdrawal back that nobody approved. Raises NotAwaiting, IntakeFault."""
        return await self._release(await self._decide(withdrawal, "reject", by, reason))

    async def settle(self, withdrawal: int, transaction: str, by: str) -> Withdrawal:
        """Take an approved withdrawal that was paid out of the books. Raises NotAwaiting, IntakeFault."""
        return await self._settle(await self._decide(withdrawal, "settle", by, transaction))

    async def fail(self, withdrawal: int, reason: str, by: str) -> Withdrawal:
        """Give an approved withdrawal back that could not be paid. Raises NotAwaiting, IntakeFault."""
        return await self._release(await self._decide(withdrawal, "fail", by, reason))

    async def cancel(self, withdrawal: int, user_id: int) -> Withdrawal:
        """Give a withdrawal back to its user, who wants it no more, while nobody has approved it. Raises ApiError.

        Once it is written down it is canceled: without an answer of the sequencer `keep_reconciled` gives it back.
        """
        row = await self._store.cancel(withdrawal, user_id) or await self._store.find(withdrawal)
        if row is None or row.user_id != user_id:
            raise ApiError(-1130, "There is no such withdrawal.", 404)
        if row.canceled_at is None:
            raise ApiError(-2011, _why_not_canceled(row), 409)
        if row.state == "released":
            return row
        try:
            return await self._release(row)
        except IntakeFault as fault:
            log.warning("a canceled withdrawal is given back later", withdrawal=row.id, why=str(fault))
            return row

    async def _decide(self, withdrawal: int, decision: str, by: str, note: str) -> Withdrawal:
        row = await self._store.decide(withdrawal, decision, by, note)
        return row if row is not None else await self._decided(withdrawal, decision, by, note)

    async def _decided(self, withdrawal: int, decision: str, by: str, note: str) -> Withdrawal:
        """Return a withdrawal of which the same was decided before. Raises NotAwaiting for every other."""
        found = await self._store.find(withdrawal)
        if found is None:
            raise NotAwaiting(f"there is no withdrawal {withdrawal}")
        step = STEPS[decision]
        is_same = (found.state, found.approved_at is not None) == (step.after, step.of_approved)
        if is_same and found.state != "held" and note in (found.tx_id, found.reason):
            # Decided the same before, and whoever did had no answer: its command is sent again, with the same id.
            return found
        shown = f"withdrawal {withdrawal} is {describe(found)}"
        if decision == "approve" and found.state == "held" and found.approved_at is None:
            why = why_two(found)
            shown += f"; {by} gave the first, and somebody else must give it" + (f": {why}" if why else "")
        raise NotAwaiting(shown)

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
        # UNKNOWN_WITHDRAWAL: settled before the answer was lost; only a paid row's hold is ever settled.
        await perform(self._intake, SettleWithdrawal(row.id))
        return await self._store.move(row.id, ("approved",), "settled") or row

    async def _release(self, row: Withdrawal) -> Withdrawal:
        await perform(self._intake, ReleaseWithdrawal(row.id))
        return await self._store.move(row.id, ("rejected",), "released") or row
