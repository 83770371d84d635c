"""The room before the window: a burst drains from it, what stands in it is thinned out, and cancels do not wait in it."""

import asyncio

import pytest

from openbourse.edge.admission import overloaded
from openbourse.edge.errors import ApiError
from openbourse.edge.overload import INTERVAL_S, Window
from openbourse.edge.pace import RATE_LEAST, Pace
from openbourse.edge.room import REFUSED_AT_ONCE, STALL_S, STALL_WAIT_S, STANDS_AFTER_S, STARTS_AT_ONCE, WAIT_S, Room


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """A room before a window of so many, places for ten, and calls that come into it."""

    def __init__(self, size: int, places: int = 10) -> None:
        self.clock = Clock()
        self.window = Window(1_000, 1, None, 1.0, first=size)
        self.busy = 0.0
        self.room = Room(self.window, places, overloaded, Pace(lambda: self.busy), self.clock)
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, *names: str, who: str = "alice") -> None:
        for name in names:
            self.tasks.append(asyncio.create_task(self._call(name, who)))
        await settle()

    async def _call(self, name: str, who: str) -> None:
        try:
            await self.room.enter(who)
            self.order.append(name)
        except ApiError as refusal:
            self.order.append(f"{name} refused {refusal.code}")

    def spend(self, seconds: float, is_stalled: bool = False) -> None:
        """Let time go by, in which calls end now and then, or none does."""
        while seconds > 0:
            step = min(seconds, STALL_S / 2)
            seconds -= step
            self.clock.now += step
            if not is_stalled:
                self.window.enter()  # of somebody else, who has not waited
                self.room.leave()
            self.room.sweep()

    async def later(self, seconds: float, is_stalled: bool = False) -> None:
        self.spend(seconds, is_stalled)
        await settle()


async def settle() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


async def test_calls_have_their_turn_in_the_order_they_came() -> None:
    scene = Scene(2)
    await scene.come("a", "b", "c", "d")
    assert (scene.order, scene.window.in_flight, len(scene.room)) == (["a", "b"], 2, 2)
    scene.room.leave()
    await settle()
    scene.room.leave()
    await settle()
    assert (scene.order, scene.window.in_flight, len(scene.room)) == (["a", "b", "c", "d"], 2, 0)


async def test_a_burst_that_drains_is_refused_nothing() -> None:
    scene = Scene(1)
    await scene.come(*"abcdefghij")
    for _ in range(9):
        await scene.later(STANDS_AFTER_S / 10)
        scene.room.leave()
        await settle()
    assert scene.order == list("abcdefghij")
    assert not scene.room.is_standing
    assert scene.window.refused == 0


async def test_what_stands_is_thinned_out_and_a_calm_room_is_as_before() -> None:
    scene = Scene(4, places=100)
    await scene.come(*(f"{number}" for number in range(4 + REFUSED_AT_ONCE + 8)))
    await scene.later(STANDS_AFTER_S * 0.9)
    assert not scene.room.is_standing
    await scene.later(STANDS_AFTER_S * 0.2)
    assert scene.room.is_standing
    assert len(scene.room) == 8, "so many are refused in one turn"
    await scene.later(0.001)
    assert scene.window.refused == REFUSED_AT_ONCE + 8
    assert scene.window.in_flight == 4
    assert not scene.room.is_full
    await scene.come(*"efgh")
    assert scene.room.is_full, "as many as are let in at once may wait in a room that stands"
    await scene.later(WAIT_S * 0.9)
    assert len(scene.room) == 4
    for _ in range(4):
        scene.room.leave()
    await settle()
    assert scene.order[-4:] == list("efgh")
    for _ in range(4):
        scene.room.leave()
    await scene.later(STANDS_AFTER_S * 0.9)
    assert scene.room.is_standing
    await scene.later(STANDS_AFTER_S * 0.9)
    await scene.later(STANDS_AFTER_S * 0.9)
    assert not scene.room.is_standing


async def test_a_stall_is_waited_for_and_nobody_is_refused_for_it() -> None:
    scene = Scene(2)
    await scene.come(*"abcdefgh")
    await scene.later(3.0, is_stalled=True)
    assert (scene.room.is_standing, scene.window.refused, scene.order) == (False, 0, ["a", "b"])
    for _ in range(6):
        scene.room.leave()
        await scene.later(STANDS_AFTER_S / 20)
    assert (scene.order, scene.window.refused) == (list("abcdefgh"), 0)


async def test_nobody_waits_longer_than_for_a_leader() -> None:
    scene = Scene(2)
    await scene.come(*"abcd")
    await scene.later(STALL_WAIT_S * 0.9, is_stalled=True)
    await scene.come("e", who="bob")
    assert scene.order == ["a", "b"]
    await scene.later(STALL_WAIT_S * 0.2, is_stalled=True)
    assert scene.order == ["a", "b", "c refused -1008", "d refused -1008"]
    scene.room.leave()
    await settle()
    assert scene.order[-1] == "e", "who came later waits on"


