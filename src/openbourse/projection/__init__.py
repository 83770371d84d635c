"""Projections: folding committed events, in order, into rows and views.

In:    committed batches after a cursor.
Out:   rows and the cursor in one transaction; views in memory.
Never: writes back, sees anything uncommitted.
"""
