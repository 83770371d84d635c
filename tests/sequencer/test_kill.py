"""kill -9, freezing and stopping of sequencer processes under load: what was acknowledged stays, exactly once."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from openbourse.adapters.intake_tcp import TcpIntake
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.edge.intake import IntakeFault
from openbourse.protocol import commands
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.journal import JournalAway
from openbourse.sequencer.replay import verify
from openbourse.settings import ProcessSettings
from tests.contracts.test_journal import set_full
from tests.sequencer.shard import SET_UP, Shard, far

ROOT = Path(__file__).parents[2]
SENDERS = 16


class Processes:
    """Sequencer processes over one shard's stores; ends what a test leaves."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._environment = {**os.environ, **settings.environment(), "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
        self._log = settings.data_dir / "sequencers.log"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "tests.sequencer.program"]
            process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        self.started.append(process)
        return process

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait(10)

    def log(self) -> str:
        return self._log.read_text()

    async def recovered(self, count: int) -> None:
        """Wait until so many processes have read the journal and stand by or lead."""
        async with asyncio.timeout(45):
            while self.log().count("recovered") < count:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)


class Load:
    """Deposits, each with an identity of its own, from many senders; remembers what was acknowledged."""

    def __init__(self, gateway: TcpIntake) -> None:
        self._gateway = gateway
        self.acknowledged: dict[int, int] = {}
        self.answered_at: list[float] = []
        self.faults: list[IntakeFault] = []
        self._number = 0
        self._is_running = True

    async def _send(self) -> None:
        while self._is_running:
            self._number += 1
            number = self._number
            deposit = commands.CreditDeposit(1_000, 1, UNIT, number.to_bytes(32, "big"))
            try:
                answer = await self._gateway.submit(deposit, time.time_ns() // 1_000 + 25_000_000)
            except IntakeFault as fault:
                self.faults.append(fault)
                continue
            self.acknowledged[number] = answer.sequence
            self.answered_at.append(time.monotonic())
            await asyncio.sleep(0.001)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        senders = [asyncio.create_task(self._send()) for _ in range(SENDERS)]
        yield
        self._is_running = False
        await asyncio.wait_for(asyncio.gather(*senders), 40)

    async def reaches(self, count: int, seconds: float = 30.0) -> None:
        """Wait until so many commands were acknowledged."""
        async with asyncio.timeout(seconds):
            while len(self.acknowledged) < count:  # noqa: ASYNC110 - the senders run beside
                await asyncio.sleep(0.05)

    async def goes_on_after(self, moment: float) -> None:
        """Wait until a command was acknowledged after a moment. How long that takes is measured by bench/failover.py."""
        async with asyncio.timeout(30):
            while not self.answered_at or self.answered_at[-1] <= moment:  # noqa: ASYNC110 - the senders run beside
                await asyncio.sleep(0.05)


@pytest.fixture
async def processes(shard: Shard) -> AsyncIterator[Processes]:
    found = Processes(shard.settings)
    yield found
    found.end()


async def prepare(gateway: TcpIntake) -> None:
    for command in SET_UP:
        await gateway.submit(command, far())


async def check(shard: Shard, load: Load) -> None:
    """Every acknowledged deposit is in the journal once, at the sequence that was answered; the journal is sound."""
    journal = PostgresJournal(shard.settings.journal_url, 0)
    report = await verify(journal)
    assert report.is_sound, [check.faults for check in report.checks]
    where: dict[int, list[int]] = {}
    done = 0
    while rows := await journal.read(done):
        for row in rows:
            for place, frame in enumerate(commands.split(row.commands)):
                command, _ = commands.decode(frame)
                if isinstance(command, commands.CreditDeposit) and command.asset == 1:
                    number = int.from_bytes(command.identity, "big")
                    where.setdefault(number, []).append(row.first_sequence + place)
        done = rows[-1].last_sequence
    for number, sequence in load.acknowledged.items():
        assert where[number][0] == sequence, "the answer names the first time"
    await journal.close()


async def leader(shard: Shard) -> asyncpg.Record:
    connection = await asyncpg.connect(shard.settings.journal_url)
    found = await connection.fetchrow("SELECT * FROM journal.lease")
    await connection.close()
    return found


async def test_kill_9_in_the_middle_of_appends_loses_nothing_acknowledged(shard: Shard, processes: Processes) -> None:
    processes.start()
    async with shard.gateway() as gateway:
        await prepare(gateway)
        load = Load(gateway)
        async with load.running():
            for _ in range(2):
                processes.start()
                await processes.recovered(len(processes.started))
                await asyncio.sleep(0.5)
                killed = time.monotonic()
                first = processes.started[-2]
                first.kill()
                first.wait(5)
                await load.goes_on_after(killed)
        assert not load.faults, load.faults[:3]
        assert len(load.acknowledged) > 200
    assert (await leader(shard))["epoch"] == 3
    await check(shard, load)


async def test_a_leader_waits_for_room_on_a_full_disk_and_nobody_is_refused(shard: Shard) -> None:
    leading = shard.start("a")
    connection = await asyncpg.connect(shard.settings.journal_url)
    async with shard.gateway() as gateway:
        await asyncio.wait_for(leading.ready.wait(), 20)
        await prepare(gateway)
        load = Load(gateway)
        async with load.running():
            await load.reaches(50)
            await set_full(connection, True)
            await asyncio.sleep(1.0)
            filled = len(load.acknowledged)
            await asyncio.sleep(0.5)
            assert len(load.acknowledged) == filled
            await set_full(connection, False)
            await load.reaches(filled + 50)
        assert not load.faults, load.faults[:3]
    assert not leading.task.done(), "it is the same leader all the time"
    await connection.close()
    await leading.end()
    await check(shard, load)


async def test_a_taker_whose_connection_is_lost_before_it_serves_goes_on(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the loss of a zone the connection for snapshots may still be to the lost host."""
    reopening, tries = PostgresJournal.reopening, 0

    async def at_the_second_try(self: PostgresJournal) -> bytes:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise JournalAway("the connection was closed")
        return await reopening(self)

    monkeypatch.setattr(PostgresJournal, "reopening", at_the_second_try)
    taker = shard.start("a")
    async with shard.gateway() as gateway:
        await prepare(gateway)
    assert tries == 2
    await taker.end()


async def test_a_frozen_leader_is_replaced_and_ends_when_it_thaws(shard: Shard, processes: Processes) -> None:
    first = processes.start()
    async with shard.gateway() as gateway:
        await prepare(gateway)
        processes.start()
        load = Load(gateway)
        async with load.running():
            await processes.recovered(2)
            await asyncio.sleep(0.5)
            frozen = time.monotonic()
            first.send_signal(signal.SIGSTOP)
            await load.goes_on_after(frozen + 0.5)
            first.send_signal(signal.SIGCONT)
            await asyncio.to_thread(first.wait, 20)
            assert first.returncode != 0, "a former leader ends and is started afresh"
            await asyncio.sleep(0.3)
        assert not load.faults, load.faults[:3]
    await check(shard, load)


async def test_a_clean_stop_hands_over_without_one_failed_command(shard: Shard, processes: Processes) -> None:
    first = processes.start()
    async with shard.gateway() as gateway:
        await prepare(gateway)
        processes.start()
        load = Load(gateway)
        async with load.running():
            await processes.recovered(2)
            await asyncio.sleep(0.5)
            stopped = time.monotonic()
            first.terminate()
            await asyncio.to_thread(first.wait, 20)
            assert first.returncode == 0, processes.log()
            await load.goes_on_after(stopped + 0.5)
        assert not load.faults, load.faults[:3]
    await check(shard, load)
