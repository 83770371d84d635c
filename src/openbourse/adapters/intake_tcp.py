"""The gateways' way to the sequencer: one connection, many commands in flight, resent to a new leader with their identity."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, cast

import structlog

from openbourse.edge.intake import Answer, IntakeFault, OrderRateExceeded, OutsideWindow, Overloaded, StatusUnknown
from openbourse.edge.operations import OrderCounts
from openbourse.machine import THIS_MACHINE, Machine
from openbourse.protocol.commands import CANCELS, Command, Identity
from openbourse.protocol.intake import (
    ANSWER,
    COMMITTED,
    QUESTION,
    REFUSAL,
    Ask,
    FrameError,
    Frames,
    Refusal,
    Tell,
    pack,
    prove,
)

log: Final = structlog.get_logger()

IN_FLIGHT_MAX: Final = 4_096
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
GRACE_S: Final = 1.0
"""Beyond a command's not-after time: an answer that is under way may still arrive."""
CLOCK_AHEAD_MAX_US: Final = int(GRACE_S * 1e6)
"""A clock that is further ahead of the leader's would end that wait before the leader refuses the command: what is looked up
then is not final."""
CONNECT_S: Final = 2.0
CHALLENGE_S: Final = 1.0
"""A leader that takes a connection in and says nothing within it is left: its machine may be gone, or it is stopped."""
BACKOFF_S: Final = (*(0.02,) * 25, 0.05, 0.1, 0.2)
"""Often at first: a planned hand-over takes some hundredths of a second."""
LEADER_WAIT_S: Final = 5.0
SENDS_MAX: Final = 2
"""A command is sent again once, across one change of leader; one that ends two leaders is not tried on a third."""
RESEND_AFTER_S: Final = 0.1
SILENCE_S: Final = 0.8
"""A leader that owes answers and says nothing for so long may be stuck: look whether another one leads."""
WATCH_EVERY_S: Final = 0.2
ANSWERS_AT_ONCE: Final = 4
"""Of a batch's answers so many are given out in one turn of the event loop, besides cancels: each wakes a call that then
renders and writes, and what else is ready has its turn in between."""

FindLeader = Callable[[], Awaitable[tuple[str, int] | None]]


class _InFlight:
    """A command that was sent, or waits for a leader to be sent to."""

    __slots__ = ("clock", "frame", "future", "is_cancel", "sends")

    def __init__(self, frame: bytes, future: "asyncio.Future[Answer]", clock: tuple[int, int], is_cancel: bool) -> None:
        self.frame = frame
        self.future = future
        self.is_cancel = is_cancel
        self.sends = 0
        self.clock = clock
        """What the clock showed when it was sent, and by how much it was ahead of the seconds that nobody sets."""


class _Ahead:
    """How far this clock is ahead of the leader's, at least: what was sent at a time cannot be stamped with an earlier one."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._by_us = 0
        self._offset_us = 0

    def clock(self) -> tuple[int, int]:
        """Return what the clock shows, and by how much it is ahead of the seconds that nobody sets."""
        now_us = self._machine.now_us()
        return now_us, now_us - int(self._machine.monotonic_s() * 1e6)

    def saw(self, sent: tuple[int, int], stamped_us: int) -> None:
        """Compare the clock when a command was sent with the leader's."""
        was_far = self.is_far
        self._by_us, self._offset_us = sent[0] - stamped_us, sent[1]
        if self.is_far and not was_far:
            log.error("this clock is ahead of the leader's; taking in no commands", seconds=self._by_us / 1e6)

    def forget(self) -> None:
        """Another leader may have another clock."""
        self._by_us, self._offset_us = 0, self.clock()[1]

    @property
    def is_far(self) -> bool:
        """Tell whether it is too far, also after it was set since."""
        return self._by_us + self.clock()[1] - self._offset_us > CLOCK_AHEAD_MAX_US


