"""What is preloaded to make a disk slow and a clock jump; absent where the machine has no compiler or no libfaketime."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("slow_disk.c")
FAKETIME: Final = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


class SlowDisk:
    """The delay of every fsync of one server."""

    def __init__(self, library: Path, file: Path) -> None:
        self._library = library
        self._file = file
        self.set(0)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that put it in force."""
        return {"LD_PRELOAD": str(self._library), "OPENBOURSE_SLOW": str(self._file)}

    def set(self, milliseconds: int) -> None:
        """Have every fsync from now on take so much longer."""
        self._file.write_text(f"{milliseconds}\n")
        self._file.chmod(0o644)


class Clock:
    """One process's clock of the day, to be set while it runs."""

    def __init__(self, library: Path, file: Path) -> None:
        self._library = library
        self._file = file
        self.set(0.0)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that put it in force."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # Time-outs and leases go by the clock that only goes forward, which no administrator can set.
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_CACHE_DURATION": "1",
        }

    def set(self, seconds: float) -> None:
        """Put the clock so far ahead of the machine's from now on (within a second)."""
        self._file.write_text(f"{seconds:+.3f}s\n")


def build_slow_disk(directory: Path) -> Path | None:
    """Compile the shim; None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = directory / "slow_disk.so"
    done = subprocess.run(
        (compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"), capture_output=True, check=False
    )
    return library if done.returncode == 0 else None


def find_faketime() -> Path | None:
    """Return libfaketime, if it is installed."""
    for pattern in FAKETIME:
        found = sorted(Path("/").glob(pattern.removeprefix("/")))
        if found:
            return found[0]
    return None
