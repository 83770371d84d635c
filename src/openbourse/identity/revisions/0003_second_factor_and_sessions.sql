ALTER TABLE identity.users
    -- TOTP's secret, encrypted under the master key; while second_factor_at is NULL it is not confirmed and nobody is asked for it.
    ADD COLUMN second_factor_secret bytea,
    ADD COLUMN second_factor_at timestamptz,
    -- The last 30 seconds of which a code was accepted, counted from 1970: no code is taken twice.
    ADD COLUMN second_factor_step bigint NOT NULL DEFAULT 0,
    ADD CHECK (second_factor_at IS NULL OR second_factor_secret IS NOT NULL);

CREATE TABLE identity.recovery_codes (
    user_id bigint NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    -- SHA-256 of user and code. A code is 79 bits of chance: nobody tries them all, so a slow hash would protect nothing more.
    digest bytea NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (user_id, digest)
);

ALTER TABLE identity.api_keys
    -- Of sessions, for their owner to recognize: "Firefox on Linux", and the network of the address, not the address.
    ADD COLUMN begun_with text NOT NULL DEFAULT '',
    ADD COLUMN begun_from text NOT NULL DEFAULT '',
    ADD COLUMN last_used_at timestamptz;
