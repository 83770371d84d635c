-- What one mailbox does not take now, and nobody else is to wait for. Who is told, and where, is asked again at each try.
CREATE TABLE notifier.deferred (
    shard integer NOT NULL,
    id text NOT NULL,
    topic text NOT NULL,
    account bigint NOT NULL,
    time_ms bigint NOT NULL,
    facts jsonb NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (shard, id)
);

CREATE INDEX deferred_due ON notifier.deferred (shard, due_at);
