"""A crash's orphans are found by identity, and nobody else is ever signalled."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openbourse.supervisor import orphans

SLEEP = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_recorded_process_is_ended_and_its_traces_removed(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    orphans.record(tmp_path / "history.pid", sleeper.pid)
    (tmp_path / "history.ready").write_text("1")
    (tmp_path / "venue.json").write_text("{}")
    assert orphans.end_orphans(tmp_path, tmp_path / "postgres", tmp_path) == ["history"]
    assert sleeper.wait(5) == -signal.SIGTERM
    assert not list(tmp_path.iterdir())


def test_a_pid_given_to_somebody_else_is_never_signalled(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    pid_file = tmp_path / "history.pid"
    orphans.record(pid_file, sleeper.pid)
    identity = json.loads(pid_file.read_text())
    pid_file.write_text(json.dumps({**identity, "start": identity["start"] - 1}))
    assert orphans.end_orphans(tmp_path, tmp_path / "postgres", tmp_path) == []
    pid_file.write_text(json.dumps({**identity, "boot": "another"}))
    assert orphans.end_orphans(tmp_path, tmp_path / "postgres", tmp_path) == []
    assert sleeper.poll() is None


def test_a_zombie_counts_as_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()
        while orphans.start_time(process.pid) is not None:
            pass
        assert Path(f"/proc/{process.pid}").exists()


def test_who_ignores_the_gentle_signal_gets_the_hard_one() -> None:
    with subprocess.Popen(STUBBORN, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        orphans.end([process.pid], ((signal.SIGTERM, 0.2), (signal.SIGKILL, 5.0)))
        assert process.wait(5) == -signal.SIGKILL


@pytest.mark.parametrize("text", ["", "{", "7", '{"pid": "x"}', '{"pid": 1}'])
def test_a_damaged_record_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.pid").write_text(text)
    assert orphans.recorded_pid(tmp_path / "a.pid") is None
    assert orphans.recorded_pid(tmp_path / "absent.pid") is None
