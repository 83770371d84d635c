"""The order intake: takes commands from gateways' connections, bounded everywhere, and carries answers back."""

import asyncio
import hmac
import struct
from collections.abc import Callable
from typing import Final, cast

import msgspec
import structlog

from openbourse.machine import THIS_MACHINE, Machine
from openbourse.protocol.codec import COMMAND_HEADER
from openbourse.protocol.commands import CANCELS, CommandKind
from openbourse.protocol.intake import (
    ANSWER,
    COMMITTED,
    FRAME_BYTES_MAX,
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
from openbourse.sequencer.limits import NEW_ORDERS, new_orders

log: Final = structlog.get_logger()

CONNECTIONS_MAX: Final = 256
IN_FLIGHT_PER_CONNECTION_MAX: Final = 4_096
QUEUE_NEW_ORDERS_MAX: Final = 12_288
"""Beyond this new orders are refused; cancels and everything else still come in."""
QUEUE_MAX: Final = 16_384
NAMES_ACCOUNT: Final = CANCELS | {CommandKind.AMEND_ORDER}
"""Commands whose body begins with an account that no order limit counts."""
NONCE_BYTES: Final = 32
PROOF_S: Final = 5.0
"""A connection that has not proven itself by then is closed."""
UNREAD_BYTES_MAX: Final = 16 * 1024 * 1024
"""Answers that a gateway has not read; beyond this it is dropped."""

_ACCOUNT: Final = struct.Struct("<Q")


class Pending(msgspec.Struct):
    """A command that waits for its place in the order."""

    frame: bytes
    kind: int
    counter: int
    not_after_us: int
    account: int
    """Whose order limit it counts against; 0: none."""
    orders: int
    """By how many orders."""
    is_resend: bool
    """It may be in the journal already: no limit may say that it was not sequenced."""
    connection: "GatewayConnection"


class Intake:
    """The queue before the sequencer, filled by connections, emptied by batches."""

    def __init__(self, committed: Callable[[], int], secret: bytes, machine: Machine = THIS_MACHINE) -> None:
        self.secret = secret
        self.machine = machine
        self.queue: list[Pending] = []
        self.arrived = asyncio.Event()
        # In the order they came, as everything here: a set's order is another one in every run.
        self.connections: dict[GatewayConnection, None] = {}
        self.overloaded = 0
        self.is_open = True
        self.committed = committed
        self.unproven = asyncio.Event()
        """Somebody asks how far the journal goes, and no append is under way that will prove it."""
        self._asked = 0
        """How many questions have come."""
        self._unanswered: dict[GatewayConnection, tuple[int, int]] = {}
        """Each one's newest question, and which of all it is."""
        self._before_append: int | None = None

    def connect(self) -> "GatewayConnection":
        """Return the protocol of a new connection."""
        return GatewayConnection(self)

    def close(self) -> None:
        """Take nothing more in; what is not read stays with the gateways, which send it to the next leader."""
        self.is_open = False
        for connection in self.connections:
            connection.pause()
        self.arrived.set()

    def ask(self, connection: "GatewayConnection", question: int) -> None:
        """Note a question how far the journal goes: it is answered once a commit that begins after it proves that this epoch leads.

        Until then another leader may have committed more, however lately this one has renewed its lease. An append proves
        it, too. One that is under way already does not, and what it holds has to be known before the answer: its commands'
        not-after time may be over, and who asks after that takes the answer for final.
        """
        self._asked += 1
        self._unanswered[connection] = (question, self._asked)
        if self._before_append is None:
            self.unproven.set()

    @property
    def asked(self) -> int:
        """How many questions have come: a proof that begins now answers these."""
        return self._asked

    def proven(self, asked: int) -> None:
        """Answer the first so many questions."""
        for connection, (question, number) in list(self._unanswered.items()):
            if number <= asked:
                del self._unanswered[connection]
                connection.tell_committed(question)
        if not self._unanswered:
            self.unproven.clear()

    def forget(self, connection: "GatewayConnection") -> None:
        """A connection is gone, with its question."""
        self.connections.pop(connection, None)
        self._unanswered.pop(connection, None)

    def appending(self) -> None:
        """Note that a batch goes to the journal."""
        self._before_append = self._asked
        self.unproven.clear()

    def appended(self) -> None:
        """Note that it is there, which is a proof for all who asked before it went."""
        assert self._before_append is not None, "what has not begun does not end"
        asked, self._before_append = self._before_append, None
        if self._unanswered:
            self.proven(asked)
        if self._unanswered:
            self.unproven.set()

    def put(self, pending: Pending) -> bool:
        """Queue a command; False when there is no room for its kind."""
        limit = QUEUE_NEW_ORDERS_MAX if pending.kind in NEW_ORDERS and not pending.is_resend else QUEUE_MAX
        if len(self.queue) >= limit or not self.is_open:
            self.overloaded += 1
            return False
        self.queue.append(pending)
        self.arrived.set()
        return True

    def take(self, commands_max: int, bytes_max: int) -> list[Pending]:
        """Return the next commands within both bounds: in order of arrival, but cancels first when not all of them fit."""
        if len(self.queue) > commands_max:
            self.queue = cancels_first(self.queue)
        size = count = 0
        for pending in self.queue[:commands_max]:
            size += len(pending.frame)
            if size > bytes_max and count:
                break
            count += 1
        taken, self.queue = self.queue[:count], self.queue[count:]
        if not self.queue and self.is_open:
            # A closed intake stays arrived: whoever empties it must see that nothing more will come.
            self.arrived.clear()
        return taken


def cancels_first(queue: list[Pending]) -> list[Pending]:
    """Return commands with cancels before the rest, except those of an account that has something else before them.

    So a cancel overtakes other accounts' orders only: one that was sent behind the order it names still finds it.
    """
    ahead, rest, standing = list[Pending](), list[Pending](), set[int]()
    for pending in queue:
        account = pending.account
        if pending.kind in NAMES_ACCOUNT and len(pending.frame) >= COMMAND_HEADER.size + _ACCOUNT.size:
            (account,) = _ACCOUNT.unpack_from(pending.frame, COMMAND_HEADER.size)
        if pending.kind in CANCELS and account not in standing:
            ahead.append(pending)
        else:
            standing.add(account)
            rest.append(pending)
    return ahead + rest


class GatewayConnection(asyncio.Protocol):
    """One gateway's connection."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._out: list[bytes] = []
        self._frames = Frames(FRAME_BYTES_MAX)
        self._transport: asyncio.Transport | None = None
        self._nonce = intake.machine.random_bytes(NONCE_BYTES)
        self._is_proven = False
        self.in_flight = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept, within the number of connections, while commands are taken in."""
        # uvloop's transports do not derive from asyncio's.
        transport = cast(asyncio.Transport, transport)
        if len(self._intake.connections) >= CONNECTIONS_MAX or not self._intake.is_open:
            transport.abort()
            return
        self._transport = transport
        self._intake.connections[self] = None
        self._write(pack(Tell.CHALLENGE, self._nonce))
        asyncio.get_running_loop().call_later(PROOF_S, self._end_unproven)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; its commands go on, the answers go nowhere."""
        self._intake.forget(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take in what a gateway sent."""
        try:
            for kind, body in self._frames.feed(data):
                if not self._is_proven:
                    self._check_proof(kind, body)
                elif kind in (Ask.SUBMIT, Ask.RESUBMIT):
                    self._submit(body, kind == Ask.RESUBMIT)
                elif kind == Ask.COMMITTED:
                    self._intake.ask(self, QUESTION.unpack(body)[0])
                else:
                    raise FrameError(f"unknown kind {kind}")
        except (ValueError, IndexError, struct.error) as fault:
            log.warning("gateway connection dropped", why=str(fault))
            self.close()

    def _check_proof(self, kind: int, body: bytes) -> None:
        if kind != Ask.PROOF or not hmac.compare_digest(body, prove(self._intake.secret, self._nonce)):
            raise FrameError("it does not know the venue's secret")
        self._is_proven = True

    def _end_unproven(self) -> None:
        if not self._is_proven:
            self.close()

    def tell_committed(self, question: int) -> None:
        """Say how far the journal goes."""
        self._write(pack(Tell.COMMITTED, COMMITTED.pack(question, self._intake.committed())))

    def pause(self) -> None:
        """Read nothing more."""
        if self._transport is not None:
            self._transport.pause_reading()

    def _submit(self, frame: bytes, is_resend: bool) -> None:
        if len(frame) < COMMAND_HEADER.size:
            raise FrameError("a command without a header")
        length, kind, _, _, counter, _, not_after_us = COMMAND_HEADER.unpack_from(frame)
        if length != len(frame):
            raise FrameError("a command whose length is not its frame's")
        account, orders = new_orders(kind, frame)
        pending = Pending(frame, kind, counter, not_after_us, account, orders, is_resend, self)
        if self.in_flight >= IN_FLIGHT_PER_CONNECTION_MAX or not self._intake.put(pending):
            self.refuse(counter, Refusal.OVERLOADED)
        else:
            self.in_flight += 1

    def answer(self, counter: int, sequence: int, time_us: int, counts: tuple[int, int], events: bytes) -> None:
        """Put down a committed result; `flush` sends it."""
        self.in_flight -= 1
        self._out.append(pack(Tell.ANSWER, ANSWER.pack(counter, sequence, time_us, *counts), events))

    def leave(self) -> None:
        """Answer a command never: what became of it is so long ago that nobody waits."""
        self.in_flight -= 1

    def flush(self) -> None:
        """Send the results put down, a whole batch's in one write."""
        if self._out:
            frames, self._out = b"".join(self._out), []
            self._write(frames)

    def refuse(self, counter: int, why: Refusal, limit: int = 0, wait_s: int = 0) -> None:
        """Say that a command was not and will not be sequenced."""
        self._write(pack(Tell.REFUSAL, REFUSAL.pack(counter, why, limit, wait_s)))

    def refuse_queued(self, counter: int, why: Refusal, limit: int = 0, wait_s: int = 0) -> None:
        """Refuse a command that had been queued."""
        self.in_flight -= 1
        self.refuse(counter, why, limit, wait_s)

    def _write(self, frame: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(frame)
        if self._transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            log.warning("gateway connection dropped", why="it does not read its answers")
            self.close()

    def finish(self) -> None:
        """Close the connection once what was written has gone out."""
        if self._transport is not None:
            self._transport.close()

    def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()
