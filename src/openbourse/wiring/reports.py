"""Daily reports, from rows to the place for objects: by the worker, by hand, and as a function that a schedule calls."""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import asyncpg
import structlog

from openbourse.adapters.connection_postgres import LOST, connect, connect_replica, within
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.objects import open_objects
from openbourse.adapters.secrets_references import resolve
from openbourse.edge.listing import Listing
from openbourse.history.reports import (
    REPORTS_FOLDER,
    Report,
    bounds_us,
    day_of,
    days_due,
    first_day,
    key_of,
    make_report,
    read_day,
)
from openbourse.history.store import Store
from openbourse.machine import THIS_MACHINE
from openbourse.marketdata.files import day_files
from openbourse.marketdata.view import read_listing
from openbourse.objects import ObjectDiffers, Objects, all_listed, keep
from openbourse.settings import ProcessSettings, read_settings

log: Final = structlog.get_logger()

READ_SECONDS_MAX: Final = 600.0
"""A day's rows are summed where they lie; the connection is this report's own."""
ROWS_SECONDS_MAX: Final = 120.0
"""How long rows may take to reach what the journal holds."""
REPLICA_ROWS_SECONDS_MAX: Final = 30.0
"""The same of a replica's rows; then the primary's are read."""
POLL_S: Final = 0.2
CURSOR_SECONDS_MAX: Final = 5.0
"""How long one look at the rows' cursor may take: a replica that is slower is frozen."""
US: Final = 1_000_000


class ReportNotReady(OSError):
    """The rows do not have the whole day yet."""


async def day_report(settings: ProcessSettings, day: date) -> Report:
    """Return the report of a day, of everything that is committed now. Raises ReportNotReady, OSError.

    Where there is a replica it is read; whatever it lacks or says, the primary is read then.
    """
    wanted = await _committed(settings)
    if settings.reader_url:
        try:
            replica = await connect_replica(settings.reader_url)
            return await _day_report(replica, day, wanted, REPLICA_ROWS_SECONDS_MAX)
        except (*LOST, asyncpg.PostgresError) as fault:
            log.warning("the primary is read for the replica", why=str(fault) or type(fault).__name__)
    return await _day_report(await connect(settings.database_url), day, wanted, ROWS_SECONDS_MAX)


async def _day_report(connection: asyncpg.Connection, day: date, wanted: int, seconds: float) -> Report:
    try:
        await _await_rows(connection, wanted, seconds)
        traded, fees = await within(connection, READ_SECONDS_MAX, read_day(connection, day))
        listing = Listing()
        listing.apply(await within(connection, READ_SECONDS_MAX, read_listing(connection)))
    except TimeoutError as fault:
        raise ReportNotReady(f"the day's rows were not read in {READ_SECONDS_MAX:g} s") from fault
    finally:
        connection.terminate()
    return await asyncio.to_thread(make_report, day, traded, fees, listing)


async def store_market_files(settings: ProcessSettings, day: date) -> int:
    """Write a day's candles where anyone may have them; return how many files. Raises ObjectDiffers, ObjectsAway."""
    objects = open_objects(settings.objects_url("market"))
    connection = await connect(settings.database_url)
    try:
        listing = Listing()
        listing.apply(await within(connection, READ_SECONDS_MAX, read_listing(connection)))
        files = await within(connection, READ_SECONDS_MAX, day_files(connection, listing, day, bounds_us(day)))
    except TimeoutError as fault:
        raise ReportNotReady(f"the day's candles were not read in {READ_SECONDS_MAX:g} s") from fault
    finally:
        connection.terminate()
    for key, body in files.items():
        await keep(objects, key, body)
    return len(files)


async def write_day(settings: ProcessSettings, objects: Objects, day: date) -> Report:
    """Write all of a day: its report last, so that where that is, all is there. Raises ReportNotReady, OSError."""
    report = await day_report(settings, day)
    await store_market_files(settings, day)
    await store_report(objects, settings.venue.shard, report)
    return report


async def store_report(objects: Objects, shard: int, report: Report) -> list[str]:
    """Write a report; one that is there already must be the same. Return the keys. Raises ObjectDiffers, ObjectsAway."""
    keys = [key_of(shard, report.day, name) for name in report.files]
    for key, body in zip(keys, report.files.values(), strict=True):
        await keep(objects, key, body)
    return keys


def is_over(day: date, now_us: int) -> bool:
    """Tell whether a day has ended."""
    return datetime.fromtimestamp(now_us / US, UTC).date() > day


async def write_due(settings: ProcessSettings, objects: Objects, now_us: int) -> list[date]:
    """Write every report that is due, the oldest first, after an outage too. Raises OSError, ObjectDiffers.

    A day that was written otherwise before is told last: the days after it do not wait until somebody has looked.
    """
    shard = settings.venue.shard
    stored = await all_listed(objects, f"{REPORTS_FOLDER}/{shard:05}")
    done = {day for day in (day_of(head.key) for head in stored) if day is not None}
    connection = await connect(settings.database_url)
    try:
        first = None if done else await within(connection, READ_SECONDS_MAX, first_day(connection))
    finally:
        connection.terminate()
    due = days_due(done, first, now_us)
    differs: ObjectDiffers | None = None
    for day in due:
        try:
            report = await write_day(settings, objects, day)
        except ObjectDiffers as fault:
            log.error("a day was written before, and otherwise", date=day.isoformat(), key=str(fault))
            differs = differs or fault
        else:
            log.info("daily report", date=day.isoformat(), trades=report.summary["trades"])
    if differs is not None:
        raise differs
    return due


async def _committed(settings: ProcessSettings) -> int:
    """Return what the journal holds now. Raises JournalAway."""
    journal = PostgresJournal(settings.journal_url, settings.venue.shard)
    try:
        return (await journal.head()).sequence
    finally:
        await journal.close()


async def _await_rows(connection: asyncpg.Connection, wanted: int, seconds: float) -> None:
    """Wait until the rows have a sequence. Raises ReportNotReady."""
    limit = asyncio.get_running_loop().time() + seconds
    while await within(connection, CURSOR_SECONDS_MAX, Store(connection).cursor()) < wanted:
        if asyncio.get_running_loop().time() > limit:
            raise ReportNotReady(f"the rows have not reached sequence {wanted}")
        await asyncio.sleep(POLL_S)


def lambda_handler(event: Mapping[str, Any], context: object) -> dict[str, object]:
    """Write one report as a Lambda function: of the date in the event, else of the day before the schedule's time.

    Needs this package with the extra `aws`, and OPENBOURSE_* as every process does; secrets that those name are looked
    up at each call.
    """
    named = event.get("date")
    at = datetime.fromisoformat(str(event["time"])) if "time" in event else datetime.now(UTC)
    day = date.fromisoformat(str(named)) if named else at.astimezone(UTC).date() - timedelta(days=1)
    if not is_over(day, THIS_MACHINE.now_us()):
        raise ValueError(f"{day} is not over yet")
    settings = read_settings({**os.environ, **resolve(os.environ)})

    async def work() -> Report:
        return await write_day(settings, open_objects(settings.objects_url("reports")), day)

    return dict(asyncio.run(work()).summary)
