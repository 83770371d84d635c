"""Our book beside another in the public referee: speed in the same run, taken in turns, and verdicts over seeds.

The referee's harness and the other adapter are built before, by their own means; see README.md beside this file.
"""

import argparse
import json
import re
import statistics
import subprocess
from collections import Counter
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
        return float(told.split("Throughput:")[1].split()[0])

    def verdict(self, ours: Path, peer: Path, scenario: str, seed: int, mode: str) -> str:
        """Return "right" when our reports are the peer's, byte for byte, and our book passes the audit, if asked for.

        Only the canonical seed has a published hash; a foreign conforming book is the reference of the others.
        """
        told = self.run(ours, scenario, mode, seed)
        other = self.run(peer, scenario, "perf", seed)
        if seed != CANONICAL_SEED:
            (self.folder / f"orders_{scenario}_s{seed}_n1000000.bin").unlink(missing_ok=True)
        hashes = [re.search(r"Computed hash: (\w{64})", text) for text in (told, other)]
        if hashes[0] is None or hashes[1] is None:
            return "not finished"
        if hashes[0].group(1) != hashes[1].group(1):
            return "other reports"
        if seed == CANONICAL_SEED and "Verdict: VALID" not in told:
            return "not the published reports"
        return "right" if mode == "perf" or "State audit: PASS" in told else "other state"


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


def best(runs: dict[str, list[float]]) -> dict[str, float]:
    return {scenario: max(speeds) for scenario, speeds in runs.items()}


def show(console: Console, kind: str, figures: dict[str, dict[str, float]]) -> float:
    """Print a table; answer the ratio of the worst scenarios."""
    table = Table(title=f"millions of messages a second, {kind} of the runs")
    for column in ("scenario", *figures, "ratio"):
        table.add_column(column, justify="left" if column == "scenario" else "right")
    ours, peer = figures.values()
    worst = {"worst of five": (min(ours.values()), min(peer.values()))}
    for name, pair in ({scenario: (ours[scenario], peer[scenario]) for scenario in SCENARIOS} | worst).items():
        table.add_row(name, f"{pair[0]:.2f}", f"{pair[1]:.2f}", f"{pair[0] / pair[1]:.2f}")
    console.print(table)
    return round(min(ours.values()) / min(peer.values()), 3)


def judge(console: Console, referee: Referee, ours: Path, peer: Path, options: argparse.Namespace) -> dict[str, object]:
    """Return the verdicts over the seeds, by scenario."""
    seeds = (
        [CANONICAL_SEED, *range(options.first_seed, options.first_seed - 1 + options.seeds)] if options.seeds else []
    )
    found: dict[str, object] = {
        "seeds": seeds,
        "audited": [name for name in SCENARIOS if name not in options.unaudited],
    }
    for scenario in SCENARIOS:
        mode = "perf" if scenario in options.unaudited else "audit"
        verdicts = Counter(referee.verdict(ours, peer, scenario, seed, mode) for seed in seeds)
        console.print(f"{scenario}, {mode}: {dict(verdicts)}", highlight=False)
        found[scenario] = dict(verdicts)
    return found


def main() -> None:
    """Compare, print a table, keep everything seen in bench/results/."""
    parser = argparse.ArgumentParser(prog="python -m bench.referee.compare", description=__doc__)
    parser.add_argument("referee", type=Path, help="a built checkout of the benchmark")
    parser.add_argument("--peer", default="cpp_orderbook", help="whose DIR/<peer>_adapter.so to compare with")
    parser.add_argument("--rounds", type=int, default=10, help="runs a scenario and adapter (10)")
    parser.add_argument("--seeds", type=int, default=21, help="seeds to judge, the canonical one among them (21)")
    parser.add_argument(
        "--first-seed", type=int, default=1_001, help="where the others begin, to judge in pieces (1001)"
    )
    parser.add_argument("--unaudited", nargs="*", default=(), help="scenarios to judge by their reports alone")
    parser.add_argument("--cores", type=int, nargs=2, default=(0, 1), help="for matching and for reading (0 1)")
    options = parser.parse_args()
    console = Console()
    referee = Referee(options.referee.resolve(), tuple(options.cores))
    ours = (HERE / "openbourse_adapter.so").resolve()
    peer = referee.folder / f"{options.peer}_adapter.so"
    path = HERE.parent / "results" / f"referee-{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
    seen: dict[str, object] = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    seen["conditions"] = {"cores": list(options.cores), "rounds": options.rounds, "seed": CANONICAL_SEED}
    if options.rounds:
        runs = measure(referee, {"openbourse": ours, options.peer: peer}, options.rounds)
        for kind, of in (("median", medians), ("best", best)):
            figures = {name: of(speeds) for name, speeds in runs.items()}
            seen[kind] = {"worst_ratio": show(console, kind, figures), **figures}
        seen["runs"] = runs
        path.write_text(json.dumps(seen, indent=2) + "\n")
    seen["verdicts"] = judge(console, referee, ours, peer, options)
    path.write_text(json.dumps(seen, indent=2) + "\n")
    console.print(f"kept in {path.relative_to(Path.cwd())}", highlight=False)


if __name__ == "__main__":
    main()
