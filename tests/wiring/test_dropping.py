"""A venue whose old batches are in the archive alone: it trades on, is proven, projected anew and restored from there."""

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest
from typer.testing import CliRunner

from openbourse import wiring
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.objects import open_objects
from openbourse.adapters.witness_file import FileWitness
from openbourse.archive.dropping import DAY_US
from openbourse.archive.whole import WholeJournal
from openbourse.archive.writer import Archiver
from openbourse.cli.app import app
from openbourse.machine import THIS_MACHINE
from openbourse.protocol.journal import Mark
from openbourse.sequencer.loss import find_loss
from openbourse.sequencer.recovery import ReplayDiverged, recover
from openbourse.sequencer.replay import verify
from openbourse.settings import ProcessSettings
from openbourse.wiring import archive
from openbourse.wiring.archive import read_standing, restore_journal
from openbourse.wiring.stores import Stores
from tests.conftest import PostgresServer
from tests.wiring.test_archive import running, trade, venue

__all__ = ["venue"]

SECONDS_MAX = 80.0


async def traded(settings: ProcessSettings, times: int) -> None:
    """Trade, and stop: what is left is archived on the way out, and the leader leaves a snapshot."""
    for number in range(times):
        async with running(settings):
            await trade(settings, f"{number}.example")
            await asyncio.sleep(1.5)
            await trade(settings, f"again{number}.example")


async def drop(settings: ProcessSettings, monkeypatch: pytest.MonkeyPatch) -> int:
    """Drop as the worker does, four days later."""
    later = SimpleNamespace(now_us=lambda: THIS_MACHINE.now_us() + 4 * DAY_US)
    with monkeypatch.context() as patched:
        patched.setattr(archive, "THIS_MACHINE", later)
        async with Stores(replace(settings, journal_days=3)) as stores:
            place, backups = (open_objects(settings.objects_url(kind)) for kind in ("archive", "backups"))
            return await (await archive._dropper(stores, place, backups)).step()


async def is_proven(settings: ProcessSettings, journal: PostgresJournal) -> bool:
    """Tell whether every promise is kept from the first batch to the journal's end."""
    whole = WholeJournal(journal, open_objects(settings.objects_url("archive")), 0)
    report = await verify(whole)
    return report.is_sound and report.sequence == (await journal.head()).sequence


@pytest.mark.timeout(400)
async def test_a_dropped_journal_is_proven_projected_and_restored(
    venue: ProcessSettings, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wiring.migrate(venue)
    await traded(venue, 3)
    journal = PostgresJournal(venue.journal_url, 0)
    first, middle = await journal.read(0, 1), await journal.find(12)
    assert middle is not None
    assert await drop(venue, monkeypatch) > 10
    assert await journal.find(12) is None
    assert await journal.read(0, 1) == first
    assert (await read_standing(venue)).dropped > 12
    assert await is_proven(venue, journal)

    # Whoever was here last before that does not take it for a loss, and whoever starts needs none of it.
    witness = FileWitness(tmp_path, 0)
    witness.write(Mark(first[0].hash, middle.last_sequence, middle.hash))
    assert await find_loss(journal, witness) is None
    assert (await recover(journal)).head == await journal.head()

    runner, environment = CliRunner(), venue.environment()
    shown = await asyncio.to_thread(runner.invoke, app, ["verify"], env=environment)
    assert shown.exit_code == 0, shown.output
    shown = await asyncio.to_thread(runner.invoke, app, ["archive", "verify"], env=environment)
    assert shown.exit_code == 0, shown.output
    shown = await asyncio.to_thread(runner.invoke, app, ["archive", "status"], env=environment)
    assert "dropped" in shown.output

    database = await asyncpg.connect(venue.database_url)
    await database.execute("DROP SCHEMA projection_history, projection_marketdata CASCADE")
    await database.close()
    await wiring.migrate(venue)
    head = (await journal.head()).sequence
    async with running(venue), asyncio.timeout(SECONDS_MAX):
        while (await rows_of(venue))[0] < head:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        assert (await rows_of(venue))[1:] == (60, 60), "three times two tens of orders, each filled"
        await trade(venue, "after.example")
    assert await is_proven(venue, journal)
    await look_at_what_is_restored(venue, postgres, journal)
    await journal.close()


async def rows_of(settings: ProcessSettings) -> tuple[int, int, int]:
    """Return the cursor of the rows, and how many orders and fills they tell of."""
    database = await asyncpg.connect(settings.database_url)
    counts = [
        await database.fetchval(f"SELECT {what} FROM projection_history.{table}")
        for what, table in (("max(sequence)", "cursor"), ("count(*)", '"order"'), ("count(*)", "fill"))
    ]
    await database.close()
    return counts[0], counts[1], counts[2]


async def look_at_what_is_restored(venue: ProcessSettings, postgres: PostgresServer, journal: PostgresJournal) -> None:
    """Restore into empty databases: all, and what is recent alone; both end as the journal does."""
    archived = (await read_standing(venue)).archived
    for is_recent in (True, False):
        restored = replace(venue, journal_url=postgres.create_database())
        batches, last = await restore_journal(restored, is_recent)
        assert last == archived
        found = PostgresJournal(restored.journal_url, 0)
        assert (await found.find(12) is None) == is_recent
        assert await is_proven(restored, found)
        assert (await recover(found)).head.sequence == archived
        assert await found.find(archived) == await journal.find(archived)
        assert (await found.read(0, 1)) == (await journal.read(0, 1))
        worker = Archiver(open_objects(venue.objects_url("archive")), found, 0, THIS_MACHINE.now_us, 1.0)
        await worker.begin()
        assert (worker.branch, worker.archived) == (0, archived)
        assert batches > 0
        await found.close()


async def test_without_a_snapshot_a_dropped_journal_is_refused_and_not_led(
    venue: ProcessSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wiring.migrate(venue)
    await traded(venue, 3)
    assert await drop(venue, monkeypatch) > 10
    connection = await asyncpg.connect(venue.journal_url)
    await connection.execute("DELETE FROM journal.snapshot")
    await connection.close()
    journal = PostgresJournal(venue.journal_url, 0)
    with pytest.raises(ReplayDiverged):
        await recover(journal)
    await journal.close()
