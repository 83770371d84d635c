"""Starting, stopping, killing and starting again, with real PostgreSQL, Valkey and child processes."""

import asyncio
import errno
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import asyncpg
import pytest
from rich.console import Console

from openbourse.settings import ProcessSettings
from openbourse.supervisor import venue
from openbourse.supervisor.layout import Layout, is_claimed
from openbourse.supervisor.orphans import postgres_pids, recorded_pid, start_time
from openbourse.supervisor.processes import Child
from openbourse.supervisor.progress import Progress
from openbourse.supervisor.stores import find_running
from openbourse.supervisor.venue import Options, Venue, is_healthy

SECONDS_MAX = 40.0
ROLES = ("sequencer", "history", "workers", "edge-1", "edge-2", "demo")
DRIVE = Path(__file__).with_name("drive.py")


class Running:
    """One supervisor under test."""

    def __init__(self, data: Path, environment: dict[str, str] | None = None) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        source = str(Path(__file__).parents[2] / "src")
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVE), str(data), str(self.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": source, **(environment or {})},
        )

    def wait_ready(self) -> str:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("openbourse is ready: "):
                assert line.strip() == f"openbourse is ready: http://127.0.0.1:{self.port}"
                return "".join(lines)
        raise AssertionError("never ready:\n" + "".join(lines))

    def pid(self, name: str) -> int | None:
        return recorded_pid(self.data / "run" / f"{name}.pid")

    def stop(self) -> str:
        os.killpg(self.process.pid, signal.SIGINT)
        output, _ = self.process.communicate(timeout=SECONDS_MAX)
        assert self.process.returncode == 0, output
        return output


def eventually(fact: Callable[[], object], seconds: float = SECONDS_MAX) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


def says_ready(postmaster_file: Path) -> bool:
    return postmaster_file.exists() and postmaster_file.read_text().rstrip().endswith("ready")


def journal(data: Path, statement: str) -> object:
    async def work() -> object:
        settings = find_running(data)
        assert settings is not None
        connection = await asyncpg.connect(settings.journal_url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(work())


@pytest.fixture
def data() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="obv-", dir="/tmp"))
    yield directory
    if is_claimed(Layout(directory)):  # a test that failed half way
        os.kill(int((directory / "run" / "lock").read_text()), signal.SIGKILL)
    for path in (directory / "run").glob("*.pid"):
        pid = recorded_pid(path)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.system
def test_everything_starts_stops_in_order_and_keeps_its_data(data: Path) -> None:
    venue = Running(data)
    venue.wait_ready()
    assert is_healthy("127.0.0.1", venue.port)
    assert all(venue.pid(name) for name in (*ROLES, "postgres", "valkey"))
    journal(data, "CREATE TABLE kept AS SELECT 42 AS answer")
    shown = json.loads((data / "run" / "venue.json").read_text())
    assert (shown["port"], shown["pid"]) == (venue.port, venue.process.pid)
    assert (data / "run" / "venue.json").stat().st_mode & 0o077 == 0
    assert (data / "secrets").stat().st_mode & 0o077 == 0
    assert (data / "logs" / "migrate.log").stat().st_mode & 0o077 == 0
    venue.stop()
    stops = (data / "stops.txt").read_text().splitlines()
    assert len(stops) == len(ROLES)
    assert all(line.endswith("postgres=up") for line in stops)
    assert stops[-1].startswith("sequencer")
    assert not postgres_pids(data / "postgres")
    assert find_running(data) is None

    again = Running(data)
    again.wait_ready()
    assert journal(data, "SELECT answer FROM kept") == 42
    again.stop()


@pytest.mark.system
def test_whoever_is_told_that_it_serves_finds_it(data: Path) -> None:
    venue = Running(data, {"TEST_SLOW_ROLE": "notifier"})
    eventually(lambda: is_healthy("127.0.0.1", venue.port))
    assert find_running(data) is not None, "the parts that nobody asks for are still starting"
    venue.wait_ready()
    venue.stop()


@pytest.mark.system
def test_a_killed_process_is_started_again_within_a_second(data: Path) -> None:
    venue = Running(data)
    venue.wait_ready()
    for name in ("sequencer", "edge-1", "history", "valkey", "postgres"):
        before = venue.pid(name)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        eventually(lambda name=name, before=before: venue.pid(name) not in (None, before), 1.0)  # type: ignore[misc]
    eventually(lambda: (data / "run" / "edge-1.ready").exists())
    eventually(lambda: is_healthy("127.0.0.1", venue.port))
    eventually(lambda: says_ready(data / "postgres" / "postmaster.pid"))
    assert journal(data, "SELECT 1") == 1
    venue.stop()


