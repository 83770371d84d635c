CREATE SCHEMA identity;

-- A user's id is the id of the account in the engine; ids below 1000 are the venue's own.
CREATE SEQUENCE identity.user_id MINVALUE 1000 START 1000;

CREATE TABLE identity.users (
    id bigint PRIMARY KEY DEFAULT nextval('identity.user_id') CHECK (id >= 1000),
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    -- NULL: nobody can sign in with a password.
    password_hash text,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- NULL: the command that opens the account has not been answered yet (outbox).
    account_opened_at timestamptz
);
CREATE INDEX users_not_opened ON identity.users (id) WHERE account_opened_at IS NULL;

CREATE TABLE identity.api_keys (
    api_key text PRIMARY KEY CHECK (length(api_key) = 64),
    user_id bigint NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('HMAC', 'ED25519', 'RSA')),
    -- HMAC: encrypted under the master key; otherwise the public key as PEM.
    secret bytea NOT NULL,
    label text NOT NULL DEFAULT '',
    permissions text[] NOT NULL CHECK (permissions <@ ARRAY['READ', 'TRADE', 'WITHDRAW']),
    networks text[] NOT NULL DEFAULT '{}',
    is_session boolean NOT NULL DEFAULT false,
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (NOT is_session OR expires_at IS NOT NULL)
);
CREATE INDEX api_keys_of_user ON identity.api_keys (user_id);
CREATE INDEX api_keys_expiring ON identity.api_keys (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE identity.test_funds (
    user_id bigint PRIMARY KEY REFERENCES identity.users ON DELETE CASCADE,
    round integer NOT NULL DEFAULT 1,
    taken_at timestamptz NOT NULL DEFAULT now(),
    -- False: the deposits of this round have not all been answered yet (outbox).
    is_credited boolean NOT NULL DEFAULT false
);
