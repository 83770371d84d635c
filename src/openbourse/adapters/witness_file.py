"""A file that remembers how far a shard's journal had come: it is no part of the database, so no restore takes it back."""

import json
from pathlib import Path

from openbourse.protocol.journal import Mark


class FileWitness:
    """Fits sequencer.parts.Witness over one small file."""

    def __init__(self, directory: Path, shard: int) -> None:
        self._path = directory / f"acknowledged-{shard}.json"

    def read(self) -> Mark | None:
        """Return what was remembered last; None when nothing was, or it cannot be read."""
        try:
            found = json.loads(self._path.read_text())
            return Mark(bytes.fromhex(found["first"]), int(found["sequence"]), bytes.fromhex(found["hash"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, mark: Mark) -> None:
        """Remember. Raises OSError."""
        partial = self._path.with_suffix(".new")
        text = {"first": mark.first_hash.hex(), "sequence": mark.sequence, "hash": mark.hash.hex()}
        partial.write_text(json.dumps(text) + "\n")
        partial.replace(self._path)
