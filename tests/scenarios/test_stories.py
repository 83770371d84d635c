"""Every story of this directory, on the reference and on the native core."""

from pathlib import Path

import pytest

from openbourse.engine import Engine as Native
from sim.differential import EngineKind
from sim.reference import Engine as Reference
from sim.story import Story, StoryError

_STORIES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("kind", [Reference, Native], ids=["reference", "native"])
@pytest.mark.parametrize("path", _STORIES, ids=lambda path: path.stem)
def test_story_ends_as_it_is_told(path: Path, kind: EngineKind) -> None:
    Story(kind()).run(path.read_text().splitlines())


def test_a_wrong_expectation_is_noticed() -> None:
    with pytest.raises(StoryError, match="available USD 2"):
        Story(Reference()).run(["deposit alice USD 1 | available USD 2"])


def test_there_are_enough_stories() -> None:
    assert len(_STORIES) >= 25
