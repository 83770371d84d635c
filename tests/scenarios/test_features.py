"""The pages of features name stories and tests that exist, and every word of the protocol; so do the stories."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from openbourse.edge.errors import REJECTS
from openbourse.protocol.events import Expiry, OrderStatus
from openbourse.protocol.instruments import Feature, InstrumentStatus, OrderType, SelfTradePrevention, TimeInForce
from openbourse.protocol.lists import ListForm
from openbourse.protocol.rejects import RejectReason
from sim.story import read_stories

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FEATURES = ROOT / "docs" / "features.md"
RULES = ROOT / "docs" / "binance-rules.md"
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


STORIES_LEAST = 150


def rows(table: Path) -> list[str]:
    lines = table.read_text().splitlines()
    return [line for line in lines if line.startswith("| ") and not line.endswith(("| story |", "| shown by |"))]


def words(table: Path) -> set[str]:
    """Return the words in capitals of the rows' first columns."""
    return {word for row in rows(table) for word in re.findall(r"[A-Z][A-Z_]+", row.split("|")[1])}


def test_there_are_many_stories() -> None:
    assert len(STORIES) >= STORIES_LEAST


@pytest.mark.parametrize("table", [FEATURES, RULES])
def test_every_story_that_a_page_names_exists(table: Path) -> None:
    named = re.findall(r"`(\w+\.txt#[^`]+)`", table.read_text())
    assert len(named) > 100
    assert not [name for name in named if name not in STORIES]


def test_every_test_that_a_page_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", RULES.read_text())
    assert len(named) > 10
    assert not [name for file, name in named if f"def {name}(" not in (ROOT / file).read_text()]


@pytest.mark.parametrize("table", [FEATURES, RULES])
def test_every_row_names_what_shows_it(table: Path) -> None:
    shown = re.compile(r"`\w+\.txt#[^`]+`|`tests/[\w/]+\.py::\w+`|\| none: \w")
    assert len(rows(table)) > 100
    assert not [row for row in rows(table) if not shown.search(row)]


@pytest.mark.parametrize(
    "names",
    [OrderType, TimeInForce, SelfTradePrevention, InstrumentStatus, OrderStatus, Expiry, ListForm],
    ids=lambda names: str(names.__name__),
)
def test_every_word_of_the_protocol_has_a_row(names: type[IntEnum]) -> None:
    # Where nothing expired there is no row to have.
    assert not {name.name for name in names if (names, name.name) != (Expiry, "NONE")} - words(RULES)


def test_every_filter_has_a_row() -> None:
    told = [re.fullmatch(r"Filter failure: ([A-Z_]+)", message) for _, message in REJECTS.values()]
    filters = {found.group(1) for found in told if found is not None}
    assert len(filters) > 15
    assert not filters - words(RULES)


def test_every_feature_is_switched_off_in_a_story() -> None:
    text = "\n".join(path.read_text() for path in HERE.glob("*.txt"))
    off = set(re.findall(r"features without ([A-Z_]+)", text)) | set(re.findall(r"features with (NO_[A-Z_]+)", text))
    assert off == {feature.name for feature in Feature}


def test_every_reject_and_expiry_is_told_of() -> None:
    told = set(re.findall(r"[A-Z_]{4,}", "\n".join(path.read_text() for path in HERE.glob("*.txt"))))
    names = set(RejectReason.__members__) | set(Expiry.__members__)
    assert names - told == UNTOLD


def test_stories_that_are_for_engines_only_say_why_and_are_few() -> None:
    kept = [story for story in STORIES.values() if story.setting("engine only") is not None]
    assert all(story.setting("engine only") for story in kept)
    assert len(kept) * 20 < len(STORIES)
