"""Tables of projection_history: dropped and rebuilt from the journal when their version changes."""

import asyncio
from typing import Any, Final

VERSION: Final = 5
SCHEMA: Final = """
CREATE SCHEMA projection_history;
CREATE TABLE projection_history.cursor (sequence bigint NOT NULL, version integer NOT NULL);
CREATE TABLE projection_history."order" (
    account bigint NOT NULL, instrument integer NOT NULL, order_id bigint NOT NULL, client_id text NOT NULL,
    side smallint NOT NULL, type smallint NOT NULL, time_in_force smallint NOT NULL, stp smallint NOT NULL,
    status smallint NOT NULL, expiry smallint NOT NULL, flags smallint NOT NULL, price bigint NOT NULL,
    quantity bigint NOT NULL, executed bigint NOT NULL, cumulative_quote numeric(40) NOT NULL,
    quote_quantity numeric(40) NOT NULL, prevented bigint NOT NULL, prevented_match bigint NOT NULL,
    created_us bigint NOT NULL, updated_us bigint NOT NULL, working_us bigint NOT NULL,
    strategy_id bigint NOT NULL, strategy_type integer NOT NULL, stop_price bigint NOT NULL,
    trailing_delta bigint NOT NULL, trailing_us bigint NOT NULL, iceberg bigint NOT NULL, peg_type smallint NOT NULL,
    peg_offset smallint NOT NULL, sent_price bigint NOT NULL, list_id bigint NOT NULL, expires_us bigint NOT NULL,
    amends bigint NOT NULL, PRIMARY KEY (account, instrument, order_id)
);
CREATE INDEX order_client_id ON projection_history."order" (account, instrument, client_id, order_id DESC);
CREATE INDEX order_open ON projection_history."order" (account, instrument)
    WHERE status IN (1, 2, 7);
CREATE TABLE projection_history.order_list (
    account bigint NOT NULL, public_id bigint NOT NULL, instrument integer NOT NULL, list_id bigint NOT NULL,
    form smallint NOT NULL, status smallint NOT NULL, client_id text NOT NULL, orders bigint[] NOT NULL,
    client_ids text[] NOT NULL, created_us bigint NOT NULL, created_sequence bigint NOT NULL,
    PRIMARY KEY (account, public_id)
);
CREATE INDEX order_list_client_id ON projection_history.order_list (account, client_id, created_us DESC);
CREATE INDEX order_list_created ON projection_history.order_list (account, created_us);
CREATE INDEX order_list_open ON projection_history.order_list (account) WHERE status <> 3;
CREATE TABLE projection_history.amendment (
    account bigint NOT NULL, instrument integer NOT NULL, order_id bigint NOT NULL, execution_id bigint NOT NULL,
    original_client_id text NOT NULL, client_id text NOT NULL, original_quantity bigint NOT NULL,
    quantity bigint NOT NULL, time_us bigint NOT NULL, PRIMARY KEY (account, instrument, order_id, execution_id)
);
CREATE TABLE projection_history.fill (
    account bigint NOT NULL, instrument integer NOT NULL, trade bigint NOT NULL, order_id bigint NOT NULL,
    price bigint NOT NULL, quantity bigint NOT NULL, quote numeric(40) NOT NULL, commission numeric(40) NOT NULL,
    commission_asset integer NOT NULL, time_us bigint NOT NULL, is_buyer boolean NOT NULL, is_maker boolean NOT NULL,
    list_id bigint NOT NULL,
    PRIMARY KEY (account, instrument, trade, order_id)
);
CREATE TABLE projection_history.prevented_match (
    account bigint NOT NULL, instrument integer NOT NULL, match bigint NOT NULL, taker_order bigint NOT NULL,
    maker_order bigint NOT NULL, stp smallint NOT NULL, price bigint NOT NULL, taker_quantity bigint,
    maker_quantity bigint, time_us bigint NOT NULL, PRIMARY KEY (account, instrument, match)
);
CREATE TABLE projection_history.balance (
    account bigint NOT NULL, asset integer NOT NULL, available numeric(40) NOT NULL, held numeric(40) NOT NULL,
    updated_us bigint NOT NULL, PRIMARY KEY (account, asset)
);
CREATE TABLE projection_history.transfer (
    sequence bigint PRIMARY KEY, account bigint NOT NULL, asset integer NOT NULL, amount numeric(40) NOT NULL,
    is_deposit boolean NOT NULL, identity bytea NOT NULL, time_us bigint NOT NULL
);
CREATE INDEX transfer_account ON projection_history.transfer (account, time_us);
INSERT INTO projection_history.cursor VALUES (0, {version});
"""
# What came later and needs no rebuilding: by name, what is indexed of which table, and how.
LATER: Final = {
    # Fills come in the order of time, so that this index weighs next to nothing.
    "fill_time": "fill USING brin (time_us)",
    "fill_order": "fill (account, instrument, order_id, trade)",
    "prevented_taker": "prevented_match (account, instrument, taker_order, match)",
    "prevented_maker": "prevented_match (account, instrument, maker_order, match)",
}
LOCK: Final = 7_008
LOCK_RETRY_S: Final = 0.1
_STATE: Final = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)"


async def create_schema(connection: Any, market_schema: str, market_name: str) -> None:
    """Create the projections, both schemas under one cursor; drop and rebuild them when the version has changed."""
    exists = await connection.fetchval("SELECT to_regclass('projection_history.cursor')")
    if exists is not None:
        version = await connection.fetchval("SELECT version FROM projection_history.cursor")
        if version == VERSION:
            await _index_later(connection)
            return
    async with connection.transaction():
        await connection.execute("DROP SCHEMA IF EXISTS projection_history CASCADE")
        await connection.execute(f"DROP SCHEMA IF EXISTS {market_name} CASCADE")
        await connection.execute(SCHEMA.format(version=VERSION))
        for name, indexed in LATER.items():
            await connection.execute(f"CREATE INDEX {name} ON projection_history.{indexed}")
        await connection.execute(market_schema)


async def _index_later(connection: Any) -> None:
    """Make the indexes that are missing while rows are written: it takes as long as it takes, and holds up nobody.

    Whoever comes second waits without a statement under way, which the first would wait for.
    """
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):  # noqa: ASYNC110 - another process holds it
        await asyncio.sleep(LOCK_RETRY_S)
    try:
        for name, indexed in LATER.items():
            is_valid = await connection.fetchval(_STATE, f"projection_history.{name}")
            if is_valid is False:
                # It was left half made: whoever made it was cut off.
                await connection.execute(f"DROP INDEX CONCURRENTLY projection_history.{name}")
            if not is_valid:
                await connection.execute(f"CREATE INDEX CONCURRENTLY {name} ON projection_history.{indexed}")
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)
