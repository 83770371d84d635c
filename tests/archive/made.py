"""Rows of a journal, made without an engine: the archive does not look into them."""

import random
from collections.abc import Iterator

from openbourse.protocol.journal import GENESIS, BatchRow, chain_hash
from tests.contracts.journal_memory import MemoryJournal

BEGAN_US = 1_764_000_000_000_000


def rows(count: int, seed: int = 1, after: BatchRow | None = None, size: int = 200) -> Iterator[BatchRow]:
    """Yield consecutive rows, each a second after the one before."""
    chance = random.Random(seed)
    sequence, before = (0, GENESIS) if after is None else (after.last_sequence, after.hash)
    time_us = BEGAN_US if after is None else after.time_us
    for _ in range(count):
        first, last = sequence + 1, sequence + chance.randint(1, 9)
        time_us += 1_000_000
        fields = (0, 1, first, last, time_us, chance.randbytes(size // 2), chance.randbytes(size))
        row = BatchRow(*fields, before, chain_hash(before, *fields))
        yield row
        sequence, before = last, row.hash


def journal_of(made: list[BatchRow]) -> MemoryJournal:
    """Return a journal with rows in it."""
    journal = MemoryJournal()
    journal.rows = list(made)
    return journal
