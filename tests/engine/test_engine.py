"""The compiled core through its Python face."""

import struct
from itertools import pairwise

import pytest

from openbourse.engine import Engine
from openbourse.protocol import commands
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.events import EventKind

ALICE = 10


def _apply(engine: Engine, *sent: commands.Command, time_us: int = 1) -> tuple[bytes, bytes]:
    return engine.apply(engine.sequence + 1, time_us, b"".join(command.encode() for command in sent))


def _funded() -> Engine:
    engine = Engine()
    _apply(
        engine,
        commands.CreateAsset(1, "BTC"),
        commands.OpenAccount(ALICE),
        commands.CreditDeposit(ALICE, 1, 5 * UNIT, bytes(32)),
    )
    return engine


def _kinds(events: bytes) -> list[int]:
    kinds = []
    while events:
        length, kind = struct.unpack_from("<IH", events)
        kinds.append(kind)
        events = events[length:]
    return kinds


def test_each_command_ends_where_its_events_end() -> None:
    engine = Engine()
    events, ends = _apply(
        engine, commands.CreateAsset(1, "BTC"), commands.CreateAsset(1, "BTC"), commands.AdvanceTime()
    )
    offsets = [0, *struct.unpack("<3I", ends)]
    assert offsets[-1] == len(events)
    assert [_kinds(events[start:end]) for start, end in pairwise(offsets)] == [
        [EventKind.ASSET_CREATED],
        [EventKind.COMMAND_REJECTED],
        [EventKind.TIME_ADVANCED],
    ]
    assert (engine.sequence, engine.time_us) == (3, 1)


@pytest.mark.parametrize("first_sequence", [-1, 0, 1, 5, 2**64])
def test_a_batch_that_does_not_follow_is_refused_and_changes_nothing(first_sequence: int) -> None:
    engine = _funded()
    before = engine.snapshot()
    with pytest.raises(ValueError):
        engine.apply(first_sequence, 1, commands.AdvanceTime().encode())
    assert engine.snapshot() == before


@pytest.mark.parametrize("time_us", [-1, 0, -(2**63), 2**63])
def test_time_that_went_back_or_fits_no_field_is_refused(time_us: int) -> None:
    engine = _funded()
    before = engine.snapshot()
    with pytest.raises(ValueError):
        engine.apply(engine.sequence + 1, time_us, commands.AdvanceTime().encode())
    assert engine.snapshot() == before


def test_a_snapshot_restores_to_the_same_bytes() -> None:
    engine = _funded()
    restored = Engine.restore(engine.snapshot())
    assert restored.snapshot() == engine.snapshot()
    assert (restored.sequence, restored.time_us) == (engine.sequence, engine.time_us)
    restored.audit()


def test_a_torn_or_forged_snapshot_is_refused() -> None:
    data = _funded().snapshot()
    for torn in (b"", data[:-1], data + b"\0", b"OBSX" + data[4:]):
        with pytest.raises(ValueError):
            Engine.restore(torn)
    forged = data.replace((5 * UNIT).to_bytes(16, "little"), (6 * UNIT).to_bytes(16, "little"), 1)
    with pytest.raises(ValueError, match="supply"):
        Engine.restore(forged)


def test_a_clone_keeps_its_state_while_the_engine_goes_on() -> None:
    engine = _funded()
    before = engine.snapshot()
    clone = engine.clone()
    _apply(engine, commands.CreditDeposit(ALICE, 1, UNIT, b"\1" * 32))
    assert clone.snapshot() == before
    assert engine.snapshot() != before


def test_bytes_that_are_no_command_are_one_malformed_command() -> None:
    engine = Engine()
    events, ends = engine.apply(1, 1, b"\xff" * 1_000)
    assert _kinds(events) == [EventKind.COMMAND_REJECTED]
    assert len(ends) == 4


def test_a_large_batch_equals_the_same_commands_one_by_one() -> None:
    sent = [commands.OpenAccount(account) for account in range(2, 6_000)]
    together, apart = Engine(), Engine()
    frames = b"".join(command.encode() for command in sent)
    assert len(frames) > 256 * 1024
    events, _ = together.apply(1, 7, frames)
    assert events == b"".join(_apply(apart, command, time_us=7)[0] for command in sent)
    assert together.snapshot() == apart.snapshot()


def test_the_rules_have_a_version() -> None:
    engine = Engine()
    assert (engine.rules_version, engine.version()) == (1, "rules version 1")
