"""`make infra`: climb the ladder, print a line a rung and every problem, end with the count."""

import argparse
import shutil
import sys
import time
from pathlib import Path

from infra.toolchain import use_own_node

ROOT = Path(__file__).parents[2]
SHOWN_MAX = 40


def main() -> int:
    """Climb what was asked for; 1 when anything is wrong."""
    use_own_node()
    from infra.check.ladder import RUNGS
    from infra.recorded import record
    from infra.templates import read_templates

    parser = argparse.ArgumentParser(prog="python -m infra.check", description=__doc__)
    parser.add_argument("--only", default="", help="numbers of rungs, like 1,3; 0 comes by itself the first time")
    parser.add_argument("--record", action="store_true", help="write the templates that tests and pages are made from")
    options = parser.parse_args()
    wanted = {int(each) for each in options.only.split(",")} if options.only else {rung.number for rung in RUNGS}
    folder = ROOT / "cdk.out"
    if not (folder / "out").exists():
        wanted.add(0)
    if 0 in wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    passed = failed = 0
    for rung in (each for each in RUNGS if each.number in wanted):
        began = time.monotonic()
        good, bad = 0, []
        for name, problems in rung.climb(folder):
            good += not problems
            bad += [(name, problems)] if problems else []
        passed, failed = passed + good, failed + len(bad)
        spent = time.monotonic() - began
        sys.stdout.write(f"{rung.number}  {rung.name:34} {good:4} passed {len(bad):4} failed  {spent:6.1f} s\n")
        for name, problems in bad:
            sys.stdout.write("".join(f"     {name}: {each}\n" for each in problems[:SHOWN_MAX]))
        sys.stdout.flush()
        if rung.number == 0 and options.record:
            record(read_templates(folder / "out"))
    sys.stdout.write(f"{passed} checks passed, {failed} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
