"""The typed face of the compiled core."""

from typing import final

@final
class Engine:
    """Decide on batches of commands; all state of one shard."""

    def __init__(self) -> None: ...
    def apply(self, first_sequence: int, time_us: int, frames: bytes) -> tuple[bytes, bytes]:
        """Apply a batch; answer its events and, for each command, a little-endian u32: where its events end.

        Raises ValueError, with nothing changed, when `first_sequence` is not the next one or time would go back.
        """

    def snapshot(self) -> bytes:
        """Write the whole state canonically: equal states give equal bytes."""

    @staticmethod
    def restore(data: bytes) -> Engine:
        """Rebuild an engine from its snapshot; ValueError when the bytes are not a well-formed one."""

    def clone(self) -> Engine:
        """Copy the whole state, so that a snapshot can be written elsewhere while this engine goes on."""

    def audit(self) -> None:
        """Recompute every invariant from the whole state; AssertionError says which one is broken."""

    def version(self) -> str:
        """Name the rules in force."""

    @property
    def sequence(self) -> int: ...
    @property
    def time_us(self) -> int: ...
    @property
    def rules_version(self) -> int: ...
    @property
    def due_us(self) -> int:
        """The first time at which AdvanceTime would do something; -1 when nothing is due."""
