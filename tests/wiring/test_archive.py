"""A venue with its workers over real stores: what was traded is archived, told of, reported, and can be restored."""

import asyncio
import contextlib
import hashlib
import io
import json
import os
import signal
import socket
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from typer.testing import CliRunner

from openbourse import wiring
from openbourse.adapters import connection_postgres
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.objects import open_objects
from openbourse.archive.catalog import Entry
from openbourse.archive.check import read_rows
from openbourse.archive.segments import SegmentFault, pack
from openbourse.cli.app import app
from openbourse.history.reports import SUMMARY, key_of
from openbourse.marketdata.files import FOLDER
from openbourse.marketdata.projector import MarketProjector
from openbourse.objects import ObjectDiffers, Objects, all_listed
from openbourse.protocol.events import EventKind, decode
from openbourse.protocol.journal import BatchRow
from openbourse.protocol.notifications import Notification, Topic
from openbourse.roles import EDGE_ROLES
from openbourse.sequencer.replay import verify
from openbourse.settings import ProcessSettings
from openbourse.wiring import archive, notifier, telemetry
from openbourse.wiring.alone import run_alone
from openbourse.wiring.archive import check_archive, fetch_segments, read_standing, restore_journal
from openbourse.wiring.reports import day_report, lambda_handler, write_due
from tests.archive.made import rows
from tests.conftest import PostgresServer
from tests.projection.recorded import Recorded
from tests.wiring.test_process import PASSWORD, ask

SECONDS_MAX = 80.0
ROLES = ("sequencer", "history", "notifier", "archive", *EDGE_ROLES)


@contextlib.asynccontextmanager
async def running(settings: ProcessSettings) -> AsyncIterator[None]:
    task = asyncio.create_task(wiring.run_roles(ROLES, settings))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as http, asyncio.timeout(SECONDS_MAX):
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await http.get("/health/ready")).status_code == 200:
                    break
            await asyncio.sleep(0.05)
    try:
        yield
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(SECONDS_MAX):
            await task


@pytest.fixture
def venue(settings: ProcessSettings, tmp_path: Path) -> ProcessSettings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return replace(settings, port=port, ready_file=tmp_path / "ready", archive_segment_s=1, emf_every_s=1)


async def trade(settings: ProcessSettings, domain: str = "example.com") -> None:
    funds = [("BTC", 10**9), ("USDT", 10**15)]
    names = (f"maker@{domain}", f"taker@{domain}")
    accounts = [await wiring.create_account(settings, name, PASSWORD, funds) for name in names]
    common: dict[str, Any] = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC", "price": "60000"}
    for number in range(5):
        for account, side in zip(accounts, ("SELL", "BUY"), strict=True):
            await ask(settings, account, "POST", "/api/v3/order", side=side, quantity=f"0.00{number + 1}", **common)


class Recording:
    """Takes notifications and keeps them."""

    def __init__(self) -> None:
        self.taken: list[Notification] = []

    async def hand(self, notifications: Sequence[Notification]) -> list[Notification]:
        self.taken += notifications
        return []


