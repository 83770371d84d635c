"""The journal's own order is checked while it is read: chain, sequences, epochs, times."""

import msgspec
import pytest

from chaos.truth import fold
from openbourse.engine import Engine
from openbourse.protocol.commands import CreateAsset
from openbourse.protocol.journal import GENESIS, BatchRow, chain_hash


def row(sequence: int, epoch: int, time_us: int, previous: bytes, engine: Engine) -> BatchRow:
    commands = CreateAsset(sequence, f"A{sequence}").encode()
    events, _ = engine.apply(sequence, time_us, commands)
    hashed = chain_hash(previous, 0, epoch, sequence, sequence, time_us, commands, events)
    return BatchRow(0, epoch, sequence, sequence, time_us, commands, events, previous, hashed)


@pytest.fixture
def rows() -> list[BatchRow]:
    engine, found, previous = Engine(), list[BatchRow](), GENESIS
    for sequence, epoch in ((1, 1), (2, 1), (3, 2)):
        found.append(row(sequence, epoch, sequence * 10, previous, engine))
        previous = found[-1].hash
    return found


def test_a_sound_journal_has_no_faults_and_two_leaders(rows: list[BatchRow]) -> None:
    truth = fold(rows, 1)
    assert (truth.faults, truth.epochs, truth.sequence) == ([], 2, 3)


def test_a_missing_batch_is_named(rows: list[BatchRow]) -> None:
    assert "does not follow" in fold([rows[0], rows[2]], 1).faults[0]


def test_a_changed_batch_is_named(rows: list[BatchRow]) -> None:
    rows[1] = msgspec.structs.replace(rows[1], commands=b"other")
    assert "does not match its hash" in fold(rows, 1).faults[0]


def test_an_older_epoch_after_a_newer_one_means_two_writers() -> None:
    engine = Engine()
    first = row(1, 2, 10, GENESIS, engine)
    assert "two writers" in fold([first, row(2, 1, 20, first.hash, engine)], 1).faults[0]


def test_time_that_goes_back_is_named() -> None:
    engine, other = Engine(), Engine()
    first = row(1, 1, 10, GENESIS, engine)
    row(1, 1, 5, GENESIS, other)
    assert "goes back in time" in fold([first, row(2, 1, 9, first.hash, other)], 1).faults[0]
