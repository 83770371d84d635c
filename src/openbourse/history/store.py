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
        """Return lists ascending: by id from an id, else by time from a moment, else the newest."""
        if from_id is not None:
            return list(
                await self._pool.fetch(
                    "SELECT * FROM projection_history.order_list WHERE account = $1 AND public_id >= $2"
                    " ORDER BY public_id LIMIT $3",
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
        """Return fills ascending: the oldest from a bound, else the newest."""
        newest = from_id is None and since_us is None
        rows = await self._pool.fetch(
            "SELECT * FROM projection_history.fill WHERE account = $1 AND instrument = $2 AND trade >= $3"
            " AND time_us BETWEEN $4 AND $5 AND ($6::bigint IS NULL OR order_id = $6) ORDER BY trade "
            + ("DESC LIMIT $7" if newest else "LIMIT $7"),
            account,
            instrument,
            from_id or 0,
            since_us or 0,
            until_us if until_us is not None else 2**62,
            order,
            limit,
        )
        return list(reversed(rows)) if newest else list(rows)

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
