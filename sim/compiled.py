"""The reference and its streams as machine code: the same modules, translated by mypyc, for comparisons in bulk.

What is translated stands under `build/`, in a folder named after the sources that it was made from: it can be missing, never stale.
Before it is used once it has to give the bytes that the sources give as Python.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import sim
from sim.unfolded import unfolded

HERE: Final = Path(__file__).parent
PROTOCOL: Final = HERE.parent / "src" / "openbourse" / "protocol"
BUILT: Final = HERE.parent / "build" / "reference"
PLAIN: Final = frozenset({"reference_record.py"})
"""Asked for their fields by name at run time, which machine code does not offer."""
TRANSLATORS: Final = ("compiled.py", "unfolded.py")
BUILD_SECONDS_MAX: Final = 1_800
LIKENESS_SECONDS_MAX: Final = 600


class NotBuilt(Exception):
    """The modules could not be translated; the text says what the translator said."""


def translated() -> list[Path]:
    """Return the modules that are to be machine code."""
    files = [*HERE.glob("reference*.py"), *HERE.glob("workload*.py")]
    return sorted(path for path in files if path.name not in PLAIN)


def folder(built: Path = BUILT) -> Path:
    """Return where the machine code of the modules as they are now stands, or would."""
    told = hashlib.sha256(f"{sys.version} {sys.platform}".encode())
    # What the words of the protocol stand for becomes part of the code.
    for path in (*translated(), *(HERE / name for name in (*PLAIN, *TRANSLATORS)), *sorted(PROTOCOL.glob("*.py"))):
        told.update(path.name.encode() + b"\0" + path.read_bytes())
    return built / told.hexdigest()[:16]


def _run(seconds_max: int, cwd: Path, *words: str) -> str:
    """Run a module of Python; return what it prints. Raises NotBuilt."""
    command = (sys.executable, "-m", *words)
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=seconds_max)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise NotBuilt(str(fault)) from fault
    if done.returncode:
        raise NotBuilt((done.stdout + done.stderr)[-2_000:])
    return done.stdout


def require_likeness(target: Path) -> None:
    """Raise NotBuilt unless the machine code in a folder gives the bytes that its sources give as Python."""
    plain, other = (_run(LIKENESS_SECONDS_MAX, HERE.parent, "sim.likeness", *more) for more in ((), (str(target),)))
    if plain != other:
        raise NotBuilt(f"the machine code gives other bytes than its sources:\n{plain}\n{other}")


def build(built: Path = BUILT, prove: Callable[[Path], None] = require_likeness) -> Path:
    """Translate what is not translated yet; return the folder. Raises NotBuilt."""
    target = folder(built)
    if target.exists():
        return target
    work = built / f"{target.name}.part"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(HERE, work / "sim", ignore=shutil.ignore_patterns("cluster", "__pycache__"))
    names = [f"sim/{path.name}" for path in translated()]
    for name in names:
        path = work / name
        path.write_text(unfolded(path.read_text()))
    _run(BUILD_SECONDS_MAX, work, "mypyc", *names)
    for path in work.glob("sim/*.py"):
        path.unlink()  # only machine code is left: everything else is read where it is edited
    for scaffold in ("build", ".mypy_cache"):
        shutil.rmtree(work / scaffold, ignore_errors=True)
    prove(work)
    work.rename(target)
    for older in built.iterdir():
        if older != target:
            shutil.rmtree(older, ignore_errors=True)
    return target


def use(target: Path) -> None:
    """Let modules of `sim` that are imported from now on be the machine code of that folder, where there is some."""
    already = [path.stem for path in translated() if f"sim.{path.stem}" in sys.modules]
    if already:
        raise RuntimeError(f"imported before: {', '.join(already)}")
    sys.path.insert(0, str(target))
    sim.__path__.insert(0, str(target / "sim"))
