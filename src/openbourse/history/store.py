"""The questions that projection_history answers."""

from typing import Any, Final

Record = Any
ROWS_MAX: Final = 1_000


class Store:
    """Reads rows; every method takes ids and µs."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def cursor(self) -> int:
        """Return the sequence that the rows stand at."""
        return int(await self._pool.fetchval("SELECT sequence FROM projection_history.cursor") or 0)

    async def order(self, account: int, instrument: int, order: int, client_id: str) -> Record | None:
        """Return one order by id, or the newest with a client id."""
        if order:
            return await self._pool.fetchrow(
                'SELECT * FROM projection_history."order" WHERE account = $1 AND instrument = $2 AND order_id = $3',
                account,
                instrument,
                order,
            )
        return await self._pool.fetchrow(
            'SELECT * FROM projection_history."order" WHERE account = $1 AND instrument = $2 AND client_id = $3'
            " ORDER BY order_id DESC LIMIT 1",
            account,
            instrument,
            client_id,
        )

    async def open_orders(self, account: int, instrument: int | None) -> list[Record]:
        """Return open orders, oldest first."""
        return list(
            await self._pool.fetch(
                'SELECT * FROM projection_history."order" WHERE account = $1 AND ($2::int IS NULL OR instrument = $2)'
                " AND status IN (1, 2, 7) ORDER BY instrument, order_id",
                account,
                instrument,
            )
        )

    async def orders(
        self, account: int, instrument: int, from_id: int | None, since_us: int | None, until_us: int | None, limit: int
    ) -> list[Record]:
        """Return orders ascending: the oldest from a bound, else the newest."""
        newest = from_id is None and since_us is None
        rows = await self._pool.fetch(
            'SELECT * FROM projection_history."order" WHERE account = $1 AND instrument = $2'
            " AND order_id >= $3 AND created_us BETWEEN $4 AND $5 ORDER BY order_id "
            + ("DESC LIMIT $6" if newest else "LIMIT $6"),
            account,
            instrument,
            from_id or 0,
            since_us or 0,
            until_us if until_us is not None else 2**62,
            limit,
        )
        return list(reversed(rows)) if newest else list(rows)

    async def order_list(self, account: int, public_id: int | None, client_id: str) -> Record | None:
        """Return one list by its public id, or the newest with a client id."""
        return await self._pool.fetchrow(
            "SELECT * FROM projection_history.order_list WHERE account = $1"
            " AND ($2::bigint IS NULL OR public_id = $2) AND ($3 = '' OR client_id = $3)"
            " ORDER BY created_us DESC LIMIT 1",
            account,
            public_id,
            client_id,
        )

    async def open_lists(self, account: int) -> list[Record]:
        """Return open lists, oldest first."""
        return list(
            await self._pool.fetch(
                "SELECT * FROM projection_history.order_list WHERE account = $1 AND status <> 3"
                " ORDER BY created_us, public_id",
                account,
            )
        )

    async def order_lists(
        self, account: int, from_id: int | None, since_us: int | None, until_us: int | None, limit: int
    ) -> list[Record]:
        """Return lists ascending: those made from a list on, else by time from a moment, else the newest."""
        if from_id is not None:
            # Public ids are one sequence per instrument alone: the lists from the named one on are those made since.
            # A reader that asks for the id after its last one names none, and means what came after its last one.
            return list(
                await self._pool.fetch(
                    "WITH named AS (SELECT public_id, created_sequence FROM projection_history.order_list"
                    " WHERE account = $1 AND public_id <= $2 ORDER BY public_id DESC LIMIT 1)"
                    " SELECT * FROM projection_history.order_list WHERE account = $1 AND created_sequence >= coalesce("
                    "(SELECT created_sequence + (public_id < $2)::int FROM named), 0)"
                    " ORDER BY created_sequence LIMIT $3",
                    account,
                    from_id,
                    limit,
                )
            )
        newest = since_us is None
        order = "created_us DESC, public_id DESC" if newest else "created_us, public_id"
        rows = await self._pool.fetch(
            "SELECT * FROM projection_history.order_list WHERE account = $1 AND created_us BETWEEN $2 AND $3"
            f" ORDER BY {order} LIMIT $4",
            account,
            since_us or 0,
            until_us if until_us is not None else 2**62,
            limit,
        )
        return list(reversed(rows)) if newest else list(rows)

    async def amendments(self, account: int, instrument: int, order: int, from_id: int, limit: int) -> list[Record]:
        """Return an order's amendments from an execution on, oldest first."""
        return list(
            await self._pool.fetch(
                "SELECT * FROM projection_history.amendment WHERE account = $1 AND instrument = $2 AND order_id = $3"
                " AND execution_id >= $4 ORDER BY execution_id LIMIT $5",
                account,
                instrument,
                order,
                from_id,
                limit,
            )
        )

    async def fills(
        self,
        account: int,
        instrument: int,
        order: int | None,
        from_id: int | None,
        since_us: int | None,
        until_us: int | None,
        limit: int,
    ) -> list[Record]:
        """Return fills ascending: the oldest from a bound, else the newest.

        Both fills of an account's trade with itself are told together, were it one more than the limit: whoever goes on
        from the next trade would miss the other.
        """
        newest = from_id is None and since_us is None
        rows = await self._pool.fetch(
            "SELECT * FROM projection_history.fill WHERE account = $1 AND instrument = $2 AND trade >= $3"
            " AND time_us BETWEEN $4 AND $5 AND ($6::bigint IS NULL OR order_id = $6) ORDER BY trade "
            + ("DESC" if newest else "ASC")
            + " FETCH FIRST $7 ROWS WITH TIES",
            account,
            instrument,
            from_id or 0,
            since_us or 0,
            until_us if until_us is not None else 2**62,
            order,
            limit,
        )
        return sorted(rows, key=lambda row: (row["trade"], row["order_id"]))

    async def prevented_matches(
        self, account: int, instrument: int, match: int | None, order: int | None, from_id: int, limit: int
    ) -> list[Record]:
        """Return one prevented match, or an order's from one on, oldest first."""
        return list(
            await self._pool.fetch(
                "SELECT * FROM projection_history.prevented_match WHERE account = $1 AND instrument = $2"
                " AND match >= $5 AND ($3::bigint IS NULL OR match = $3)"
                " AND ($4::bigint IS NULL OR $4 IN (taker_order, maker_order)) ORDER BY match LIMIT $6",
                account,
                instrument,
                match,
                order,
                from_id,
                limit,
            )
        )

    async def balances(self, account: int) -> list[Record]:
        """Return an account's balances."""
        return list(
            await self._pool.fetch(
                "SELECT asset, available, held, updated_us FROM projection_history.balance WHERE account = $1"
                " ORDER BY asset",
                account,
            )
        )

    async def deposits(
        self, account: int, asset: int | None, since_us: int, until_us: int, offset: int, limit: int
    ) -> list[Record]:
        """Return credited deposits, newest first."""
        return list(
            await self._pool.fetch(
                "SELECT sequence, asset, amount, identity, time_us FROM projection_history.transfer"
                " WHERE account = $1 AND is_deposit AND ($2::int IS NULL OR asset = $2) AND time_us BETWEEN $3 AND $4"
                " ORDER BY sequence DESC OFFSET $5 LIMIT $6",
                account,
                asset,
                since_us,
                until_us,
                offset,
                limit,
            )
        )
