"""What an image or a container is made from, in one directory: `python -m deploy.stage DIR`."""

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
STAGED: Final = ROOT / "var" / "deploy" / "staged"


def stage(out: Path) -> Path:
    """Build the wheel and put it beside the lock, the page, the units and the recipe; return the wheel's path."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    command = [str(Path(sys.executable).parent / "maturin"), "build", "--release", "--locked", "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=900)
    [wheel] = out.glob("openbourse-*.whl")
    copy(out)
    write_sums(out)
    return wheel


def copy(out: Path) -> None:
    """Put everything but the wheel there."""
    shutil.copy(ROOT / "requirements" / "aws.lock", out / "aws.lock")
    for name in ("units", "image"):
        shutil.copytree(ROOT / "deploy" / name, out / name, dirs_exist_ok=True)
    (out / "rollout").mkdir(exist_ok=True)
    for name in ("rollout.py", "gate.py"):
        shutil.copy(ROOT / "deploy" / name, out / "rollout" / name)
    shutil.copytree(ROOT / "web" / "dist", out / "web", dirs_exist_ok=True)


def write_sums(out: Path) -> None:
    """Say what the wheel's bytes are."""
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in out.glob("openbourse-*.whl")]
    (out / "SHA256SUMS").write_text("".join(sums))


def main() -> None:
    """Stage a release."""
    parser = argparse.ArgumentParser(prog="python -m deploy.stage", description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=STAGED)
    stage(parser.parse_args().out)


if __name__ == "__main__":
    main()
