CREATE SCHEMA notifier;

-- How far each shard's events have been told of. No projection: dropping it would tell everything once more.
CREATE TABLE notifier.cursor (
    shard integer PRIMARY KEY,
    sequence bigint NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
