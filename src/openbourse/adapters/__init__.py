"""The outside world: each file is the only place that imports its driver.

In:    calls of services, in the services' own words.
Out:   PostgreSQL, Valkey, TCP.
Never: decides; knows more of a service than the port it fits.
"""
