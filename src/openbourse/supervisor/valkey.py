"""A private Valkey: a cache and a wire for events, reached through a unix socket, nothing of it kept."""

import contextlib
import os
import signal
import socket
from pathlib import Path
from urllib.parse import quote

from openbourse.supervisor import binaries
from openbourse.supervisor.processes import Plan

MEMORY_MAX = "256mb"
PING_SECONDS_MAX = 0.5


class Valkey:
    """One embedded server: its command line and its URL."""

    def __init__(self, directory: Path, socket_dir: Path, run_dir: Path, log_dir: Path) -> None:
        self._directory = directory
        self._socket = socket_dir / "valkey.sock"
        self._run_dir = run_dir
        self._log_dir = log_dir

    @property
    def url(self) -> str:
        """The URL that redis-py understands."""
        return f"unix://{quote(str(self._socket), safe='/')}?db=0"

    def plan(self) -> Plan:
        """Return how the server is run."""
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._directory),
            "save": "",
            "appendonly": "no",
            "maxmemory": MEMORY_MAX,
            # Only what has a time to live may be evicted: streams of the feed are bounded by their own length.
            "maxmemory-policy": "volatile-lru",
            "daemonize": "no",
            "logfile": "",
            "repl-diskless-sync-delay": "0",
        }
        return Plan(
            name="valkey",
            argv=(
                *binaries.tied_to_parent("TERM"),
                str(binaries.valkey_server()),
                *(part for name, value in options.items() for part in (f"--{name}", value)),
            ),
            environment={name: value for name, value in os.environ.items() if not name.startswith("OPENBOURSE_")},
            log_file=self._log_dir / "valkey.log",
            pid_file=self._run_dir / "valkey.pid",
            is_ready=lambda _pid: self._answers(),
            stop_steps=((signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0)),
            before_start=lambda: self._socket.unlink(missing_ok=True),
        )

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PING_SECONDS_MAX)
            connection.connect(str(self._socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False
