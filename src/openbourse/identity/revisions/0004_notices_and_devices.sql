-- What is still to be told to the owner of an account (outbox): written with the change, gone once it was handed over.
CREATE TABLE identity.notices (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    topic text NOT NULL,
    -- Texts for a mail; none of them opens anything.
    facts jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

-- What an account was signed in to from before, as its sessions show it: the kind of browser and system, the network.
CREATE TABLE identity.devices (
    user_id bigint NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    device text NOT NULL,
    network text NOT NULL,
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, device, network)
);
INSERT INTO identity.devices (user_id, device, network)
SELECT DISTINCT user_id, begun_with, begun_from FROM identity.api_keys WHERE is_session;
