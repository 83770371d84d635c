"""One PostgreSQL server at a place: made, copied from another, rewound, started, killed with all its processes."""

import errno
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import quote

from chaos.network import inside
from chaos.parts import Part, plain_environment
from chaos.places import DATABASE_PORT, IS_LOOPBACK, PREFIX, Place, seen_from
from openbourse.supervisor import binaries, orphans
from openbourse.supervisor.postgres import USER, unprivileged_prefix

DISK_BYTES: Final = 768 * 1024 * 1024
FILL_BYTES: Final = 1 << 16
STEP_S: Final = 30.0
CONFIGURATION: Final = {
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "96MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "wal_log_hints": "on",
    "wal_keep_size": "128MB",
    "max_wal_size": "128MB",
    "min_wal_size": "8MB",
    "hot_standby": "on",
    # With its default of 5 s a standby that has just lost its primary may sleep through its own promotion.
    "wal_retrieve_retry_interval": "100ms",
    # So that either side notices within seconds that the other one is out of reach.
    "wal_sender_timeout": "3s",
    "wal_receiver_timeout": "3s",
    "wal_receiver_status_interval": "1s",
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "5s",
    "jit": "off",
    "log_line_prefix": "%m [%p] %a ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
_ACCESS: Final = f"""
host all all {PREFIX}.0.0/16 scram-sha-256
host replication all {PREFIX}.0.0/16 scram-sha-256
"""


class ServerFault(RuntimeError):
    """A server could not be made, copied or rewound."""


class Server:
    """One server and its data on a small disk of its own."""

    def __init__(self, place: Place, root: Path, password: str, preload: dict[str, str]) -> None:
        self.place = place
        self.disk = root / f"{place.name}-disk"
        self._password = password
        self._log_file = root / f"{place.name}.log"
        self.disk.mkdir()
        if not IS_LOOPBACK:
            # A disk of its own, in memory and small: it can be filled, and ends with the kit.
            _run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0777", "tmpfs", str(self.disk))
        self.data = self.disk / "data"
        self._filler = self.disk / "filler"
        argv = (
            *unprivileged_prefix(),
            str(binaries.postgres_bin_dir() / "postgres"),
            "-D",
            str(self.data),
            "-h",
            place.address,
        )
        self.part = Part(
            place,
            argv,
            {**plain_environment(), "LC_ALL": "C"},
            self._log_file,
            before_start=self._clear,
            preload=preload,
        )

    def url(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://{USER}:{quote(self._password)}@{self.place.address}:{DATABASE_PORT}/{database}"

    def make(self) -> None:
        """Make an empty cluster."""
        password_file = self.disk / "password"
        password_file.write_text(self._password)
        self._tool(
            *("initdb", "-D", str(self.data), "-U", USER, "--encoding=UTF8", "--no-locale", "--data-checksums"),
            # Small segments: a full disk is met at the next one, within a second or two under load.
            *("--auth=scram-sha-256", f"--pwfile={password_file}", "--wal-segsize=1"),
        )
        password_file.unlink()
        with (self.data / "pg_hba.conf").open("a") as access:
            access.write(_ACCESS)
        # In the file: what rewinds a server starts it without our command line.
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.writelines(f"{name} = '{value}'\n" for name, value in CONFIGURATION.items())

    def copy(self, primary: Place) -> None:
        """Become a standby by a fresh copy of the primary."""
        shutil.rmtree(self.data, ignore_errors=True)
        self._tool(
            "pg_basebackup", "-D", str(self.data), "-d", self._source(primary), "-X", "stream", "-c", "fast", "-R"
        )
        self._forget_standbys()

    def rewind(self, primary: Place) -> None:
        """Become a standby by taking back what only this server has. Raises ServerFault when that cannot be done."""
        self._tool(
            *("pg_rewind", "-D", str(self.data), "--source-server", f"{self._source(primary)} dbname=postgres", "-R")
        )
        self._forget_standbys()

    def kill(self) -> None:
        """End every process of the server at once."""
        self.part.is_wanted = False
        for pid in self._pids():
            _signal(pid, signal.SIGKILL)

    def send(self, what: signal.Signals) -> None:
        """Signal every process of the server."""
        for pid in self._pids():
            _signal(pid, what)

    def fill(self) -> None:
        """Leave no room on its disk."""
        nothing = bytes(FILL_BYTES)
        with self._filler.open("ab", buffering=0) as file:
            try:
                while file.tell() < DISK_BYTES:
                    file.write(nothing)
            except OSError as fault:
                if fault.errno != errno.ENOSPC:
                    raise

    def empty(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    def log_tail(self) -> str:
        """Return the end of its log."""
        return self._log_file.read_text(errors="replace")[-2_000:] if self._log_file.exists() else ""

    def _pids(self) -> list[int]:
        found = orphans.postgres_pids(self.data)
        return [*found, self.part.pid] if self.part.pid and self.part.pid not in found else found

    def _clear(self) -> None:
        orphans.end(orphans.postgres_pids(self.data), ((signal.SIGKILL, 3.0),))
        orphans.clear_postgres_locks(self.data, self.disk)

    def _source(self, primary: Place) -> str:
        # Bounded, because the way to the primary may be cut.
        bounds = "connect_timeout=3 tcp_user_timeout=3000 keepalives_idle=2 keepalives_interval=1 keepalives_count=3"
        return (
            f"host={seen_from(self.place, primary)} port={DATABASE_PORT} user={USER} password={self._password} {bounds}"
        )

    def _forget_standbys(self) -> None:
        # A new primary begins alone, as a managed database does, and waits for a standby once it has one.
        with (self.data / "postgresql.auto.conf").open("a") as settings:
            settings.write("synchronous_standby_names = ''\n")

    def _tool(self, name: str, *words: str) -> None:
        command = (*inside(self.place), *unprivileged_prefix(), str(binaries.postgres_bin_dir() / name), *words)
        environment = {**plain_environment(), "LC_ALL": "C"}
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=STEP_S, env=environment, check=False)
        except subprocess.TimeoutExpired:
            raise ServerFault(f"{name} at {self.place.name} did not end within {STEP_S:g} s") from None
        if done.returncode != 0:
            raise ServerFault(f"{name} at {self.place.name}: {done.stdout[-500:]}{done.stderr[-1_000:]}")


def _signal(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        pass


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerFault(f"{words[0]}: {done.stderr}")