class TcpIntake(asyncio.Protocol):
    """Implements edge.intake.Intake over TCP."""

    def __init__(self, find_leader: FindLeader, secret: bytes, machine: Machine = THIS_MACHINE) -> None:
        self._secret = secret
        self._machine = machine
        self._ahead = _Ahead(machine)
        self._ahead.forget()
        self._opening: asyncio.Transport | None = None
        self._find_leader = find_leader
        self._session = int.from_bytes(machine.random_bytes(8), "little") >> 1 | 1
        self._counter = 0
        self._question = 0
        self._in_flight: dict[int, _InFlight] = {}
        self._answers: deque[tuple[int, Answer]] = deque()
        self._is_giving_out = False
        self._asked: asyncio.Future[int] | None = None
        self._asked_next: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None
        self._frames = Frames(ANSWER_BYTES_MAX)
        self._lost = asyncio.Event()
        self._lost.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._leader: tuple[str, int] | None = None
        self._heard_at = 0.0

    @property
    def is_connected(self) -> bool:
        """Tell whether a leader is connected now, and this clock is not so far ahead of its that nothing may be sent."""
        return self._transport is not None and not self._ahead.is_far

    async def start(self) -> None:
        """Begin to look for the leader and stay connected to it."""
        self._tasks = [asyncio.create_task(self._stay_connected()), asyncio.create_task(self._watch())]

    async def close(self) -> None:
        """Leave; commands in flight get StatusUnknown."""
        for task in self._tasks:
            task.cancel()
        self._give_out(len(self._answers))
        if self._opening is not None:
            self._opening.close()
        for waiting in self._in_flight.values():
            if not waiting.future.done():
                waiting.future.set_exception(StatusUnknown("this process is stopping"))

    async def submit(self, command: Command, not_after_us: int) -> Answer:
        """Have a command ordered, made durable and applied. Raises IntakeFault."""
        if len(self._in_flight) >= IN_FLIGHT_MAX:
            raise Overloaded("too many commands are in flight")
        if self._ahead.is_far:
            raise Overloaded("this clock is ahead of the leader's")
        self._counter += 1
        counter = self._counter
        low_water = next(iter(self._in_flight), counter)
        identity = Identity(self._session, counter, low_water, not_after_us)
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        waiting = _InFlight(command.encode(identity), future, self._ahead.clock(), command.kind in CANCELS)
        self._in_flight[counter] = waiting
        self._send(waiting)
        patience_s = max(0.0, (not_after_us - self._machine.now_us()) / 1e6) + GRACE_S
        limit = loop.call_later(patience_s, _give_up, waiting)
        try:
            answer: Answer = await future
            return answer
        finally:
            limit.cancel()
            del self._in_flight[counter]

    async def committed(self) -> int:
        """Return the leader's last committed sequence; one question serves all who wait. Raises IntakeFault."""
        # A question that is under way may have been answered before the caller's own write: ask behind it.
        if self._asked is not None:
            if self._asked_next is None:
                self._asked_next = asyncio.get_running_loop().create_future()
            waiting = self._asked_next
        else:
            waiting = self._ask()
        try:
            async with asyncio.timeout(LEADER_WAIT_S):
                return await asyncio.shield(waiting)
        except TimeoutError:
            raise Overloaded("the leader did not answer") from None

    def _ask(self) -> "asyncio.Future[int]":
        if self._asked is None:
            self._asked = self._asked_next or asyncio.get_running_loop().create_future()
            self._asked_next = None
        self._question += 1
        if self._transport is not None:
            self._transport.write(pack(Ask.COMMITTED, QUESTION.pack(self._question)))
        return self._asked

    def _send(self, waiting: _InFlight) -> None:
        if self._transport is None or waiting.future.done():
            return
        if not waiting.sends and not self._is_owed():
            self._heard_at = self._machine.monotonic_s()
        self._transport.write(pack(Ask.RESUBMIT if waiting.sends else Ask.SUBMIT, waiting.frame))
        waiting.sends += 1

    def _is_owed(self) -> bool:
        return self._asked is not None or any(waiting.sends for waiting in self._in_flight.values())

    async def _watch(self) -> None:
        """Leave a leader that owes answers and is silent, as soon as another one leads: a stuck one hangs up never."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            silent_s = self._machine.monotonic_s() - self._heard_at
            if self._transport is None or not self._is_owed() or silent_s < SILENCE_S:
                continue
            leader = await self._look_up()
            if leader is not None and leader != self._leader and self._transport is not None:
                log.warning("leaving a silent sequencer", silent=self._leader, leads=leader)
                self._transport.abort()

    async def _look_up(self) -> tuple[str, int] | None:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await self._find_leader()
        except OSError as fault:
            # A database that is away, or slow: look again later.
            log.info("leader not found", why=str(fault) or type(fault).__name__)
        except Exception as fault:
            # As well, but no waiting mends a mistake of ours or a wrong password, and somebody has to see it.
            log.error("leader not found", why=f"{type(fault).__name__}: {fault}")
        return None

    async def _stay_connected(self) -> None:
        attempt = 0
        while True:
            await self._lost.wait()
            leader = await self._look_up()
            if leader is not None:
                try:
                    async with asyncio.timeout(CONNECT_S):
                        self._leader = leader
                        await asyncio.get_running_loop().create_connection(lambda: self, *leader)
                    attempt = 0
                    continue
                except OSError as fault:
                    if attempt == 0:
                        log.info("leader not reached", leader=leader, why=str(fault))
            await asyncio.sleep(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)])
            attempt += 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the leader's challenge."""
        # uvloop's transports do not derive from asyncio's.
        transport = cast(asyncio.Transport, transport)
        self._opening = transport
        self._frames = Frames(ANSWER_BYTES_MAX)
        self._lost.clear()
        self._heard_at = self._machine.monotonic_s()
        asyncio.get_running_loop().call_later(CHALLENGE_S, self._end_unchallenged, transport)

    def _end_unchallenged(self, transport: asyncio.Transport) -> None:
        # Nothing was sent on it yet, so no silence of the network would ever be noticed.
        if self._opening is transport and self._transport is None:
            transport.abort()

    def _prove(self, nonce: bytes) -> None:
        """Answer the challenge, then send again what a former leader left unanswered: a known identity gets its first result."""
        if self._opening is None:
            return
        self._transport = self._opening
        self._ahead.forget()
        self._transport.write(pack(Ask.PROOF, prove(self._secret, nonce)))
        for waiting in self._in_flight.values():
            if waiting.sends < SENDS_MAX:
                self._send(waiting)
        if self._asked is not None:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look for the leader again."""
        self._transport = self._opening = None
        self._lost.set()

    def data_received(self, data: bytes) -> None:
        """Give answers to those who wait."""
        self._heard_at = self._machine.monotonic_s()
        try:
            frames = self._frames.feed(data)
        except FrameError as fault:
            log.warning("sequencer connection dropped", why=str(fault))
            if self._opening is not None:
                self._opening.abort()
            return
        for kind, body in frames:
            match kind:
                case Tell.CHALLENGE:
                    self._prove(body)
                case Tell.ANSWER:
                    counter, sequence, time_us, ten, day = ANSWER.unpack_from(body)
                    self._take(counter, Answer(sequence, time_us, body[ANSWER.size :], OrderCounts(ten, day)))
                case Tell.REFUSAL:
                    counter, why, limit, wait_s = REFUSAL.unpack(body)
                    self._refused(counter, why, limit, wait_s)
                case Tell.COMMITTED:
                    question, sequence = COMMITTED.unpack(body)
                    self._answered(question, sequence)

        if self._answers and not self._is_giving_out:
            self._give_out()

    def _take(self, counter: int, answer: Answer) -> None:
        """Give out a cancel's answer at once; the others in turn, so that a batch of orders makes no cancel wait."""
        waiting = self._in_flight.get(counter)
        if waiting is None:
            return  # it was given up
        if waiting.is_cancel:
            self._resolve(counter, answer)
        else:
            self._answers.append((counter, answer))

    def _give_out(self, most: int = ANSWERS_AT_ONCE) -> None:
        try:
            for _ in range(min(most, len(self._answers))):
                self._resolve(*self._answers.popleft())
        finally:
            self._is_giving_out = bool(self._answers)
            if self._is_giving_out:
                asyncio.get_running_loop().call_soon(self._give_out)

    def _answered(self, question: int, sequence: int) -> None:
        if question != self._question or self._asked is None:
            return
        asked, self._asked = self._asked, None
        if not asked.done():
            asked.set_result(sequence)
        if self._asked_next is not None:
            self._ask()

    def _refused(self, counter: int, why: int, limit: int, wait_s: int) -> None:
        """Pass a refusal on, unless the command had been sent before: then it says nothing about the first time."""
        waiting = self._in_flight.get(counter)
        if waiting is None or waiting.sends <= 1:
            self._resolve(counter, _fault(why, limit, wait_s))
        elif why == Refusal.OUTSIDE_WINDOW:
            self._resolve(counter, StatusUnknown("its second sending came after its not-after time"))
        else:
            asyncio.get_running_loop().call_later(RESEND_AFTER_S, self._send, waiting)

    def _resolve(self, counter: int, result: Answer | IntakeFault) -> None:
        waiting = self._in_flight.get(counter)
        if waiting is None or waiting.future.done():
            return
        if isinstance(result, Answer):
            self._ahead.saw(waiting.clock, result.time_us)
            waiting.future.set_result(result)
        else:
            waiting.future.set_exception(result)


def _give_up(waiting: _InFlight) -> None:
    """Tell whoever waits that no answer came in time."""
    if not waiting.future.done():
        late = StatusUnknown("no answer in time") if waiting.sends else Overloaded("no leader could be reached")
        waiting.future.set_exception(late)


def _fault(why: int, limit: int, wait_s: int) -> IntakeFault:
    match why:
        case Refusal.OUTSIDE_WINDOW:
            return OutsideWindow("it arrived after its not-after time")
        case Refusal.ORDERS_10S:
            return OrderRateExceeded(limit, "10 SECOND", wait_s)
        case Refusal.ORDERS_DAY:
            return OrderRateExceeded(limit, "1 DAY", wait_s)
        case _:
            return Overloaded("the sequencer's queue is full")
