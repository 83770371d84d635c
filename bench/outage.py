"""A database, or the cache, that is away for a minute under load: what clients are told meanwhile, memory, and the way back.

`python -m bench.outage --what postgres --seconds 60`: the supervisor is frozen, so that what is killed stays away.
"""

import argparse
import asyncio
import json
import os
import signal
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from bench.flows import Flow, Run, steady
from bench.machine import machine
from bench.memory import proportional_mib
from bench.ready import Book, start
from tests.exchange import Exchange, discard

RESULTS: Final = Path(__file__).parent / "results"
ORDERS_PER_S: Final = 100
READS_PER_S: Final = 20
DEPTHS_PER_S: Final = 20
BEFORE_S: Final = 5.0
AFTER_S: Final = 20.0
CONNECTIONS: Final = 1_500
DEPTH: Final = b"GET /api/v3/depth?symbol=BTCUSDT&limit=20 HTTP/1.1\r\nHost: venue\r\n\r\n"
ROLES: Final = ("edge", "history", "sequencer")


def main() -> None:
    """Measure and keep what was seen."""
    parser = argparse.ArgumentParser(prog="python -m bench.outage", description=__doc__)
    parser.add_argument("--what", choices=("postgres", "valkey"), default="postgres")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    exchange, book = start()
    try:
        seen = uvloop.run(_measure(exchange, book, options.what, options.seconds))
    finally:
        discard(exchange)
    seen = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), **seen}
    path = RESULTS / f"outage-{options.what}-{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
    path.write_text(json.dumps(seen, indent=2) + "\n")
    Console().print_json(json.dumps({name: value for name, value in seen.items() if name != "machine"}))


async def _measure(exchange: Exchange, book: Book, what: str, seconds: float) -> dict[str, object]:
    whole = BEFORE_S + seconds + AFTER_S
    plan, reads = steady(ORDERS_PER_S, 0, whole), steady(READS_PER_S, 0, whole)
    # The time of a request is checked when it arrives: those for after the outage are signed for then.
    orders = Flow("order", plan, [_order(book, at) for at in plan])
    private = Flow("private read", reads, [_read(book, at) for at in reads])
    public = Flow("depth", steady(DEPTHS_PER_S, 0, whole), [DEPTH] * int(DEPTHS_PER_S * whole))
    run = Run(book.port)
    for flow, connections in ((orders, CONNECTIONS), (private, CONNECTIONS // 4), (public, 8)):
        await run.add_rest(flow, connections)
    before = exchange.pids()
    memory: dict[str, dict[str, float]] = {}

    async def fault() -> None:
        await asyncio.sleep(BEFORE_S)
        memory["before"] = _memory(before)
        assert exchange.process is not None
        os.kill(exchange.process.pid, signal.SIGSTOP)
        try:
            exchange.kill(what)
            await asyncio.sleep(seconds)
            memory["at the end of the outage"] = _memory(before)
        finally:
            os.kill(exchange.process.pid, signal.SIGCONT)
        await asyncio.sleep(AFTER_S - 2)
        memory["after"] = _memory(before)

    await asyncio.gather(run.play(), fault())
    after = exchange.pids()
    return {
        "what": what,
        "seconds": seconds,
        "flows": {flow.name: _figures(flow, seconds) for flow in (orders, private, public)},
        "memory_mib": memory,
        "same_processes": {role: before[role] == after.get(role) for role in ROLES},
    }


def _order(book: Book, at: float) -> bytes:
    trader, params = book.order()
    return trader.rest("POST", "/api/v3/order", params, at)


def _read(book: Book, at: float) -> bytes:
    return book.traders[0].rest("GET", "/api/v3/openOrders", {"symbol": "BTCUSDT"}, at)


def _memory(pids: dict[str, list[int]]) -> dict[str, float]:
    return {role: round(proportional_mib(pids[role]), 1) for role in ROLES}


def _figures(flow: Flow, seconds: float) -> dict[str, object]:
    begin, end = BEFORE_S, BEFORE_S + seconds
    found: dict[str, object] = {"others": dict(Counter(flow.others).most_common(4))}
    for part, (first, last) in {"before": (0, begin), "outage": (begin, end), "after": (end, 1e9)}.items():
        slowest = flow.histogram(first, last)
        counts = {word: flow.count(first, last, code) for word, code in (("done", 1), ("shed", 0), ("other", -1))}
        found[part] = {
            **counts,
            **{f"p{p:g}_ms": slowest.get_value_at_percentile(p) / 1_000 for p in (50.0, 99.0, 100.0)},
        }
    done = zip(flow.planned, flow.waited, flow.is_good, strict=True)
    back = min((at + waited for at, waited, good in done if good > 0 and at + waited > end), default=0.0)
    found["first_good_after_return_s"] = round(back - end, 2)
    return found


if __name__ == "__main__":
    main()
