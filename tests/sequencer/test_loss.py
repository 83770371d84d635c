"""After a restore nobody leads on a journal that lacks what was acknowledged, until an operator accepts it."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.witness_file import FileWitness
from openbourse.protocol.journal import Mark
from openbourse.sequencer import loss
from openbourse.sequencer.loss import Loss, find_loss
from openbourse.wiring.replicas import accept_loss
from tests.sequencer.shard import SET_UP, Shard, buy, far


def test_a_witness_remembers_the_last_mark_and_forgives_a_broken_file(tmp_path: Path) -> None:
    witness = FileWitness(tmp_path, 0)
    assert witness.read() is None
    for sequence in (5, 6):
        witness.write(Mark(b"f" * 32, sequence, b"h" * 32))
        assert witness.read() == Mark(b"f" * 32, sequence, b"h" * 32)
    (tmp_path / "acknowledged-0.json").write_text("{")
    assert witness.read() is None


async def test_what_was_acknowledged_and_is_gone_keeps_everybody_from_leading(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "REMEMBER_EVERY_S", 0.05)
    witness = FileWitness(shard.settings.data_dir, 0)
    first = shard.start("a", witness=witness)
    async with shard.gateway() as gateway:
        for command in (*SET_UP, buy("kept"), buy("lost")):
            await gateway.submit(command, far())
    async with asyncio.timeout(10):
        while (mark := await asyncio.to_thread(witness.read)) is None or mark.sequence < 7:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await first.end()
    connection = await asyncpg.connect(shard.settings.journal_url)
    await connection.execute("DELETE FROM journal.batch WHERE last_sequence > 6")
    await connection.execute("DELETE FROM journal.snapshot")
    await connection.close()

    second = shard.start("b", witness=witness)
    await asyncio.sleep(1.0)
    assert not second.ready.is_set()
    journal = PostgresJournal(shard.settings.journal_url, 0)
    assert await find_loss(journal, witness) == Loss(6, 7)
    assert "up to sequence 6" in await accept_loss(shard.settings)
    assert await accept_loss(shard.settings) == ""
    await asyncio.wait_for(second.ready.wait(), 10)
    async with shard.gateway() as gateway:
        assert (await gateway.submit(buy("after"), far())).sequence == 7
    await second.end()
    await journal.close()
