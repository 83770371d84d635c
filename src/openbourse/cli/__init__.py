"""The command line: one file a command, each thin.

In:    arguments and OPENBOURSE_* variables.
Out:   calls into the supervisor and the wiring; words for a person, or JSON for a program.
Never: decides anything about the exchange itself.
"""
