"""Our book beside another in the public referee: speed in the same run, taken in turns, and verdicts over seeds.

The referee's harness and the other adapter are built before, by their own means; see README.md beside this file.
"""

import argparse
import json
import re
import statistics
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.machine import machine

HERE = Path(__file__).parent
SCENARIOS = ("static", "normal", "swing-25", "swing-40", "flash-crash")
CANONICAL_SEED = 23
RUN_SECONDS_MAX = 600


@dataclass(frozen=True)
class Referee:
    """A built checkout of the benchmark, and the cores it may have."""

    folder: Path
    cores: tuple[int, int]

    def run(self, adapter: Path, scenario: str, mode: str, seed: int) -> str:
        """Return what the harness prints; its exit code repeats the verdict in it."""
        matcher, drainer = self.cores
        words = ["./harness", "--engine", str(adapter), "--scenario", scenario, "--mode", mode, "--seed", str(seed)]
        words += ["--matcher-core", str(matcher), "--drainer-core", str(drainer)]
        return subprocess.run(
            words, cwd=self.folder, capture_output=True, text=True, check=False, timeout=RUN_SECONDS_MAX
        ).stdout

    def speed(self, adapter: Path, scenario: str) -> float:
        """Return millions of messages a second of one valid run."""
        told = self.run(adapter, scenario, "perf", CANONICAL_SEED)
        assert "Verdict: VALID" in told, f"{adapter.name}, {scenario}: {told}"
        return float(_found(r"Throughput:\s+([\d.]+)", told))

    def is_right(self, ours: Path, peer: Path, scenario: str, seed: int) -> bool:
        """Answer whether our reports are the peer's, byte for byte, and our book passes the referee's audit.

        Only the canonical seed has a published hash; a foreign conforming book is the reference of the others.
        """
        told = self.run(ours, scenario, "audit", seed)
        other = self.run(peer, scenario, "perf", seed)
        if seed != CANONICAL_SEED:
            (self.folder / f"orders_{scenario}_s{seed}_n1000000.bin").unlink(missing_ok=True)
        is_same = _found(r"Computed hash: (\w{64})", told) == _found(r"Computed hash: (\w{64})", other)
        is_published = seed != CANONICAL_SEED or "Verdict: VALID" in told
        return is_same and is_published and "State audit: PASS" in told


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, f"the harness told no {pattern}: {text}"
    return found.group(1)


def measure(referee: Referee, adapters: dict[str, Path], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return each adapter's runs by scenario; adapters take turns run by run, so that a busy minute meets all."""
    seen: dict[str, dict[str, list[float]]] = {name: {scenario: [] for scenario in SCENARIOS} for name in adapters}
    for _ in range(rounds):
        for scenario in SCENARIOS:
            for name, adapter in adapters.items():
                seen[name][scenario].append(referee.speed(adapter, scenario))
    return seen


def medians(runs: dict[str, list[float]]) -> dict[str, float]:
    return {scenario: round(statistics.median(speeds), 2) for scenario, speeds in runs.items()}


def show(console: Console, ours: dict[str, float], peer: dict[str, float], peer_name: str) -> None:
    table = Table(title="millions of messages a second, median")
    for column in ("scenario", "openbourse", peer_name, "ratio"):
        table.add_column(column, justify="left" if column == "scenario" else "right")
    for scenario in SCENARIOS:
        ratio = ours[scenario] / peer[scenario]
        table.add_row(scenario, f"{ours[scenario]:.2f}", f"{peer[scenario]:.2f}", f"{ratio:.2f}")
    worst, other = min(ours.values()), min(peer.values())
    table.add_row("worst of five", f"{worst:.2f}", f"{other:.2f}", f"{worst / other:.2f}", style="bold")
    console.print(table)


def main() -> None:
    """Compare, print a table, keep everything seen in bench/results/."""
    parser = argparse.ArgumentParser(prog="python -m bench.referee.compare", description=__doc__)
    parser.add_argument("referee", type=Path, help="a built checkout of the benchmark")
    parser.add_argument("--peer", default="cpp_orderbook", help="whose DIR/<peer>_adapter.so to compare with")
    parser.add_argument("--rounds", type=int, default=10, help="runs a scenario and adapter (10)")
    parser.add_argument("--seeds", type=int, default=21, help="seeds to judge, the canonical one among them (21)")
    parser.add_argument("--cores", type=int, nargs=2, default=(0, 1), help="for matching and for reading (0 1)")
    options = parser.parse_args()
    console = Console()
    referee = Referee(options.referee.resolve(), tuple(options.cores))
    ours = (HERE / "openbourse_adapter.so").resolve()
    peer = referee.folder / f"{options.peer}_adapter.so"
    seen: dict[str, object] = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    seen["conditions"] = {"cores": list(options.cores), "rounds": options.rounds, "seed": CANONICAL_SEED}
    if options.rounds:
        runs = measure(referee, {"openbourse": ours, options.peer: peer}, options.rounds)
        middle = {name: medians(speeds) for name, speeds in runs.items()}
        show(console, middle["openbourse"], middle[options.peer], options.peer)
        worst = {name: min(speeds.values()) for name, speeds in middle.items()}
        seen["millions_per_second"] = {"medians": middle, "worst": worst, "runs": runs}
        seen["worst_ratio"] = round(worst["openbourse"] / worst[options.peer], 3)
    seeds = [CANONICAL_SEED, *range(1_001, 1_000 + options.seeds)] if options.seeds else []
    wrong = [
        [seed, scenario] for seed in seeds for scenario in SCENARIOS if not referee.is_right(ours, peer, scenario, seed)
    ]
    seen["verdicts"] = {"seeds": seeds, "scenarios": list(SCENARIOS), "wrong": wrong}
    console.print(f"{len(seeds)} seeds in {len(SCENARIOS)} scenarios: {len(wrong)} wrong {wrong or ''}")
    path = HERE.parent / "results" / f"referee-{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
    path.write_text(json.dumps(seen, indent=2) + "\n")
    console.print(f"kept in {path.relative_to(Path.cwd())}", highlight=False)


if __name__ == "__main__":
    main()
