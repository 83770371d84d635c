"""How long traders wait when the leader dies, freezes or hands over: `python -m bench.failover --fault kill --times 20`.

Open-loop orders over REST against the real program; what is told is what a client sees. Kept in bench/results/.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import statistics
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from rich.console import Console

from bench.load import Outcome, rest_load
from bench.machine import machine
from bench.memory import proportional_mib
from bench.venue import rest_orders
from openbourse.adapters.replicas_postgres import Replicas
from openbourse.settings import ProcessSettings
from openbourse.supervisor.stores import find_running
from openbourse.wiring.replicas import hand_over, replicas
from tests.exchange import Account, Exchange, discard, new_exchange

RESULTS = Path(__file__).parent / "results"
ACCOUNTS, CONNECTIONS = 8, 64
BEFORE_S, AFTER_S = 1.0, 5.0
REDUNDANT_SECONDS_MAX = 40.0


@dataclass
class Timeline(Outcome):
    """An outcome that keeps when each good answer was asked for and came."""

    answers: list[tuple[float, float]] = field(default_factory=list)

    def note(self, planned: float, is_good: bool, why: str) -> None:
        """Count one answer."""
        super().note(planned, is_good, why)
        if is_good:
            self.answers.append((planned, time.perf_counter()))

    def recovered_s(self, moment: float) -> float:
        """Return the time from a moment to the first answer to what was asked for after it."""
        return min((came for planned, came in self.answers if planned > moment), default=float("inf")) - moment

    def longest_ms(self, moment: float) -> float:
        """Return the longest wait of what was asked for around a moment."""
        return max(came - planned for planned, came in self.answers if moment - BEFORE_S < planned) * 1e3


async def redundant(settings: ProcessSettings) -> Replicas:
    """Wait until somebody leads and another one could take over."""
    async with asyncio.timeout(REDUNDANT_SECONDS_MAX):
        while True:
            with contextlib.suppress(OSError):
                found = await replicas(settings)
                if found.leader and found.has_successor:
                    return found
            await asyncio.sleep(0.1)


async def once(
    exchange: Exchange, settings: ProcessSettings, accounts: list[Account], fault: str, rate: float, seed: int
) -> dict[str, object]:
    """Load the venue, have one fault happen, and tell what was seen."""
    before = await redundant(settings)
    pid = int(before.leader.rpartition(":")[2])
    kept = Timeline(rate, BEFORE_S + AFTER_S)
    make = rest_orders(accounts, seed)
    load = asyncio.create_task(rest_load("127.0.0.1", exchange.port, make, rate, BEFORE_S + AFTER_S, CONNECTIONS, kept))
    await asyncio.sleep(BEFORE_S)
    moment = time.perf_counter()
    if fault == "handover":
        await hand_over(settings, 15.0)
    else:
        os.kill(pid, signal.SIGKILL if fault == "kill" else signal.SIGSTOP)
    await load
    if fault == "freeze":
        os.kill(pid, signal.SIGCONT)
        thawed = time.perf_counter()
    else:
        thawed = moment + BEFORE_S + AFTER_S
    await redundant(settings)
    return {
        "next_answer_s": round(kept.recovered_s(moment), 3),
        "longest_wait_ms": round(kept.longest_ms(moment), 1),
        "usual_p50_ms": round(kept.percentile(50), 1),
        "good": kept.good,
        "failed": dict(kept.failures.most_common(3)),
        "redundant_after_load_s": round(time.perf_counter() - thawed, 1),
    }


async def series(exchange: Exchange, options: argparse.Namespace) -> list[dict[str, object]]:
    """Have the fault happen again and again."""
    async with asyncio.timeout(REDUNDANT_SECONDS_MAX):
        while (settings := find_running(exchange.data_dir)) is None:  # noqa: ASYNC110 - the supervisor writes it
            await asyncio.sleep(0.1)
    accounts = [exchange.account(f"bench{n}@example.com", BTC="1000", USDT="10000000") for n in range(ACCOUNTS)]
    seen = []
    for number in range(options.times):
        seen.append(await once(exchange, settings, accounts, options.fault, options.rate, number + 1))
        Console().print(f"{number + 1:3} {seen[-1]}", highlight=False)
    return seen


def main() -> None:
    """Measure one kind of fault."""
    parser = argparse.ArgumentParser(prog="python -m bench.failover", description=__doc__)
    parser.add_argument("--fault", choices=("kill", "freeze", "handover"), default="kill")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--rate", type=float, default=100, help="orders a second")
    options = parser.parse_args()
    exchange = new_exchange()
    placed = machine()
    try:
        exchange.start()
        seen = uvloop.run(series(exchange, options))
        pids = exchange.pids().get("sequencer", [])
        memory = {str(pid): round(proportional_mib([pid]), 1) for pid in pids}
    finally:
        discard(exchange)
    figures = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": placed,
        "fault": options.fault,
        "rate": options.rate,
        "sequencers_pss_mib": memory,
        "next_answer_s": _summary([float(str(each["next_answer_s"])) for each in seen]),
        "longest_wait_ms": _summary([float(str(each["longest_wait_ms"])) for each in seen]),
        "failed": sum(sum(each["failed"].values()) for each in seen if isinstance(each["failed"], dict)),
        "each": seen,
    }
    path = RESULTS / f"failover-{options.fault}-{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
    path.write_text(json.dumps(figures, indent=2) + "\n")
    Console().print(f"{ {name: value for name, value in figures.items() if name != 'each'} }", highlight=False)


def _summary(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "times": len(ordered),
        "median": statistics.median(ordered),
        "p99": ordered[max(0, -(-len(ordered) * 99 // 100) - 1)],
        "most": ordered[-1],
    }


if __name__ == "__main__":
    main()
