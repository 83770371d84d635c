"""The archive role: one worker at a time keeps the journal's archive, the snapshots and the daily reports."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import msgspec
import structlog

from openbourse.adapters.connection_postgres import LOST, connect
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.objects import open_objects
from openbourse.archive.catalog import chain_of, read_entries
from openbourse.archive.check import Report, check, read_rows
from openbourse.archive.dropping import Dropper
from openbourse.archive.segments import SegmentFault, unpack
from openbourse.archive.snapshots import EVERY_S as SNAPSHOTS_EVERY_S
from openbourse.archive.snapshots import SnapshotKeeper, newest_snapshot
from openbourse.archive.writer import Archiver
from openbourse.history.store import Store as HistoryStore
from openbourse.machine import THIS_MACHINE
from openbourse.notifier.store import Store as NotifierStore
from openbourse.objects import ObjectDiffers, Objects
from openbourse.protocol.journal import BatchRow, JournalAway, JournalFault, SnapshotRow
from openbourse.sequencer.checkpoints import SNAPSHOTS_KEPT
from openbourse.sequencer.tables import create_schema
from openbourse.settings import ProcessSettings
from openbourse.wiring.alone import run_alone
from openbourse.wiring.reports import write_due
from openbourse.wiring.stores import Stores

log: Final = structlog.get_logger()

LOCK: Final = 7_005
_RESTORE: Final = """
INSERT INTO journal.batch
    (shard, epoch, first_sequence, last_sequence, time_us, commands, events, previous_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
# The next leader's epoch is above every one that has ever written.
_RESTORE_EPOCH: Final = """
INSERT INTO journal.lease (shard, epoch, holder, address, backend_pid, expires_at)
VALUES ($1, $2, '', '', 0, clock_timestamp() - interval '1 hour')
ON CONFLICT (shard) DO UPDATE SET epoch = greatest(journal.lease.epoch, excluded.epoch)
"""
REPORTS_EVERY_S: Final = 60.0
FLUSH_S: Final = 10.0
"""On the way out: what is not written by then is archived by whoever starts next."""


class Reported:
    """Counts of the reports that were written."""

    reports = 0
    faults = 0


async def run_archive(stores: Stores, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Archive until stopped; a second worker waits until the first is gone."""
    settings = stores.settings
    shard = settings.venue.shard
    place = open_objects(settings.objects_url("archive"))
    backups = open_objects(settings.objects_url("backups"))
    journal = stores.journal()
    archiver = Archiver(place, journal, shard, THIS_MACHINE.now_us, settings.archive_segment_s)
    keeper, reported = SnapshotKeeper(backups, stores.journal(), shard), Reported()
    dropper = await _dropper(stores, place, backups) if settings.journal_days else None

    async def work() -> None:
        # Only now: a worker that waits would tell of an archive that does nothing.
        stores.telemetry.add("archive", lambda: _counters(archiver, dropper, reported))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(archiver.run())
            tasks.create_task(_keep_snapshots(keeper))
            tasks.create_task(_report(stores, reported))
            if dropper is not None:
                tasks.create_task(dropper.run())

    # The lock is the venue's database's: the journal's carries nothing that trading does not need.
    await run_alone(settings.database_url, LOCK, work, ready, stop)
    try:
        async with asyncio.timeout(FLUSH_S):
            await archiver.flush()
    except (OSError, TimeoutError, JournalFault) as fault:
        log.warning("not all is archived; the next start goes on", why=str(fault))


def _counters(archiver: Archiver, dropper: Dropper | None, reported: Reported) -> dict[str, int]:
    counters = archiver.counters()
    faults = counters["faults"] + reported.faults + (0 if dropper is None else dropper.faults)
    dropped = 0 if dropper is None else dropper.dropped
    return {**counters, "faults": faults, "reports": reported.reports, "dropped": dropped}


async def _dropper(stores: Stores, archive: Objects, backups: Objects) -> Dropper:
    settings, pool = stores.settings, await stores.database()
    history, told = HistoryStore(pool), NotifierStore(pool, settings.venue.shard)

    async def read_by_all() -> int:
        try:
            rows, notifier = await history.cursor(), await told.standing()
        except (asyncpg.PostgresError, *LOST) as fault:
            raise JournalAway(f"how far it was read cannot be told: {fault}") from fault
        return rows if notifier is None else min(rows, notifier)

    journal, now_us = stores.journal(), THIS_MACHINE.now_us
    return Dropper(archive, backups, journal, settings.venue.shard, settings.journal_days, now_us, read_by_all)


async def _keep_snapshots(keeper: SnapshotKeeper) -> None:
    while True:
        try:
            await keeper.step()
        except (OSError, JournalFault) as fault:
            log.warning("snapshot not archived", why=str(fault))
        await asyncio.sleep(SNAPSHOTS_EVERY_S)


async def _report(stores: Stores, reported: Reported) -> None:
    objects = open_objects(stores.settings.objects_url("reports"))
    while True:
        try:
            reported.reports += len(await write_due(stores.settings, objects, THIS_MACHINE.now_us()))
        except (OSError, JournalFault, ObjectDiffers, asyncpg.PostgresError) as fault:
            reported.faults += 1
            log.warning("daily report not written", why=str(fault))
        await asyncio.sleep(REPORTS_EVERY_S)


class Standing(msgspec.Struct, frozen=True):
    """How far an archive goes."""

    segments: int
    superseded: int
    size: int
    archived: int
    missing: int | None
    head: int | None
    """The journal's last sequence; None when it cannot be reached."""
    dropped: int = 0
    """Up to which sequence the journal's database holds its first batch alone; 0: it holds all."""


async def read_standing(settings: ProcessSettings) -> Standing:
    """Return how far the archive goes, and the journal. Raises ObjectsAway."""
    entries = await read_entries(open_objects(settings.objects_url("archive")), settings.venue.shard)
    chain, missing = chain_of(entries)
    head: int | None = None
    dropped = 0
    async with _journal(settings) as journal:
        try:
            head = (await journal.head()).sequence
            beginning = await journal.read(0, 2)
            if len(beginning) == 2 and beginning[1].first_sequence != beginning[0].last_sequence + 1:
                dropped = beginning[1].first_sequence - 1
        except JournalFault:
            head = None
    size = sum(entry.size for entry in entries)
    archived = chain[-1].last if chain else 0
    return Standing(len(chain), len(entries) - len(chain), size, archived, missing, head, dropped)


async def check_archive(settings: ProcessSettings, compare: bool, progress: Callable[[int, int], None]) -> Report:
    """Read the archive again, and compare it with the journal if asked. Raises ObjectsAway, JournalAway."""
    place = open_objects(settings.objects_url("archive"))
    async with _journal(settings) as journal:
        return await check(place, journal if compare else None, settings.venue.shard, progress)


async def fetch_segments(settings: ProcessSettings, folder: Path, first: int, last: int | None) -> AsyncIterator[Path]:
    """Copy the segments of a range, checked, and yield where each lies now. Raises SegmentFault, ObjectsAway, OSError."""
    place = open_objects(settings.objects_url("archive"))
    chain, _ = chain_of(await read_entries(place, settings.venue.shard))
    folder.mkdir(parents=True, exist_ok=True)
    for entry in chain:
        if entry.last < first or (last is not None and entry.first > last):
            continue
        body = await place.read(entry.key)
        await asyncio.to_thread(unpack, body)
        path = folder / entry.key.replace("/", "-")
        await asyncio.to_thread(path.write_bytes, body)
        yield path


async def restore_journal(settings: ProcessSettings, is_recent: bool = False) -> tuple[int, int]:
    """Fill an empty journal from the archive; return how many batches and up to where. Raises SegmentFault, OSError.

    If only what is recent is wanted: the first batch, and all from the newest archived snapshot on, with it.
    """
    place, shard = open_objects(settings.objects_url("archive")), settings.venue.shard
    snapshot = await _newest_archived(settings) if is_recent else None
    # One transaction, and between its statements segments are fetched, which may take longer than others may stand idle.
    connection = await connect(settings.journal_url, idle_in_transaction_session_timeout="0")
    try:
        await create_schema(connection)
        async with connection.transaction():
            # Nobody may begin to lead meanwhile: the lock goes with the transaction, and so does a half-filled table.
            await connection.execute("LOCK TABLE journal.batch IN EXCLUSIVE MODE")
            if await connection.fetchval("SELECT EXISTS (SELECT FROM journal.batch WHERE shard = $1)", shard):
                raise FileExistsError("the journal is not empty; it was left as it is")
            batches, last = 0, 0
            async for rows in _wanted(place, shard, snapshot):
                await connection.executemany(_RESTORE, [msgspec.structs.astuple(row) for row in rows])
                batches, last = batches + len(rows), rows[-1].last_sequence
            epoch = await connection.fetchval("SELECT max(epoch) FROM journal.batch WHERE shard = $1", shard)
            if epoch is not None:
                await connection.execute(_RESTORE_EPOCH, shard, epoch)
    finally:
        connection.terminate()
    return batches, last


async def _newest_archived(settings: ProcessSettings) -> SnapshotRow:
    """Return the newest archived snapshot, and have it in the journal's database, where nobody heeds it before its batch is there."""
    snapshot = await newest_snapshot(open_objects(settings.objects_url("backups")), settings.venue.shard)
    if snapshot is None:
        raise FileNotFoundError("there is no archived snapshot; without --recent all is restored")
    connection = await connect(settings.journal_url)
    try:
        await create_schema(connection)
    finally:
        connection.terminate()

    async def whole() -> AsyncIterator[bytes]:
        yield snapshot.state

    async with _journal(settings) as journal:
        await journal.save_snapshot(snapshot.head, whole(), SNAPSHOTS_KEPT)
    return snapshot


async def _wanted(place: Objects, shard: int, snapshot: SnapshotRow | None) -> AsyncIterator[list[BatchRow]]:
    """Yield what a restore writes. Raises SegmentFault when the snapshot stands on no batch of the archive."""
    if snapshot is None:
        async for rows in read_rows(place, shard):
            yield rows
        return
    sequence, is_found = snapshot.head.sequence, False
    async for rows in read_rows(place, shard):
        if rows[-1].last_sequence < sequence:
            yield rows[:1]  # it says which journal this is
        break
    async for rows in read_rows(place, shard, sequence):
        is_found |= any(row.last_sequence == sequence and row.hash == snapshot.head.chain_hash for row in rows)
        yield rows
    if not is_found:
        raise SegmentFault(f"the snapshot at sequence {sequence} stands on no batch of the archive")


@asynccontextmanager
async def _journal(settings: ProcessSettings) -> AsyncIterator[PostgresJournal]:
    journal = PostgresJournal(settings.journal_url, settings.venue.shard)
    try:
        yield journal
    finally:
        await journal.close()
