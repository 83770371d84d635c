"""What a crash left behind: processes of this data directory whose supervisor is gone are found and ended.

A process is known by its pid together with its start time and the machine's boot, so a pid that the system has given
to somebody else since is never signalled.
"""

import json
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
BOOT_ID = PROC / "sys/kernel/random/boot_id"
POLL_SECONDS = 0.02


def start_time(pid: int) -> int | None:
    """Return when a live process was started, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold spaces and parentheses itself, so the fields are counted from its end.
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def record(pid_file: Path, pid: int) -> None:
    """Write down a child, so that the next start can find it should this supervisor be killed."""
    identity = {"pid": pid, "start": start_time(pid), "boot": BOOT_ID.read_text().strip()}
    partial = pid_file.with_name(pid_file.name + ".new")
    partial.write_text(json.dumps(identity) + "\n")
    partial.replace(pid_file)


def recorded_pid(pid_file: Path) -> int | None:
    """Return the pid in the file if that very process is still alive."""
    try:
        identity = json.loads(pid_file.read_text())
        pid = int(identity["pid"])
        is_same_boot = identity["boot"] == BOOT_ID.read_text().strip()
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    started = start_time(pid)
    return pid if is_same_boot and started is not None and started == identity["start"] else None


def postgres_pids(postgres_dir: Path) -> list[int]:
    """Return the live processes of the PostgreSQL that uses this directory: it makes it the working directory of each."""
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            working_dir = (entry / "cwd").readlink()
            program = (entry / "exe").readlink()
        except OSError:
            continue  # gone meanwhile, or another user's
        if working_dir == postgres_dir.resolve() and program.name.startswith("postgres"):
            found.append(int(entry.name))
    return found


def end(pids: Iterable[int], steps: Iterable[tuple[signal.Signals, float]]) -> None:
    """Signal processes, harder step by step, until all are gone."""
    alive = {pid: started for pid in pids if (started := start_time(pid)) is not None}
    for step, seconds in steps:
        for pid in alive:
            try:
                os.kill(pid, step)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + seconds
        while alive and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            alive = {pid: started for pid, started in alive.items() if start_time(pid) == started}
        if not alive:
            return


def end_orphans(run_dir: Path, postgres_dir: Path, socket_dir: Path) -> list[str]:
    """End what a crash orphaned: roles first, then Valkey, PostgreSQL last; return the names of what was found.

    Call it with the data directory's lock held: then no living supervisor owns any of them.
    """
    names: list[str] = []
    servers = ("valkey.pid", "postgres.pid")
    gentle = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0))
    roles = [path for path in sorted(run_dir.glob("*.pid")) if path.name not in servers]
    for group in (roles, [run_dir / "valkey.pid"]):
        pids = {path: pid for path in group if (pid := recorded_pid(path)) is not None}
        names.extend(path.stem for path in pids)
        end(pids.values(), gentle)
    backends = postgres_pids(postgres_dir)
    if backends:
        names.append("postgres")
        postmaster = recorded_pid(run_dir / "postgres.pid")
        first = [postmaster] if postmaster in backends else backends
        end(first, ((signal.SIGINT, 5.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 3.0)))
        end(postgres_pids(postgres_dir), ((signal.SIGQUIT, 2.0), (signal.SIGKILL, 3.0)))
    for path in (*run_dir.glob("*.pid"), *run_dir.glob("*.ready"), run_dir / "venue.json"):
        path.unlink(missing_ok=True)
    clear_postgres_locks(postgres_dir, socket_dir)
    return names


def clear_postgres_locks(postgres_dir: Path, socket_dir: Path) -> None:
    """Remove the lock files of a killed PostgreSQL; call it only when no process of it lives.

    PostgreSQL takes a pid that answers for a running server, but where nobody reaps orphans the killed one stays a
    zombie and answers, and in a container its pid soon belongs to somebody else.
    """
    assert not postgres_pids(postgres_dir)
    for path in (postgres_dir / "postmaster.pid", *socket_dir.glob(".s.PGSQL.*"), *socket_dir.glob("*/.s.PGSQL.*")):
        path.unlink(missing_ok=True)
