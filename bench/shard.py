"""What one shard makes durable: the sequencer, its standby and the journal under commands from gateways' connections.

`python -m bench.shard --rates 1000,2000,5000`: a venue of its own, with everything it runs; the commands reach its leader as
a gateway's do, encoded before the run, so that what a gateway does for an order (HTTP, key, signature, answer) is not in it.
Gateways are as many as one likes; the shard's leader is one. 45 % of the commands let an order rest, 45 % cancel one, 10 % trade
at once. Open loop; latencies from the planned time to the answer, which comes after the commit. Beside it: a commit of one row
by one client of the same database.
"""

import argparse
import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import asyncpg
import uvloop
from hdrh.histogram import HdrHistogram
from rich.console import Console
from rich.table import Table

from bench.machine import machine
from bench.ready import FUNDS, new_accounts
from bench.shares import Share, Shares
from openbourse.adapters.lease_postgres import LeaderLookup
from openbourse.protocol import commands
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.codec import EVENT_HEADER
from openbourse.protocol.events import EventKind
from openbourse.protocol.intake import ANSWER, Ask, Frames, Tell, pack, prove
from openbourse.settings import ProcessSettings, read_settings
from openbourse.supervisor.layout import Layout, read_venue_file
from openbourse.wiring.stores import Stores
from tests.exchange import Exchange, discard, new_exchange

RESULTS: Final = Path(__file__).parent / "results"
CONNECTIONS: Final = 4
ACCOUNTS: Final = 64
IN_FLIGHT: Final = 4_000
"""Of a connection at most; the sequencer stops reading at 4,096."""
BEHIND: Final = 200
"""A resting order is canceled after so many others of its connection."""
TICK_S: Final = 0.001
SETTLE_S: Final = 20.0
COMMITS: Final = 300
MID: Final = 60_000 * UNIT
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
PERCENTILES: Final = (50.0, 99.0, 99.9)


@dataclass
class Seen:
    """What a rate gave."""

    rate: int
    answered: int = 0
    rejected: int = 0
    refused: int = 0
    unanswered: int = 0
    seconds: float = 0.0
    batches: int = 0
    latency: HdrHistogram = field(default_factory=lambda: HdrHistogram(1, 60_000_000, 3))
    shares: dict[str, Share] = field(default_factory=dict)

    def row(self) -> dict[str, object]:
        """Return it as it is kept."""
        return {
            "asked_per_second": self.rate,
            "answered_per_second": round(self.answered / self.seconds, 1),
            **{f"p{p:g}_ms": round(self.latency.get_value_at_percentile(p) / 1e3, 2) for p in PERCENTILES},
            "answered": self.answered,
            "rejected": self.rejected,
            "refused": self.refused,
            "unanswered": self.unanswered,
            "commands_per_batch": round(self.answered / max(self.batches, 1), 1),
            "cores": {kind: round(share.ran, 3) for kind, share in self.shares.items()},
        }


