"""The data directory: where each thing lies, its secrets, and the lock that lets one exchange use it."""

import fcntl
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

# A unix socket's path may have 107 bytes; PostgreSQL puts ".s.PGSQL.5432" behind the directory.
SOCKET_DIR_BYTES_MAX = 107 - len("/.s.PGSQL.5432")


class DataDirectoryInUse(RuntimeError):
    """Another exchange runs on this data directory."""


class DataDirectoryUnusable(OSError):
    """The data directory cannot be made, or is not this user's to write to."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths under one data directory."""

    data_dir: Path

    @property
    def run_dir(self) -> Path:
        return self.data_dir / "run"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def secrets_dir(self) -> Path:
        return self.data_dir / "secrets"

    @property
    def postgres_dir(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def valkey_dir(self) -> Path:
        return self.data_dir / "valkey"

    @property
    def venue_file(self) -> Path:
        return self.run_dir / "venue.json"

    @property
    def lock_file(self) -> Path:
        return self.run_dir / "lock"

    def create(self) -> None:
        """Make the directories; what holds secrets or sockets is for the owner only. Raises DataDirectoryUnusable."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self.log_dir.mkdir(exist_ok=True)
            for private in (self.run_dir, self.secrets_dir, self.valkey_dir):
                private.mkdir(exist_ok=True)
                private.chmod(0o700)
        except OSError as error:
            raise DataDirectoryUnusable(
                f"The data directory {self.data_dir} cannot be made: {error.strerror} ({error.filename}). "
                "Name a directory that you may write to with --data DIR."
            ) from error

    def secret(self, name: str, bytes_count: int = 32) -> str:
        """Return the secret of this name as hexadecimal text, made at the first call."""
        path = self.secrets_dir / name
        if not path.exists():
            write_private(path, secrets.token_hex(bytes_count) + "\n")
        return path.read_text().strip()

    def socket_dir(self) -> Path:
        """Return a directory for unix sockets whose path is short enough, writable by the owner only."""
        if len(os.fsencode(self.run_dir)) <= SOCKET_DIR_BYTES_MAX:
            return self.run_dir
        digest = hashlib.sha256(os.fsencode(self.data_dir.resolve())).hexdigest()[:16]
        short = Path("/tmp") / f"openbourse-{os.getuid()}-{digest}"
        short.mkdir(mode=0o700, exist_ok=True)
        status = short.lstat()
        if short.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise PermissionError(f"{short} exists and is not a private directory of this user; remove it")
        return short


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically, readable by its owner only, on disk before this returns."""
    partial = path.with_name(path.name + ".new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


class Claim:
    """The lock on a data directory, held until `release` or the end of the process, however it ends."""

    def __init__(self, layout: Layout) -> None:
        self._descriptor = os.open(layout.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 64).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise DataDirectoryInUse(
                f"An exchange is already running on {layout.data_dir} (process {holder}). "
                "Stop it first, or give this one another directory with --data DIR."
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another exchange use the directory."""
        os.close(self._descriptor)


def is_claimed(layout: Layout) -> bool:
    """Return whether a live supervisor holds the data directory."""
    try:
        descriptor = os.open(layout.lock_file, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def read_venue_file(layout: Layout) -> dict[str, str] | None:
    """Return the variables of the exchange that runs on this directory; None when none runs or its databases are still starting."""
    if not is_claimed(layout):
        return None
    try:
        environment = json.loads(layout.venue_file.read_text())["environment"]
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return None
    return {str(name): str(value) for name, value in environment.items()}
