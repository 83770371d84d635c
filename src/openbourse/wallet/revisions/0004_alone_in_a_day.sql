-- What one operator's approval may let out, as it was when the withdrawal was asked for: of one account, at once and in a day; by one
-- operator in a day. Unknown for what was asked for before: it needs as many approvals as it did, and counts in the sums of later ones.
ALTER TABLE wallet.withdrawals ADD COLUMN alone_max numeric(40, 0);
ALTER TABLE wallet.withdrawals ADD COLUMN alone_day_max numeric(40, 0);
-- Why two must approve it: its own amount, what its account or its first approver let out alone before; empty before it was kept.
ALTER TABLE wallet.withdrawals ADD COLUMN second_because text NOT NULL DEFAULT '';
-- NOT VALID: the rows that are there have the default, and reading them all would hold up who waits for the table.
ALTER TABLE wallet.withdrawals ADD CONSTRAINT withdrawals_second_because
    CHECK (second_because IN ('', 'amount', 'account', 'operator')) NOT VALID;
CREATE INDEX withdrawals_alone ON wallet.withdrawals (asset, approved_at) WHERE approvals_needed = 1 AND approved_at IS NOT NULL;
