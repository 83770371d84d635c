-- What of a user has not ended, and what was asked for lately: each found without the rest of what they ever asked for.
CREATE INDEX withdrawals_open_of_user ON wallet.withdrawals (user_id) WHERE state IN ('requested', 'held', 'approved', 'rejected');
CREATE INDEX withdrawals_applied ON wallet.withdrawals (user_id, applied_at);
