"""Archive: the journal as files that never change, in a place for objects, complete without the database.

In:    committed batches and snapshots of the journal.
Out:   segments by range of sequences, each with its checksum and its place in the chain; findings of a check.
Never: changes or removes an object; takes its own word for what the journal says.
"""
