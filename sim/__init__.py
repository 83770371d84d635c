"""The engine once more in plain Python, and streams of commands that prove both engines equal.

In:    command frames, a seed.
Out:   events, snapshots, and the differences between reference and native core.
Never: runs in a venue; nothing under src/ imports it.
"""
