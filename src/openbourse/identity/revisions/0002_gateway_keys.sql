-- The key of the API gateway of each user who has an API key. No reference to the user: a row goes once the key is gone there.
CREATE TABLE identity.gateway_keys (
    user_id bigint PRIMARY KEY,
    -- Encrypted under the master key.
    value bytea NOT NULL,
    -- The usage plan that has it; NULL, or another than the venue's: the gateway has not got it yet (outbox).
    plan text
);
