"""The whole exchange on one machine: every process in order up, watched, and in order down."""

import asyncio
import contextlib
import errno
import http.client
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from openbourse.roles import EDGE_ROLES
from openbourse.settings import ProcessSettings
from openbourse.supervisor import binaries
from openbourse.supervisor.layout import Claim, Layout, write_private
from openbourse.supervisor.processes import STOP_ROLE, Child, Plan, StartFault, bound_log, log_tail
from openbourse.supervisor.progress import Progress
from openbourse.supervisor.stores import Stores, clear_orphans

LISTEN_BACKLOG = 4_096
HEALTH_SECONDS_MAX = 60.0
HEALTH_POLL_SECONDS = 0.05
DEMO_READY_SECONDS_MAX = 30.0
MIGRATE_SECONDS_MAX = 3_600.0
"""Indexes over a long history are built by it: one that is cut off is built from its beginning at the next start."""
# The engine meets its tables in no order: with huge pages a look-up seldom waits for the way to its page as well.
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
HOUSEKEEPING_SECONDS = 0.5
LOG_CHECK_SECONDS = 15.0
# A group's Ctrl-C and make's own passing on of it arrive together; only a later signal means "hurry".
HURRY_AFTER_SECONDS = 2.0


class PortInUse(RuntimeError):
    """The public address or port could not be bound."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `openbourse up` was asked for."""

    settings: ProcessSettings
    has_demo: bool = True
    edge_processes: int = 2
    standbys: int = 1  # sequencers beside the leader
    program: tuple[str, ...] = (sys.executable, "-m", "openbourse")  # what `run ROLE…` and `migrate` are appended to


