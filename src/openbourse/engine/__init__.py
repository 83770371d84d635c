"""The engine: decides what every command does to balances, orders and books.

In:    batches of encoded commands, with their first sequence and their time.
Out:   the encoded events they caused; canonical snapshots of all state.
Never: reads a clock, a file or a random source; what it needs is in the command.

The rules and the bytes are specified in docs/engine.md; the compiled core is in native/.
"""

from openbourse.engine._native import Engine

__all__ = ["Engine"]
