"""Overload: several times the sustainable rate of new orders, with cancels and queries beside them.

What is promised: new orders are shed early with -1008 (503), cancels are accepted, and latency is normal again at once when
the burst is over. Beside it the same requests meet a server that answers nothing but 503, on the same protocol classes and
with as many processes: what that takes is the machine's and the generator's share.
"""

import argparse
import asyncio
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from bench.flows import Flow, Run, steady
from bench.machine import machine
from bench.ready import Book, start
from bench.refuser import refusing_server
from bench.shares import Share, Shares
from tests.exchange import discard

RESULTS: Final = Path(__file__).parent / "results"
EDGES: Final = 2
REST_CONNECTIONS: Final = 400
SOCKETS: Final = 16
CANCELS_PER_S: Final = 80
QUERIES_PER_S: Final = 40
CALM_S: Final = 3.0
AFTER_S: Final = 3.0
CALM_SHARE: Final = 0.3
"""Of the sustainable rate, before and after the burst."""
WINDOW_S: Final = 0.25
WINDOW_STEP_S: Final = 0.05
LADDER: Final = (400, 600, 800, 1_000, 1_250, 1_500, 1_750, 2_000, 2_500, 3_000, 4_000)
STEP_S: Final = 3.0
TRIES: Final = 2
SUSTAINED_P99_MS: Final = 50.0
DEPTH: Final = b"GET /api/v3/depth?symbol=BTCUSDT&limit=20 HTTP/1.1\r\nHost: venue\r\n\r\n"
Figures = dict[str, object]


