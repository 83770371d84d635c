"""Children come back with growing pauses, and a start that cannot work ends with the log's last words."""

import asyncio
import errno
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from openbourse.supervisor import orphans, processes
from openbourse.supervisor.processes import Child, Plan, StartFault, bound_log, describe_exit, log_tail


def plan_for(tmp_path: Path, code: str) -> Plan:
    return Plan(
        name="part",
        argv=(sys.executable, "-c", code),
        environment=dict(os.environ),
        log_file=tmp_path / "part.log",
        pid_file=tmp_path / "part.pid",
        is_ready=lambda pid: (tmp_path / "ready").exists(),
        ready_seconds_max=10.0,
    )


async def test_a_part_that_ends_again_and_again_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    notices: list[str] = []
    child = Child(plan_for(tmp_path, "print('no disk left', flush=True); raise SystemExit(3)"), notices.append)
    with pytest.raises(StartFault, match=r"ended again and again[^~]*no disk left"):
        await child.start()
    assert len(notices) == processes.START_ATTEMPTS_MAX
    assert notices[0] == "part ended with code 3; starting it again"
    assert child.pid is None
    assert not (tmp_path / "part.pid").exists()


def lasting(tmp_path: Path) -> Plan:
    sign = str(tmp_path / "ready")
    return plan_for(tmp_path, f"import time, pathlib; pathlib.Path({sign!r}).touch(); time.sleep(60)")


async def come_back(child: Child, pid: int | None) -> None:
    """Wait until another process of a part runs."""
    async with asyncio.timeout(5):
        while child.pid in (None, pid):  # noqa: ASYNC110 - the system tells it by no event
            await asyncio.sleep(0.01)


async def test_a_part_that_went_while_the_disk_was_full_comes_back(tmp_path: Path) -> None:
    is_full, notices = iter((False, True, True, False)), list[str]()

    def before_start() -> None:
        if next(is_full):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    plan = lasting(tmp_path)
    child = Child(replace(plan, before_start=before_start), notices.append)
    await child.start()
    pid = child.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await come_back(child, pid)
    assert [notice.split(":")[0] for notice in notices[1:]] == ["part could not be started"] * 2
    await child.stop()


async def test_a_part_that_cannot_be_written_down_is_not_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, record = list[int](), orphans.record

    def fail_once(pid_file: Path, pid: int) -> None:
        left.append(pid)
        if len(left) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        record(pid_file, pid)

    monkeypatch.setattr(orphans, "record", fail_once)
    plan = lasting(tmp_path)
    child = Child(plan, print)
    await child.start()
    os.kill(left[0], signal.SIGKILL)
    async with asyncio.timeout(5):
        while len(left) < 3:  # noqa: ASYNC110 - the system tells it by no event
            await asyncio.sleep(0.01)
    assert orphans.start_time(left[1]) is None
    await child.stop()


async def test_a_part_that_is_never_ready_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_for(tmp_path, "import time; time.sleep(60)")
    child = Child(Plan(**{**{name: getattr(plan, name) for name in Plan.__slots__}, "ready_seconds_max": 0.3}), print)
    with pytest.raises(StartFault, match="not ready"):
        await child.start()
    assert child.pid is None


async def test_a_part_that_ignores_the_gentle_signal_is_killed(tmp_path: Path) -> None:
    code = (
        "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"pathlib.Path({str(tmp_path / 'ready')!r}).touch(); time.sleep(60)"
    )
    plan = plan_for(tmp_path, code)
    fields = {name: getattr(plan, name) for name in Plan.__slots__}
    child = Child(Plan(**{**fields, "stop_steps": ((signal.SIGTERM, 0.2), (signal.SIGKILL, 5.0))}), print)
    await child.start()
    await asyncio.wait_for(child.stop(), 5)
    assert child.pid is None
    assert child.restarts == 0


def test_exits_are_told_in_words() -> None:
    assert describe_exit(-9) == "was killed by SIGKILL"
    assert describe_exit(2) == "ended with code 2"


def test_a_log_is_cut_at_its_limit_and_keeps_one_old_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_BYTES_MAX", 100)
    log = tmp_path / "a.log"
    with log.open("a") as file:
        file.write("x" * 101)
        file.flush()
        bound_log(log)
        file.write("next\n")
    assert log.read_text() == "next\n"
    assert (tmp_path / "a.log.1").stat().st_size == 101
    bound_log(log)
    assert log.read_text() == "next\n"


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    assert log_tail(tmp_path / "absent") == "  (empty)"
    (tmp_path / "b.log").write_text("".join(f"line {number}\n" for number in range(5_000)))
    assert log_tail(tmp_path / "b.log").splitlines()[-1] == "  line 4999"
    assert len(log_tail(tmp_path / "b.log").splitlines()) == processes.LOG_TAIL_LINES


BEATING = "import pathlib, sys, time; path = pathlib.Path(sys.argv[1]); [(path.touch(), time.sleep(0.02)) for _ in range(1500)]"


def beating(tmp_path: Path, silent_seconds_max: float) -> Plan:
    plan = plan_for(tmp_path, BEATING)
    fields = {name: getattr(plan, name) for name in Plan.__slots__}
    sign = tmp_path / "ready"
    argv = (*plan.argv, str(sign))
    return Plan(**{**fields, "argv": argv, "alive_file": sign, "silent_seconds_max": silent_seconds_max})


async def look_for(child: Child, seconds: float) -> None:
    for _ in range(int(seconds / 0.02)):
        child.end_if_silent()
        await asyncio.sleep(0.02)


async def test_a_frozen_part_is_ended_and_started_again_and_a_living_one_is_not(tmp_path: Path) -> None:
    notices: list[str] = []
    child = Child(beating(tmp_path, 0.8), notices.append)
    await child.start()
    pid = child.pid
    assert pid is not None
    await look_for(child, 2.0)
    assert child.pid == pid, notices
    os.kill(pid, signal.SIGSTOP)
    await look_for(child, 3.0)
    assert child.pid not in (None, pid)
    assert any("has been silent for" in notice for notice in notices)
    await child.stop()


async def test_a_supervisor_that_was_held_up_itself_ends_nothing(tmp_path: Path) -> None:
    child = Child(beating(tmp_path, 0.3), print)
    await child.start()
    pid = child.pid
    assert pid is not None
    child.end_if_silent()
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(0.5)
    child.end_if_silent()
    await asyncio.sleep(0.1)
    assert child.pid == pid
    await child.stop()
