"""The words that cross a boundary: commands, events, rejects, identifiers and exact amounts.

In:    nothing of ours; bytes and plain values.
Out:   frozen values and their fixed binary layout (docs/engine.md).
Never: reads a clock, does I/O, logs, uses a float.
"""
