"""Calls are counted with how long they took, and as faults only when they are ours."""

from openbourse.edge.figures import NAMES, Figures
from openbourse.edge.operations import Priority


def test_each_kind_has_its_own_times_and_faults_are_counted() -> None:
    figures = Figures()
    figures.note(Priority.NEW_ORDER, 0.004, False)
    figures.note(Priority.NEW_ORDER, 0.2, True)
    figures.note(Priority.CANCEL, 0.001, False)
    values = figures.values()
    assert (values["calls"], values["faults"]) == (3, 1)
    assert figures.took[Priority.NEW_ORDER].total == 2
    assert figures.took[Priority.NEW_ORDER].percentile_us(99) >= 200_000
    assert set(NAMES.values()) < set(values)
