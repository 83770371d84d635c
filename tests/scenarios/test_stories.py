"""Every story of this directory: on the reference, on the native core, and on a live venue."""

from pathlib import Path

import pytest

from openbourse.engine import Engine as Native
from sim.differential import EngineKind
from sim.reference import Engine as Reference
from sim.story import Story, read_stories
from sim.story_engine import EngineStage, RulesMissing
from sim.story_play import play
from tests.scenarios.live import LiveStage, theatre
from tests.scenarios.live_venue import Theatre

__all__ = ["theatre"]
HERE = Path(__file__).parent
STORIES = [story for path in sorted(HERE.glob("*.txt")) for story in read_stories(path)]


@pytest.mark.parametrize("kind", [Reference, Native], ids=["reference", "native"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_story_ends_as_it_is_told(story: Story, kind: EngineKind) -> None:
    try:
        stage = EngineStage(kind, int(story.setting("version") or 2))
    except RulesMissing as missing:
        pytest.skip(str(missing))
    play(story, stage)


@pytest.mark.system
@pytest.mark.parametrize(
    "story", [story for story in STORIES if story.setting("engine only") is None], ids=lambda story: story.name
)
def test_story_ends_so_on_a_live_venue(story: Story, theatre: Theatre) -> None:
    play(story, LiveStage(theatre))
