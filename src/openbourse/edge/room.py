"""Where new orders wait for their turn, so that few of them are under way and what goes before them finds the way free.

A burst drains from here and nobody notices. When the room has not been empty for a while it stands: from then on it holds
little and nobody waits in it for long, because whoever waits at the end of a queue that stands gets a late answer or none.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from openbourse.edge.errors import ApiError
from openbourse.edge.overload import INTERVAL_S, Window
from openbourse.edge.pace import Pace

STANDS_AFTER_S: Final = 0.1
"""A room that has not been empty for so long stands; a burst that drains within it is no overload."""
STALL_S: Final = 0.05
"""When no call under way has ended for so long, the time does not count: a disk that stalls, or a leader that changes, is
waited for, and whoever waits meanwhile is not refused for it."""
WAIT_S: Final = 0.1
"""How long a call may wait in a room that stands."""
STALL_WAIT_S: Final = 5
"""How long a call may wait whatever the reason: as long as a gateway looks for a leader. Its sender has not the patience of
a database that fails over, and is told that the order was never sent."""
STARTS_AT_ONCE: Final = 2
"""In one turn of the event loop, however many are ready: proving and sending an order takes what ten readings take, and
whatever else is ready has its turn in between."""
REFUSED_AT_ONCE: Final = 32
"""Of those who have waited too long: refusing takes time too, which others need."""


class _Place:
    """One waiting call."""

    __slots__ = ("came", "is_given_up", "since", "turn", "who")

    def __init__(self, came: float, since: float, who: str, turn: "asyncio.Future[None]") -> None:
        self.came = came
        self.since = since
        """The same in time that counts."""
        self.who = who
        self.turn = turn
        self.is_given_up = False
        """Its caller is gone. The place is kept until its turn: whoever stands behind it must not pass what is before it."""


class Room:
    """Calls that wait until a window has space, in the order they came."""

    def __init__(
        self,
        window: Window,
        places_max: int,
        refusal: Callable[[], ApiError],
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nobody begins sooner after another than the pace has it."""
        self.is_standing = False
        self._window = window
        self._places_max = places_max
        self._refusal = refusal
        self._clock = clock
        self._places: deque[_Place] = deque()
        self._last: dict[str, _Place] = {}
        self._is_opening = False
        self._begun = 0
        """In this turn of the event loop."""
        self._counted_s = self._filled_s = 0.0
        """Time in which calls ended: now, and when the room was last empty."""
        self._judged_at = clock()
        self._ended_at = 0.0
        self._calm_since = 0.0
        self._refused = 0
        self._pace = pace
        self._paced_at = clock()
        self._paced_refused = 0

    def __len__(self) -> int:
        return len(self._places)

    @property
    def is_full(self) -> bool:
        """Tell whether one more call would find neither space in the window nor a place here."""
        window = self._window
        free = max(0, window.size - window.in_flight)
        # A room that stands holds as many as are let in at once.
        places = window.size if self.is_standing else self._places_max
        return len(self._places) + window.starting - free >= places

    async def enter(self, who: str) -> None:
        """Have a call under way as soon as there is space; `leave` ends it. Raises the refusal when it waits too long."""
        window = self._window
        may_begin = not self._places and window.in_flight < window.size and self._begun < STARTS_AT_ONCE
        if may_begin and not self._pace.wait_s(self._clock()):
            self._begin()
            return
        turn = asyncio.get_running_loop().create_future()
        place = self._last[who] = _Place(self._clock(), self._counted_s, who, turn)
        self._places.append(place)
        if window.in_flight < window.size:
            self._open()  # it waits for nothing but its moment
        try:
            # Shielded here and in `behind`: others wait for this turn, too.
            await asyncio.shield(place.turn)
        except asyncio.CancelledError:
            if not place.turn.done():
                place.is_given_up = True
            elif place.turn.exception() is None:
                self.leave()  # its turn had come
            raise

    async def behind(self, who: str) -> None:
        """Return when no call of the same caller waits that came before."""
        place = self._last.get(who)
        if place is not None:
            with contextlib.suppress(ApiError):
                await asyncio.shield(place.turn)

    def leave(self) -> None:
        """End a call that was under way; the next one has its turn."""
        self._window.leave()
        self._ended_at = self._clock()
        if self._places:
            self._open()

    def sweep(self) -> None:
        """See whether the room stands, refuse who has waited too long in it, let in who may go; to be called often."""
        now = self._clock()
        self._judge(now)
        if now - self._paced_at >= INTERVAL_S:
            refused, self._paced_refused = self._window.refused - self._paced_refused, self._window.refused
            self._paced_at = now
            self._pace.turn(self.is_standing, refused)
        for _ in range(REFUSED_AT_ONCE):
            if not self._places or not self._is_late(self._places[0], now):
                break
            place = self._take()
            if place.is_given_up:
                place.turn.set_result(None)
            else:
                self._window.refused += 1
                place.turn.set_exception(self._refusal())
        self._open()

    def _is_late(self, place: _Place, now: float) -> bool:
        stands = self.is_standing and self._counted_s - place.since > WAIT_S
        return stands or now - place.came > STALL_WAIT_S

    def _judge(self, now: float) -> None:
        past_s, self._judged_at = now - self._judged_at, now
        if not self._places:
            self._filled_s = self._counted_s
        elif now - self._ended_at <= STALL_S:
            self._counted_s += min(past_s, STALL_S)
        if self._counted_s - self._filled_s > STANDS_AFTER_S:
            self.is_standing = True
        if self._places or self._window.refused != self._refused:
            self._refused, self._calm_since = self._window.refused, now
        elif now - self._calm_since > STANDS_AFTER_S:
            self.is_standing = False

    def _open(self) -> None:
        if not self._is_opening:
            self._is_opening = True
            asyncio.get_running_loop().call_soon(self._let_in)

    def _begin(self) -> None:
        self._window.enter()
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._begun += 1

    def _end_turn(self) -> None:
        self._begun = 0

    def _let_in(self) -> None:
        self._is_opening = False
        window = self._window
        while self._places and window.in_flight < window.size:
            if self._begun >= STARTS_AT_ONCE:
                self._open()
                return
            wait_s = 0.0 if self._places[0].is_given_up else self._pace.wait_s(self._clock())
            if wait_s:
                self._is_opening = True
                asyncio.get_running_loop().call_later(wait_s, self._let_in)
                return
            place = self._take()
            if not place.is_given_up:
                self._begin()
            place.turn.set_result(None)

    def _take(self) -> _Place:
        place = self._places.popleft()
        if self._last.get(place.who) is place:
            del self._last[place.who]
        return place
