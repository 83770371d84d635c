-- Of each notice it is asked how many of the same account wait.
CREATE INDEX notices_of_user ON identity.notices (user_id);
