"""A primary and its synchronous standby, of one test's own: killed, frozen and promoted as a managed database does."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import asyncpg

from openbourse.supervisor import binaries
from openbourse.supervisor.orphans import postgres_pids
from openbourse.supervisor.postgres import USER, Postgres, unprivileged_prefix
from tests.conftest import PASSWORD, RunningServer, run_apart

# The recipe's: with the default of 5 s a standby that has just lost its primary may sleep through its promotion.
STANDBY = {"wal_retrieve_retry_interval": "100ms", "wal_receiver_timeout": "2s", "hot_standby": "on"}
PRIMARY = {"wal_sender_timeout": "2s"}
SYNCHRONOUS = {"synchronous_standby_names": "FIRST 1 (standby)"}
SMALL = {"shared_buffers": "32MB", "max_connections": "60", "fsync": "off"}


class Host:
    """One database host: a directory, a socket, a running server or none."""

    def __init__(self, folder: Path, password: str) -> None:
        self.folder = folder
        self.run_dir = folder / "run"
        for each in (self.run_dir, folder / "logs"):
            each.mkdir(parents=True)
        self.data = folder / "postgres"
        self.server = Postgres(self.data, self.run_dir, self.run_dir, folder / "logs", password)
        self.running: RunningServer | None = None

    @property
    def url(self) -> str:
        return self.server.url("postgres")

    def start(self, **configuration: str) -> None:
        plan = self.server.plan({**SMALL, **configuration})
        plan.before_start()
        self.running = RunningServer(plan)

    def kill(self) -> None:
        """kill -9 of the whole server."""
        assert self.running is not None
        self.running.kill()
        self.running = None

    def stop(self) -> None:
        if self.running is not None:
            self.signal(signal.SIGCONT)
            self.running.stop()
            self.running = None

    def signal(self, which: signal.Signals) -> None:
        """Signal every process of the server."""
        for pid in postgres_pids(self.data):
            os.kill(pid, which)

    def execute(self, statement: str) -> object:
        """Run one statement and return its first value."""

        async def work() -> object:
            connection = await asyncpg.connect(self.url)
            try:
                return await connection.fetchval(statement)
            finally:
                await connection.close()

        return run_apart(work())


class Replicated:
    """Two hosts: the first is made and started, the second is its synchronous standby."""

    def __init__(self, folder: Path, cluster: Path) -> None:
        self.password = PASSWORD
        self._cluster = cluster
        self.hosts = [Host(folder / name, self.password) for name in ("a", "b")]
        self.primary, self.standby = self.hosts

    def start(self) -> None:
        shutil.copytree(self._cluster, self.primary.data)
        self.primary.start(**PRIMARY)
        self.attach()

    def attach(self) -> None:
        """Make the standby anew from the primary, and let commits wait for it."""
        self.standby.stop()
        shutil.rmtree(self.standby.data, ignore_errors=True)
        source = f"host={self.primary.run_dir} user={USER} password={self.password} application_name=standby"
        command = [
            *(*unprivileged_prefix(), str(binaries.postgres_bin_dir() / "pg_basebackup"), "-D", str(self.standby.data)),
            *("-d", source, "-R", "-X", "stream", "-c", "fast"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd="/")
        assert done.returncode == 0, done.stderr
        self.standby.start(**STANDBY)
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (standby)'")
        self.primary.execute("SELECT pg_reload_conf()")
        self.await_sync()

    def await_sync(self, seconds: float = 20.0) -> None:
        limit = time.monotonic() + seconds
        while self.primary.execute("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != 1:
            assert time.monotonic() < limit, "the standby did not come"
            time.sleep(0.05)

    def lose_primary(self, fault: signal.Signals) -> None:
        """kill -9 or freeze the primary."""
        if fault == signal.SIGKILL:
            self.primary.kill()
        else:
            self.primary.signal(fault)

    def promote(self) -> None:
        """Promote the standby and let it commit alone, as a managed database does; it is the primary from now on."""
        self.standby.execute("SELECT pg_promote(true, 30)")
        # What was copied with the data: the new primary must not wait for a standby that it has not got yet.
        self.standby.execute("ALTER SYSTEM RESET synchronous_standby_names")
        self.standby.execute("SELECT pg_reload_conf()")
        self.primary, self.standby = self.standby, self.primary

    @property
    def url(self) -> str:
        """One URL with both hosts in it."""
        names = ",".join(quote(str(host.run_dir), safe="/") for host in self.hosts)
        return f"postgresql://{USER}:{self.password}@/postgres?host={names}"

    def stop(self) -> None:
        for host in self.hosts:
            host.stop()
