"""Order entry: turns signed requests into commands.

In:    calls whose caller is proven, checked for shape only.
Out:   commands to the sequencer, and the engine's answer to the caller.
Never: decides about money; the engine does.
"""
