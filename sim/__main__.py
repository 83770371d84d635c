"""`python -m sim differential --commands N --seed S`, `python -m sim fuzz --commands N`: compare core and reference.

Even seeds have streams of rules 1, odd ones of rules 2, unless `--rules` says which. `--statistics` tells what the streams brought about.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console

from sim import compiled

MACHINE_CODE_COMMANDS: Final = 1_000_000
"""From so many commands on a translation (a minute or two, once) pays: comparisons then take half as long."""


def _machine_code(commands: int, console: Console) -> None:
    """Have the reference run as machine code where that pays and can be."""
    if commands < MACHINE_CODE_COMMANDS and not compiled.folder().exists():
        return
    try:
        with console.status("translating the reference to machine code: a minute or two, once"):
            compiled.use(compiled.build())
    except compiled.NotBuilt as fault:
        console.print(f"the reference runs as Python, half as fast: {fault}", markup=False, highlight=False)
    else:
        console.print("the reference runs as machine code", highlight=False)


def _fuzz(commands: int, seed: int | None, jobs: int, console: Console) -> int:
    """Compare in bulk and keep the counts."""
    _machine_code(commands, console)
    from sim.fuzz import fuzz_in_pieces, next_seed, recorded, report

    first = next_seed(recorded()) if seed is None else seed
    try:
        return report(*fuzz_in_pieces(commands, first, jobs, console), console)
    except KeyboardInterrupt as fault:
        console.print(f"interrupted: {fault}", highlight=False)
        return 130


def _differential(options: argparse.Namespace, console: Console) -> int:
    """Compare seed after seed, and tell what the streams brought about; return the exit code."""
    from sim.differential import EngineKind
    from sim.reference import Engine as Reference
    from sim.seeds import differential
    from sim.statistics import Statistics

    other: EngineKind = Reference
    if not options.self:
        from openbourse.engine import Engine as Native

        other = Native
    statistics = Statistics()
    differences = differential(options.commands, options.seed, other, console, statistics, options.rules)
    for line in statistics.lines() if options.statistics else ():
        console.print(line, highlight=False, soft_wrap=True)
    return 1 if differences else 0


def main(arguments: Sequence[str]) -> int:
    """Read the command line and run what it asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sim")
    commands = parser.add_subparsers(dest="command", required=True)
    part = commands.add_parser("differential", help="compare the native core with the reference, byte for byte")
    part.add_argument("--commands", type=int, default=200_000, help="how many commands (default %(default)s)")
    part.add_argument("--seed", type=int, default=1, help="the first seed (default %(default)s)")
    part.add_argument("--self", action="store_true", help="compare the reference with itself: tries the runner alone")
    part.add_argument("--rules", type=int, choices=(1, 2), help="the rules of all streams, whatever their seeds")
    part.add_argument("--statistics", action="store_true", help="tell what the streams brought about")
    bulk = commands.add_parser("fuzz", help="the same over many seeds on every processor, counts kept")
    bulk.add_argument("--commands", type=int, default=10_000_000, help="how many commands (default %(default)s)")
    bulk.add_argument("--seed", type=int, help="the first seed (default: the first that no kept run has used)")
    bulk.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default %(default)s)")
    options = parser.parse_args(arguments)
    console = Console()
    if options.command == "fuzz":
        return _fuzz(options.commands, options.seed, options.jobs, console)
    return _differential(options, console)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
