CREATE SCHEMA wallet;

CREATE SEQUENCE wallet.withdrawal_id;

CREATE TABLE wallet.withdrawals (
    -- Also the withdrawal's id in the engine.
    id bigint PRIMARY KEY DEFAULT nextval('wallet.withdrawal_id'),
    user_id bigint NOT NULL,
    asset integer NOT NULL,
    coin text NOT NULL,
    amount numeric(40, 0) NOT NULL CHECK (amount > 0),
    address text NOT NULL,
    address_tag text NOT NULL DEFAULT '',
    network text NOT NULL,
    order_id text,
    -- requested: the hold is not answered yet (outbox); held: awaiting approval; approved, rejected: the command is not
    -- answered yet (outbox); settled, released, refused: ended.
    state text NOT NULL DEFAULT 'requested'
        CHECK (state IN ('requested', 'held', 'approved', 'settled', 'rejected', 'released', 'refused')),
    reason text NOT NULL DEFAULT '',
    applied_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz
);
CREATE INDEX withdrawals_of_user ON wallet.withdrawals (user_id, id);
CREATE UNIQUE INDEX withdrawals_order_id ON wallet.withdrawals (user_id, order_id) WHERE order_id IS NOT NULL;
CREATE INDEX withdrawals_open ON wallet.withdrawals (id) WHERE state IN ('requested', 'approved', 'rejected');
