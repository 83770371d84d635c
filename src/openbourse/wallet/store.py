"""Rows of withdrawals: the only SQL of the wallet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec


class Database(Protocol):
    """What is needed of a pool of connections."""

    async def fetch(self, statement: str, /, *values: object) -> Sequence[Any]: ...
    async def fetchrow(self, statement: str, /, *values: object) -> Any: ...


class Withdrawal(msgspec.Struct, frozen=True):
    """One withdrawal's workflow."""

    id: int
    user_id: int
    asset: int
    coin: str
    amount: int
    address: str
    address_tag: str
    network: str
    order_id: str | None
    state: str
    reason: str
    applied_at: datetime
    completed_at: datetime | None
    approved_at: datetime | None = None
    """Set by an operator while it is held: it is to be paid."""
    tx_id: str = ""


class Decision(msgspec.Struct, frozen=True):
    """What an operator decided of a withdrawal."""

    decision: str
    decided_by: str
    note: str
    decided_at: datetime


class Step(msgspec.Struct, frozen=True):
    """What a decision does to a held withdrawal."""

    after: str
    of_approved: bool
    """Whether it is for a withdrawal that was approved before, or for one that was not."""


STEPS: Final = {
    "approve": Step("held", of_approved=False),
    "reject": Step("rejected", of_approved=False),
    "settle": Step("approved", of_approved=True),
    "fail": Step("rejected", of_approved=True),
}
_COLUMNS: Final = (
    "id, user_id, asset, coin, amount::text, address, address_tag, network, order_id, state, reason, applied_at,"
    " completed_at, approved_at, tx_id"
)
SHOWN_MAX: Final = 1_000
ENDED: Final = frozenset({"settled", "released", "refused"})


class Store:
    """Withdrawals in PostgreSQL. A row changes only from the states that a step expects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        user_id: int,
        asset: int,
        coin: str,
        amount: int,
        address: str,
        address_tag: str,
        network: str,
        order_id: str | None,
    ) -> Withdrawal | None:
        """Add a withdrawal that is not held yet; None when the user's own id for it is taken."""
        row = await self._database.fetchrow(
            "INSERT INTO wallet.withdrawals (user_id, asset, coin, amount, address, address_tag, network, order_id)"
            " VALUES ($1, $2, $3, $4::text::numeric, $5, $6, $7, $8)"
            " ON CONFLICT (user_id, order_id) WHERE order_id IS NOT NULL DO NOTHING"
            f" RETURNING {_COLUMNS}",
            user_id,
            asset,
            coin,
            str(amount),
            address,
            address_tag,
            network,
            order_id,
        )
        return None if row is None else _read(row)

    async def find(self, withdrawal: int) -> Withdrawal | None:
        """Return a withdrawal by id."""
        row = await self._database.fetchrow(f"SELECT {_COLUMNS} FROM wallet.withdrawals WHERE id = $1", withdrawal)
        return None if row is None else _read(row)

    async def move(self, withdrawal: int, before: tuple[str, ...], after: str, reason: str = "") -> Withdrawal | None:
        """Change a state; None when the withdrawal is not in one of the states before."""
        row = await self._database.fetchrow(
            "UPDATE wallet.withdrawals SET state = $3, reason = CASE WHEN $4 = '' THEN reason ELSE $4 END,"
            " changed_at = now(), completed_at = CASE WHEN $5 THEN now() ELSE completed_at END"
            f" WHERE id = $1 AND state = ANY($2::text[]) RETURNING {_COLUMNS}",
            withdrawal,
            list(before),
            after,
            reason,
            after in ENDED,
        )
        return None if row is None else _read(row)

    async def decide(self, withdrawal: int, decision: str, decided_by: str, note: str) -> Withdrawal | None:
        """Write down a decision with what it changes; None when the withdrawal does not await it."""
        step = STEPS[decision]
        row = await self._database.fetchrow(
            "WITH moved AS (UPDATE wallet.withdrawals SET state = $2, changed_at = now(),"
            " approved_at = CASE WHEN $4::text = 'approve' THEN now() ELSE approved_at END,"
            " tx_id = CASE WHEN $4 = 'settle' THEN $6::text ELSE tx_id END,"
            " reason = CASE WHEN $4 IN ('reject', 'fail') THEN $6 ELSE reason END"
            f" WHERE id = $1 AND state = 'held' AND (approved_at IS NOT NULL) = $3 RETURNING {_COLUMNS}),"
            " noted AS (INSERT INTO wallet.decisions (withdrawal, decision, decided_by, note)"
            " SELECT id, $4, $5, $6 FROM moved) SELECT * FROM moved",
            withdrawal,
            step.after,
            step.of_approved,
            decision,
            decided_by,
            note,
        )
        return None if row is None else _read(row)

    async def decisions(self, withdrawal: int) -> list[Decision]:
        """Return what was decided of a withdrawal, oldest first."""
        rows = await self._database.fetch(
            "SELECT decision, decided_by, note, decided_at FROM wallet.decisions WHERE withdrawal = $1 ORDER BY id",
            withdrawal,
        )
        return [Decision(*row) for row in rows]

    async def undone(self) -> list[Withdrawal]:
        """Return the withdrawals that have not ended, oldest first, SHOWN_MAX at most."""
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM wallet.withdrawals"
            " WHERE state IN ('requested', 'held', 'approved', 'rejected') ORDER BY id LIMIT $1",
            SHOWN_MAX,
        )
        return [_read(row) for row in rows]

    async def newest(self) -> list[Withdrawal]:
        """Return the newest withdrawals in whatever state, oldest first, SHOWN_MAX at most."""
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM wallet.withdrawals ORDER BY id DESC LIMIT $1", SHOWN_MAX
        )
        return [_read(row) for row in reversed(rows)]

    async def unanswered(self, limit: int) -> list[Withdrawal]:
        """Return withdrawals whose last command has no answer yet and is not under way just now, oldest first."""
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM wallet.withdrawals WHERE state IN ('requested', 'approved', 'rejected')"
            " AND changed_at < now() - interval '30 seconds' ORDER BY id LIMIT $1",
            limit,
        )
        return [_read(row) for row in rows]

    async def of_user(
        self, user_id: int, coin: str | None, order_id: str | None, since: datetime, until: datetime
    ) -> list[Withdrawal]:
        """Return a user's withdrawals of a time, newest first."""
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM wallet.withdrawals WHERE user_id = $1 AND ($2::text IS NULL OR coin = $2)"
            " AND ($3::text IS NULL OR order_id = $3) AND applied_at BETWEEN $4 AND $5 ORDER BY id DESC LIMIT 10000",
            user_id,
            coin,
            order_id,
            since,
            until,
        )
        return [_read(row) for row in rows]


def _read(row: Any) -> Withdrawal:
    values = list(row)
    values[4] = int(values[4])
    return Withdrawal(*values)
