"""What is due happens by itself: the sequencer lets time pass when nobody sends a command."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

from openbourse.engine import Engine
from openbourse.machine import THIS_MACHINE, Machine
from openbourse.protocol import commands, events
from openbourse.protocol.intake import ANSWER, Tell
from openbourse.protocol.journal import GENESIS, Head
from openbourse.sequencer.limits import OrderLimits
from openbourse.sequencer.publisher import Publisher
from openbourse.sequencer.recovery import Replica
from openbourse.sequencer.sequencer import Sequencer
from tests.contracts.journal_memory import MemoryJournal
from tests.sequencer.shard import SET_UP, buy
from tests.sequencer.test_intake import SECRET, Gateway


class Silent:
    """A feed that nobody reads."""

    async def begin(self, committed: int) -> None: ...
    async def publish(self, batches: list[Any]) -> None: ...
    async def beat(self, committed: int) -> None: ...
    async def report(self, name: str, counters: bytes) -> None: ...


class Leading:
    """A sequencer at work on a journal in memory."""

    def __init__(self, machine: Machine = THIS_MACHINE, clock_began_us: int | None = None) -> None:
        self.journal = MemoryJournal()
        self.journal.epoch = 1
        self.engine = Engine()
        replica = Replica(cast(Any, self.engine), Head(0, 0, GENESIS))
        limits = OrderLimits(1_000, 1_000)
        self.sequencer = Sequencer(
            0, 1, replica, self.journal, Publisher(Silent()), limits, SECRET, machine, clock_began_us
        )
        self.gateway = Gateway(self.sequencer.intake)
        self.counter = 0
        self.task = asyncio.create_task(self.sequencer.run())

    def send(self, *sent: commands.Command) -> None:
        for command in sent:
            self.counter += 1
            self.gateway.send(command, self.counter)

    def sequenced(self) -> list[str]:
        return [
            type(commands.decode(frame)[0]).__name__
            for row in self.journal.rows
            for frame in commands.split(row.commands)
        ]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def end(self) -> None:
        self.gateway.connection.connection_lost(None)
        self.sequencer.stop()
        await asyncio.wait_for(self.task, 5)


def heartbeat(countdown_us: int) -> commands.SetHeartbeat:
    return commands.SetHeartbeat(1_000, 0, countdown_us)


async def test_a_missed_heartbeat_cancels_without_another_command() -> None:
    leading = Leading()
    leading.send(commands.SetRules(2), *SET_UP, buy("one"), heartbeat(50_000))
    await leading.until(lambda: leading.sequenced()[-1:] == ["AdvanceTime"])
    last = leading.journal.rows[-1]
    told = list(events.decode(last.events))
    assert [type(event).__name__ for event in told[:3]] == ["TimeAdvanced", "HeartbeatMissed", "OrderUpdated"]
    assert isinstance(told[2], events.OrderUpdated)
    assert told[2].status == events.OrderStatus.CANCELED
    await asyncio.sleep(0.1)
    assert leading.sequenced().count("AdvanceTime") == 1
    assert leading.engine.due_us == -1
    await leading.end()


async def test_what_is_due_comes_before_a_command_that_comes_later() -> None:
    leading = Leading()
    leading.send(commands.SetRules(2), *SET_UP, heartbeat(20_000))
    await leading.until(lambda: leading.engine.due_us > 0)
    # The loop is kept busy until the heartbeat is late: then both go in one batch.
    time.sleep(0.03)  # noqa: ASYNC251
    leading.send(buy("late"))
    await leading.until(lambda: "PlaceOrder" in leading.sequenced())
    row = leading.journal.rows[-1]
    assert leading.sequenced()[-2:] == ["AdvanceTime", "PlaceOrder"]
    assert row.last_sequence == leading.engine.sequence
    answers = [body for kind, body in leading.gateway.told() if kind == Tell.ANSWER]
    late = next(events.decode(answers[-1][ANSWER.size :]))
    assert isinstance(late, events.OrderUpdated)
    assert (late.client_id, late.sequence) == ("late", row.last_sequence)
    await leading.end()


async def test_nothing_due_means_no_command_of_its_own() -> None:
    leading = Leading()
    leading.send(commands.SetRules(2), *SET_UP, heartbeat(86_400_000_000))
    await leading.until(lambda: leading.engine.due_us > 0)
    await asyncio.sleep(0.05)
    assert "AdvanceTime" not in leading.sequenced()
    await leading.end()
