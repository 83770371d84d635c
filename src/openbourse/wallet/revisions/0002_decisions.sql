-- Set while the withdrawal is still held: an operator has let it go and is to pay it. With state released: it was not paid.
ALTER TABLE wallet.withdrawals ADD COLUMN approved_at timestamptz;
-- The payment's name outside, once it is settled.
ALTER TABLE wallet.withdrawals ADD COLUMN tx_id text NOT NULL DEFAULT '';

-- Who decided what and when; written with the row that it changes, and only added to.
CREATE TABLE wallet.decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    withdrawal bigint NOT NULL REFERENCES wallet.withdrawals,
    decision text NOT NULL CHECK (decision IN ('approve', 'reject', 'settle', 'fail')),
    decided_by text NOT NULL,
    -- The reason, or the transaction.
    note text NOT NULL DEFAULT '',
    decided_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX decisions_of_withdrawal ON wallet.decisions (withdrawal, id);
CREATE INDEX withdrawals_undone ON wallet.withdrawals (id) WHERE state IN ('requested', 'held', 'approved', 'rejected');
