"""The chaos kit: the real program as processes in three zones, real clients, random faults, and a verdict.

In:    a number of faults and a seed.
Out:   "N faults, L lost, D doubled, B invariant breaks", a report and a picture in bench/results.
Never: judges by what the venue says of itself alone: every client's whole history is held against the journal.
"""
