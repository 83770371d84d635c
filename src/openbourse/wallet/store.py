"""Rows of withdrawals: the only SQL of the wallet."""

import unicodedata
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec


class Database(Protocol):
    """What is needed of a pool of connections."""

    async def fetch(self, statement: str, /, *values: object) -> Sequence[Any]: ...
    async def fetchrow(self, statement: str, /, *values: object) -> Any: ...
    def acquire(self) -> AbstractAsyncContextManager[Any]: ...


class Alone(msgspec.Struct, frozen=True):
    """The most of a coin that goes out by one operator's approval."""

    account_max: int
    """Of one account in a day, whoever approves; so also of one withdrawal."""
    operator_max: int
    """By one operator in a day, whose accounts it ever is."""


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
    alone: Alone | None = None
    """What one operator's approval may let out; None where it was asked for before that was kept."""
    second_because: str = ""
    """Why two must approve it: amount, account or operator; empty where one may, or where it was not kept."""


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
    "approve": Step("held", of_approved=False),  # `Store.approve`
    "reject": Step("rejected", of_approved=False),
    "settle": Step("approved", of_approved=True),
    "fail": Step("rejected", of_approved=True),
}
_COLUMNS: Final = (
    "id, user_id, asset, coin, amount::text, address, address_tag, network, order_id, state, reason, applied_at,"
    " completed_at, approved_at, tx_id, approvals_needed, approved_by, canceled_at,"
    " alone_max::text, alone_day_max::text, second_because"
)
_STORED: Final = len(Withdrawal.__struct_fields__) - 2
"""How many of its fields, the first ones, are columns as they stand."""
_APPROVE: Final = f"""
WITH judged AS (
    SELECT asked.id, CASE WHEN asked.approvals_needed > 1 THEN asked.second_because
    WHEN asked.amount + coalesce(sum(gone.amount) FILTER (WHERE gone.user_id = asked.user_id), 0) > asked.alone_max
    THEN 'account'
    WHEN asked.amount + coalesce(sum(gone.amount) FILTER (WHERE gone.approved_by = ARRAY[$2::text]), 0) > asked.alone_day_max
    THEN 'operator' ELSE '' END AS because
    FROM wallet.withdrawals AS asked LEFT JOIN wallet.withdrawals AS gone
    ON gone.asset = asked.asset AND gone.approvals_needed = 1 AND gone.approved_at > now() - $4::interval
    WHERE asked.id = $1 GROUP BY asked.id
), moved AS (
    UPDATE wallet.withdrawals AS asked SET changed_at = now(), approved_by = approved_by || $2::text,
    approvals_needed = CASE WHEN because = '' THEN approvals_needed ELSE 2 END, second_because = because,
    approved_at = CASE WHEN cardinality(approved_by) + 1 >= approvals_needed AND (approvals_needed > 1 OR because = '')
    THEN now() END
    FROM judged WHERE asked.id = judged.id AND state = 'held' AND approved_at IS NULL AND NOT $2 = ANY(approved_by)
    RETURNING {_COLUMNS.replace("id,", "asked.id,", 1)}
), noted AS (
    INSERT INTO wallet.decisions (withdrawal, decision, decided_by) SELECT id, 'approve', $3::text FROM moved
) SELECT * FROM moved
"""
APPROVALS_LOCK: Final = 7_007
ALONE_IN: Final = timedelta(hours=24)
SHOWN_MAX: Final = 1_000
OF_USER_MAX: Final = 10_000
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
        alone: Alone,
    ) -> Withdrawal | None:
        """Add a withdrawal that is not held yet; None when the user's own id for it is taken."""
        needs_two = amount > alone.account_max
        row = await self._database.fetchrow(
            "INSERT INTO wallet.withdrawals"
            " (user_id, asset, coin, amount, address, address_tag, network, order_id, approvals_needed, second_because,"
            " alone_max, alone_day_max) VALUES ($1, $2, $3, $4::text::numeric, $5, $6, $7, $8, $9, $10,"
            " $11::text::numeric, $12::text::numeric)"
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
            2 if needs_two else 1,
            "amount" if needs_two else "",
            str(alone.account_max),
            str(alone.operator_max),
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

    async def approve(self, withdrawal: int, by: str) -> Withdrawal | None:
        """Write down an approval; the last of those needed lets the withdrawal go. None when it awaits none, or none by them.

        It counts once a name, however it is written (`folded`). One is enough while what goes out that way stays within `Alone`;
        an approval with which it would not is the first of two. What was approved alone counts for a day whatever became of it.
        """
        async with self._database.acquire() as connection, connection.transaction(isolation="read_committed"):
            # Approvals of an asset take turns, so that of two at once the second finds the first in its sums.
            await connection.fetch(
                "SELECT pg_advisory_xact_lock($1, asset) FROM wallet.withdrawals WHERE id = $2",
                APPROVALS_LOCK,
                withdrawal,
            )
            row = await connection.fetchrow(_APPROVE, withdrawal, folded(by), by, ALONE_IN)
        return None if row is None else _read(row)

    async def decide(self, withdrawal: int, decision: str, decided_by: str, note: str) -> Withdrawal | None:
        """Write down any other decision with what it changes; None when the withdrawal does not await it.

        All of it is told from the row itself, so that of two who decide at once the second sees what the first has made of it.
        """
        step = STEPS[decision]
        row = await self._database.fetchrow(
            "WITH moved AS (UPDATE wallet.withdrawals SET state = $2, changed_at = now(),"
            " tx_id = CASE WHEN $4::text = 'settle' THEN $6::text ELSE tx_id END,"
            " reason = CASE WHEN $4 IN ('reject', 'fail') THEN $6 ELSE reason END"
            " WHERE id = $1 AND state = 'held' AND (approved_at IS NOT NULL) = $3"
            f" RETURNING {_COLUMNS}),"
            " noted AS (INSERT INTO wallet.decisions (withdrawal, decision, decided_by, note)"
            " SELECT id, $4, $5::text, $6 FROM moved) SELECT * FROM moved",
            withdrawal,
            step.after,
            step.of_approved,
            decision,
            decided_by,
            note,
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
        self,
        user_id: int,
        coin: str | None,
        order_id: str | None,
        since: datetime,
        until: datetime,
        limit: int = OF_USER_MAX,
    ) -> list[Withdrawal]:
        """Return a user's withdrawals of a time, newest first."""
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM wallet.withdrawals WHERE user_id = $1 AND ($2::text IS NULL OR coin = $2)"
            " AND ($3::text IS NULL OR order_id = $3) AND applied_at BETWEEN $4 AND $5 ORDER BY id DESC LIMIT $6",
            user_id,
            coin,
            order_id,
            since,
            until,
            limit,
        )
        return [_read(row) for row in rows]

    async def asked_since(self, user_id: int, since: datetime) -> dict[int, int]:
        """Return how much of each asset a user has asked for since a moment, without what was not made."""
        rows = await self._database.fetch(
            "SELECT asset, sum(amount)::text FROM wallet.withdrawals WHERE user_id = $1 AND applied_at >= $2"
            " AND state NOT IN ('rejected', 'released', 'refused') GROUP BY asset",
            user_id,
            since,
        )
        return {asset: int(amount) for asset, amount in rows}

    async def has_open(self, user_id: int, count: int) -> bool:
        """Tell whether so many withdrawals of a user have not ended."""
        row = await self._database.fetchrow(
            "SELECT count(*) FROM (SELECT 1 FROM wallet.withdrawals WHERE user_id = $1"
            " AND state IN ('requested', 'held', 'approved', 'rejected') LIMIT $2) AS open",
            user_id,
            count,
        )
        return int(row[0]) >= count


def folded(name: str) -> str:
    """Return what is the same of a name in whatever capitals, composition and spacing: a database's own rules depend on its locale."""
    plain = " ".join(unicodedata.normalize("NFKC", name).split())
    return unicodedata.normalize("NFKC", plain.casefold())


def _read(row: Any) -> Withdrawal:
    values = list(row)
    values[4] = int(values[4])
    values[16] = tuple(values[16])
    account_max, operator_max, because = values[_STORED:]
    alone = None if account_max is None else Alone(int(account_max), int(operator_max))
    return Withdrawal(*(*values[:_STORED], alone, because))
