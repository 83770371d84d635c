"""Parts: the program's processes, each at its place, started again by the kit as a container service would."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chaos.network import inside
from chaos.places import Place

RESTART_S: Final = 0.5
"""From a process's end to its next start."""


GONE_S: Final = 5.0


@dataclass
class Part:
    """One process and what it takes to start it."""

    place: Place
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    log_file: Path
    ready_file: Path | None = None
    before_start: Callable[[], None] = lambda: None
    preload: Mapping[str, str] = field(default_factory=dict)
    is_wanted: bool = False
    starts: int = 0
    process: subprocess.Popen[bytes] | None = None
    ended_at: float = 0.0

    @property
    def name(self) -> str:
        """What it is called."""
        return self.place.name

    @property
    def pid(self) -> int:
        """The running process, or 0."""
        return self.process.pid if self.process is not None and self.process.poll() is None else 0

    @property
    def is_ready(self) -> bool:
        """Tell whether it runs and has said that it serves."""
        if not self.pid:
            return False
        if self.ready_file is None:
            return True
        try:
            return self.ready_file.read_text().strip() == str(self.pid)
        except FileNotFoundError:
            return False

    def start(self) -> None:
        """Start the process and want it to run from now on."""
        self.is_wanted = True
        self.before_start()
        # `env` comes behind the namespace: what is preloaded is for the program alone.
        preloaded = ("env", *(f"{name}={value}" for name, value in self.preload.items())) if self.preload else ()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                (*inside(self.place), *preloaded, *self.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.environment),
                start_new_session=True,
            )
        self.starts += 1

    def keep(self) -> bool:
        """Start the process again if it should run and has ended a while ago; tell whether it was started."""
        if not self.is_wanted or self.pid:
            self.ended_at = 0.0
            return False
        now = time.monotonic()
        if not self.ended_at:
            self.ended_at = now
        if now - self.ended_at < RESTART_S:
            return False
        self.ended_at = 0.0
        self.start()
        return True

    def send(self, what: signal.Signals) -> None:
        """Signal the process, if it runs; one that is killed is gone when this returns."""
        if self.pid and self.process is not None:
            os.kill(self.pid, what)
            if what == signal.SIGKILL:
                self.process.wait(GONE_S)

    def hold_down(self) -> None:
        """Kill the process and do not want it again until it is started."""
        self.is_wanted = False
        self.send(signal.SIGKILL)


def program(*words: str) -> tuple[str, ...]:
    """Return the command line of `openbourse WORDS`."""
    return (sys.executable, "-m", "openbourse", *words)


def plain_environment() -> dict[str, str]:
    """Return this process's environment without what the program or its servers would read."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENBOURSE_", "PG", "LC_"))}
    return {**kept, "PYTHONUNBUFFERED": "1", "LANG": "C"}
