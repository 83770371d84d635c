"""The journal's tables. Part of what a migration runs; idempotent."""

from typing import Final, Protocol

SCHEMA: Final = """
CREATE SCHEMA IF NOT EXISTS journal;
CREATE TABLE IF NOT EXISTS journal.batch (
    shard integer NOT NULL,
    last_sequence bigint NOT NULL,
    first_sequence bigint NOT NULL,
    epoch bigint NOT NULL,
    time_us bigint NOT NULL,
    commands bytea NOT NULL,
    events bytea NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (shard, last_sequence),
    CHECK (first_sequence <= last_sequence)
);
-- Compressing costs more processor time at commit than it saves in writing.
ALTER TABLE journal.batch ALTER COLUMN commands SET STORAGE EXTERNAL;
ALTER TABLE journal.batch ALTER COLUMN events SET STORAGE EXTERNAL;
-- Where old batches are dropped once archived, their room is for the next ones: a fiftieth free, not a fifth, before it is.
ALTER TABLE journal.batch SET (
    autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_scale_factor = 0.02
);
CREATE TABLE IF NOT EXISTS journal.lease (
    shard integer PRIMARY KEY,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    address text NOT NULL,
    backend_pid integer NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS journal.standby (
    shard integer NOT NULL,
    holder text NOT NULL,
    sequence bigint NOT NULL,
    behind bigint NOT NULL,
    behind_us bigint NOT NULL,
    state text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (shard, holder)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS journal.snapshot (
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    chain_hash bytea NOT NULL,
    state_hash bytea NOT NULL,
    rules_version integer NOT NULL,
    state bytea NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shard, sequence)
);
-- A state of any size in pieces, so that nobody handles more than one at a time; `state` itself holds older ones.
ALTER TABLE journal.snapshot ADD COLUMN IF NOT EXISTS beside bytea NOT NULL DEFAULT '';
ALTER TABLE journal.snapshot ADD COLUMN IF NOT EXISTS parts integer NOT NULL DEFAULT 0;
CREATE TABLE IF NOT EXISTS journal.snapshot_part (
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    number integer NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (shard, sequence, number)
);
ALTER TABLE journal.snapshot_part ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE TABLE IF NOT EXISTS journal.accepted_loss (
    shard integer NOT NULL,
    after_sequence bigint NOT NULL,
    acknowledged bigint NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS journal.given_up_by (
    shard integer NOT NULL,
    turn text NOT NULL,
    given_up_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shard, turn)
);
CREATE TABLE IF NOT EXISTS journal.reopening (
    shard integer PRIMARY KEY,
    plan bytea NOT NULL
);
CREATE TABLE IF NOT EXISTS journal.state_hash (
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    state_hash bytea NOT NULL,
    PRIMARY KEY (shard, sequence)
);
"""


class Connection(Protocol):
    """What is needed of a database connection."""

    async def execute(self, statement: str, /) -> object: ...


async def create_schema(connection: Connection) -> None:
    """Create what is missing of the journal's tables."""
    await connection.execute(SCHEMA)
