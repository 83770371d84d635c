"""In a rush new orders begin evenly spread, as many a second as leave a process a part of its time."""

import time
from pathlib import Path

import pytest

from openbourse.edge.overload import INTERVAL_S
from openbourse.edge.pace import BUSY_MOST, CUT_MOST, FIRST_SHARE, RATE_LEAST, RATE_STEP, RUSH_SHARE, Busy, Pace


class Scene:
    """A pace of a process that is as busy as is said."""

    def __init__(self) -> None:
        self.busy = 0.0
        self.pace = Pace(lambda: self.busy)
        self.now = 50.0

    def interval(self, begun: int, refused: int, is_standing: bool = True) -> float:
        """Return the rate after an interval in which so many began and so many were refused; 0: no limit."""
        for _ in range(begun):
            self.now += self.pace.gap_s
            assert self.pace.wait_s(self.now) == 0.0
        self.pace.turn(is_standing, refused)
        return 1 / self.pace.gap_s if self.pace.gap_s else 0.0

    def rush(self, busy: float, intervals: int, begun: int = 40) -> list[float]:
        self.busy = busy
        return [self.interval(begun, 100) for _ in range(intervals)]


def test_without_a_rush_everybody_begins_at_once() -> None:
    scene = Scene()
    scene.busy = 1.0
    for _ in range(20):
        assert scene.interval(50, int(RUSH_SHARE * 50)) == 0.0
    for _ in range(20):
        assert scene.interval(50, 100, is_standing=False) == 0.0
    assert [scene.pace.wait_s(1.0) for _ in range(5)] == [0.0] * 5


def test_a_busy_process_begins_with_a_little_less_and_goes_on_cutting_down_to_the_least() -> None:
    scene = Scene()
    scene.busy = 1.0
    for _ in range(10):
        scene.interval(40, 0)
    first, *_ = rates = scene.rush(1.0, 40)
    assert first == pytest.approx(FIRST_SHARE * 40 / INTERVAL_S * max(CUT_MOST, BUSY_MOST), rel=0.01)
    assert rates == sorted(rates, reverse=True)
    assert rates[3] == pytest.approx(rates[2] * max(CUT_MOST, BUSY_MOST), rel=0.01)
    assert rates[-1] == RATE_LEAST


def test_a_process_with_time_left_begins_more() -> None:
    scene = Scene()
    scene.rush(1.0, 10)
    scene.rush(BUSY_MOST - 0.01, 8)
    before, after = scene.rush(BUSY_MOST - 0.01, 2)
    assert after == pytest.approx(before + RATE_STEP, rel=0.01)
    scene.rush(0.25, 5)
    before, after = scene.rush(0.25, 2)
    assert after == pytest.approx(before * 1.5, rel=0.02), "the more of its time is left"


def test_a_rush_is_over_when_few_are_refused() -> None:
    scene = Scene()
    assert scene.rush(1.0, 10)[-1] > 0
    rates = [scene.interval(100, 1) for _ in range(9)]
    assert rates[0] > 0, "one interval is no proof"
    assert rates[-1] == 0.0
    assert scene.pace.wait_s(scene.now) == 0.0
    assert scene.rush(1.0, 10)[-1] > 0
    assert scene.interval(30, 100, is_standing=False) == 0.0, "nobody waits any more"


def test_while_nobody_begins_nothing_is_learnt() -> None:
    scene = Scene()
    *_, before = scene.rush(1.0, 5)
    assert scene.interval(0, 500) == before


def test_beginnings_are_a_gap_apart_and_a_late_one_delays_nobody() -> None:
    scene = Scene()
    scene.rush(0.9, 6)
    pace, gap_s = scene.pace, scene.pace.gap_s
    now = scene.now + 100.0
    assert pace.wait_s(now) == 0.0
    assert pace.wait_s(now) == 0.0, "one may be caught up with"
    assert pace.wait_s(now) == pytest.approx(gap_s)
    assert pace.wait_s(now + gap_s * 0.4) == pytest.approx(gap_s * 0.6)
    assert pace.wait_s(now + gap_s * 1.3) == 0.0
    assert pace.wait_s(now + gap_s * 1.3) == pytest.approx(gap_s * 0.7)


@pytest.mark.parametrize("kept", ["as it is", "nothing", "noughts"])
def test_a_thread_that_spins_is_busier_than_one_that_sleeps(kept: str, tmp_path: Path) -> None:
    source = tmp_path / "schedstat"
    if kept == "noughts":
        source.write_text("0 0 0\n")
    busy = Busy() if kept == "as it is" else Busy(source)
    end = time.thread_time() + 0.1
    while time.thread_time() < end:
        pass
    spun = busy.share()
    time.sleep(0.1)
    assert 0 <= busy.share() < spun < 1.2
