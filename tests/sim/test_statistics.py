"""Streams of rules 2 reach everything that rules 2 know, and most of what they ask for is done."""

import pytest

from openbourse.protocol.commands import CommandKind
from openbourse.protocol.events import EventKind, Execution, Expiry
from openbourse.protocol.lists import ListForm
from openbourse.protocol.rejects import RejectReason
from sim.reference import Engine
from sim.statistics import Statistics
from sim.workload import Workload

_SEEDS = range(1, 13)
_COMMANDS_A_SEED = 4_000


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    """Return the counts of a dozen streams."""
    counts = Statistics()
    for seed in _SEEDS:
        engine, workload = Engine(), Workload(seed, rules=2)
        while engine.sequence < _COMMANDS_A_SEED:
            time_us, frames = workload.batch()
            events, _ = engine.apply(engine.sequence + 1, time_us, frames)
            counts.count(frames, events)
            workload.observe(events)
    return counts


def test_every_event_of_rules_2_occurs(statistics: Statistics) -> None:
    assert set(EventKind) <= set(statistics.events)


def test_every_reject_of_rules_2_occurs(statistics: Statistics) -> None:
    rare = {RejectReason.TOO_MANY_IN_FLIGHT}  # needs 65,536 commands in one session
    assert set(RejectReason) - rare <= set(statistics.reasons)


def test_every_execution_and_expiry_occurs(statistics: Statistics) -> None:
    assert set(Execution) <= set(statistics.executions)
    assert set(Expiry) - {Expiry.EXCHANGE_CANCELED} <= set(statistics.expiries)  # no rule cancels so yet


def test_every_form_of_list_ends_in_every_way(statistics: Statistics) -> None:
    for form in ListForm:
        ways = {"CANCELED", "FILLED", "OCO_TRIGGER" if form == ListForm.OCO else "OTO_PHASE_ONE_EXPIRED"}
        ways |= {"REJECTED"} if form != ListForm.OCO else set()
        assert ways <= {ending for one, ending in statistics.list_ends if one == form}, form.name


def test_what_is_asked_for_is_done_often_enough(statistics: Statistics) -> None:
    for kind in CommandKind:
        done, refused = statistics.accepted[kind.name], statistics.rejected[kind.name]
        assert done > 0
        if kind != CommandKind.SET_RULES:  # after the first of a stream most are refused
            assert done * 9 > refused, f"{kind.name}: {done} done, {refused} refused"
