"""Child processes: started, watched, started again with growing pauses, and stopped with limits."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from openbourse.supervisor import orphans

READY_POLL_SECONDS = 0.02
BACKOFF_SECONDS_FIRST = 0.05
BACKOFF_SECONDS_MAX = 5.0
STEADY_SECONDS = 10.0  # a process that lived this long starts its back-off anew
START_ATTEMPTS_MAX = 3
SILENT_SECONDS_MAX = 4.0  # a process that is silent for longer is frozen, and keeps its clients from the others
LOG_BYTES_MAX = 16 * 1024 * 1024
LOG_TAIL_LINES = 12
STOP_ROLE = ((signal.SIGTERM, 8.0), (signal.SIGKILL, 2.0))


class StartFault(RuntimeError):
    """A process could not be started; the text ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one child is started, known to be ready, and stopped."""

    name: str
    argv: tuple[str, ...]
    log_file: Path
    pid_file: Path
    is_ready: Callable[[int], bool]
    environment: dict[str, str] = field(repr=False)
    inherited: tuple[int, ...] = ()
    ready_seconds_max: float = 60.0
    stop_steps: tuple[tuple[signal.Signals, float], ...] = STOP_ROLE
    before_start: Callable[[], None] = lambda: None
    alive_file: Path | None = None  # touched by a process that has turns of its loop; None: nobody looks
    silent_seconds_max: float = SILENT_SECONDS_MAX


class Child:
    """One supervised process."""

    def __init__(self, plan: Plan, notice: Callable[[str], None]) -> None:
        self.plan = plan
        self.restarts = 0
        self._notice = notice
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._spawning = asyncio.Lock()
        self._last_sign: tuple[int | None, int] = (None, 0)
        self._signed_at = self._looked_at = 0.0

    @property
    def pid(self) -> int | None:
        """The pid of the running process, if one runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start the process and return when it is ready; raise StartFault when it does not become so."""
        self._watcher = asyncio.create_task(self._watch(), name=f"watch {self.plan.name}")
        deadline = time.monotonic() + self.plan.ready_seconds_max
        while time.monotonic() < deadline:
            pid = self.pid
            if pid is not None and self.plan.is_ready(pid):
                return
            if self.restarts >= START_ATTEMPTS_MAX or self._watcher.done():
                break
            await asyncio.sleep(READY_POLL_SECONDS)
        reason = "ended again and again" if self.restarts else f"was not ready in {self.plan.ready_seconds_max:.0f} s"
        tail = log_tail(self.plan.log_file)
        await self.stop()
        raise StartFault(f"{self.plan.name} {reason}. Its log, {self.plan.log_file}, ends with:\n{tail}")

    async def stop(self) -> None:
        """End the process and stop watching it."""
        self._is_stopping = True
        async with self._spawning:  # a process that is being started right now must not be missed
            process = self._process
        for step, seconds in self.plan.stop_steps:
            if process is None or process.returncode is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(step)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await process.wait()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        self.plan.pid_file.unlink(missing_ok=True)

    def end_if_silent(self) -> None:
        """Kill a process that gave a sign of life once and has given none for too long; it is started again then.

        What counts is when this process saw the sign change, so that neither a clock that is set nor a supervisor that was
        itself held up makes anything look frozen.
        """
        pid, now = self.pid, time.monotonic()
        try:
            sign = 0 if self.plan.alive_file is None else self.plan.alive_file.stat().st_mtime_ns
        except FileNotFoundError:
            sign = 0
        held_up = now - self._looked_at > self.plan.silent_seconds_max / 2
        self._looked_at = now
        if pid is None or sign == 0 or held_up or (pid, sign) != self._last_sign:
            self._last_sign, self._signed_at = (pid, sign), now
        elif now - self._signed_at > self.plan.silent_seconds_max:
            self._notice(f"{self.plan.name} has been silent for {now - self._signed_at:.1f} s; ending it")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def _watch(self) -> None:
        pause = BACKOFF_SECONDS_FIRST
        while True:
            started = time.monotonic()
            try:
                async with self._spawning:
                    if self._is_stopping:
                        return
                    process = self._process = await self._spawn()
                end = describe_exit(await process.wait())
            except OSError as fault:
                # A full disk, or no memory for one more process: it passes, and whoever went away meanwhile must come back.
                end = f"could not be started: {fault}"
            if self._is_stopping:
                return
            if time.monotonic() - started >= STEADY_SECONDS:
                pause = BACKOFF_SECONDS_FIRST
            self.restarts += 1
            self._notice(f"{self.plan.name} {end}; starting it again")
            await asyncio.sleep(pause)
            pause = min(pause * 2, BACKOFF_SECONDS_MAX)

    async def _spawn(self) -> asyncio.subprocess.Process:
        await asyncio.to_thread(self.plan.before_start)
        log = os.open(self.plan.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops all in order.
            process = await asyncio.create_subprocess_exec(
                *self.plan.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.plan.environment,
                pass_fds=self.plan.inherited,
                start_new_session=True,
            )
        finally:
            os.close(log)
        try:
            orphans.record(self.plan.pid_file, process.pid)
        except OSError:
            # Nobody would find it after a crash of this process.
            process.kill()
            await process.wait()
            raise
        return process


def describe_exit(code: int) -> str:
    """Say how a process ended, in words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def log_tail(path: Path) -> str:
    """Return the last lines of a log, indented."""
    if not path.exists():
        return "  (empty)"
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8_192))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:]) or "  (empty)"


def bound_log(path: Path) -> None:
    """Move a log that has grown past its limit aside, keeping one old part.

    The file is copied and cut, not renamed: its process holds it open in append mode and goes on at the new end.
    """
    if not path.exists() or path.stat().st_size <= LOG_BYTES_MAX:
        return
    path.with_name(path.name + ".1").write_bytes(path.read_bytes())
    os.truncate(path, 0)
