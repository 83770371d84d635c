"""Environments of their own for third-party clients, whose pins clash with each other and with ours."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


class ClientEnvironment:
    """A virtual environment with one published client, installed from its lock file.

    kind is the directory of its lock file: "clients", which `make test` trades with, or "bots", which `make bots` does.
    """

    def __init__(self, name: str, kind: str = "clients", install_s: float = 300) -> None:
        self._lock = ROOT / "requirements" / kind / f"{name}.lock"
        self._path = ROOT / ".venv" / kind / name
        self._install_s = install_s
        self.python = self._path / "bin" / "python"
        self._install()

    def _install(self) -> None:
        stamp = self._path / ".ok"
        wanted = self._lock.read_text()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        uv = [str(Path(sys.prefix) / "bin" / "uv"), "--system-certs", "--quiet"]
        subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, str(self._path)], check=True, timeout=120)
        subprocess.run(
            [*uv, "pip", "sync", "--require-hashes", str(self._lock)],
            check=True,
            timeout=self._install_s,
            env={**os.environ, "VIRTUAL_ENV": str(self._path)},
        )
        stamp.write_text(wanted)

    def run(self, suite: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run one suite with pytest inside the environment."""
        configuration = suite.with_name("pytest.ini")
        return subprocess.run(
            [str(self.python), "-m", "pytest", "-c", str(configuration), "-p", "no:cacheprovider", str(suite)],
            capture_output=True,
            text=True,
            timeout=280,
            cwd=suite.parent,
            env={**{k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}, **environment},
            check=False,
        )