@pytest.mark.system
def test_after_everything_is_killed_the_next_start_has_all_data(data: Path) -> None:
    venue = Running(data)
    venue.wait_ready()
    journal(data, "CREATE TABLE kept AS SELECT 42 AS answer")
    pids = [pid for name in (*ROLES, "valkey") if (pid := venue.pid(name))] + postgres_pids(data / "postgres")
    venue.process.kill()
    for pid in pids:
        if start_time(pid) is not None:
            os.kill(pid, signal.SIGKILL)
    venue.process.communicate(timeout=SECONDS_MAX)

    again = Running(data)
    again.wait_ready()
    assert journal(data, "SELECT answer FROM kept") == 42
    again.stop()


@pytest.mark.system
def test_a_killed_supervisor_takes_its_children_along_and_a_frozen_one_is_found_later(data: Path) -> None:
    venue = Running(data)
    venue.wait_ready()
    frozen = venue.pid("history")
    assert frozen is not None
    os.kill(frozen, signal.SIGSTOP)
    others = [
        pid for name in ("sequencer", "edge-1", "edge-2", "demo", "valkey", "postgres") if (pid := venue.pid(name))
    ]
    venue.process.kill()
    venue.process.communicate(timeout=SECONDS_MAX)
    eventually(lambda: all(start_time(pid) is None for pid in others))
    assert start_time(frozen) is not None

    again = Running(data)
    assert "ended what a crash had left running: history" in again.wait_ready()
    assert start_time(frozen) is None
    again.stop()


@pytest.mark.system
def test_two_on_one_data_directory_or_one_port_get_a_clear_error(data: Path) -> None:
    venue = Running(data)
    venue.wait_ready()
    second = Running(data)
    output, _ = second.process.communicate(timeout=SECONDS_MAX)
    assert second.process.returncode == 1
    assert f"already running on {data}" in output
    other_data = data / "other"
    blocked = subprocess.run(
        [sys.executable, str(DRIVE), str(other_data), str(venue.port)],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert blocked.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{venue.port}" in blocked.stderr
    assert not (other_data / "postgres").exists()
    venue.stop()


@pytest.mark.system
def test_failed_migrations_end_the_start_and_leave_nothing_running(data: Path) -> None:
    venue = Running(data, {"TEST_MIGRATE_CODE": "3"})
    output, _ = venue.process.communicate(timeout=SECONDS_MAX)
    assert venue.process.returncode == 1
    assert "The migrations failed" in output
    assert not postgres_pids(data / "postgres")


@pytest.mark.system
def test_a_signal_during_the_start_stops_cleanly(data: Path) -> None:
    venue = Running(data)
    eventually(lambda: (data / "run" / "postgres.pid").exists())
    venue.stop()
    assert not postgres_pids(data / "postgres")
    assert venue.pid("valkey") is None


class Full(io.StringIO):
    """A terminal that is gone, or a file on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Silent:
    """A part that somebody looks after."""

    plan = SimpleNamespace(name="part")
    pid = 1

    def __init__(self) -> None:
        self.looks = 0

    def end_if_silent(self) -> None:
        self.looks += 1


async def test_a_full_disk_keeps_no_house_from_being_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a supervisor writes for people to read must not cost what it does for its processes."""
    monkeypatch.setattr(venue, "HOUSEKEEPING_SECONDS", 0.01)
    kept = Venue(Options(ProcessSettings(data_dir=tmp_path)), Progress(Console(file=Full())))
    kept._layout.create()
    (kept._layout.log_dir / "supervisor.log").symlink_to("/dev/full")
    kept._layout.venue_file.with_name(kept._layout.venue_file.name + ".new").symlink_to("/dev/full")
    part = Silent()
    kept._roles.append(cast(Child, part))
    house = asyncio.create_task(kept._keep_house())
    await asyncio.sleep(0.2)
    assert not house.done(), house.exception()
    assert part.looks > 3
    kept._notice("part was killed by SIGKILL; starting it again")
    house.cancel()