class Gateway(asyncio.Protocol):
    """One proven connection; its commands are encoded before they are due."""

    def __init__(self, number: int, secret: bytes, accounts: Sequence[int]) -> None:
        self._chance = random.Random(number)
        self._session = time.time_ns() % 10**9 * 16 + number
        self._number, self._secret, self._accounts = number, secret, accounts
        self._frames = Frames(ANSWER_BYTES_MAX)
        self._counter = 0
        self._resting: deque[tuple[int, str]] = deque()
        self.proven = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None
        self.planned: dict[int, float] = {}
        """By counter, of what is under way."""
        self.times: set[int] = set()
        self.seen = Seen(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self.transport = cast(asyncio.Transport, transport)

    def encoded(self, count: int, not_after_us: int) -> list[tuple[int, bytes]]:
        """Return the next commands, each with its counter."""
        made = []
        for _ in range(count):
            self._counter += 1
            counter = self._counter
            identity = commands.Identity(self._session, counter, max(1, counter - IN_FLIGHT), not_after_us)
            made.append((counter, pack(Ask.SUBMIT, self._command(counter).encode(identity))))
        return made

    def _command(self, counter: int) -> commands.Command:
        if self._resting and (len(self._resting) >= BEHIND or self._chance.random() < 0.45):
            account, name = self._resting.popleft()
            return commands.CancelOrder(account, 1, client_id=name)
        account, trades = self._chance.choice(self._accounts), self._chance.random() < 0.18
        side, ticks = self._chance.choice((1, 2)), self._chance.randrange(1, 500)
        away = ticks * UNIT // 100 * (-1 if (side == 1) != trades else 1)
        name = f"s{self._session}-{counter}"
        if not trades:
            self._resting.append((account, name))
        return commands.PlaceOrder(
            account=account,
            instrument=1,
            side=side,
            type=1,
            time_in_force=2 if trades else 1,
            price=MID + away,
            quantity=self._chance.randrange(10, 99) * UNIT // 100_000,
            client_id=name,
        )

    def data_received(self, data: bytes) -> None:
        for kind, body in self._frames.feed(data):
            if kind == Tell.CHALLENGE:
                assert self.transport is not None
                self.transport.write(pack(Ask.PROOF, prove(self._secret, body)))
                self.proven.set_result(True)
            elif kind == Tell.ANSWER:
                counter, _, time_us, _, _ = ANSWER.unpack_from(body)
                self._note(counter, time_us, body)
            elif kind == Tell.REFUSAL:
                self.seen.refused += 1
                del self.planned[int.from_bytes(body[:8], "little")]

    def _note(self, counter: int, time_us: int, body: bytes) -> None:
        waited = time.perf_counter() - self.planned.pop(counter)
        self.seen.answered += 1
        self.seen.latency.record_value(max(1, int(waited * 1e6)))
        self.times.add(time_us)
        self.seen.rejected += EVENT_HEADER.unpack_from(body, ANSWER.size)[1] == EventKind.COMMAND_REJECTED


async def _play(gateways: list[Gateway], rate: int, seconds: float, pids: dict[str, list[int]]) -> Seen:
    """Send at a rate, spread over the connections, whatever the answers do."""
    each = int(rate * seconds / len(gateways))
    not_after_us = time.time_ns() // 1_000 + 120_000_000
    ready = [gateway.encoded(each, not_after_us) for gateway in gateways]
    for gateway in gateways:
        gateway.seen, gateway.times = Seen(rate), set()
    shares, began, sent, last = Shares(pids), time.perf_counter() + 0.05, 0, each * len(gateways)
    shares.begin()
    while sent < last:
        due = min(last, int((time.perf_counter() - began) * rate) + 1)
        for place, (gateway, frames) in enumerate(zip(gateways, ready, strict=True)):
            # The gateways take turns: command n is the next of gateway n modulo their number.
            first, end = (_whose(n, place, len(gateways)) for n in (sent, due))
            if end > first:
                assert gateway.transport is not None
                for number in range(first, end):
                    gateway.planned[frames[number][0]] = began + (number * len(gateways) + place) / rate
                gateway.transport.write(b"".join(frame for _, frame in frames[first:end]))
        sent = max(sent, due)
        await asyncio.sleep(TICK_S)
    shares.end()
    limit = time.perf_counter() + SETTLE_S
    while any(gateway.planned for gateway in gateways) and time.perf_counter() < limit:  # noqa: ASYNC110 - by callbacks
        await asyncio.sleep(TICK_S)
    whole = Seen(rate, seconds=time.perf_counter() - began, shares=shares.seen)
    for gateway in gateways:
        whole.answered += gateway.seen.answered
        whole.rejected += gateway.seen.rejected
        whole.refused += gateway.seen.refused
        whole.unanswered += len(gateway.planned)
        whole.latency.add(gateway.seen.latency)
    whole.batches = len(set().union(*(gateway.times for gateway in gateways)))
    return whole


def _whose(count: int, place: int, turns: int) -> int:
    """Return how many of the first so many commands are those of one gateway."""
    return (count - place + turns - 1) // turns if count > place else 0


async def _commits(url: str) -> HdrHistogram:
    """Commit one row after the other, as a client alone."""
    found = HdrHistogram(1, 60_000_000, 3)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE bench_commit (number bigint)")
        for number in range(COMMITS):
            began = time.perf_counter()
            await connection.execute("INSERT INTO bench_commit VALUES ($1)", number)
            found.record_value(max(1, int((time.perf_counter() - began) * 1e6)))
        await connection.execute("DROP TABLE bench_commit")
    finally:
        await connection.close()
    return found


async def _measure(
    settings: ProcessSettings, accounts: Sequence[int], pids: dict[str, list[int]], rates: list[int], seconds: float
) -> tuple[HdrHistogram, list[Seen]]:
    lookup = LeaderLookup(settings.journal_url, settings.venue.shard)
    leader = await lookup()
    lookup.close()
    assert leader is not None, "nobody leads"
    gateways = [Gateway(number, Stores(settings).intake_secret(), accounts) for number in range(CONNECTIONS)]
    for gateway in gateways:
        await asyncio.get_running_loop().create_connection(lambda gateway=gateway: gateway, *leader)  # type: ignore[misc]
        await gateway.proven
    await _play(gateways, 500, 2.0, pids)  # warm-up, not kept
    commits = await _commits(settings.journal_url)
    seen = []
    for rate in rates:
        seen.append(await _play(gateways, rate, seconds, pids))
        await asyncio.sleep(1)
    for gateway in gateways:
        assert gateway.transport is not None
        gateway.transport.close()
    return commits, seen


def _settings(exchange: Exchange) -> ProcessSettings:
    environment = read_venue_file(Layout(exchange.data_dir))
    assert environment is not None, "a venue that serves has said where it is"
    return read_settings(environment)


def _show(commits: HdrHistogram, seen: list[Seen]) -> None:
    table = Table(title="one shard, open loop, durable (ms from the planned time to the answer)")
    columns = ("asked/s", "done/s", "p50", "p99", "p99.9", "rejected", "refused", "no answer", "a batch", "cores")
    for column in columns:
        table.add_column(column, justify="right")
    for one in seen:
        row = one.row()
        times = [f"{one.latency.get_value_at_percentile(p) / 1e3:,.2f}" for p in PERCENTILES]
        table.add_row(
            f"{one.rate:,}",
            f"{one.answered / one.seconds:,.0f}",
            *times,
            f"{one.rejected:,}",
            f"{one.refused:,}",
            f"{one.unanswered:,}",
            f"{row['commands_per_batch']}",
            f"{one.shares['sequencer'].ran:.2f}",
        )
    console = Console()
    console.print(table)
    alone = ", ".join(f"p{p:g} {commits.get_value_at_percentile(p) / 1e3:.2f}" for p in PERCENTILES)
    console.print("cores: what leader and standby ran, of the machine's", highlight=False)
    console.print(f"a commit of one row by a client alone: {alone} ms", highlight=False)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m bench.shard", description=__doc__)
    parser.add_argument("--rates", default="1000,2000,4000,8000", help="commands a second (1000,2000,4000,8000)")
    parser.add_argument("--seconds", type=float, default=8, help="seconds at each rate (8)")
    options = parser.parse_args()
    rates = [int(rate) for rate in options.rates.split(",")]
    place, exchange = machine(), new_exchange()
    try:
        exchange.start()
        accounts = [account.account_id for account in new_accounts(exchange, ACCOUNTS, FUNDS, "shard")]
        work = _measure(_settings(exchange), accounts, exchange.pids(), rates, options.seconds)
        commits, seen = uvloop.run(work)
    finally:
        discard(exchange)
    _show(commits, seen)
    when = datetime.now(UTC)
    kept = {
        "when": when.isoformat(timespec="seconds"),
        "machine": place,
        "empty_commit_ms": {f"p{p:g}": commits.get_value_at_percentile(p) / 1e3 for p in PERCENTILES},
        "rates": [one.row() for one in seen],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"shard-{when:%Y-%m-%d-%H%M}.json"
    path.write_text(json.dumps(kept, indent=2) + "\n")
    Console().print(f"kept in {path.relative_to(Path.cwd())}", highlight=False)


if __name__ == "__main__":
    main()
