"""A private PostgreSQL: made once, started as a direct child, reached through a unix socket."""

import asyncio
import os
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import quote

from openbourse.supervisor import binaries, orphans
from openbourse.supervisor.layout import write_private
from openbourse.supervisor.processes import Plan, StartFault

USER = "openbourse"
NOBODY = 65_534
OWN_SOCKET_DIR = "pg"  # used where PostgreSQL runs as another user than this process
INITDB_SECONDS_MAX = 120
READY_LINE = 7  # of postmaster.pid, counted from 0
CONNECT_SECONDS_MAX = 10.0

CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "192MB",
    # The journal's promise: an acknowledged command is on disk.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "10min",
    "jit": "off",
    "log_line_prefix": "%m [%p] %d ",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "logging_collector": "off",
}


@cache
def unprivileged_prefix() -> tuple[str, ...]:
    """Return the command prefix that keeps PostgreSQL from seeing uid 0, which it refuses; empty for a plain user.

    A user namespace that maps root to nobody needs no account, no change of owner, and works in a 0700 directory.
    """
    if os.geteuid() != 0:
        return ()
    unshare = shutil.which("unshare")
    if unshare:
        prefix = (unshare, "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")
        trial = subprocess.run([*prefix, "true"], capture_output=True, timeout=10, check=False)
        if trial.returncode == 0:
            return prefix
    setpriv = shutil.which("setpriv")
    if setpriv:
        return (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--")
    raise StartFault(
        "PostgreSQL refuses to run as root, and neither unshare nor setpriv (package util-linux) is there to step "
        "down. Run as a plain user, or install util-linux."
    )


def _is_another_user() -> bool:
    """Return whether the prefix really changes the user, so that files must be given to nobody."""
    return any(part.startswith("--reuid") for part in unprivileged_prefix())


def _let_pass(directory: Path) -> None:
    """Let other users reach known names in a directory of ours, without listing it; secrets have one of their own."""
    directory.chmod(directory.stat().st_mode | 0o011)


class Postgres:
    """One embedded server: its directory, its command line, its URLs."""

    def __init__(self, directory: Path, socket_dir: Path, run_dir: Path, log_dir: Path, password: str) -> None:
        self._directory = directory.resolve()
        self._socket_dir = socket_dir / OWN_SOCKET_DIR if _is_another_user() else socket_dir
        self._run_dir = run_dir
        self._log_dir = log_dir
        self._password = password

    def url(self, database: str) -> str:
        """Return the URL of a database, the password in it."""
        return f"postgresql://{USER}:{quote(self._password)}@/{database}?host={quote(str(self._socket_dir), safe='/')}"

    def initialise(self) -> bool:
        """Make the cluster unless it is there; return whether it was made now.

        It is made beside its place and renamed, so a first start that was interrupted leaves nothing half made.
        """
        if (self._directory / "PG_VERSION").exists():
            return False
        fresh = self._directory.with_name(self._directory.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        password_file = fresh.with_suffix(".password")
        write_private(password_file, self._password + "\n")
        if _is_another_user():
            _let_pass(fresh.parent)
            os.chown(fresh, NOBODY, NOBODY)
            os.chown(password_file, NOBODY, NOBODY)
        initdb = (
            *unprivileged_prefix(),
            str(binaries.postgres_bin_dir() / "initdb"),
            *("-D", str(fresh), "-U", USER, "--encoding=UTF8", "--no-locale", "--data-checksums"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}"),
        )
        try:
            made = subprocess.run(
                initdb,
                capture_output=True,
                text=True,
                timeout=INITDB_SECONDS_MAX,
                cwd="/",
                env=_c_locale(),
                check=False,
            )
        finally:
            password_file.unlink(missing_ok=True)
        if made.returncode != 0:
            raise StartFault(f"PostgreSQL's initdb failed:\n{made.stdout}{made.stderr}")
        fresh.rename(self._directory)
        return True

    def plan(self, overrides: dict[str, str] | None = None) -> Plan:
        """Return how the server is run."""
        options = {**CONFIGURATION, "unix_socket_directories": str(self._socket_dir), **(overrides or {})}
        argv = (
            *unprivileged_prefix(),
            *binaries.tied_to_parent("INT"),
            str(binaries.postgres_bin_dir() / "postgres"),
            *("-D", str(self._directory)),
            *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
        )
        return Plan(
            name="postgres",
            argv=argv,
            environment=_c_locale(),
            log_file=self._log_dir / "postgres.log",
            pid_file=self._run_dir / "postgres.pid",
            is_ready=self._is_ready,
            # Fast (roll back what is open, checkpoint), then immediate (the next start recovers), then the hard way.
            stop_steps=((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 2.0)),
            before_start=self._prepare,
        )

    async def ensure_databases(self, *names: str) -> None:
        """Make the databases that are not there yet."""
        # Imported here: whoever only asks where the server is needs no driver.
        import asyncpg

        connection = await asyncpg.connect(self.url("postgres"), timeout=CONNECT_SECONDS_MAX)
        try:
            present = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
            for name in names:
                if name not in present:
                    await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()

    def _is_ready(self, pid: int) -> bool:
        # A file left by a killed server says ready too, so the pid must be the one just started.
        try:
            lines = (self._directory / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > READY_LINE and lines[0].strip() == str(pid) and lines[READY_LINE].strip() == "ready"

    def _prepare(self) -> None:
        if _is_another_user():
            _let_pass(self._directory.parent)
            _let_pass(self._socket_dir.parent)
            self._socket_dir.mkdir(mode=0o700, exist_ok=True)
            os.chown(self._socket_dir, NOBODY, NOBODY)
        # Backends of a killed postmaster notice its death by themselves; one deep in a query may take its time.
        orphans.end(orphans.postgres_pids(self._directory), ((signal.SIGQUIT, 1.0), (signal.SIGKILL, 2.0)))
        orphans.clear_postgres_locks(self._directory, self._socket_dir)


def _c_locale() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "PG", "OPENBOURSE_"))}
    return {**kept, "LANG": "C", "LC_ALL": "C"}


async def initialise(server: Postgres) -> bool:
    """Make the cluster without holding up the event loop."""
    return await asyncio.to_thread(server.initialise)
