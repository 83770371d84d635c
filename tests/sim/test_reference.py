"""The reference alone keeps its promises."""

import pytest

from openbourse.protocol.commands import AdvanceTime, CreateAsset, split
from openbourse.protocol.events import EventKind
from sim.differential import offsets
from sim.reference import Engine
from sim.reference_codec import read_events
from sim.workload import Workload


@pytest.mark.parametrize("seed", [1, 5, 9])
def test_every_command_keeps_the_invariants(seed: int) -> None:
    engine, workload = Engine(), Workload(seed)
    while engine.sequence < 1_200:
        time_us, frames = workload.batch()
        for frame in split(frames):
            events, ends = engine.apply(engine.sequence + 1, time_us, frame)
            workload.observe(events)
            engine.audit()
            assert events
            assert offsets(ends) == [len(events)]


def test_how_commands_are_batched_changes_nothing() -> None:
    whole, single, workload = Engine(), Engine(), Workload(3)
    while whole.sequence < 2_000:
        time_us, frames = workload.batch()
        events, _ = whole.apply(whole.sequence + 1, time_us, frames)
        one_by_one = b"".join(single.apply(single.sequence + 1, time_us, frame)[0] for frame in split(frames))
        assert events == one_by_one
        workload.observe(events)
    assert whole.snapshot() == single.snapshot()


def test_a_restored_engine_goes_on_the_same() -> None:
    engine, workload = Engine(), Workload(4)
    while engine.sequence < 3_000:
        time_us, frames = workload.batch()
        twin = Engine.restore(engine.snapshot())
        assert twin.apply(twin.sequence + 1, time_us, frames) == engine.apply(engine.sequence + 1, time_us, frames)
        assert twin.snapshot() == engine.snapshot()
        workload.observe(engine.apply(engine.sequence + 1, time_us, AdvanceTime().encode())[0])


def test_a_batch_that_does_not_follow_is_refused_and_changes_nothing() -> None:
    engine = Engine()
    engine.apply(1, 50, CreateAsset(1, "BTC").encode())
    before = engine.snapshot()
    for sequence, time_us in ((1, 60), (3, 60), (2, 49)):
        with pytest.raises(ValueError):
            engine.apply(sequence, time_us, AdvanceTime().encode())
    assert engine.snapshot() == before
    assert engine.apply(2, 60, b"") == (b"", b"")
    assert engine.snapshot() == before


def test_a_damaged_snapshot_is_refused() -> None:
    engine, workload = Engine(), Workload(6)
    for _ in range(8):
        time_us, frames = workload.batch()
        workload.observe(engine.apply(engine.sequence + 1, time_us, frames)[0])
    good = engine.snapshot()
    for size in range(0, len(good), 97):
        with pytest.raises(ValueError):
            Engine.restore(good[:size])
    with pytest.raises(ValueError):
        Engine.restore(good + b"\0")


def test_a_workload_reaches_every_event() -> None:
    seen: set[int] = set()
    for seed in (1, 2):
        engine, workload = Engine(), Workload(seed)
        while engine.sequence < 4_000:
            time_us, frames = workload.batch()
            events, _ = engine.apply(engine.sequence + 1, time_us, frames)
            seen.update(kind for kind, _ in read_events(events))
            workload.observe(events)
    assert seen >= {int(kind) for kind in EventKind if kind <= EventKind.RULES_SET}
