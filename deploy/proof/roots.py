"""Root directories: Debian as it comes, and what the image's recipe makes of it. Kept in var/deploy between runs."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from deploy.stage import ROOT, STAGED, copy, stage, write_sums

HOME: Final = ROOT / "var" / "deploy"
WHEELS: Final = HOME / "wheels"
SUITE: Final = "bookworm"
BASE_PACKAGES: Final = "systemd-sysv,dbus,ca-certificates,iproute2,procps"
"""What a cloud image of Debian has, and no more."""


def run(command: list[str], seconds: float = 900) -> str:
    """Run a command to its end; return what it prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4_000:]}{done.stderr[-4_000:]}"
    return done.stdout


def base() -> Path:
    """Return a fresh Debian's root, made at the first call."""
    made = HOME / "base"
    if not (made / "etc" / "debian_version").exists():
        HOME.mkdir(parents=True, exist_ok=True)
        run(["mmdebstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", SUITE, str(made)])
    return made


def wheels() -> Path:
    """Return a directory with every package of the lock, fetched at the first call; hashes are checked here and there."""
    lock = (ROOT / "requirements" / "aws.lock").read_text()
    plain = HOME / "plain.lock"
    # Debian's Python is an older 3.11 than this one may be: take what any condition asks for.
    text = re.sub(r" ; [^\\\n]*", " ", lock)
    if not (WHEELS.is_dir() and plain.exists() and plain.read_text() == text):
        HOME.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(WHEELS, ignore_errors=True)
        plain.write_text(text)
        options = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
        run([sys.executable, "-m", "pip", "download", "-q", *options, "-r", str(plain), "-d", str(WHEELS)])
    return WHEELS


def staged() -> Path:
    """Return a staged release; the wheel is built when there is none or sources are newer."""
    found = list(STAGED.glob("openbourse-*.whl"))
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.sql"), *(ROOT / "native").glob("*/src/**/*.rs")]
    if not found or max(path.stat().st_mtime for path in sources) > found[0].stat().st_mtime:
        stage(STAGED)
    copy(STAGED)
    write_sums(STAGED)
    return STAGED


def fingerprint(folder: Path) -> str:
    """Return what the contents of a directory are known by."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def provisioned(version: str) -> Path:
    """Return the root that the recipe makes, made anew when what goes into it has changed."""
    source = staged()
    made, mark = HOME / "root", HOME / "root.made-from"
    wanted = fingerprint(source)
    if mark.exists() and mark.read_text() == wanted:
        return made
    mark.unlink(missing_ok=True)
    shutil.rmtree(made, ignore_errors=True)
    run(["cp", "-a", str(base()), str(made)])
    (HOME / "provision.log").write_text(provision(made, source, version))
    mark.write_text(wanted)
    return made


def provision(root: Path, source: Path, version: str) -> str:
    """Run the recipe in a root directory, packages of Python from our directory and Debian's from its mirror."""
    authorities = HOME / "rds.pem"
    authorities.write_text("what an authority would be\n")
    bound = {str(source): "/staged", str(wheels()): "/wheels", str(authorities): "/rds.pem"}
    sum_ = hashlib.sha256(authorities.read_bytes()).hexdigest()
    given = {"OPENBOURSE_AGENT": "none", "OPENBOURSE_RDS_CA": "/rds.pem", "OPENBOURSE_RDS_CA_SHA256": sum_}
    return in_root(root, ["sh", "/staged/image/provision.sh", version, "/staged"], bound, given)


def install_release(root: Path, source: Path, version: str) -> str:
    """Install one more release in a root directory, as a deploy does on a running machine."""
    bound = {str(source): "/staged", str(wheels()): "/wheels"}
    return in_root(root, ["/usr/local/sbin/openbourse-install-release", version, "/staged"], bound, {})


def in_root(root: Path, command: list[str], bound: dict[str, str], environment: dict[str, str]) -> str:
    """Run a command with a directory as its root, on this machine's network."""
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", **environment}
    return run(
        [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--pipe", f"--machine=ob{os.getpid()}"),
            f"--directory={root}",
            *(f"--bind-ro={here}:{there}" for here, there in bound.items()),
            *(f"--setenv={name}={value}" for name, value in settings.items()),
            *command,
        ]
    )