@pytest.mark.timeout(300)
async def test_all_is_archived_told_reported_and_restored(
    venue: ProcessSettings, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlet, written = Recording(), list[bytes]()
    monkeypatch.setattr(notifier, "open_outlet", lambda url, sender, render: outlet)
    monkeypatch.setattr(telemetry, "write_line", written.append)
    await wiring.migrate(venue)
    async with running(venue):
        await trade(venue)
        journal = PostgresJournal(venue.journal_url, 0)
        head = await journal.head()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{venue.port}") as http, asyncio.timeout(SECONDS_MAX):
            while (await read_standing(venue)).archived < head.sequence:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            while b"openbourse_notifier_handed" not in (shown := (await http.get("/metrics")).content):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        assert b"openbourse_edge_new_order_ms_count 10" in shown
        report = await day_report(venue, datetime.now(UTC).date())
    look_at_lines([json.loads(line) for line in written])
    fills = [each for each in outlet.taken if each.topic is Topic.FILL]
    assert [each.facts["status"] for each in fills] == ["filled"] * 10
    assert {each.address for each in fills} == {"maker@example.com", "taker@example.com"}
    assert len({each.id for each in outlet.taken}) == len(outlet.taken)
    checked = await check_archive(venue, True, lambda done, of: None)
    assert checked.is_sound
    assert checked.compared == checked.segments > 0
    assert checked.last_sequence == (await journal.head()).sequence, "the last were written on the way out"
    await journal.close()
    assert report.summary["trades"] == 5
    assert report.summary["fills"] == 10
    assert b"BTCUSDT,BTC,USDT,5,0.01500000,900.00000000" in report.files["instruments.csv"]
    await look_at_restored(venue, postgres, checked.batches)
    paths = [path async for path in fetch_segments(venue, tmp_path / "fetched", 1, 1)]
    assert len(paths) == 1


def look_at_lines(lines: list[dict[str, Any]]) -> None:
    """Hold what the process wrote to what happened."""
    assert sum(line["edge_calls"] for line in lines) >= 10
    assert max(line.get("sequencer_leading", 0) for line in lines) == 1
    assert any("history_behind" in line and "archive_behind_s" in line for line in lines)
    assert any("sequencer_append_ms" in line for line in lines)


async def look_at_restored(venue: ProcessSettings, postgres: PostgresServer, batches: int) -> None:
    """Restore into an empty database, and replay it."""
    restored = replace(venue, journal_url=postgres.create_database())
    count, last = await restore_journal(restored)
    assert count == batches
    journal = PostgresJournal(restored.journal_url, 0)

    async def nothing() -> None:
        return None

    found = await verify(journal, lambda done, of: None, nothing)
    await journal.close()
    assert found.is_sound
    assert found.sequence == last
    connection = await asyncpg.connect(restored.journal_url)
    assert await connection.fetchval("SELECT epoch FROM journal.lease") >= 1
    await connection.close()
    with pytest.raises(FileExistsError):
        await restore_journal(restored)


async def one_trade(settings: ProcessSettings, at_us: int) -> None:
    """Write the rows of one trade at a moment, and of what is listed."""
    connection = await asyncpg.connect(settings.database_url)
    for is_buyer in (True, False):
        await connection.execute(
            "INSERT INTO projection_history.fill VALUES (1000, 1, 1, $1, 5, 6, 7, 0, 1, $2, $3, $4, 0)",
            1 + is_buyer, at_us, is_buyer, not is_buyer,
        )  # fmt: skip
    await connection.execute(
        "INSERT INTO projection_marketdata.candle VALUES (1, 60, $1, 5, 6, 4, 5, 700000000, 35, 1, 0, 0, 1, 1)", at_us
    )
    listing = MarketProjector()
    for batch in Recorded(1).batches:
        for event in decode(batch.events, {EventKind.ASSET_CREATED, EventKind.INSTRUMENT_DEFINED}):
            listing.take(event, 1)
    await listing.write(connection)
    await connection.close()


async def test_a_day_written_otherwise_before_holds_no_other_up(settings: ProcessSettings) -> None:
    await wiring.migrate(settings)
    day = date(2026, 11, 20)
    at_us = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp() * 1e6)
    await one_trade(settings, at_us)
    place = open_objects(settings.objects_url("reports"))
    second = day + timedelta(days=1)
    # One of its tables; its summary, by which a day is done, was not written any more.
    await place.create(key_of(0, second, "fees.csv"), b"otherwise")
    with pytest.raises(ObjectDiffers, match=r"2026/11/21/fees\.csv"):
        await write_due(settings, place, at_us + 3 * 86_400 * 1_000_000)
    stored = {head.key for head in await all_listed(place, "daily")}
    assert {key_of(0, day + timedelta(days=number), SUMMARY) for number in (0, 2)} <= stored
    assert key_of(0, second, SUMMARY) not in stored


async def test_missed_reports_are_caught_up_and_written_once(settings: ProcessSettings) -> None:
    await wiring.migrate(settings)
    day = date(2026, 11, 20)
    at_us = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp() * 1e6)
    await one_trade(settings, at_us)
    place = open_objects(settings.objects_url("reports"))
    now_us = at_us + 3 * 86_400 * 1_000_000
    due = [day + timedelta(days=number) for number in range(3)]
    assert await write_due(settings, place, now_us) == due
    assert await write_due(settings, place, now_us) == []
    assert await write_due(settings, place, now_us + 86_400 * 1_000_000) == [day + timedelta(days=3)]
    assert json.loads(await place.read(key_of(0, day, SUMMARY)))["trades"] == 1
    assert len(await all_listed(place, "daily")) == 12
    market = open_objects(settings.objects_url("market"))
    files = await all_listed(market, FOLDER)
    assert len(files) == 8, "an archive and its checksum for each of four days"
    lines = [await table(market, head.key) for head in files if head.key.endswith(".zip")]
    assert [len(each) for each in lines] == [720, 1_440, 1_440, 1_440], "from the first trade on, flat where none was"
    assert lines[0][0].split(",")[:6] == [str(at_us), *(f"0.0000000{price}" for price in (5, 6, 4, 5)), "7.00000000"]
    assert {line.split(",")[4] for line in lines[1]} == {"0.00000005"}


