"""Planted defects of the gateways' way to the leader: identities, resends, what a client is told."""

import asyncio
from typing import Any

from openbourse.adapters import intake_tcp
from openbourse.adapters.intake_tcp import TcpIntake
from openbourse.edge.intake import Overloaded
from openbourse.protocol.codec import COMMAND_HEADER
from openbourse.protocol.commands import Identity
from sim.cluster.planting import Patches, planted


def _with_counter(frame: bytes, counter: int) -> bytes:
    length, kind, version, session, _, low_water, not_after_us = COMMAND_HEADER.unpack_from(frame)
    header = COMMAND_HEADER.pack(length, kind, version, session, counter, low_water, not_after_us)
    return header + frame[COMMAND_HEADER.size :]


@planted("a command is sent again without its identity", "lost links", "crash")
def retry_without_identity() -> Patches:
    send = TcpIntake._send

    def nameless(self: TcpIntake, waiting: Any) -> None:
        if waiting.sends:
            waiting.frame = _with_counter(waiting.frame, 0)
        send(self, waiting)

    return [(TcpIntake, "_send", nameless)]


@planted("a command is sent again under a new counter", "lost links", "crash")
def retry_with_a_new_counter() -> Patches:
    send, prove = TcpIntake._send, TcpIntake._prove

    def renamed(self: TcpIntake, waiting: Any) -> None:
        if waiting.sends:
            self._counter += 1
            waiting.frame = _with_counter(waiting.frame, self._counter)
            self._in_flight[self._counter] = waiting
        send(self, waiting)

    def again(self: TcpIntake, nonce: bytes) -> None:
        kept, self._in_flight = self._in_flight, {}
        prove(self, nonce)
        self._in_flight = {**kept, **self._in_flight}
        for waiting in dict.fromkeys(kept.values()):
            if waiting.sends < intake_tcp.SENDS_MAX:
                self._send(waiting)

    return [(TcpIntake, "_send", renamed), (TcpIntake, "_prove", again)]


@planted("the low-water mark passes commands that are still in flight", "lost links", "slow disk", "slow network")
def low_water_too_high() -> Patches:
    def hasty(session: int, counter: int, low_water: int, not_after_us: int) -> Identity:
        return Identity(session, counter, counter, not_after_us)

    return [(intake_tcp, "Identity", hasty)]


@planted("a command is sent again and again", "lost links", "slow disk", "database standby")
def resend_limit_ignored() -> Patches:
    return [(intake_tcp, "SENDS_MAX", 1_000)]


@planted("a client whose command had no answer in time is told that it did not happen", "isolation", "disk full")
def unknown_told_as_refused() -> Patches:
    return [(intake_tcp, "StatusUnknown", Overloaded)]


@planted("a read takes the answer to a question that was asked before its own write", "slow network")
def read_joins_an_older_question() -> Patches:
    async def join(self: TcpIntake) -> int:
        waiting = self._asked if self._asked is not None else self._ask()
        try:
            async with asyncio.timeout(intake_tcp.LEADER_WAIT_S):
                return await asyncio.shield(waiting)
        except TimeoutError:
            raise Overloaded("the leader did not answer") from None

    return [(TcpIntake, "committed", join)]


@planted("a read is answered with what another one was told before", "slow network")
def reads_answered_from_memory() -> Patches:
    committed, answered = TcpIntake.committed, TcpIntake._answered

    async def remembered(self: TcpIntake) -> int:
        told = getattr(self, "_told", None)
        return await committed(self) if told is None or self._question % 4 else int(told)

    def remember(self: TcpIntake, question: int, sequence: int) -> None:
        self._told = sequence  # type: ignore[attr-defined]
        answered(self, question, sequence)

    return [(TcpIntake, "committed", remembered), (TcpIntake, "_answered", remember)]


@planted("a gateway stays with a leader that owes answers and is silent", "buried leader")
def silent_leader_not_left() -> Patches:
    async def watch(self: TcpIntake) -> None:
        await asyncio.Event().wait()

    return [(TcpIntake, "_watch", watch)]


@planted("a refusal of a command's second sending is taken for its result", "lost links", "slow disk", "disk full")
def second_refusal_believed() -> Patches:
    def believe(self: TcpIntake, counter: int, why: int, limit: int, wait_s: int) -> None:
        self._resolve(counter, intake_tcp._fault(why, limit, wait_s))

    return [(TcpIntake, "_refused", believe)]
