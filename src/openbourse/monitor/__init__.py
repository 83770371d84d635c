"""Monitor: is this process ready, what has it done, and do the books still balance.

In:    probes of the parts of this process, counters that others leave, projections at their cursor.
Out:   health, metrics, the findings of a continuous audit.
Never: changes anything; says ready without having looked.
"""
