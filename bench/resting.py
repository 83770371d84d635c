"""A million resting orders: what traders wait while a snapshot of them is written, and how long a restart takes.

`python -m bench.resting --orders 1000000`: a leader and, unless --standbys 0, a standby as processes over a PostgreSQL of
their own, deposits through the intake in open loop; the journal is filled beforehand by the engine itself.
"""

import argparse
import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from rich.console import Console

from bench.machine import machine
from openbourse.adapters.intake_tcp import TcpIntake
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.lease_postgres import LeaderLookup
from openbourse.adapters.replicas_postgres import read_replicas
from openbourse.engine import Engine
from openbourse.protocol import commands
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.journal import BatchRow, Head, chain_hash
from openbourse.sequencer.parts import SNAPSHOT_EVERY_COMMANDS
from openbourse.sequencer.recovery import recover
from openbourse.sequencer.sequencer import COMMANDS_PER_BATCH_MAX
from openbourse.settings import ProcessSettings
from openbourse.supervisor.postgres import Postgres
from openbourse.supervisor.valkey import Valkey
from tests.conftest import RunningServer
from tests.sequencer.shard import PAIR, SECRET, migrate

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
PER_ACCOUNT = 200
BEFORE_CHECKPOINT = 1_500
"""Commands from the load's beginning to the checkpoint in the middle of it."""
FOLLOWS_SECONDS_MAX = 120.0


def resting(orders: int) -> list[commands.Command]:
    """Return commands after which so many orders rest, ending a little before a checkpoint."""
    accounts = orders // PER_ACCOUNT + 1
    made: list[commands.Command] = [
        commands.CreateAsset(1, "BTC"),
        commands.CreateAsset(2, "USDT"),
        commands.ListInstrument(PAIR),
        *(commands.OpenAccount(1_000 + number) for number in range(accounts)),
    ]
    for number in range(accounts):
        made.append(commands.CreditDeposit(1_000 + number, 2, 10**6 * UNIT, number.to_bytes(32, "big")))
    made += [
        commands.PlaceOrder(
            account=1_000 + number // PER_ACCOUNT,
            instrument=1,
            side=1,
            type=1,
            time_in_force=1,
            price=(number % 5_000 + 100) * UNIT // 100,
            quantity=UNIT // 1_000,
            client_id=f"o{number}",
        )
        for number in range(orders)
    ]
    missing = -(len(made) + BEFORE_CHECKPOINT) % SNAPSHOT_EVERY_COMMANDS
    return made + [commands.OpenAccount(10**7 + number) for number in range(missing)]


async def fill(url: str, orders: int) -> int:
    """Write the journal that leads to so many resting orders; return its end."""
    journal, engine, head = PostgresJournal(url, 0), Engine(), Head()
    connection = await journal.connect()
    await connection.execute("INSERT INTO journal.lease VALUES (0, 1, '', '', 0, clock_timestamp())")
    made = resting(orders)
    for start in range(0, len(made), COMMANDS_PER_BATCH_MAX):
        frames = b"".join(command.encode() for command in made[start : start + COMMANDS_PER_BATCH_MAX])
        first, now = head.sequence + 1, time.time_ns() // 1_000
        events, ends = engine.apply(first, now, frames)
        last = first + len(ends) // 4 - 1
        hashed = chain_hash(head.hash, 0, 1, first, last, now, frames, events)
        await journal.append(BatchRow(0, 1, first, last, now, frames, events, head.hash, hashed))
        head = Head(last, now, hashed)
    await journal.close()
    return head.sequence


class Sequencers:
    """Sequencers as processes."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._environment = {**os.environ, **settings.environment(), "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
        self._log = settings.data_dir / "sequencers.log"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "tests.sequencer.program"]
            self.started.append(subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log))

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.wait(10)


async def load(gateway: TcpIntake, rate: float, seconds: float) -> list[float]:
    """Send deposits in open loop; return what each waited, in ms."""
    waits: list[float] = []

    async def send(planned: float) -> None:
        deposit = commands.CreditDeposit(1_000, 1, 1, secrets.token_bytes(32))
        await gateway.submit(deposit, time.time_ns() // 1_000 + 60_000_000)
        waits.append((time.perf_counter() - planned) * 1e3)

    began, tasks = time.perf_counter(), []
    for number in range(int(rate * seconds)):
        planned = began + number / rate
        await asyncio.sleep(max(0.0, planned - time.perf_counter()))
        tasks.append(asyncio.create_task(send(planned)))
    await asyncio.gather(*tasks)
    return sorted(waits)


def shown(waits: list[float]) -> dict[str, float]:
    """Return the percentiles of waits, in ms."""
    return {
        "p50": round(waits[len(waits) // 2], 2),
        "p99": round(waits[len(waits) * 99 // 100], 2),
        "most": round(waits[-1], 2),
    }


async def run(settings: ProcessSettings, orders: int, standbys: int) -> dict[str, object]:
    """Fill, load, let a checkpoint happen in the middle, restart."""
    url = settings.journal_url
    await migrate(settings)
    end = await fill(url, orders)
    sequencers, find_leader = Sequencers(settings), LeaderLookup(url, 0)
    gateway = TcpIntake(find_leader, SECRET)
    try:
        for _ in range(1 + standbys):
            sequencers.start()
        await gateway.start()
        async with asyncio.timeout(FOLLOWS_SECONDS_MAX):
            while (found := await read_replicas(url, 0)).leader == "" or len(found.standbys) < standbys:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        await asyncio.sleep(3)
        seen: dict[str, object] = {"commands": end, "resting": orders, "standbys": standbys}
        seen["usual_ms"] = shown(await load(gateway, 200, BEFORE_CHECKPOINT / 200 - 1))
        seen["with_checkpoint_ms"] = shown(await load(gateway, 200, 8))
        journal = PostgresJournal(url, 0)
        async with asyncio.timeout(60):
            while not await journal.snapshot_sequences():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.2)
    finally:
        await gateway.close()
        find_leader.close()
        sequencers.end()
    began = time.perf_counter()
    replica = await recover(journal)
    seen["recover_s"] = round(time.perf_counter() - began, 2)
    seen["recovered_to"] = replica.head.sequence
    await journal.close()
    return seen


def main() -> None:
    """Measure with servers of its own."""
    parser = argparse.ArgumentParser(prog="python -m bench.resting", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--standbys", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="obr-", dir="/tmp"))
    for name in ("run", "logs", "valkey"):
        (folder / name).mkdir()
    server = Postgres(folder / "postgres", folder / "run", folder / "run", folder / "logs", secrets.token_hex(8))
    server.initialise()
    servers = [
        RunningServer(server.plan()),
        RunningServer(Valkey(folder / "valkey", folder / "run", folder / "run", folder / "logs").plan()),
    ]
    valkey = Valkey(folder / "valkey", folder / "run", folder / "run", folder / "logs").url
    settings = replace(ProcessSettings(data_dir=folder), journal_url=server.url("postgres"), valkey_url=valkey)
    try:
        seen: dict[str, object] = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
        seen |= uvloop.run(run(settings, options.orders, options.standbys))
    finally:
        for each in servers:
            each.stop()
        shutil.rmtree(folder, ignore_errors=True)
    path = RESULTS / f"resting-{options.standbys}-{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
    path.write_text(json.dumps(seen, indent=2) + "\n")
    Console().print(f"{seen}", highlight=False)


if __name__ == "__main__":
    main()
