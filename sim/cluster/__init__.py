"""The venue in one process on a simulated clock, network, database port and feed: one seed, one run, bit for bit.

In:    a seed, which decides faults, delays, clocks and what clients do; a planted defect, if one is asked for.
Out:   a verdict: what the auditor found wrong, the trace's hash, counts of commands and faults.
Never: opens a socket, reads a clock or draws from the system; changes the code under test except by a named defect.
"""