def bind_public_port(host: str, port: int) -> socket.socket:
    """Return the listening socket that every edge process inherits."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(LISTEN_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortInUse(f"Cannot listen on {host}:{port}: {error.strerror}. {_advice(error)}") from error
    listener.setblocking(False)
    return listener


def _advice(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "Name an address of this machine with --host ADDRESS, such as 127.0.0.1."
    if error.errno == errno.EACCES:
        return "Choose a port above 1023 with --port N."
    return "Choose another port with --port N."


class Venue:
    """One running exchange; `run` does everything from the lock on the data directory to its release."""

    def __init__(self, options: Options, progress: Progress) -> None:
        self._options = options
        self._progress = progress
        self._layout = Layout(options.settings.data_dir.absolute())
        self._settings = options.settings
        self._roles: list[Child] = []  # in the order of their start
        self._stores: Stores | None = None
        self._stop = asyncio.Event()
        self._first_signal_at = 0.0

    async def run(self) -> None:
        """Start everything, serve until a signal, stop everything; raise StartFault when it cannot start."""
        self._layout.create()
        claim = Claim(self._layout)
        try:
            with bind_public_port(self._settings.host, self._settings.port) as listener:
                self._listen_to_signals()
                await self._serve(listener)
        finally:
            claim.release()

    @property
    def url(self) -> str:
        """Where a person on this machine finds the exchange."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._settings.host, self._settings.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._settings.port}"

    async def _serve(self, listener: socket.socket) -> None:
        housekeeping: asyncio.Task[None] | None = None
        try:
            with self._progress:
                is_started = await self._unless_stopped(self._start(listener))
            if is_started:
                self._progress.ready(self.url)
                housekeeping = asyncio.create_task(self._keep_house())
                await self._unless_stopped(self._start_standbys())
                await self._stop.wait()
        finally:
            if housekeeping is not None:
                housekeeping.cancel()
            await self._stop_all()

    async def _start(self, listener: socket.socket) -> None:
        found = await asyncio.to_thread(clear_orphans, self._layout)
        if found:
            self._notice(f"ended what a crash had left running: {', '.join(found)}")
        stores = self._stores = Stores(self._layout, self._notice)
        await asyncio.gather(
            self._step("PostgreSQL", stores.start_postgres()), self._step("Valkey", stores.start_valkey())
        )
        self._settings = replace(stores.settings(self._settings), port=listener.getsockname()[1])
        await self._step("migrations", self._migrate())
        edges = [
            self._role(f"edge-{number}", EDGE_ROLES, listener) for number in range(1, self._options.edge_processes + 1)
        ]
        await asyncio.gather(
            self._step("sequencer", self._role("sequencer", ("sequencer",)).start()),
            self._step("history", self._role("history", ("history",)).start()),
            self._step("workers", self._role("workers", ("notifier", "archive")).start()),
            self._step("edges", self._edges_ready(edges)),
        )
        self._write_venue_file()
        if self._options.has_demo:
            await self._step("demo market", self._start_demo())

    async def _edges_ready(self, edges: list[Child]) -> None:
        # Before an edge tells anybody that the exchange serves: whoever hears it looks for it there.
        self._write_venue_file()
        await asyncio.gather(*(edge.start() for edge in edges))
        deadline = time.monotonic() + HEALTH_SECONDS_MAX
        while not await asyncio.to_thread(is_healthy, self._settings.host, self._settings.port):
            if time.monotonic() > deadline:
                log = edges[0].plan.log_file
                raise StartFault(f"/health/ready did not say yes. The log {log} ends with:\n{log_tail(log)}")
            await asyncio.sleep(HEALTH_POLL_SECONDS)

    async def _start_demo(self) -> None:
        demo = self._role("demo", ("demo",), ready_seconds_max=DEMO_READY_SECONDS_MAX)
        try:
            await demo.start()
        except StartFault as fault:
            self._notice(f"the exchange runs without its demo market: {fault}")

    async def _start_standbys(self) -> None:
        """Start those that nobody waits for, once the exchange serves."""
        for number in range(2, self._options.standbys + 2):
            try:
                await self._role(f"sequencer-{number}", ("sequencer",)).start()
            except StartFault as fault:
                self._notice(f"the exchange runs without a standby: {fault}")

    async def _migrate(self) -> None:
        log_file = self._layout.log_dir / "migrate.log"
        log_file.touch(0o600)
        with log_file.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(*self._options.program, "migrate"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(self._settings),
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(MIGRATE_SECONDS_MAX):
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code != 0:
            raise StartFault(f"The migrations failed. Their log, {log_file}, ends with:\n{log_tail(log_file)}")

    def _role(
        self,
        name: str,
        roles: tuple[str, ...],
        listener: socket.socket | None = None,
        ready_seconds_max: float = 60.0,
    ) -> Child:
        ready_file = self._layout.run_dir / f"{name}.ready"
        descriptor = None if listener is None else listener.fileno()
        settings = replace(self._settings, listen_fd=descriptor, ready_file=ready_file)
        plan = Plan(
            name=name,
            argv=(*binaries.tied_to_parent("TERM"), *self._options.program, "run", *roles),
            environment={**(HUGE_PAGES if "sequencer" in roles else {}), **self._environment(settings)},
            log_file=self._layout.log_dir / f"{name}.log",
            pid_file=self._layout.run_dir / f"{name}.pid",
            inherited=() if descriptor is None else (descriptor,),
            is_ready=lambda pid: _says_ready(ready_file, pid),
            ready_seconds_max=ready_seconds_max,
            stop_steps=STOP_ROLE,
            before_start=lambda: ready_file.unlink(missing_ok=True),
            alive_file=None if listener is None else ready_file,
        )
        child = Child(plan, self._notice)
        self._roles.append(child)
        return child

    def _environment(self, settings: ProcessSettings) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPENBOURSE_")}
        return {**inherited, "PYTHONUNBUFFERED": "1", **settings.environment()}

    async def _step(self, name: str, work: Awaitable[None]) -> None:
        with self._progress.step(name):
            await work

    async def _unless_stopped(self, work: Awaitable[None]) -> bool:
        """Do the work unless a signal comes first; return whether it was done."""
        task = asyncio.ensure_future(work)
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
            return True
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return False

    async def _stop_all(self) -> None:
        self._layout.venue_file.unlink(missing_ok=True)
        if self._stop.is_set():
            self._progress.say("stopping: roles first, PostgreSQL last")
        # The sequencer goes after those who send to it, so that what they have under way is still answered.
        others = [child for child in self._roles if not child.plan.name.startswith("sequencer")]
        await asyncio.gather(*(child.stop() for child in others))
        await asyncio.gather(*(child.stop() for child in self._roles if child not in others))
        if self._stores is not None:
            await self._stores.stop()
        if self._stop.is_set():
            self._progress.say("stopped")

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(name, self._take_signal)

    def _take_signal(self) -> None:
        now = time.monotonic()
        if not self._stop.is_set():
            self._first_signal_at = now
            self._stop.set()
        elif now - self._first_signal_at >= HURRY_AFTER_SECONDS:
            for child in self._roles:
                if child.pid is not None:
                    os.kill(child.pid, signal.SIGKILL)

    async def _keep_house(self) -> None:
        written: dict[str, int] = {}
        logs_checked_at, told = 0.0, ""
        while True:
            for child in self._roles:
                child.end_if_silent()
            processes = self._processes()
            try:
                if processes != written:
                    self._write_venue_file()
                    written = processes
                if time.monotonic() - logs_checked_at >= LOG_CHECK_SECONDS:
                    logs_checked_at = time.monotonic()
                    for log in self._layout.log_dir.glob("*.log"):
                        await asyncio.to_thread(bound_log, log)
            except OSError as fault:
                # A full disk, most likely: frozen processes are to be ended all the same.
                if str(fault) != told:
                    told = str(fault)
                    self._notice(f"housekeeping waits: {told}")
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    def _processes(self) -> dict[str, int]:
        children = [*(self._stores.children if self._stores else []), *self._roles]
        return {child.plan.name: child.pid for child in children if child.pid is not None}

    def _write_venue_file(self) -> None:
        contents = {
            "pid": os.getpid(),
            "url": self.url,
            "host": self._settings.host,
            "port": self._settings.port,
            "processes": self._processes(),
            "environment": self._settings.environment(),
        }
        write_private(self._layout.venue_file, json.dumps(contents, indent=2) + "\n")

    def _notice(self, text: str) -> None:
        """Tell what happened; neither a full disk nor a terminal that is gone keeps anybody from starting a part again."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        with contextlib.suppress(OSError), (self._layout.log_dir / "supervisor.log").open("a") as log:
            log.write(f"{moment} {text}\n")
        with contextlib.suppress(OSError):
            self._progress.notice(text)


def is_healthy(host: str, port: int) -> bool:
    """Return whether the public port says that it is ready to trade."""
    connection = http.client.HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _says_ready(ready_file: Path, pid: int) -> bool:
    try:
        return ready_file.read_text().strip() == str(pid)
    except FileNotFoundError:
        return False
