"""Benchmarks: each figure beside a baseline of the same run, on a machine that is named.

In:    the program as installed, run on this machine.
Out:   tables on the terminal and files in bench/results/.
Never: asserts a time; mocks a part of the path it measures.
"""
