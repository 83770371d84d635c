-- How many operators must approve it, by its amount when it was asked for; and who has.
ALTER TABLE wallet.withdrawals ADD COLUMN approvals_needed smallint NOT NULL DEFAULT 1 CHECK (approvals_needed IN (1, 2));
ALTER TABLE wallet.withdrawals ADD COLUMN approved_by text[] NOT NULL DEFAULT '{}';
-- Set by its user while nobody has approved it; with it the state goes on like a rejected one's.
ALTER TABLE wallet.withdrawals ADD COLUMN canceled_at timestamptz;

ALTER TABLE wallet.decisions DROP CONSTRAINT decisions_decision_check;
ALTER TABLE wallet.decisions ADD CONSTRAINT decisions_decision_check
    CHECK (decision IN ('approve', 'reject', 'settle', 'fail', 'cancel'));
