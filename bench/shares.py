"""What processes got of the machine: how long they ran on a core, and how long they were ready to and stood behind others."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NS: Final = 1e9


@dataclass(frozen=True)
class Share:
    """Of one kind of process, all of it together, while it was watched."""

    processes: int
    ran: float
    """Cores in use on average."""
    stood: float
    """Threads that were ready and had no core on average."""


class Shares:
    """Looks at processes by kind, from `begin` to `end`."""

    def __init__(self, pids: dict[str, list[int]]) -> None:
        self._pids = pids
        self._before: dict[str, tuple[float, float]] = {}
        self._began = 0.0
        self.seen: dict[str, Share] = {}

    def begin(self) -> None:
        """Note where they stand."""
        self._began, self._before = time.perf_counter(), self._read()

    def end(self) -> None:
        """Note what they got since."""
        seconds = time.perf_counter() - self._began
        for kind, (ran, stood) in self._read().items():
            ran_before, stood_before = self._before[kind]
            self.seen[kind] = Share(
                len(self._pids[kind]), (ran - ran_before) / seconds, (stood - stood_before) / seconds
            )

    def _read(self) -> dict[str, tuple[float, float]]:
        found: dict[str, tuple[float, float]] = {}
        for kind, pids in self._pids.items():
            ran = stood = 0.0
            for pid in pids:
                for words in _tasks(pid):
                    ran += int(words[0]) / _NS
                    stood += int(words[1]) / _NS
            found[kind] = (ran, stood)
        return found


def _tasks(pid: int) -> list[list[str]]:
    """Return the words of the kernel's schedstat, by thread; none of a process that has ended."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            found.append(path.read_text().split())
        except OSError:
            continue
    return found
