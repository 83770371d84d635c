"""The archive of the function that writes daily reports: `python -m deploy.function OUT.zip [--machine aarch64]`.

Plain Python of ours, and the locked packages that it imports as wheels for the machine that Lambda runs it on; boto3 is
Lambda's own. The same sources and lock give the same bytes.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from deploy.stage import ROOT

PACKAGES: Final = ("asyncpg", "msgspec", "obstore", "sortedcontainers", "structlog", "typing-extensions")
MACHINE: Final = "aarch64"
PYTHON: Final = "3.14"
SYSTEMS: Final = ("manylinux2014", *(f"manylinux_2_{minor}" for minor in range(17, 35)))
"""What runs on Amazon Linux 2023, whose glibc is 2.34."""
BYTES_MAX: Final = 250 * 2**20
"""What Lambda takes, unpacked."""
FETCH_S: Final = 300
EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def locked(lock: str) -> str:
    """Return the part of a lock file that names the function's packages, hashes and all. Raises ValueError."""
    blocks = re.findall(r"^[a-z0-9-]+==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    found = [block for block in blocks if block.partition("==")[0] in PACKAGES]
    if len(found) != len(PACKAGES):
        raise ValueError(f"the lock has not all of {', '.join(PACKAGES)}")
    return "".join(found)


def fetch(folder: Path, machine: str = MACHINE, python: str = PYTHON) -> None:
    """Put the packages into a folder, for another machine than this one; hashes are checked."""
    with tempfile.TemporaryDirectory() as place:
        lock = Path(place, "function.lock")
        lock.write_text(locked((ROOT / "requirements" / "aws.lock").read_text()))
        platforms = [word for system in SYSTEMS for word in ("--platform", f"{system}_{machine}")]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        for abi in (f"cp{python.replace('.', '')}", "abi3", "none"):
            command += ["--abi", abi]
        command += ["--require-hashes", "--python-version", python, *platforms, "-r", str(lock), "-d", place]
        subprocess.run(command, check=True, timeout=FETCH_S)
        for wheel in Path(place).glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)


def pack(packages: Path, out: Path, authorities: Path | None = None) -> int:
    """Write the archive of our sources, of a folder of packages and of who vouches for RDS; return its size unpacked."""
    source = ROOT / "src"
    files = {str(path.relative_to(source)): path for path in (source / "openbourse").rglob("*.py")}
    files |= {str(path.relative_to(packages)): path for path in packages.rglob("*") if path.is_file()}
    files |= {} if authorities is None else {"rds.pem": authorities}
    total = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            if "__pycache__" in name:
                continue
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            body = files[name].read_bytes()
            archive.writestr(entry, body)
            total += len(body)
    if total > BYTES_MAX:
        raise ValueError(f"{total} bytes: Lambda takes {BYTES_MAX}")
    return total


def main() -> None:
    """Write the archive."""
    parser = argparse.ArgumentParser(prog="python -m deploy.function", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--machine", default=MACHINE, choices=("aarch64", "x86_64"))
    parser.add_argument("--python", default=PYTHON)
    parser.add_argument("--rds-ca", type=Path, help="the bundle of RDS certificates, as the image has it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fetch(Path(folder), given.machine, given.python)
        print(f"{given.out}: {pack(Path(folder), given.out, given.rds_ca)} bytes unpacked")


if __name__ == "__main__":
    main()
