"""One machine: a root directory booted with systemd, in namespaces of its own, on a network of its own."""

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.proof.roots import HOME, run

BOOT_S: Final = 60.0
STOP_S: Final = 90.0
CLONE_NEWNET: Final = 0x40000000


class Machine:
    """A booted copy of a root directory; nothing that happens in it changes the root."""

    def __init__(self, root: Path, name: str) -> None:
        self.folder = HOME / f"machine-{name}"
        self.root = self.folder / "merged"
        self._name = f"ob{name}{os.getpid()}"
        subprocess.run(["umount", "--lazy", str(self.root)], check=False, timeout=30, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        for part in ("upper", "work", "merged"):
            (self.folder / part).mkdir(parents=True)
        layers = f"lowerdir={root},upperdir={self.folder}/upper,workdir={self.folder}/work"
        run(["mount", "-t", "overlay", "overlay", "-o", layers, str(self.root)])
        self._process: subprocess.Popen[bytes] | None = None
        self.leader = 0

    def boot(self) -> None:
        """Start systemd and wait until it is up."""
        with (self.folder / "console.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *("systemd-nspawn", f"--directory={self.root}", "--boot", "--register=no", "--keep-unit"),
                    *("--private-network", f"--machine={self._name}", "--console=passive"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        limit = time.monotonic() + BOOT_S
        while not self._is_up():
            assert self._process.poll() is None, (self.folder / "console.log").read_text()
            assert time.monotonic() < limit, "systemd did not come up"
            time.sleep(0.2)

    def _is_up(self) -> bool:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if not children:
            return False
        self.leader = int(children[0])
        return self.ask("systemctl", "is-system-running").strip() in ("running", "degraded")

    def command(self, *words: str) -> list[str]:
        """Return the command that runs words in the machine."""
        return ["nsenter", f"--target={self.leader}", "-m", "-u", "-i", "-n", "-p", "-C", "--", *words]

    def run(self, *words: str, seconds: float = 120) -> str:
        """Run a command in the machine; return what it prints."""
        return run(self.command(*words), seconds)

    def ask(self, *words: str) -> str:
        """Run a command in the machine, whatever comes of it; return what it prints."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=60, check=False)
        return done.stdout

    def show(self, unit: str, name: str) -> str:
        """Return one property of a unit."""
        return self.ask("systemctl", "show", "--property", name, "--value", unit).strip()

    def pid(self, unit: str) -> int:
        """Return a unit's main process, as it is known in the machine."""
        return int(self.show(unit, "MainPID") or 0)

    def await_active(self, unit: str, seconds: float = 60.0, but: int = 0) -> float:
        """Wait until a unit is active with another process than the one named; return how long it took."""
        began = time.monotonic()
        while self.show(unit, "ActiveState") != "active" or self.pid(unit) in (0, but):
            assert time.monotonic() - began < seconds, self.journal(unit)
            time.sleep(0.05)
        return time.monotonic() - began

    def journal(self, unit: str, lines: int = 40) -> str:
        """Return the end of a unit's log."""
        return self.ask("journalctl", "--no-pager", "-o", "cat", "-n", str(lines), "-u", unit)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the machine."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    @contextmanager
    def network(self) -> Iterator[None]:
        """Have this thread, and what it starts, talk on the machine's network."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self.leader}/ns/net", os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(here)
            os.close(there)
            os.close(here)

    def stop(self) -> None:
        """Shut down, and forget everything."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        subprocess.run(["umount", "--lazy", str(self.root)], check=False, timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter the machine's network")
