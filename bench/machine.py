"""What machine a figure comes from."""

import os
import platform
import subprocess
from pathlib import Path


def machine() -> dict[str, str]:
    """Return what a reader needs to place a figure: processor, cores, kernel, versions, load before the run."""
    return {
        "processor": _first("/proc/cpuinfo", "model name"),
        "cores": str(os.cpu_count()),
        "memory": _first("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "rust": _run("rustc", "--version"),
        "load before": " ".join(f"{value:.2f}" for value in os.getloadavg()),
        "commit": _run("git", "rev-parse", "--short", "HEAD") + ("+" if _run("git", "status", "--porcelain") else ""),
    }


def _first(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.split(":", 1)[1].strip()
    return "unknown"


def _run(*words: str) -> str:
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except OSError:
        return "absent"
