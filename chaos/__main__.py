"""`make chaos FAULTS=N SEED=k`: faults on the real program in three zones, clients trading, a verdict."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import uvloop

from chaos.checker import SHOWN_MAX
from chaos.faults import Kind
from chaos.measure import by_kind
from chaos.network import NetworkFault
from chaos.places import LOOPBACK
from chaos.report import Run, keep, recorded, table
from chaos.run import Options, clear, run
from chaos.server import ServerFault
from chaos.venue import VenueFault

APART: Final = "CHAOS_APART"
"""Set in the process that has namespaces of its own."""
SECONDS_DEFAULT: Final = 150.0
RATE_DEFAULT: Final = 100.0
_INSIDE: Final = 'mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && "$@"; exit $?'


def main() -> int:
    """Read the command line, go into namespaces of one's own, run, tell."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=10, help="how many faults (10)")
    parser.add_argument("--seed", type=int, help="of faults and traffic (from the clock)")
    parser.add_argument("--rate", type=float, default=RATE_DEFAULT, help="requests a second in all (100)")
    parser.add_argument("--seconds", type=float, default=SECONDS_DEFAULT, help="begin no fault after this time (150)")
    parser.add_argument("--form", choices=("hosts", "endpoint"), default="hosts", help="how the database is named")
    parser.add_argument("--only", type=Kind, nargs="*", default=[], help="these kinds alone")
    parser.add_argument("--without", type=Kind, nargs="*", default=[], help="not these kinds")
    parser.add_argument("--loopback", action="store_true", help="no namespaces, even where they are allowed")
    parser.add_argument("--keep", action="store_true", help="leave the logs where they are")
    parser.add_argument("--kept", action="store_true", help="show the figures of all runs kept so far, and run nothing")
    parser.add_argument("--uncounted", action="store_true", help="do not add this run to those kept")
    options = parser.parse_args()
    if options.kept:
        _tell_kept(recorded())
        return 0
    if not {APART, LOOPBACK} & os.environ.keys():
        _begin_again(options.loopback)
    if LOOPBACK in os.environ and options.form == "endpoint":
        parser.error("an address that moves needs namespaces")
    seed = int(time.time()) if options.seed is None else options.seed
    asked = Options(
        options.faults, seed, options.rate, options.seconds, options.form, tuple(options.only), tuple(options.without)
    )
    return _run(asked, options.keep, not options.uncounted)


def _begin_again(on_loopback: bool) -> None:
    """Begin again in namespaces of one's own: nothing of the network, the disks and the processes is left afterwards.

    Where they are not allowed the zones are loopback addresses.
    """
    unshare = shutil.which("unshare") or ""
    words = (unshare, "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "--propagation", "private")
    may = bool(unshare) and os.geteuid() == 0 and shutil.which("ip") is not None and not on_loopback
    if not may or subprocess.run((*words, "true"), capture_output=True, check=False).returncode != 0:
        python = (sys.executable, "-m", "chaos", *sys.argv[1:])
        os.execve(sys.executable, python, {**os.environ, LOOPBACK: "1"})
    # A shell is the first process there, because the first one must bury what others leave.
    again = ("sh", "-c", _INSIDE, "chaos", sys.executable, "-m", "chaos", *sys.argv[1:])
    os.execve(unshare, (*words, *again), {**os.environ, APART: "1"})


def _tell_kept(runs: list[Run]) -> None:
    print("\n".join(table(by_kind([fault for run in runs for fault in run.felt]))))
    print(_sum(runs))


def _sum(runs: list[Run]) -> str:
    total = [sum(getattr(kept, field) for kept in runs) for field in ("faults", "lost", "doubled", "breaks")]
    return f"kept so far: {total[0]} faults in {len(runs)} runs, {total[1]} lost, {total[2]} doubled, {total[3]} broken"


def _run(options: Options, is_kept: bool, is_counted: bool) -> int:
    root = Path(tempfile.mkdtemp(prefix="openbourse-chaos-"))
    print(f"seed {options.seed}; logs in {root}", flush=True)
    try:
        done, verdict, report = uvloop.run(run(options, root, lambda text: print(text, flush=True)))
    except (VenueFault, NetworkFault, ServerFault) as fault:
        print(f"the run did not come about: {fault}; its logs are in {root}", file=sys.stderr)
        return 2
    for name, found in (("LOST", verdict.lost), ("DOUBLED", verdict.doubled), ("BROKEN", verdict.breaks)):
        for text in found[:SHOWN_MAX]:
            print(f"{name}: {text}")
    print("\n".join(table(by_kind(done.felt))))
    print(f"held against each other: {verdict.counted}")
    print(f"report and picture: {report}.json, .svg")
    runs = keep(done) if is_counted else recorded()
    print(_sum(runs))
    clear(root, is_kept or not verdict.is_clean)
    print(f"{done.faults} faults, {done.lost} lost, {done.doubled} doubled, {done.breaks} invariant breaks")
    return 0 if verdict.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
