"""Overload: several times the sustainable rate of new orders, with cancels and queries beside them.

What is promised: new orders are shed early with -1008 (503), cancels are accepted, and latency is normal again at once when
the burst is over. Beside it the same requests meet a server that answers nothing but 503, on the same protocol classes and
with as many processes: what that takes is the machine's and the generator's share.
"""

import argparse
import json
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
from tests.exchange import discard

RESULTS: Final = Path(__file__).parent / "results"
EDGES: Final = 2
REST_CONNECTIONS: Final = 400
SOCKETS: Final = 16
CANCELS_PER_S: Final = 80
QUERIES_PER_S: Final = 40
CALM_S: Final = 3.0
AFTER_S: Final = 4.0
CALM_SHARE: Final = 0.3
"""Of the sustainable rate, before and after the burst."""
SLICE_S: Final = 0.1
LADDER: Final = (400, 600, 800, 1_000, 1_250, 1_500, 1_750, 2_000, 2_500, 3_000, 4_000)
STEP_S: Final = 4.0
TRIES: Final = 2
SUSTAINED_P99_MS: Final = 50.0
DEPTH: Final = b"GET /api/v3/depth?symbol=BTCUSDT&limit=20 HTTP/1.1\r\nHost: venue\r\n\r\n"
Figures = dict[str, object]


def main() -> None:
    """Measure and keep what was seen."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--over", choices=("rest", "socket"), default="rest", help="what carries the new orders (rest)")
    parser.add_argument("--times", type=float, help="times the sustainable rate (3 over REST, 10 over sockets)")
    parser.add_argument("--rate", type=float, help="the sustainable rate, where it is known already")
    parser.add_argument("--seconds", type=float, default=8, help="length of the burst (8)")
    options = parser.parse_args()
    is_rest = options.over == "rest"
    times = options.times or (3.0 if is_rest else 10.0)
    exchange, book = start()
    try:
        seen = uvloop.run(_measure(book, is_rest, times, options.seconds, options.rate))
    finally:
        discard(exchange)
    seen = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), **seen}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"overload-{options.over}-{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
    path.write_text(json.dumps(seen, indent=2) + "\n")
    Console().print(f"kept in {path.relative_to(Path.cwd())}", highlight=False)


async def _measure(book: Book, is_rest: bool, times: float, seconds: float, rate: float | None) -> Figures:
    await _offer(book, book.port, is_rest, 200, 2)  # warm-up, not kept
    steps: list[Figures] = []
    if rate is None:
        rate = await _sustainable(book, is_rest, steps)
    await book.fill()
    venue, lost = await _burst(book, book.port, is_rest, rate, times, seconds)
    with refusing_server(EDGES) as port:
        floor, _ = await _burst(book, port, is_rest, rate, times, seconds)
    seen: Figures = {
        "over": "REST" if is_rest else "WebSocket API",
        "sustainable_per_second": rate,
        "steps": steps,
        "offered_per_second": rate * times,
        "burst_s": seconds,
        "connections_lost": lost,
        "recovered_s": _recovered_s(venue[0], seconds),
        "venue": {flow.name: _figures(flow, seconds) for flow in venue},
        "only_503": {flow.name: _figures(flow, seconds) for flow in floor},
    }
    _show(seen, venue, floor, seconds)
    return seen


async def _sustainable(book: Book, is_rest: bool, steps: list[Figures]) -> float:
    """Return the highest rate of the ladder at which all orders are accepted within SUSTAINED_P99_MS."""
    best = 0.0
    for rate in LADDER:
        # Twice, because others use the machine too: one quiet run proves that it can be done.
        for _ in range(TRIES):
            flow = await _offer(book, book.port, is_rest, rate, STEP_S)
            p99_ms = flow.histogram(0, STEP_S).get_value_at_percentile(99) / 1_000
            is_sustained = flow.good == len(flow.plan) and p99_ms <= SUSTAINED_P99_MS
            steps.append({"rate": rate, "good": flow.good, "of": len(flow.plan), "p99_ms": p99_ms})
            if is_sustained:
                best = float(rate)
                break
        if best < rate:
            break
    assert best, f"not even {LADDER[0]} orders a second were sustained: {steps}"
    return best


async def _offer(book: Book, port: int, is_rest: bool, rate: float, seconds: float) -> Flow:
    flow, run = _orders(book, is_rest, steady(rate, 0, seconds)), Run(port)
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


async def _burst(
    book: Book, port: int, is_rest: bool, rate: float, times: float, seconds: float
) -> tuple[list[Flow], int]:
    """Play calm, burst and calm again against a server; return the flows and how many connections were lost."""
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
        for place, name in enumerate(("crowded", "cancel")):
            made = [
                trader.frame(f"{name}-{number}", "order.cancel", params)
                for number, (trader, params) in enumerate(targets[place::2])
            ]
            beside.append(Flow(name, cancels[place::2], made))
        await run.add_sockets([orders, beside[0]], SOCKETS)
        await run.add_sockets([beside[1]], 1)
    await run.play()
    return [orders, *beside, queries], run.lost


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


def _recovered_s(orders: Flow, seconds: float) -> float:
    """Return how long after the burst the last slice ended that shed an order or was slower than the calm's p99."""
    usual_ms = orders.histogram(0, CALM_S, 1).get_value_at_percentile(99) / 1_000
    end, last = CALM_S + seconds, 0.0
    for number in range(int(AFTER_S / SLICE_S)):
        begin = end + number * SLICE_S
        part = orders.histogram(begin, begin + SLICE_S)
        is_slow = part.get_total_count() and part.get_value_at_percentile(50) / 1_000 > usual_ms
        if is_slow or orders.count(begin, begin + SLICE_S, 0):
            last = (number + 1) * SLICE_S
    return round(last, 1)


def _show(seen: Figures, venue: list[Flow], floor: list[Flow], seconds: float) -> None:
    console = Console()
    title = f"{seen['over']}: {seen['offered_per_second']:,.0f} new orders/s, sustainable {seen['sustainable_per_second']:,.0f}/s"
    table = Table(title=title)
    for column in ("server", "flow", "sent", "done", "shed", "other", "p50 ms", "p99 ms", "p99.9 ms"):
        table.add_column(column, justify="left" if column in ("server", "flow") else "right")
    for server, flows in (("venue", venue), ("503 only", floor)):
        for flow in flows:
            begin, end = CALM_S, CALM_S + seconds
            counts = [flow.count(begin, end, outcome) for outcome in (1, 0, -1)]
            whole = flow.histogram(begin, end, 1 if counts[0] else None)
            times = [f"{whole.get_value_at_percentile(p) / 1_000:,.2f}" for p in (50, 99, 99.9)]
            sent = sum(begin <= at < end for at in flow.plan)
            table.add_row(server, flow.name, *(f"{count:,}" for count in (sent, *counts)), *times)
    console.print(table)
    others = {flow.name: dict(flow.others.most_common(3)) for flow in venue if flow.others}
    console.print(f"recovered after {seen['recovered_s']} s; others: {others}", highlight=False)


if __name__ == "__main__":
    main()
