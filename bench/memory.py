"""Memory of each role: proportional set size, so that shared pages count once."""

from pathlib import Path


def proportional_mib(pids: list[int]) -> float:
    """Return the sum of the processes' PSS in MiB; a process that is gone counts nothing."""
    total = 0
    for pid in pids:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024
