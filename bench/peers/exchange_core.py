"""`python -m bench.peers.exchange_core DIR`: our engine beside exchange-core (Java), on the commands of its own generator."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import IO, Self

from rich.console import Console

from bench import inside
from bench.inside import Row
from bench.machine import machine

_OURS = "openbourse, one thread"
_JAVA = Path(__file__).parent / "exchange_core"
_USED = [
    "ExchangeTestContainer",
    "ExecutionTime",
    "LatencyTools",
    "RandomCollectionsMerger",
    "TestConstants",
    "TestDataParameters",
    "TestOrdersGenerator",
    "TestOrdersGeneratorConfig",
    "TestOrdersGeneratorSession",
    "UserCurrencyAccountsGenerator",
]
# Its libraries are older than Java 17 and reach into these.
_OPENED = ("java.lang", "java.lang.reflect", "java.io", "java.util", "java.nio", "sun.nio.ch", "jdk.internal.ref")
# Its own test pins the threads and spins; on two cores the other choices may serve it better.
_WAITING = ("YIELDING", "BUSY_SPIN", "BLOCKING")
_PARTS = {
    "one-thread": "exchange-core, risk and matching, one thread",
    "book": "exchange-core, order book alone, one thread",
}


class Peer:
    """exchange-core in a Java process that runs a round when told to and is idle between the rounds."""

    def __init__(self, checkout: Path, shape: str, commands: int, stream: Path, heap: str) -> None:
        words = ["java", f"-Xms{heap}", f"-Xmx{heap}"]
        words += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]
        words += ["-cp", _classpath(checkout), "openbourse.peer.Peer", shape, str(commands), str(stream)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=checkout
        )
        self.flags = words[1:3]

    def answer(self) -> Row:
        """Return the next line it prints."""
        line = _pipe(self._process.stdout).readline()
        if not line:
            raise SystemExit(f"exchange-core ended with {self._process.wait()}; run its command by hand to see why")
        row: Row = json.loads(line)
        return row

    def round(self, line: str) -> Row:
        """Run one round and return its figures."""
        stream = _pipe(self._process.stdin)
        stream.write(line + "\n")
        stream.flush()
        return self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _classpath(checkout: Path) -> str:
    libraries = (checkout / "target" / "classpath.txt").read_text()
    return f"{checkout / 'target' / 'peer'}:{checkout / 'target' / 'classes'}:{libraries}"


def build(checkout: Path) -> None:
    """Build exchange-core as it is, the part of its tests that generates commands, and our rounds beside it."""
    # Its default profile runs an old lombok over the sources, which Java 17 refuses; nothing of that is needed.
    words = ["mvn", "-q", "-B", "-P", "!default", "compile", "dependency:build-classpath"]
    subprocess.run([*words, "-Dmdep.outputFile=target/classpath.txt"], cwd=checkout, check=True)
    (checkout / "target" / "peer").mkdir(exist_ok=True)
    tests = checkout / "src" / "test" / "java" / "exchange" / "core2" / "tests" / "util"
    sources = [str(tests / f"{name}.java") for name in _USED] + [str(path) for path in sorted(_JAVA.glob("*.java"))]
    words = ["javac", "-nowarn", "-cp", _classpath(checkout), "-d", str(checkout / "target" / "peer")]
    subprocess.run([*words, *sources], check=True)


def ways(waiting: Sequence[str]) -> dict[str, str]:
    """Return the rounds to ask of exchange-core, and how a reader knows each."""
    lines = [f"pipeline {name} {pinning}" for name in waiting for pinning in ("free", "pinned")]
    return {line: f"exchange-core, {line.lower().replace('_', '-')}" for line in lines} | _PARTS


def rounds(peer: Peer, stream: Path, options: argparse.Namespace) -> tuple[dict[str, list[Row]], Row]:
    """Run every way of theirs and ours in turn; return the figures by way, and our checked replay."""
    names = {"": _OURS} | ways(options.waiting)
    for _ in range(options.warm):
        for line in (f"pipeline {options.waiting[0]} free", *_PARTS):
            peer.round(line)
    seen: dict[str, list[Row]] = {name: [] for name in names.values()}
    checked = next(inside.measure("peer-shape", str(stream), "check"))
    for number in range(options.rounds):
        # Every other round goes backwards, so that nobody always comes first.
        for line in list(names)[:: -1 if number % 2 else 1]:
            row = peer.round(line) if line else next(inside.measure("peer-shape", str(stream)))
            seen[names[line]].append(row)
    return seen, checked


def _number(row: Row, field: str) -> float:
    value = row[field]
    assert isinstance(value, int | float)
    return value


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    return f"{median(our / its for our, its in zip(ours, theirs, strict=True)):.2f}"


def _per_processor_second(figures: Sequence[Row]) -> list[float]:
    return [_number(figure, "commands") / _number(figure, "processor_seconds") for figure in figures]


def table(seen: dict[str, list[Row]]) -> list[Row]:
    """Return a row for each way: its middle and its best round, and how ours compares in the same round."""
    rows: list[Row] = []
    ours = [_number(figure, "per_second") for figure in seen[_OURS]]
    for name, figures in seen.items():
        speeds = [_number(figure, "per_second") for figure in figures]
        row: Row = {
            "engine": name,
            "median": round(median(speeds)),
            "best": round(max(speeds)),
            "ours_to_it": _ratio(ours, speeds),
        }
        spent = _per_processor_second(figures)
        row["per_processor_second"] = round(median(spent))
        row["ours_to_it_by_processor"] = _ratio(_per_processor_second(seen[_OURS]), spent)
        rows.append(row)
    return rows


def measure(console: Console, options: argparse.Namespace, shape: str) -> Row:
    """Measure one shape and print it."""
    with tempfile.TemporaryDirectory() as directory:
        stream = Path(directory) / "commands"
        with (
            console.status(f"{shape}: generating commands"),
            Peer(options.checkout, shape, options.commands, stream, options.heap) as peer,
        ):
            made = peer.answer()["shape"]
            console.print(f"{shape}: {json.dumps(made)}", highlight=False, soft_wrap=True)
            seen, checked = rounds(peer, stream, options)
    rows = table(seen)
    columns = {"engine": "", "median": "commands/s", "best": "best", "ours_to_it": "ours / it"}
    columns |= {"per_processor_second": "per processor s", "ours_to_it_by_processor": "ours / it"}
    inside.table(console, f"{shape}, {options.commands:,} commands, {options.rounds} rounds", rows, columns)
    console.print(f"our replay: {json.dumps(checked)}", highlight=False, soft_wrap=True)
    return {"shape": made, "table": rows, "our_checked_replay": checked, "rounds": seen, "java_flags": peer.flags}


def _commit(checkout: Path) -> str:
    words = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def main(words: Sequence[str]) -> None:
    """Build both, run both, print and keep what was seen."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers.exchange_core", description=__doc__)
    parser.add_argument("checkout", type=lambda text: Path(text).resolve(), help="a checkout of exchange-core")
    parser.add_argument("--shapes", nargs="+", default=["exchange", "margin"], choices=("exchange", "margin", "medium"))
    parser.add_argument(
        "--commands", type=int, default=3_000_000, help="commands of a round (%(default)s, as its own test)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count (%(default)s)")
    parser.add_argument("--warm", type=int, default=3, help="rounds before them, for Java's compiler (%(default)s)")
    parser.add_argument("--waiting", nargs="+", default=list(_WAITING), choices=_WAITING, help="wait strategies (all)")
    parser.add_argument("--heap", default="6g", help="heap of Java (%(default)s)")
    options = parser.parse_args(words)
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    with console.status("building both"):
        build(options.checkout)
        inside.build()
    seen: Row = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    seen["exchange_core"] = _commit(options.checkout)
    for shape in options.shapes:
        seen[shape] = measure(console, options, shape)
    inside.RESULTS.mkdir(exist_ok=True)
    path = inside.RESULTS / f"exchange-core-{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
    path.write_text(json.dumps(seen, indent=2) + "\n")
    console.print(f"kept in {path}", highlight=False)


if __name__ == "__main__":
    main(sys.argv[1:])
