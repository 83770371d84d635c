"""Rows of withdrawals: the only SQL of the wallet."""

import unicodedata
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
    approvals_needed: int = 1
    """How many different operators must approve it."""
    approved_by: tuple[str, ...] = ()
    """Who has, up to now; `approved_at` is set with the last."""
    canceled_at: datetime | None = None
    """Set by its user before anybody approved it."""


class Decision(msgspec.Struct, frozen=True):
    """What an operator, or its user, decided of a withdrawal."""

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
    " completed_at, approved_at, tx_id, approvals_needed, approved_by, canceled_at"
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
        approvals_needed: int,
    ) -> Withdrawal | None:
        """Add a withdrawal that is not held yet; None when the user's own id for it is taken."""
        row = await self._database.fetchrow(
            "INSERT INTO wallet.withdrawals"
            " (user_id, asset, coin, amount, address, address_tag, network, order_id, approvals_needed)"
            " VALUES ($1, $2, $3, $4::text::numeric, $5, $6, $7, $8, $9)"
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
            approvals_needed,
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
        """Write down a decision with what it changes; None when the withdrawal does not await it.

        An approval counts once a name, however it is written (`folded`); the last of those needed lets the withdrawal go. All of
        it is told from the row itself, so that of two who decide at once the second sees what the first has made of it.
        """
        step = STEPS[decision]
        row = await self._database.fetchrow(
            "WITH moved AS (UPDATE wallet.withdrawals SET state = $2, changed_at = now(),"
            " approved_at = CASE WHEN $4::text = 'approve' AND cardinality(approved_by) + 1 >= approvals_needed"
            " THEN now() ELSE approved_at END,"
            " approved_by = CASE WHEN $4 = 'approve' THEN approved_by || $7::text ELSE approved_by END,"
            " tx_id = CASE WHEN $4 = 'settle' THEN $6::text ELSE tx_id END,"
            " reason = CASE WHEN $4 IN ('reject', 'fail') THEN $6 ELSE reason END"
            " WHERE id = $1 AND state = 'held' AND (approved_at IS NOT NULL) = $3"
            " AND NOT ($4 = 'approve' AND $7 = ANY(approved_by))"
            f" RETURNING {_COLUMNS}),"
            " noted AS (INSERT INTO wallet.decisions (withdrawal, decision, decided_by, note)"
            " SELECT id, $4, $5::text, $6 FROM moved) SELECT * FROM moved",
            withdrawal,
            step.after,
            step.of_approved,
            decision,
            decided_by,
            note,
            folded(decided_by),
        )
        return None if row is None else _read(row)

    async def cancel(self, withdrawal: int, user_id: int) -> Withdrawal | None:
        """Write down that its user wants it no more; None when it is not theirs, or not held, or somebody approved it."""
        row = await self._database.fetchrow(
            "WITH moved AS (UPDATE wallet.withdrawals SET state = 'rejected', changed_at = now(), canceled_at = now()"
            " WHERE id = $1 AND user_id = $2 AND state = 'held' AND approved_at IS NULL AND approved_by = '{}'"
            f" RETURNING {_COLUMNS}),"
            " noted AS (INSERT INTO wallet.decisions (withdrawal, decision, decided_by)"
            " SELECT id, 'cancel', 'its user' FROM moved) SELECT * FROM moved",
            withdrawal,
            user_id,
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

    async def waiting(self) -> tuple[int, int]:
        """Return how many withdrawals wait for an operator, to be approved or to be paid, and the oldest's age in seconds."""
        row = await self._database.fetchrow(
            "SELECT count(*), coalesce(extract(epoch FROM now() - min(applied_at)), 0)::bigint"
            " FROM wallet.withdrawals WHERE state = 'held'"
        )
        return row[0], max(0, row[1])

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


def folded(name: str) -> str:
    """Return what is the same of a name in whatever capitals, composition and spacing: a database's own rules depend on its locale."""
    plain = " ".join(unicodedata.normalize("NFKC", name).split())
    return unicodedata.normalize("NFKC", plain.casefold())


def _read(row: Any) -> Withdrawal:
    values = list(row)
    values[4] = int(values[4])
    values[16] = tuple(values[16])
    return Withdrawal(*values)
