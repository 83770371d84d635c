-- Who does not want to hear of what. No row: everything is told.
CREATE TABLE notifier.silenced (
    account bigint NOT NULL,
    topic text NOT NULL,
    PRIMARY KEY (account, topic)
);
