"""A leader that is told to stop commits what it has taken in and ends, whatever it is doing at that moment."""

import asyncio
from typing import Any

from openbourse.engine import Engine
from openbourse.protocol.commands import Identity
from openbourse.protocol.journal import BatchRow, Head
from openbourse.sequencer.intake import Pending
from openbourse.sequencer.limits import OrderLimits
from openbourse.sequencer.publisher import Publisher
from openbourse.sequencer.recovery import Replica
from openbourse.sequencer.sequencer import Sequencer
from tests.contracts.journal_memory import MemoryJournal
from tests.sequencer.shard import SET_UP


class SlowJournal(MemoryJournal):
    """Appends when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def append(self, row: BatchRow) -> None:
        self.asked.set()
        await self.let.wait()
        await super().append(row)


class Silent:
    """A gateway that has gone, or a feed that nobody reads."""

    in_flight = 0

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


async def test_commands_queued_behind_an_append_are_committed_before_the_end() -> None:
    journal, gone = SlowJournal(), Silent()
    await journal.lead(1)
    silent: Any = gone
    sequencer = Sequencer(
        0, 1, Replica(Engine(), Head()), journal, Publisher(silent), OrderLimits(1, 1), b"of the tests"
    )
    loop = asyncio.create_task(sequencer.run())
    for counter, command in enumerate(SET_UP, 1):
        frame = command.encode(Identity(1, counter, counter, 0))
        sequencer.intake.put(Pending(frame, command.kind, counter, 0, 0, 0, False, silent))
        await asyncio.wait_for(journal.asked.wait(), 5)
    sequencer.stop()
    journal.let.set()
    await asyncio.wait_for(loop, 5)
    assert (await journal.head()).sequence == len(SET_UP)
