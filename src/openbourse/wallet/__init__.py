"""Wallet: deposits and withdrawals as people see them.

In:    signed requests of clients; decisions of operators; views of the journal.
Out:   workflow rows first, then commands with those rows' ids.
Never: moves money without a command; asks a chain (addresses by chain are not open yet).
"""
