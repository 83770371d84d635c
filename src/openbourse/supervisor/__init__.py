"""One machine's exchange: private PostgreSQL and Valkey, every role as a child process, clean stop, clean restart.

In:    a data directory, settings, and signals.
Out:   running processes, and DATA/run/venue.json that tells other commands where they are.
Never: imports a role's code; roles are started as `openbourse run ROLE…`.
"""
