"""The sequencer: one order of all commands, durable before it is answered.

In:    commands of gateways, with identities.
Out:   journaled batches, answers after the commit, the feed.
Never: answers before the commit; appends without its epoch; repairs speculative state in place.
"""
