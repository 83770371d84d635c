"""The questions that projection_history answers."""

from typing import Any, Final

Record = Any
ROWS_MAX: Final = 1_000
HALVINGS_MAX: Final = 64
"""An id has no more bits: what begins at a moment is found in so many looks, each at one row."""
# Ids and times of a key's rows ascend together, for the sequencer's clock never goes back: where a time begins is where its ids do.
# So the primary key answers what is asked by time, and no further index is written with every row.
_FIRST_AT: Final = """
WITH RECURSIVE ends (low, high) AS (
    SELECT (SELECT min({id}) FROM {table} WHERE account = $1 AND instrument = $2),
    (SELECT max({id}) + 1 FROM {table} WHERE account = $1 AND instrument = $2)
), look (low, high, number) AS (
    SELECT low, high, 0 FROM ends WHERE low IS NOT NULL
    UNION ALL
    SELECT CASE WHEN found.at < $3 THEN found.id + 1 ELSE look.low END,
    CASE WHEN found.at < $3 THEN look.high ELSE look.low + (look.high - look.low) / 2 END, look.number + 1
    FROM look, LATERAL (
        SELECT {id} AS id, {time} AS at FROM {table}
        WHERE account = $1 AND instrument = $2 AND {id} >= look.low + (look.high - look.low) / 2 ORDER BY {id} LIMIT 1
    ) AS found WHERE look.low < look.high AND look.number < {halvings}
)
SELECT low FROM look ORDER BY number DESC LIMIT 1
"""
_FIRST_ORDER: Final = _FIRST_AT.format(
    table='projection_history."order"', id="order_id", time="created_us", halvings=HALVINGS_MAX
)
_FIRST_TRADE: Final = _FIRST_AT.format(
    table="projection_history.fill", id="trade", time="time_us", halvings=HALVINGS_MAX
)
_ID_END: Final = 2**63 - 1


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
        since, until = await self._ids(_FIRST_ORDER, account, instrument, since_us, until_us)
        rows = await self._pool.fetch(
            'SELECT * FROM projection_history."order" WHERE account = $1 AND instrument = $2'
            " AND order_id >= $3 AND order_id < $4 ORDER BY order_id " + ("DESC LIMIT $5" if newest else "LIMIT $5"),
            account,
            instrument,
            max(from_id or 0, since),
            until,
            limit,
        )
        return list(reversed(rows)) if newest else list(rows)

    async def _ids(
        self, statement: str, account: int, instrument: int, since_us: int | None, until_us: int | None
    ) -> tuple[int, int]:
        """Return the first id of a time and the first after it."""
        found = []
        for time_us, without in ((since_us, 0), (None if until_us is None else until_us + 1, _ID_END)):
            first = None if time_us is None else await self._pool.fetchval(statement, account, instrument, time_us)
            found.append(without if first is None else int(first))
        return found[0], found[1]

    async def order_list(self, account: int, public_id: int | None, client_id: str) -> Record | None:
        """Return one list by its public id, or the newest with a client id."""
        if public_id is None:
            return await self._pool.fetchrow(
                "SELECT * FROM projection_history.order_list WHERE account = $1 AND client_id = $2"
                " ORDER BY created_us DESC LIMIT 1",
                account,
                client_id,
            )
        return await self._pool.fetchrow(
            "SELECT * FROM projection_history.order_list WHERE account = $1 AND public_id = $2"
            " AND ($3 = '' OR client_id = $3)",
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
                    "WITH named AS (SELECT public_id, created_us, created_sequence FROM projection_history.order_list"
                    " WHERE account = $1 AND public_id <= $2 ORDER BY public_id DESC LIMIT 1)"
                    " SELECT * FROM projection_history.order_list WHERE account = $1"
                    # Said besides the sequence, which it ascends with: of the two only times have an index.
                    " AND created_us >= coalesce((SELECT created_us FROM named), 0) AND created_sequence >= coalesce("
                    "(SELECT created_sequence + (public_id < $2)::int FROM named), 0)"
                    " ORDER BY created_us, created_sequence LIMIT $3",
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
        since, until = await self._ids(_FIRST_TRADE, account, instrument, since_us, until_us)
        asked = [account, instrument, max(from_id or 0, since), until, limit]
        rows = await self._pool.fetch(
            "SELECT * FROM projection_history.fill WHERE account = $1 AND instrument = $2 AND trade >= $3 AND trade < $4"
            + (" AND order_id = $6" if order is not None else "")
            + (" ORDER BY trade DESC" if newest else " ORDER BY trade")
            + " FETCH FIRST $5 ROWS WITH TIES",
            *(asked if order is None else [*asked, order]),
        )
        return sorted(rows, key=lambda row: (row["trade"], row["order_id"]))

    async def prevented_matches(
        self, account: int, instrument: int, match: int | None, order: int | None, from_id: int, limit: int
    ) -> list[Record]:
        """Return one prevented match, or an order's from one on, oldest first."""
        if match is not None:
            rows = await self._pool.fetch(
                "SELECT * FROM projection_history.prevented_match WHERE account = $1 AND instrument = $2 AND match = $3",
                account,
                instrument,
                match,
            )
        else:
            # An order may have been either; each has an index of its own.
            side = (
                "(SELECT * FROM projection_history.prevented_match WHERE account = $1 AND instrument = $2"
                " AND {} = $3 AND match >= $4 ORDER BY match LIMIT $5)"
            )
            rows = await self._pool.fetch(
                f"{side.format('taker_order')} UNION {side.format('maker_order')} ORDER BY match LIMIT $5",
                account,
                instrument,
                order,
                from_id,
                limit,
            )
        return list(rows)

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
