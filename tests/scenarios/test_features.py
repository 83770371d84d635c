"""docs/features.md names stories that exist, and the stories name every reject and expiry that one can tell of."""

import re
from pathlib import Path

from openbourse.protocol.events import Expiry
from openbourse.protocol.rejects import RejectReason
from sim.story import read_stories

HERE = Path(__file__).parent
FEATURES = HERE.parents[1] / "docs" / "features.md"
STORIES = {story.name: story for path in HERE.glob("*.txt") for story in read_stories(path)}
# What only a broken gateway or an operator's script meets: identities, names that nobody has, definitions made twice.
UNTOLD = {
    "ALREADY_EXISTS",
    "IDENTITY_EXPIRED",
    "SUPPLY_EXCEEDED",
    "TOO_MANY_IN_FLIGHT",
    "UNKNOWN_ACCOUNT",
    "UNKNOWN_ASSET",
    "UNKNOWN_INSTRUMENT",
    "EXCHANGE_CANCELED",
}


def test_every_story_that_a_feature_names_exists() -> None:
    named = re.findall(r"`(\w+\.txt#[^`]+)`", FEATURES.read_text())
    assert len(named) > 100
    assert not [name for name in named if name not in STORIES]


def test_every_feature_names_a_story() -> None:
    rows = [
        line for line in FEATURES.read_text().splitlines() if line.startswith("| ") and not line.endswith("| story |")
    ]
    assert not [row for row in rows if ".txt#" not in row and "| none: " not in row]


def test_every_reject_and_expiry_is_told_of() -> None:
    told = set(re.findall(r"[A-Z_]{4,}", "\n".join(path.read_text() for path in HERE.glob("*.txt"))))
    names = set(RejectReason.__members__) | set(Expiry.__members__)
    assert names - told == UNTOLD


def test_stories_that_are_for_engines_only_say_why_and_are_few() -> None:
    kept = [story for story in STORIES.values() if story.setting("engine only") is not None]
    assert all(story.setting("engine only") for story in kept)
    assert len(kept) * 20 < len(STORIES)
