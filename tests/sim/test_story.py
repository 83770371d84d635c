"""The format of trading stories: what is not understood is named with its place, and what is not so is noticed."""

from pathlib import Path

import pytest

from sim.reference import Engine
from sim.story import StoryError, read_stories
from sim.story_engine import EngineStage
from sim.story_play import play


def played(tmp_path: Path, *lines: str) -> None:
    path = tmp_path / "told.txt"
    path.write_text("\n".join(lines))
    for story in read_stories(path):
        play(story, EngineStage(Engine, 2))


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("alice buy 1 at 100 #a1 | rests; alice 901 USDT", "alice has 900.00000000 USDT"),
        ("alice buy 1 at 100 #a1 | filled", "status='NEW'"),
        ("alice buy 1 at 100 #a1 | waits", "is_working=True"),
        ("alice buy 1 at 100 #a1 | refused PRICE_FILTER", "it was accepted"),
        ("alice buy 20 at 100 #a1 | rests", "there is no order #a1"),
        ("alice buy 20 at 100 #a1 | ", "refused: INSUFFICIENT_BALANCE"),
        ("alice buy 20 at 100 #a1 | refused PRICE_FILTER", "INSUFFICIENT_BALANCE"),
        ("alice buy 1 at 100 #a1 | bids 1 at 99", "1.00000000 at 100.00000000"),
        ("alice buy 1 at 100 #a1 | trades 1 at 100", "trades none"),
        ("alice buy 1 at 100 IOC #a1 | executed 0", "nobody told that #a1 ended"),
        ("bob sell 1 at 90 #b1 | rests", "trades 0.50000000 at 95.00000000"),
        ("alice sell 0.5 at 100 IOC #a1 | expired UNFILLED_FOK", "UNFILLED_IOC"),
    ],
)
def test_what_is_not_so_is_noticed(tmp_path: Path, step: str, found: str) -> None:
    with pytest.raises(StoryError) as told:
        played(
            tmp_path,
            "# It is told wrong",
            "funds: alice 1000 USDT, 1 BTC; bob 2 BTC; carol 1000 USDT",
            "carol buy 0.5 at 95 #c1 | rests" if step.startswith("bob") else "-- nothing else",
            step,
        )
    assert found in str(told.value)
    assert "told.txt:4" in str(told.value)


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("alice buys 1 at 100 | rests", "'buys'"),
        ("alice buy 1 | rests", "say at what price"),
        ("alice buy one at 100 | rests", "'one' is no number"),
        ("alice buy 1 at 100 GTX | rests", "'GTX'"),
        ("alice buy 1 at 100 on LTCUSDT | rests", "'LTCUSDT'"),
        ("alice buy 1 at 100 #a1 | rests; dave 1 USDT", "the fact 'dave'"),
        ("alice buy 1 at 100 #a1 | refused WHATEVER", "WHATEVER"),
        ("alice buy 1 at 100 #a1 | rests | filled", "one |"),
        ("dave buy 1 at 100 | rests", "the account 'dave'"),
        ("venue halts | ", "'halts'"),
        ("alice cancel a1 | canceled", "'a1' is no label"),
        ("alice oco sell 1 at 110 maker | ", "has 2 orders"),
        ("funds: bob 1 BTC", "settings come before"),
        ("venue instrument tock 1 | ", "the field 'tock 1'"),
    ],
)
def test_what_is_not_understood_is_named_with_its_place(tmp_path: Path, step: str, found: str) -> None:
    with pytest.raises(StoryError) as told:
        played(tmp_path, "# It is written wrong", "funds: alice 1000 USDT", "alice buy 1 at 50 | rests", step)
    assert found in str(told.value)
    assert "told.txt:4" in str(told.value)


def test_a_story_has_a_heading_of_its_own_and_steps(tmp_path: Path) -> None:
    with pytest.raises(StoryError, match=r"told.txt:1: a story begins"):
        played(tmp_path, "funds: alice 1 BTC")
    with pytest.raises(StoryError, match=r"told.txt:1: nothing happens"):
        played(tmp_path, "# Empty")
    with pytest.raises(StoryError, match=r"told.txt:3: .* another story"):
        played(tmp_path, "# Twice", "time passes 1 s | ", "# Twice")
