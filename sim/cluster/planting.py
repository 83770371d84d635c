"""Planting a defect into the code under test for the length of a run: named attributes are replaced, then put back."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

Patches = list[tuple[Any, str, Any]]
"""Where, which attribute, what instead."""


@dataclass(frozen=True)
class Defect:
    """A mutation of our own logic."""

    name: str
    what: str
    faults: tuple[str, ...]
    """What has to go wrong for it to do harm; nothing in particular when empty."""
    plant: Callable[[], Patches]


DEFECTS: Final[dict[str, Defect]] = {}


def planted(what: str, *faults: str) -> Callable[[Callable[[], Patches]], Callable[[], Patches]]:
    """Put a function that gives a defect's patches into the table, under its own name."""

    def enter(plant: Callable[[], Patches]) -> Callable[[], Patches]:
        name = plant.__name__.replace("_", " ")
        DEFECTS[name] = Defect(name, what, faults, plant)
        return plant

    return enter


@contextlib.contextmanager
def with_defect(defect: Defect | None) -> Iterator[None]:
    """Have a defect in the code while the block runs."""
    if defect is None:
        yield
        return
    patches = defect.plant()
    # Read where it is kept, not through the object, so that a method is put back as the function that it was.
    kept = [vars(where)[name] for where, name, _ in patches]
    for where, name, value in patches:
        setattr(where, name, value)
    try:
        yield
    finally:
        for (where, name, _), value in zip(patches, kept, strict=True):
            setattr(where, name, value)
