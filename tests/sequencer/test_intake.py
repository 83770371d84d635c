"""The intake is bounded everywhere: new orders give way before cancels, and who does not read is dropped."""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest

from openbourse.protocol import commands
from openbourse.protocol.intake import REFUSAL, Ask, Frames, Refusal, Tell, pack, prove
from openbourse.sequencer import intake as bounds
from openbourse.sequencer.intake import Intake

SECRET = b"of the tests"
CANCEL = commands.CancelOrder(1_000, 1, 7)
ORDER = commands.PlaceOrder(
    account=1_000, instrument=1, side=1, type=1, time_in_force=1, price=1, quantity=1, client_id="a"
)


class Wire:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.written = b""
        self.unread = 0
        self.is_aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unread

    def abort(self) -> None:
        self.is_aborted = True


class Gateway:
    """A proven connection to an intake."""

    def __init__(self, intake: Intake) -> None:
        self.wire = Wire()
        self.connection = intake.connect()
        self.connection.connection_made(cast(Any, self.wire))
        ((kind, nonce),) = self.told()
        assert kind == Tell.CHALLENGE
        self.connection.data_received(pack(Ask.PROOF, prove(SECRET, nonce)))

    def told(self) -> list[tuple[int, bytes]]:
        data, self.wire.written = self.wire.written, b""
        return Frames(2**20).feed(data)

    def send(self, command: commands.Command, counter: int) -> None:
        self.connection.data_received(pack(Ask.SUBMIT, command.encode(commands.Identity(1, counter, 1, 0))))

    def refusals(self) -> list[int]:
        return [REFUSAL.unpack(body)[1] for kind, body in self.told() if kind == Tell.REFUSAL]


@pytest.fixture
async def intake(monkeypatch: pytest.MonkeyPatch) -> Intake:
    monkeypatch.setattr(bounds, "QUEUE_NEW_ORDERS_MAX", 3)
    monkeypatch.setattr(bounds, "QUEUE_MAX", 5)
    return Intake(lambda: 0, SECRET)


def numbers() -> Iterator[int]:
    yield from range(1, 100)


async def test_new_orders_are_refused_before_cancels(intake: Intake) -> None:
    gateway, count = Gateway(intake), numbers()
    for _ in range(4):
        gateway.send(ORDER, next(count))
    assert gateway.refusals() == [Refusal.OVERLOADED]
    for _ in range(3):
        gateway.send(CANCEL, next(count))
    assert gateway.refusals() == [Refusal.OVERLOADED]
    assert len(intake.queue) == 5
    assert intake.overloaded == 2
    taken = intake.take(5, 2**20)
    assert [pending.counter for pending in taken] == [1, 2, 3, 5, 6]
    gateway.send(CANCEL, next(count))
    assert gateway.refusals() == []


async def test_cancels_overtake_the_orders_of_others_when_the_queue_stands(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "QUEUE_NEW_ORDERS_MAX", 100)
    monkeypatch.setattr(bounds, "QUEUE_MAX", 100)
    gateway = Gateway(intake)

    def order(account: int) -> commands.PlaceOrder:
        return msgspec.structs.replace(ORDER, account=account)

    gateway.send(order(1), 1)
    gateway.send(order(2), 2)
    # Behind an order of its own, which it may name: it keeps its place.
    gateway.send(commands.CancelOrder(1, 1, client_id="a"), 3)
    gateway.send(commands.CancelOrder(3, 1, 7), 4)
    gateway.send(order(3), 5)
    gateway.send(commands.CancelAll(3, 1), 6)
    gateway.send(commands.AmendOrder(account=4, instrument=1, order=9, new_quantity=1, new_client_id="b"), 7)
    gateway.send(commands.CancelOrder(4, 1, 9), 8)
    gateway.send(commands.CancelOrderList(5, 1, 2), 9)
    taken = [pending.counter for count in (3, 3, 3) for pending in intake.take(count, 2**20)]
    # The third goes ahead as soon as the first, which it may name, was taken.
    assert taken == [4, 9, 1, 3, 2, 5, 6, 7, 8]
    assert not intake.arrived.is_set()


async def test_what_fits_into_one_batch_keeps_its_order(intake: Intake) -> None:
    gateway = Gateway(intake)
    gateway.send(ORDER, 1)
    gateway.send(commands.CancelOrder(7, 1, 7), 2)
    assert [pending.counter for pending in intake.take(2, 2**20)] == [1, 2]


async def test_a_closed_intake_takes_nothing_more(intake: Intake) -> None:
    gateway = Gateway(intake)
    intake.is_open = False
    gateway.send(CANCEL, 1)
    assert gateway.refusals() == [Refusal.OVERLOADED]


async def test_a_gateway_that_does_not_read_its_answers_is_dropped(intake: Intake) -> None:
    gateway = Gateway(intake)
    gateway.send(CANCEL, 1)
    gateway.wire.unread = bounds.UNREAD_BYTES_MAX + 1
    gateway.connection.answer(1, 1, 1, (0, 0), b"x")
    gateway.connection.flush()
    assert gateway.wire.is_aborted


async def test_connections_are_bounded(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "CONNECTIONS_MAX", 1)
    Gateway(intake)
    wire = Wire()
    intake.connect().connection_made(cast(Any, wire))
    assert wire.is_aborted


async def test_who_proves_nothing_in_time_is_dropped(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "PROOF_S", 0.01)
    wire = Wire()
    intake.connect().connection_made(cast(Any, wire))
    await asyncio.sleep(0.05)
    assert wire.is_aborted


async def test_a_frame_that_is_none_ends_the_connection(intake: Intake) -> None:
    for data in (
        b"\xff\xff\xff\xff\x01",
        pack(99),
        pack(Ask.SUBMIT, b"short"),
        pack(Ask.SUBMIT, ORDER.encode() + b"x"),
    ):
        gateway = Gateway(intake)
        gateway.connection.data_received(data)
        assert gateway.wire.is_aborted
    assert intake.queue == []