async def test_few_start_in_one_turn_of_the_loop() -> None:
    scene = Scene(6, places=100)
    await scene.come(*(f"{number}" for number in range(12)))
    for _ in range(6):
        scene.room.leave()
    entered = []
    while len(scene.room):
        before = len(scene.room)
        await asyncio.sleep(0)
        entered.append(before - len(scene.room))
    assert entered == [STARTS_AT_ONCE] * (6 // STARTS_AT_ONCE)


async def test_few_begin_in_one_turn_of_the_loop_in_an_empty_room_too() -> None:
    """Whoever found the room empty began at once: sixteen that were read together stood before a cancel behind them."""
    scene = Scene(16, places=100)
    began = []
    for number in range(9):
        scene.tasks.append(asyncio.create_task(scene._call(f"{number}", "alice")))
    while scene.window.in_flight < 9:
        before = scene.window.in_flight
        await asyncio.sleep(0)
        began.append(scene.window.in_flight - before)
    assert max(began) == STARTS_AT_ONCE
    await settle()
    assert scene.order == [f"{number}" for number in range(9)]
    assert not scene.room.is_standing


async def test_a_full_room_says_so() -> None:
    scene = Scene(2, places=3)
    await scene.come(*"abcd")
    assert not scene.room.is_full
    await scene.come("e")
    assert scene.room.is_full
    scene.room.leave()
    assert not scene.room.is_full
    scene.window.starting = 1
    assert scene.room.is_full, "what was taken in and not looked at counts as what it may be"


async def test_a_cancel_waits_for_what_its_own_caller_sent_before_and_for_nothing_else() -> None:
    scene = Scene(1)
    await scene.come("a")
    await scene.come("b", who="bob")
    await scene.come("c")
    await asyncio.wait_for(scene.room.behind("carol"), 1)
    bobs, alices = asyncio.create_task(scene.room.behind("bob")), asyncio.create_task(scene.room.behind("alice"))
    await settle()
    assert not bobs.done()
    scene.room.leave()
    await settle()
    assert (scene.order, bobs.done(), alices.done()) == (["a", "b"], True, False)
    await scene.later(STANDS_AFTER_S * 1.01)
    await settle()
    assert (scene.order[-1], alices.done()) == ("c refused -1008", True)


@pytest.mark.parametrize("has_turn", [False, True])
async def test_a_caller_that_goes_away_leaves_no_space_taken(has_turn: bool) -> None:
    scene = Scene(1)
    await scene.come("a", "b", "c")
    if has_turn:
        scene.room.leave()  # b's turn has come, and b is gone before it could take it
    scene.tasks[1].cancel()
    await settle()
    if not has_turn:
        scene.room.leave()
        await settle()
    assert scene.order == ["a", "c"]
    assert scene.window.in_flight == 1
    assert len(scene.room) == 0


async def test_a_cancel_goes_on_when_the_order_before_it_is_given_up_and_passes_no_earlier_one() -> None:
    scene = Scene(1)
    await scene.come("a", "b", "c")
    passing = asyncio.create_task(scene.room.behind("alice"))
    await settle()
    scene.tasks[2].cancel()  # whoever sent it has hung up
    await settle()
    assert not passing.done()  # b still waits
    scene.room.leave()
    await settle()
    scene.room.leave()
    await settle()
    await asyncio.wait_for(passing, 1)
    assert (scene.order, scene.window.in_flight) == (["a", "b"], 0)


async def test_a_call_that_is_given_up_as_it_is_refused_frees_nothing() -> None:
    scene = Scene(1)
    await scene.come("a", "b")
    scene.spend(STANDS_AFTER_S + 0.01)
    scene.tasks[1].cancel()  # its refusal is on the way
    await settle()
    assert scene.window.in_flight == 1


async def test_in_a_rush_of_a_busy_process_calls_begin_one_after_the_other() -> None:
    scene = Scene(8, places=1_000)
    scene.busy = 1.0
    for number in range(100):
        await scene.come(*(f"{number}-{each}" for each in range(24)))
        scene.window.refused += 20
        await scene.later(INTERVAL_S / 2)
        while scene.window.in_flight:
            scene.room.leave()
        await settle()
    assert scene.room.is_standing
    scene.order.clear()
    for _ in range(10):
        scene.clock.now += 1 / RATE_LEAST
        await scene.come(*"abcd")
        scene.room.sweep()
        await settle()
        while scene.window.in_flight:
            scene.room.leave()
        scene.room._is_opening = False  # the clock here is not the loop's, whose timer it waits for
    begun = [name for name in scene.order if "refused" not in name]
    assert len(begun) in (10, 11), "one in each gap, although eight may be under way; one may be caught up with"
