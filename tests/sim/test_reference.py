"""The reference alone keeps its promises."""

from random import Random

import pytest

from openbourse.protocol.commands import AdvanceTime, CreateAsset, SetRules, split
from openbourse.protocol.events import EventKind
from sim.differential import offsets
from sim.reference import Engine
from sim.reference_codec import read_events
from sim.workload import Workload


@pytest.mark.parametrize("rules", [1, 2])
@pytest.mark.parametrize("seed", [1, 5, 9])
def test_every_command_keeps_the_invariants(seed: int, rules: int) -> None:
    engine, workload = Engine(), Workload(seed, rules)
    while engine.sequence < 1_200:
        time_us, frames = workload.batch()
        for frame in split(frames):
            events, ends = engine.apply(engine.sequence + 1, time_us, frame)
            workload.observe(events)
            engine.audit()
            assert events
            assert offsets(ends) == [len(events)]


@pytest.mark.parametrize("rules", [1, 2])
def test_how_commands_are_batched_changes_nothing(rules: int) -> None:
    whole, single, workload = Engine(), Engine(), Workload(3, rules)
    while whole.sequence < 2_000:
        time_us, frames = workload.batch()
        events, _ = whole.apply(whole.sequence + 1, time_us, frames)
        one_by_one = b"".join(single.apply(single.sequence + 1, time_us, frame)[0] for frame in split(frames))
        assert events == one_by_one
        workload.observe(events)
    assert whole.snapshot() == single.snapshot()


@pytest.mark.parametrize("rules", [1, 2])
def test_a_restored_engine_goes_on_the_same(rules: int) -> None:
    engine, workload = Engine(), Workload(4, rules)
    while engine.sequence < 3_000:
        time_us, frames = workload.batch()
        twin = Engine.restore(engine.snapshot())
        assert twin.apply(twin.sequence + 1, time_us, frames) == engine.apply(engine.sequence + 1, time_us, frames)
        assert twin.snapshot() == engine.snapshot()
        assert (twin.due_us, twin.version()) == (engine.due_us, engine.version())
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


@pytest.mark.parametrize("rules", [1, 2])
def test_a_damaged_snapshot_is_refused(rules: int) -> None:
    engine, workload = Engine(), Workload(6, rules)
    for _ in range(8):
        time_us, frames = workload.batch()
        workload.observe(engine.apply(engine.sequence + 1, time_us, frames)[0])
    good = engine.snapshot()
    for size in range(0, len(good), 97):
        with pytest.raises(ValueError):
            Engine.restore(good[:size])
    with pytest.raises(ValueError):
        Engine.restore(good + b"\0")


def test_what_is_due_happens_when_time_advances() -> None:
    engine, workload = Engine(), Workload(7, rules=2)
    counted = 0
    while engine.sequence < 6_000:
        time_us, frames = workload.batch()
        workload.observe(engine.apply(engine.sequence + 1, time_us, frames)[0])
        is_due = 0 <= engine.due_us <= time_us
        events = engine.apply(engine.sequence + 1, time_us, AdvanceTime().encode())[0]
        kinds = [kind for kind, _ in read_events(events)]
        assert kinds[0] == EventKind.TIME_ADVANCED
        assert (len(kinds) > 1) == is_due
        assert not 0 <= engine.due_us <= time_us
        counted += is_due
        workload.observe(events)
    assert counted > 5


def test_damaged_bytes_are_refused_or_make_a_sound_engine() -> None:
    random, engine, workload = Random(5), Engine(), Workload(8, rules=2)
    for _ in range(12):
        time_us, frames = workload.batch()
        workload.observe(engine.apply(engine.sequence + 1, time_us, frames)[0])
    good = engine.snapshot()
    restored = 0
    for _ in range(400):
        bad = bytearray(good)
        bad[random.randrange(10, len(bad))] ^= 1 << random.randrange(8)
        try:
            other = Engine.restore(bytes(bad))
        except ValueError:
            continue
        restored += 1
        other.audit()
        assert other.snapshot() == bytes(bad)
    assert restored < 200


def test_rules_never_go_back() -> None:
    engine = Engine()
    kinds = []
    for version in (3, 0, 1, 2, 1, 2):
        events, _ = engine.apply(engine.sequence + 1, 0, SetRules(version).encode())
        kinds.append(read_events(events)[0][0])
    no, yes = EventKind.COMMAND_REJECTED, EventKind.RULES_SET
    assert kinds == [no, no, yes, yes, no, yes]
    assert engine.version() == "rules version 2"


def test_a_workload_reaches_every_event() -> None:
    seen: set[int] = set()
    for seed in (1, 2):
        engine, workload = Engine(), Workload(seed, rules=1)
        while engine.sequence < 4_000:
            time_us, frames = workload.batch()
            events, _ = engine.apply(engine.sequence + 1, time_us, frames)
            seen.update(kind for kind, _ in read_events(events))
            workload.observe(events)
    assert seen >= {int(kind) for kind in EventKind if kind <= EventKind.RULES_SET}