@dataclass(frozen=True)
class Burst:
    """What was seen of one server before, in and after a burst."""

    name: str
    flows: list[Flow]
    run: Run
    shares: dict[str, Share]
    """Of the machine, in the burst, by kind of process."""
    seconds: float

    def p99_ms(self, flow: Flow, begin: float, end: float) -> float:
        """Return a flow's p99 in a part of the run."""
        return float(flow.histogram(begin, end).get_value_at_percentile(99)) / 1_000

    def recovered_s(self, flow: Flow) -> float | None:
        """Return how long after the burst the first window begins that shed nothing and whose p99 a window before it had, too;
        None when there is none.
        """
        steps = int((CALM_S - WINDOW_S) / WINDOW_STEP_S)
        usual_ms = max(
            self.p99_ms(flow, at * WINDOW_STEP_S, at * WINDOW_STEP_S + WINDOW_S) for at in range(steps // 5, steps)
        )
        for number in range(int((AFTER_S - WINDOW_S) / WINDOW_STEP_S)):
            begin = CALM_S + self.seconds + number * WINDOW_STEP_S
            is_slow = self.p99_ms(flow, begin, begin + WINDOW_S) > usual_ms
            if not is_slow and not flow.count(begin, begin + WINDOW_S, 0):
                return round(number * WINDOW_STEP_S, 2)
        return None

    def figures(self) -> Figures:
        """Return all of it."""
        late = self.run.lateness(CALM_S, CALM_S + self.seconds)
        return {
            "server": self.name,
            "connections_lost": self.run.lost,
            "recovered_s": {flow.name: self.recovered_s(flow) for flow in self.flows},
            "generator_late_ms": {f"p{p:g}": late.get_value_at_percentile(p) / 1_000 for p in (50.0, 99.0, 99.9)},
            "cores": {
                kind: {"ran": round(share.ran, 3), "stood": round(share.stood, 3)}
                for kind, share in self.shares.items()
            },
            "flows": {flow.name: _figures(flow, self.seconds) for flow in self.flows},
        }


def main() -> None:
    """Measure and keep what was seen."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--over", choices=("rest", "socket"), default="rest", help="what carries the new orders (rest)")
    parser.add_argument("--times", type=float, help="times the sustainable rate (3 over REST, 10 over sockets)")
    parser.add_argument("--rate", type=float, help="the sustainable rate, where it is known already")
    parser.add_argument("--seconds", type=float, default=8, help="length of the burst (8)")
    parser.add_argument("--beside", type=Path, help="the src/ of another commit, whose venue has its turn before ours")
    parser.add_argument("--turns", type=int, default=1, help="how many turns each has (1)")
    options = parser.parse_args()
    is_rest = options.over == "rest"
    times = options.times or (3.0 if is_rest else 10.0)
    seen: Figures = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "over": options.over,
    }
    rate, bursts = options.rate, list[Burst]()
    sources = [("before", options.beside), ("venue", None)] if options.beside else [("venue", None)]
    for name, source in sources * options.turns:
        exchange, book = start({} if source is None else {"PYTHONPATH": str(source.resolve())})
        try:
            if rate is None:
                rate, seen["steps"] = uvloop.run(_sustainable(book, is_rest))
            burst = uvloop.run(_against_venue(name, exchange.pids(), book, is_rest, (rate, times, options.seconds)))
        finally:
            discard(exchange)
        bursts.append(burst)
    with refusing_server(EDGES) as (port, pids):
        load = (rate, times, options.seconds)
        bursts.append(uvloop.run(_burst("only 503", {"edge": pids}, book, port, is_rest, load)))
    seen |= {"sustainable_per_second": rate, "offered_per_second": rate * times, "burst_s": options.seconds}
    seen["bursts"] = [burst.figures() for burst in bursts]
    _show(options.over, rate, times, bursts)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"overload-{options.over}-{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
    path.write_text(json.dumps(seen, indent=2) + "\n")
    Console().print(f"kept in {path.relative_to(Path.cwd())}", highlight=False)


Load = tuple[float, float, float]
"""The sustainable rate, how many times of it are offered, and for how many seconds."""


async def _against_venue(name: str, pids: dict[str, list[int]], book: Book, is_rest: bool, load: Load) -> Burst:
    await _offer(book, is_rest, 200, 2)  # warm-up, not kept
    await book.fill(int(CANCELS_PER_S * (CALM_S + load[2] + AFTER_S)))
    return await _burst(name, pids, book, book.port, is_rest, load)


async def _sustainable(book: Book, is_rest: bool) -> tuple[float, list[Figures]]:
    """Return the highest rate of the ladder at which all orders are accepted within SUSTAINED_P99_MS."""
    await _offer(book, is_rest, 200, 2)  # warm-up, not kept
    best, steps = 0.0, list[Figures]()
    for rate in LADDER:
        # Twice, because others use the machine too: one quiet run proves that it can be done.
        for _ in range(TRIES):
            flow = await _offer(book, is_rest, rate, STEP_S)
            p99_ms = flow.histogram(0, STEP_S).get_value_at_percentile(99) / 1_000
            is_sustained = flow.good == len(flow.plan) and p99_ms <= SUSTAINED_P99_MS
            steps.append({"rate": rate, "good": flow.good, "of": len(flow.plan), "p99_ms": p99_ms})
            if is_sustained:
                best = float(rate)
                break
        if best < rate:
            break
    assert best, f"not even {LADDER[0]} orders a second were sustained: {steps}"
    return best, steps


async def _offer(book: Book, is_rest: bool, rate: float, seconds: float) -> Flow:
    flow, run = _orders(book, is_rest, steady(rate, 0, seconds)), Run(book.port)
    if is_rest:
        await run.add_rest(flow, REST_CONNECTIONS)
    else:
        await run.add_sockets([flow], SOCKETS)
    await run.play()
    return flow


def _orders(book: Book, is_rest: bool, plan: list[float]) -> Flow:
    requests: list[bytes] = []
    for number in range(len(plan)):
        trader, params = book.order()
        if is_rest:
            requests.append(trader.rest("POST", "/api/v3/order", params))
        else:
            requests.append(trader.frame(f"order-{number}", "order.place", params))
    return Flow("order", plan, requests)


async def _burst(name: str, pids: dict[str, list[int]], book: Book, port: int, is_rest: bool, load: Load) -> Burst:
    """Play calm, burst and calm again against a server."""
    rate, times, seconds = load
    whole, calm = CALM_S + seconds + AFTER_S, rate * CALM_SHARE
    plan = steady(calm, 0, CALM_S) + steady(rate * times, CALM_S, seconds) + steady(calm, CALM_S + seconds, AFTER_S)
    cancels = steady(CANCELS_PER_S, 0, whole)
    targets = book.targets(len(cancels), is_spent=port == book.port)
    orders = _orders(book, is_rest, plan)
    queries = Flow("query", steady(QUERIES_PER_S, 0, whole), [DEPTH] * int(QUERIES_PER_S * whole))
    run = Run(port)
    await run.add_rest(queries, 8)
    if is_rest:
        made = [trader.rest("DELETE", "/api/v3/order", params) for trader, params in targets]
        beside = [Flow("cancel", cancels, made)]
        await run.add_rest(orders, REST_CONNECTIONS)
        await run.add_rest(beside[0], 16)
    else:
        # Half of the cancels come over the sockets that pour orders, half over one that does nothing else.
        beside = []
        for place, flow in enumerate(("crowded", "cancel")):
            made = [
                trader.frame(f"{flow}-{number}", "order.cancel", params)
                for number, (trader, params) in enumerate(targets[place::2])
            ]
            beside.append(Flow(flow, cancels[place::2], made))
        await run.add_sockets([orders, beside[0]], SOCKETS)
        await run.add_sockets([beside[1]], 1)
    shares = Shares({"generator": [os.getpid()], **pids})
    watching = asyncio.create_task(_watch(shares, seconds))
    await run.play()
    await watching
    return Burst(name, [orders, *beside, queries], run, shares.seen, seconds)


async def _watch(shares: Shares, seconds: float) -> None:
    await asyncio.sleep(CALM_S)
    shares.begin()
    await asyncio.sleep(seconds)
    shares.end()


def _figures(flow: Flow, seconds: float) -> Figures:
    """Return what became of a flow before, in and after the burst."""
    parts = {"calm": (0.0, CALM_S), "burst": (CALM_S, CALM_S + seconds), "after": (CALM_S + seconds, 1e9)}
    return {
        "sent": len(flow.plan),
        "others": dict(flow.others.most_common(4)),
        **{part: _part(flow, begin, end) for part, (begin, end) in parts.items()},
    }


def _part(flow: Flow, begin: float, end: float) -> Figures:
    found: Figures = {}
    for word, outcome in (("done", 1), ("shed", 0), ("other", -1)):
        histogram = flow.histogram(begin, end, outcome)
        found[word] = histogram.get_total_count()
        for percentile in (50.0, 99.0, 99.9) if histogram.get_total_count() else ():
            found[f"{word}_p{percentile:g}_ms"] = histogram.get_value_at_percentile(percentile) / 1_000
    return found


def _show(over: str, rate: float, times: float, bursts: list[Burst]) -> None:
    console = Console(width=None if Console().is_terminal else 160)
    table = Table(title=f"{over}: {rate * times:,.0f} new orders/s, sustainable {rate:,.0f}/s; in the burst")
    for column in (
        "server",
        "flow",
        "sent",
        "done",
        "shed",
        "other",
        "p50 ms",
        "p99 ms",
        "times 503's",
        "normal after s",
        "calm p99 ms",
    ):
        table.add_column(column, justify="left" if column in ("server", "flow") else "right")
    begin, end = CALM_S, CALM_S + bursts[0].seconds
    floor = {flow.name: bursts[-1].p99_ms(flow, begin, end) for flow in bursts[-1].flows}
    for burst in bursts:
        for flow in burst.flows:
            counts = [flow.count(begin, end, outcome) for outcome in (1, 0, -1)]
            whole = flow.histogram(begin, end, 1 if counts[0] else None)
            p50, p99 = (whole.get_value_at_percentile(p) / 1_000 for p in (50, 99))
            sent = sum(begin <= at < end for at in flow.plan)
            table.add_row(
                *(burst.name, flow.name, *(f"{count:,}" for count in (sent, *counts))),
                *(f"{p50:,.1f}", f"{p99:,.1f}", f"{p99 / floor[flow.name]:,.1f}", str(burst.recovered_s(flow))),
                f"{burst.p99_ms(flow, 0, CALM_S):,.1f}",
            )
    console.print(table)
    for burst in bursts:
        late = burst.run.lateness(begin, end)
        cores = ", ".join(f"{kind} {share.ran:.2f}/{share.stood:.2f}" for kind, share in burst.shares.items())
        console.print(
            f"{burst.name}: generator late p50 {late.get_value_at_percentile(50) / 1_000:.1f}, "
            f"p99 {late.get_value_at_percentile(99) / 1_000:.1f} ms; cores used/waited for: {cores}",
            highlight=False,
        )
        others = {flow.name: dict(flow.others.most_common(3)) for flow in burst.flows if flow.others}
        if others:
            console.print(f"others: {others}", highlight=False)


if __name__ == "__main__":
    main()
