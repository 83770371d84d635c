"""History: orders, fills, balances and transfers as rows, and the questions about them.

In:    committed events.
Out:   rows of projection_history; answers that include the caller's own committed writes.
Never: shows anything uncommitted; writes back.
"""