async def table(market: Objects, key: str) -> list[str]:
    """Return the lines of an archive that is what its checksum says."""
    body, told = await market.read(key), (await market.read(f"{key}.CHECKSUM")).decode()
    assert told == f"{hashlib.sha256(body).hexdigest()}  {key.rpartition('/')[2]}\n"
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        [name] = archive.namelist()
        return archive.read(name).decode().splitlines()


async def test_a_schedule_writes_yesterday_s_report_and_no_day_that_is_not_over(
    settings: ProcessSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wiring.migrate(settings)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    event = {"version": "0", "source": "aws.scheduler", "time": "2026-11-21T00:05:00Z", "detail": {}}
    summary = await asyncio.to_thread(lambda_handler, event, None)
    assert (summary["date"], summary["trades"]) == ("2026-11-20", 0)
    assert await asyncio.to_thread(lambda_handler, {"date": "2026-11-20"}, None) == summary
    place = open_objects(settings.objects_url("reports"))
    assert [head.key for head in await all_listed(place, "daily")] == [
        key_of(0, date(2026, 11, 20), name) for name in ("fees.csv", "instruments.csv", SUMMARY)
    ]
    with pytest.raises(ValueError, match="not over"):
        await asyncio.to_thread(lambda_handler, {"date": "2999-01-01"}, None)
    runner, environment = CliRunner(), settings.environment()
    shown = await asyncio.to_thread(runner.invoke, app, ["report", "daily", "--date", "2026-11-20"], env=environment)
    assert shown.exit_code == 0, shown.output
    assert "symbol,base,quote,trades" in shown.stdout
    assert "2026/11/20/summary.json" in shown.stderr
    shown = await asyncio.to_thread(runner.invoke, app, ["report", "daily", "--date", "2999-01-01"], env=environment)
    assert "summary.json" not in shown.stderr
    assert "not over" in shown.stderr


async def test_a_password_that_is_refused_ends_the_worker(settings: ProcessSettings) -> None:
    wrong = settings.database_url.replace(settings.database_url.split(":")[2].split("@")[0], "wrong")
    ready, stop = list[int](), asyncio.Event()

    async def work() -> None:
        raise AssertionError("it has no connection")

    with pytest.raises(ExceptionGroup) as caught:
        await run_alone(wrong, 1, work, lambda: ready.append(1), stop)
    assert caught.group_contains(asyncpg.InvalidPasswordError)
    assert ready == []


async def test_a_restore_waits_for_a_slow_archive(venue: ProcessSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its one transaction stands idle while a segment comes: longer than one that somebody else waits for may."""
    made, place = list(rows(10)), open_objects(venue.objects_url("archive"))
    for part in (made[:5], made[5:]):
        _, body = pack(part, 0)
        await place.create(Entry(0, 0, part[0].first_sequence, part[-1].last_sequence).key, body)

    async def slowly(*given: Any) -> AsyncIterator[list[BatchRow]]:
        async for found in read_rows(*given):
            await asyncio.sleep(0.5)
            yield found

    monkeypatch.setattr(archive, "read_rows", slowly)
    monkeypatch.setitem(connection_postgres._SERVER_SETTINGS, "idle_in_transaction_session_timeout", "100ms")
    assert await restore_journal(venue) == (10, made[-1].last_sequence)


async def test_an_archive_with_a_hole_restores_nothing(venue: ProcessSettings, postgres: PostgresServer) -> None:
    made, place = list(rows(10)), open_objects(venue.objects_url("archive"))
    for part in (made[:3], made[6:]):
        _, body = pack(part, 0)
        await place.create(Entry(0, 0, part[0].first_sequence, part[-1].last_sequence).key, body)
    with pytest.raises(SegmentFault, match="missing"):
        await restore_journal(venue)
    connection = await asyncpg.connect(venue.journal_url)
    assert await connection.fetchval("SELECT count(*) FROM journal.batch") == 0
    await connection.close()
    standing = await read_standing(venue)
    assert (standing.segments, standing.missing) == (1, made[3].first_sequence)
    environment = venue.environment()
    runner = CliRunner()
    shown = await asyncio.to_thread(runner.invoke, app, ["archive", "verify"], env=environment)
    assert shown.exit_code == 1
    assert "missing" in shown.stdout
    shown = await asyncio.to_thread(runner.invoke, app, ["archive", "status"], env=environment)
    assert f"sequence {made[3].first_sequence:,}" in shown.stdout
    assert (await asyncio.to_thread(runner.invoke, app, ["archive", "restore"], env=environment)).exit_code == 2
