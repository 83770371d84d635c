"""`python -m sim.likeness [FOLDER]`: what some streams and the reference's answers to them come to, as Python or as the machine code there.

Equal lines say that a translation means what its sources mean.
"""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from sim import compiled

SEEDS: Final = range(1, 15)
"""Both rules, crowded and giant streams among them."""
COMMANDS: Final = 700


def lines() -> Iterator[str]:
    """Yield a line a seed: a hash of all commands, events and offsets, of the snapshot, and of it restored."""
    from sim.reference import Engine
    from sim.workload import Workload

    for seed in SEEDS:
        workload, engine, told = Workload(seed), Engine(), hashlib.sha256()
        while engine.sequence < COMMANDS:
            time_us, frames = workload.batch()
            events, ends = engine.apply(engine.sequence + 1, time_us, frames)
            workload.observe(events)
            told.update(frames + events + ends + engine.due_us.to_bytes(8, "little", signed=True))
        engine.audit()
        state = engine.snapshot()
        told.update(state + Engine.restore(state).snapshot())
        yield f"{seed} {engine.sequence} {told.hexdigest()}"


def main(arguments: Sequence[str]) -> int:
    """Print the lines; return the exit code."""
    for folder in arguments:
        compiled.use(Path(folder))
    sys.stdout.write("\n".join(lines()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
