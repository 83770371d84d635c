"""Recovery comes to an end beside a leader that never rests."""

import asyncio

from openbourse.engine import Engine
from openbourse.protocol.commands import OpenAccount
from openbourse.protocol.journal import BatchRow, Head, chain_hash
from openbourse.sequencer.recovery import recover
from tests.contracts.journal_memory import MemoryJournal


class Busy(MemoryJournal):
    """A journal that has a further batch whenever somebody looks."""

    def __init__(self) -> None:
        super().__init__()
        self._engine = Engine()

    async def read(self, after: int, rows_max: int = 256) -> list[BatchRow]:
        head = await self.head()
        number, command = head.sequence + 1, OpenAccount(5_000 + head.sequence).encode()
        events, _ = self._engine.apply(number, number, command)
        hashed = chain_hash(head.hash, 0, 1, number, number, number, command, events)
        self.rows.append(BatchRow(0, 1, number, number, number, command, events, head.hash, hashed))
        return await super().read(after, rows_max)


async def test_a_journal_that_grows_at_every_look_is_caught_up_with() -> None:
    journal = Busy()
    for _ in range(200):
        await journal.read(0)
    async with asyncio.timeout(10):
        replica = await recover(journal)
    assert replica.head.sequence > 200
    assert replica.head != Head()
