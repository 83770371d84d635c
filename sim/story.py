"""Trading stories: what people do and what the venue answers, as tables of text (tests/scenarios/README.md).

In:    files of stories.
Out:   stories with their lines, each knowing file and number; words one by one.
Never: knows on what a story is played.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from openbourse.protocol.amounts import AMOUNT_MAX, INT64_MAX, AmountError, parse_units

_SETTINGS: Final = ("funds", "groups", "instrument", "rules", "also", "version", "engine only")


class WordFault(ValueError):
    """Words that no story may hold."""


class StoryError(AssertionError):
    """A line that is not written as a story's line is, or whose expectation is not met. Names file and line."""


@dataclass(frozen=True)
class Line:
    """A line of a story: a setting and its value, or what is done and what is expected then."""

    place: str
    """File and line number."""
    left: str
    right: str


@dataclass
class Story:
    """One story as it is written."""

    file: str
    heading: str
    place: str
    settings: list[Line] = field(default_factory=list)
    steps: list[Line] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name by which a test or docs/features.md calls it."""
        return f"{self.file}#{self.heading}"

    def setting(self, key: str) -> str | None:
        """Return a setting's value, if the story has it."""
        return next((line.right for line in self.settings if line.left == key), None)


def read_stories(path: Path) -> list[Story]:
    """Return the stories of a file. Raises StoryError."""
    stories: list[Story] = []
    for number, text in enumerate(path.read_text().splitlines(), 1):
        place, text = f"{path.name}:{number}", text.strip()
        if not text or text.startswith("--"):
            continue
        if text.startswith("# "):
            heading = text.removeprefix("# ")
            if any(story.heading == heading for story in stories):
                raise StoryError(f"{place}: the file has another story of this heading")
            stories.append(Story(path.name, heading, place))
            continue
        if not stories:
            raise StoryError(f"{place}: a story begins with its heading: # what it promises")
        _take(stories[-1], place, text)
    for story in stories:
        if not story.steps:
            raise StoryError(f"{story.place}: nothing happens in this story")
    return stories


def _take(story: Story, place: str, text: str) -> None:
    key, colon, value = text.partition(":")
    if colon and key in _SETTINGS:
        if story.steps:
            raise StoryError(f"{place}: settings come before the first step")
        if story.setting(key) is not None:
            raise StoryError(f"{place}: {key} is set already")
        story.settings.append(Line(place, key, value.strip()))
        return
    left, _, right = text.partition("|")
    if "|" in right:
        raise StoryError(f"{place}: a step has one |, between what is done and what then is so")
    story.steps.append(Line(place, left.strip(), right.strip()))


class Words:
    """The words of a text, taken one by one."""

    def __init__(self, text: str) -> None:
        self._words = text.split()

    def __bool__(self) -> bool:
        return bool(self._words)

    def __iter__(self) -> Iterator[str]:
        while self._words:
            yield self._words.pop(0)

    @property
    def first(self) -> str:
        """The next word, which stays; "" at the end."""
        return self._words[0] if self._words else ""

    def take(self, *options: str) -> str:
        """Take the next word if it is one of some, else return ""."""
        return self._words.pop(0) if self.first in options and self._words else ""

    def next(self, what: str) -> str:
        """Take the next word. Raises WordFault when there is none."""
        if not self._words:
            raise WordFault(f"{what} is missing")
        return self._words.pop(0)

    def expect(self, word: str) -> None:
        """Take a word that must come now. Raises WordFault."""
        if self.next(word) != word:
            raise WordFault(f"'{word}' is missing")

    def number(self, maximum: int = INT64_MAX) -> int:
        """Take a decimal number as 1e-8 units. Raises WordFault."""
        return units(self.next("a number"), maximum)

    def is_number(self) -> bool:
        """Say whether the next word is a number."""
        return self.first[:1].isdigit()

    def label(self) -> str:
        """Take a label: # and a name. Raises WordFault."""
        word = self.next("a label")
        if len(word) < 2 or word[0] != "#":
            raise WordFault(f"'{word}' is no label like #a1")
        return word[1:]

    def end(self) -> None:
        """Raise WordFault unless every word was taken."""
        if self._words:
            raise WordFault(f"'{' '.join(self._words)}' is not understood here")


def units(text: str, maximum: int = AMOUNT_MAX) -> int:
    """Return a decimal number as 1e-8 units; it may have a sign. Raises WordFault."""
    try:
        return -parse_units(text[1:], maximum) if text.startswith("-") else parse_units(text, maximum)
    except AmountError as fault:
        raise WordFault(f"'{text}' is no number: {fault}") from fault


def unknown(what: str, word: str) -> NoReturn:
    """Raise WordFault for a name that the story does not know."""
    raise WordFault(f"{what} '{word}' is not known here")
