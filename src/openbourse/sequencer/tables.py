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
CREATE TABLE IF NOT EXISTS journal.lease (
    shard integer PRIMARY KEY,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    address text NOT NULL,
    backend_pid integer NOT NULL,
    expires_at timestamptz NOT NULL
);
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
"""


class Connection(Protocol):
    """What is needed of a database connection."""

    async def execute(self, statement: str, /) -> object: ...


async def create_schema(connection: Connection) -> None:
    """Create what is missing of the journal's tables."""
    await connection.execute(SCHEMA)
